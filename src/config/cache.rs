//! `CACHE`: what is kept, and for how long.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{ConfigError, error, without_value};

const MIB: u64 = 1024 * 1024;

/// What is kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Manifests, tags and blobs are kept at all. Tokens always are.
    pub on: bool,
    /// How long a tag is believed without asking.
    pub fresh: Duration,
    /// How long a tag's last known meaning is good enough where nobody can be asked.
    pub stale: Duration,
    /// The bound of an isolate's own memory, in bytes.
    pub memory_bytes: usize,
    /// The largest blob that goes into the bucket, in bytes.
    pub blob_bytes: u64,
    /// Part of every key: another one, and everything kept before is as if it were not there.
    pub epoch: String,
}

/// As an operator writes it. What is left out keeps its default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    fresh_seconds: u32,
    stale_seconds: u32,
    memory_mib: u16,
    blob_mib: u16,
    epoch: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { fresh_seconds: 60, stale_seconds: 604_800, memory_mib: 32, blob_mib: 256, epoch: "1".to_owned() }
    }
}

impl Cache {
    /// Reads the setting; absent is the default.
    pub(super) fn read(value: Option<&Value>) -> Result<Self, ConfigError> {
        let of_text = |text: &str| serde_json::from_str(text).map_err(|_| error("CACHE", EXPECTED));
        let (on, settings) = match value {
            None => (true, Settings::default()),
            Some(Value::String(text)) if text == "off" => (false, Settings::default()),
            Some(Value::String(text)) => (true, parse(of_text(text)?)?),
            Some(other) => (true, parse(other.clone())?),
        };
        // An isolate has 128 MB for everything.
        if settings.memory_mib > 96 {
            return Err(error("CACHE.memory_mib", format!("`{}` is too much; expected at most 96", settings.memory_mib)));
        }
        if settings.stale_seconds < settings.fresh_seconds {
            let problem = format!("`{}` is less than fresh_seconds, `{}`", settings.stale_seconds, settings.fresh_seconds);
            return Err(error("CACHE.stale_seconds", problem));
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if settings.epoch.is_empty() || settings.epoch.len() > 32 || !settings.epoch.bytes().all(plain) {
            return Err(error("CACHE.epoch", "expected at most 32 letters, digits, `-` and `_`"));
        }
        Ok(Self {
            on,
            fresh: Duration::from_secs(settings.fresh_seconds.into()),
            stale: Duration::from_secs(settings.stale_seconds.into()),
            memory_bytes: usize::try_from(u64::from(settings.memory_mib) * MIB).unwrap_or(usize::MAX),
            blob_bytes: u64::from(settings.blob_mib) * MIB,
            epoch: settings.epoch,
        })
    }
}

const EXPECTED: &str = "expected \"off\", or a table such as { fresh_seconds = 60, stale_seconds = 604800 }";

fn parse(value: Value) -> Result<Settings, ConfigError> {
    if !value.is_object() {
        return Err(error("CACHE", EXPECTED));
    }
    serde_json::from_value(value).map_err(|e| error("CACHE", without_value(&e.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_off_or_a_table() {
        let default = Cache::read(None).unwrap();
        assert!(default.on && default.fresh == Duration::from_secs(60) && default.memory_bytes == 32 << 20);
        assert!(!Cache::read(Some(&json!("off"))).unwrap().on);
        for value in [json!({"fresh_seconds": 5, "epoch": "b"}), json!(r#"{"fresh_seconds": 5, "epoch": "b"}"#)] {
            let cache = Cache::read(Some(&value)).unwrap();
            assert_eq!((cache.fresh, cache.stale, cache.epoch.as_str()), (Duration::from_secs(5), default.stale, "b"));
        }
    }

    #[test]
    fn anything_else_is_an_error_that_names_the_key() {
        for (value, start) in [
            (json!("on"), "CACHE: expected \"off\""),
            (json!(true), "CACHE: expected \"off\""),
            (json!({"fresh": 5}), "CACHE: unknown field `fresh`"),
            (json!({"fresh_seconds": "5"}), "CACHE: expected u32"),
            (json!({"fresh_seconds": -5}), "CACHE: expected u32"),
            (json!({"memory_mib": 500}), "CACHE.memory_mib: `500`"),
            (json!({"stale_seconds": 5}), "CACHE.stale_seconds: `5` is less"),
            (json!({"epoch": "a/b"}), "CACHE.epoch: expected"),
        ] {
            let problem = Cache::read(Some(&value)).unwrap_err().to_string();
            assert!(problem.starts_with(start), "{value}: {problem}");
        }
    }
}
