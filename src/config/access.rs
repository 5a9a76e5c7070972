//! `ACCESS`, and the secrets of its modes: `USERS`, `SIGNING_KEYS`, `PATH_SECRET`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ConfigError, entries, error};
use crate::access::{Access, KEY_LENGTH, KEY_MIN, Keys, SigningKeys, Users};
use crate::oci::Digest;
use crate::secret::Secret;

const EXPECTED: &str = "expected \"public\", \"users\", \"path\" or [\"users\", \"path\"]";

/// Reads who is let in. `None` where the operator has not decided: everybody is, and nothing of the operator's own is shown.
pub(super) fn read(variables: &BTreeMap<String, Value>) -> Result<Option<Access>, ConfigError> {
    let modes = modes(variables.get("ACCESS"))?;
    let is = |mode: &str| modes.iter().any(|m| m == mode);
    if is("public") && modes.len() > 1 {
        return Err(error("ACCESS", format!("\"public\" lets everybody in and stands alone; {EXPECTED}")));
    }
    // A secret that guards nothing is a gate that its operator believes to be shut.
    for (key, mode) in [("USERS", "users"), ("SIGNING_KEYS", "users"), ("PATH_SECRET", "path")] {
        match (variables.contains_key(key), is(mode)) {
            (true, false) => return Err(error("ACCESS", format!("{key} is set, but ACCESS does not name \"{mode}\""))),
            (false, true) => return Err(error(key, format!("not set, and ACCESS names \"{mode}\""))),
            _ => {}
        }
    }
    let users = if is("users") { Some(Users::new(sums(variables)?, signing_keys(variables)?)) } else { None };
    let keys = if is("path") { Some(keys(variables)?) } else { None };
    Ok((!modes.is_empty()).then_some(Access { users, keys }))
}

fn modes(value: Option<&Value>) -> Result<Vec<String>, ConfigError> {
    // It never repeats the value: a key may have slipped in.
    let wrong = || error("ACCESS", format!("not an access mode; {EXPECTED}"));
    let modes: Vec<String> = match value {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) if text.trim().starts_with('[') => serde_json::from_str(text).map_err(|_| wrong())?,
        Some(Value::String(mode)) => vec![mode.clone()],
        Some(list) => serde_json::from_value(list.clone()).map_err(|_| wrong())?,
    };
    let known = modes.iter().all(|mode| ["public", "users", "path"].contains(&mode.as_str()));
    if known && !modes.is_empty() { Ok(modes) } else { Err(wrong()) }
}

/// The users' sums. Neither names nor sums are in a message.
fn sums(variables: &BTreeMap<String, Value>) -> Result<Vec<(String, [u8; 32])>, ConfigError> {
    let wrong = || error("USERS", "expected such as {\"alice\": \"sha256:<64 hexadecimal digits>\"}; see `npm run user`");
    let users = entries::<String>(variables, "USERS")?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@');
    let user = |(name, sum): (String, String)| {
        let good = (1..=64).contains(&name.len())
            && name.bytes().all(plain)
            && name.starts_with(|c: char| c.is_ascii_alphanumeric());
        let sum = sum.parse::<Digest>().ok()?.sha256()?;
        good.then_some((name, sum))
    };
    let users = users.into_iter().map(user).collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
    if users.is_empty() { Err(wrong()) } else { Ok(users) }
}

fn signing_keys(variables: &BTreeMap<String, Value>) -> Result<SigningKeys, ConfigError> {
    let problem = format!(
        "expected a random text of at least {KEY_MIN} characters, or a JSON list of two: the one that signs, and one that is \
         still good; see `npm run secret`"
    );
    SigningKeys::new(texts(variables, "SIGNING_KEYS")).ok_or_else(|| error("SIGNING_KEYS", problem))
}

fn keys(variables: &BTreeMap<String, Value>) -> Result<Keys, ConfigError> {
    let problem = format!(
        "expected {} to {} random lower-case letters and digits, or a JSON list of such; see `npm run secret`",
        KEY_LENGTH.start(),
        KEY_LENGTH.end()
    );
    Keys::new(texts(variables, "PATH_SECRET")).ok_or_else(|| error("PATH_SECRET", problem))
}

