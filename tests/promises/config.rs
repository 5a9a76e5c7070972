//! Settings are read or refused: a table of https origins without doubles, in which everything that names a registry names one; and
//! no message repeats a secret.

use std::collections::BTreeMap;

use pierhead::config::Config;
use pierhead::registry::Blobs;
use serde_json::Value;

use super::Promise;

pub const PROMISE: Promise = Promise {
    name: "config",
    check,
    pieces: &[
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"ACCESS\"",
        "\"CACHE\"",
        "\"CREDENTIALS\"",
        "\"DEFAULT_REGISTRY\"",
        "\"LIMITS\"",
        "\"PATH_SECRET\"",
        "\"REGISTRIES\"",
        "\"ROUTES\"",
        "\"RULES\"",
        "\"SIGNING_KEYS\"",
        "\"USERS\"",
        "\"origin\"",
        "\"aliases\"",
        "\"labels\"",
        "\"realms\"",
        "\"mirrors\"",
        "\"mirror\"",
        "\"only\"",
        "\"library\"",
        "\"blobs\"",
        "\"redirect\"",
        "\"allow\"",
        "\"addresses\"",
        "\"10.0.0.0/8\"",
        "\"docker.io\"",
        "\"a.example\"",
        "\"https://a.example\"",
        "\"a.example/x\"",
        "\"public\"",
        "\"users\"",
        "\"path\"",
        "\"*\"",
        "\"(a+)+\"",
        "\"alice:hunter2hunter2\"",
        "\"abcdefghij0123456789abcdefghij0123456789\"",
        "true",
        "60",
        "\"blob_mib\"",
        "\"epoch\"",
        "\"off\"",
        "\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
        "@",
        "http://",
    ],
};

/// Those whose values no message may repeat.
const SECRETS: [&str; 4] = ["CREDENTIALS", "PATH_SECRET", "SIGNING_KEYS", "USERS"];

fn check(text: &str) {
    let Ok(variables) = serde_json::from_str::<BTreeMap<String, Value>>(text) else { return };
    let read = Config::read(&variables);
    // A secret is always text, and a variable may be.
    let as_text = |value: &Value| if value.is_object() { Value::String(value.to_string()) } else { value.clone() };
    let texts = variables.iter().map(|(key, value)| (key.clone(), as_text(value))).collect();
    match (&read, Config::read(&texts)) {
        (Ok(config), Ok(_)) => check_config(config, &variables),
        (Err(one), Err(other)) => {
            check_error(&one.to_string(), one.key(), &variables);
            check_error(&other.to_string(), other.key(), &variables);
        }
        (one, other) => panic!("{text}: {:?}, as text {:?}", one.as_ref().err(), other.err()),
    }
}

fn check_config(config: &Config, variables: &BTreeMap<String, Value>) {
    let known = |name: &str| config.registries.by_name(name).is_some_and(|registry| registry.name == name);
    let mut names = Vec::new();
    for registry in config.registries.iter() {
        let origin = &registry.origin;
        let clean =
            origin.scheme() == "https" && origin.path() == "/" && origin.query().is_none() && origin.username().is_empty();
        assert!(clean && known(&registry.name), "{registry:?}");
        assert!(registry.realms.iter().all(|realm| realm.scheme() == "https" && realm.password().is_none()), "{registry:?}");
        assert!(registry.challenge.as_ref().is_none_or(|challenge| registry.trusts(&challenge.realm)), "{registry:?}");
        for mirror in &registry.mirrors {
            let there = config.registries.by_name(&mirror.registry);
            assert!(there.is_some_and(|there| there.name != registry.name), "{registry:?}");
        }
        if registry.blobs == Blobs::Redirect {
            assert!(config.access.keys.is_none() && config.limits.blob_bytes.is_none(), "{registry:?}");
        }
        names.extend(std::iter::once(&registry.name).chain(&registry.aliases).chain(&registry.labels));
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "a name means two");
    assert!(config.routes.values().chain([&config.default_registry]).all(|registry| known(&registry.name)));
    assert!(config.credentials.keys().all(|name| known(name)));
    assert!(config.credentials.is_empty() || variables.contains_key("ACCESS"), "CREDENTIALS without a decision");
    assert_eq!(config.access.users.is_some(), variables.contains_key("USERS"));
    assert_eq!(config.access.keys.is_some(), variables.contains_key("PATH_SECRET"));
    assert!(config.cache.memory_bytes <= 96 * 1024 * 1024 && config.cache.fresh <= config.cache.stale);
}

fn check_error(message: &str, key: &str, variables: &BTreeMap<String, Value>) {
    assert!(message.starts_with(key), "{message}");
    let mut secrets = Vec::new();
    let mut told = String::new();
    for (key, value) in variables {
        told.push_str(key);
        if SECRETS.contains(&key.as_str()) {
            texts(value, &mut secrets);
        } else {
            told.push_str(&value.to_string());
        }
    }
    for secret in secrets {
        // Others may be words of the message's own; and what stands elsewhere too is no secret.
        let is_telling = secret.len() >= 8
            && secret.bytes().all(|b| b.is_ascii_alphanumeric())
            && secret.bytes().any(|b| b.is_ascii_digit())
            && !told.contains(secret);
        assert!(!is_telling || !message.contains(secret), "{message} repeats {secret}");
    }
}

/// Every text in a value, but for names.
fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(table) => table.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}
