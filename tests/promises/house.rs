//! The settings that most promises are looked at with: each way in which a host can stand for a registry.

use pierhead::config::Config;
use serde_json::json;

/// The key of those who may use it, where it is one of `path`.
pub const KEY: &str = "abcdefghij0123456789";

/// The one before it, still good.
pub const OLD_KEY: &str = "old0old0old0old0old0";

thread_local! {
    /// Everybody's.
    pub static HOUSE: Config = read(json!({
        "ROUTES": {"hub.example.net": "docker.io", "images.example.net:8443": "harbor.example.com"},
        "REGISTRIES": {"harbor.example.com": {
            "origin": "https://harbor.example.com:8443", "labels": ["harbor"], "aliases": ["registry.example.com"],
            "realms": ["https://auth.example.com/token"],
        }},
    }));
}

/// These settings.
pub fn read(variables: serde_json::Value) -> Config {
    Config::read(&serde_json::from_value(variables).unwrap()).unwrap()
}