/// A secret, or a list of them as JSON. None for anything else.
fn texts(variables: &BTreeMap<String, Value>, key: &str) -> Vec<Secret> {
    let list = |texts: Vec<String>| texts.into_iter().map(Secret::new).collect();
    match variables.get(key) {
        Some(Value::String(text)) if text.trim().starts_with('[') => {
            serde_json::from_str(text).map(list).unwrap_or_default()
        }
        // A file that was piped in ends with a line end.
        Some(Value::String(text)) => vec![Secret::new(text.trim())],
        Some(value) => serde_json::from_value(value.clone()).map(list).unwrap_or_default(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SUM: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const KEY: &str = "abcdefghijklmnopqrstuvwxyz012345";

    fn access(variables: Value) -> Result<Option<Access>, String> {
        read(&serde_json::from_value(variables).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn modes_are_one_or_two() {
        assert!(access(json!({})).unwrap().is_none());
        assert!(access(json!({"ACCESS": "public"})).unwrap().unwrap().is_public());
        let users = json!({"ACCESS": "users", "USERS": {"alice": SUM}, "SIGNING_KEYS": KEY});
        let users = access(users).unwrap().unwrap();
        assert!(users.users.is_some() && users.keys.is_none());
        let keys = access(json!({"ACCESS": ["path"], "PATH_SECRET": format!("{KEY}\n")})).unwrap().unwrap();
        assert!(keys.users.is_none() && keys.keys.is_some());
        let both = json!({
            "ACCESS": "[\"users\", \"path\"]", "USERS": format!("{{\"alice\": \"{SUM}\"}}"),
            "SIGNING_KEYS": format!("[\"{KEY}\", \"{KEY}\"]"), "PATH_SECRET": [KEY, KEY],
        });
        let both = access(both).unwrap().unwrap();
        assert!(both.users.is_some() && both.keys.is_some());
    }

    #[test]
    fn errors_name_their_key_and_no_secret() {
        for (variables, start) in [
            (json!({"ACCESS": "hunter2"}), "ACCESS: not an access mode"),
            (json!({"ACCESS": 1}), "ACCESS: not an access mode"),
            (json!({"ACCESS": []}), "ACCESS: not an access mode"),
            (json!({"ACCESS": ["public", ["users"]]}), "ACCESS: not an access mode"),
            (json!({"ACCESS": "[\"path\", 1]"}), "ACCESS: not an access mode"),
            (json!({"ACCESS": ["public", "users"]}), "ACCESS: \"public\" lets everybody in"),
            (json!({"ACCESS": "users"}), "USERS: not set"),
            (json!({"ACCESS": "users", "USERS": {"mallory": SUM}}), "SIGNING_KEYS: not set"),
            (json!({"ACCESS": "path"}), "PATH_SECRET: not set"),
            (json!({"USERS": {"mallory": SUM}}), "ACCESS: USERS is set, but"),
            (json!({"ACCESS": "public", "PATH_SECRET": KEY}), "ACCESS: PATH_SECRET is set, but"),
            (json!({"ACCESS": "users", "USERS": {}, "SIGNING_KEYS": KEY}), "USERS: expected"),
            (json!({"ACCESS": "users", "USERS": {"mallory": "hunter2hunter2"}, "SIGNING_KEYS": KEY}), "USERS: expected"),
            (json!({"ACCESS": "users", "USERS": {"mallory": ["hunter2"]}, "SIGNING_KEYS": KEY}), "USERS: expected"),
            (json!({"ACCESS": "users", "USERS": {"a:b": SUM}, "SIGNING_KEYS": KEY}), "USERS: expected"),
            (json!({"ACCESS": "users", "USERS": "mallory:hunter2", "SIGNING_KEYS": KEY}), "USERS: not a JSON object"),
            (json!({"ACCESS": "users", "USERS": {"mallory": SUM}, "SIGNING_KEYS": "hunter2"}), "SIGNING_KEYS: expected"),
            (
                json!({"ACCESS": "users", "USERS": {"mallory": SUM}, "SIGNING_KEYS": [KEY, KEY, KEY]}),
                "SIGNING_KEYS: expected",
            ),
            (json!({"ACCESS": "path", "PATH_SECRET": "hunter2"}), "PATH_SECRET: expected"),
            (json!({"ACCESS": "path", "PATH_SECRET": "hunter2/hunter2/hunter2"}), "PATH_SECRET: expected"),
            (json!({"ACCESS": "path", "PATH_SECRET": "[hunter2"}), "PATH_SECRET: expected"),
        ] {
            let message = access(variables.clone()).unwrap_err();
            assert!(message.starts_with(start), "{variables}: {message}");
            assert!(!message.contains("hunter2") && !message.contains("mallory"), "{message}");
        }
    }
}
