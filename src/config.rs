//! What an operator can set, read and checked once per isolate.
//!
//! Every error names the key and what was expected, and the value where that cannot be a secret. The README's configuration table has the same keys.

mod access;
mod cache;
mod limits;
mod mirror;
mod registry;
mod rules;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::access::{Access, Rules};
use crate::auth::Basic;
use crate::registry::{Blobs, Registries, Registry};

pub use cache::Cache;
pub use limits::Limits;
use mirror::check_mirrors;
use registry::RegistrySettings;

/// The operator's settings.
#[derive(Debug)]
pub struct Config {
    /// Every registry served.
    pub registries: Registries,
    /// Exact hosts (`host` or `host:port`) and the registry each stands for.
    pub routes: HashMap<String, Rc<Registry>>,
    /// The registry of a host that names none.
    pub default_registry: Rc<Registry>,
    /// The operator's own accounts, by canonical registry name.
    pub credentials: HashMap<String, Basic>,
    /// What is kept, and for how long.
    pub cache: Cache,
    /// Who is let in.
    pub access: Access,
    /// What may be pulled, and from where.
    pub rules: Rules,
    /// How much one may use.
    pub limits: Limits,
}

/// A setting that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    key: String,
    problem: String,
}

impl ConfigError {
    /// The setting: what may be told to everybody.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key.split('.').next().unwrap_or_default()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// What `CREDENTIALS` looks like.
const EXPECTED_CREDENTIALS: &str =
    "an entry names no registry of this proxy; expected such as {\"docker.io\": \"user:token\"}";

/// Every key there is. Anything else among the variables is a misspelling.
const KEYS: [&str; 11] = [
    "ACCESS",
    "CACHE",
    "CREDENTIALS",
    "DEFAULT_REGISTRY",
    "LIMITS",
    "PATH_SECRET",
    "REGISTRIES",
    "ROUTES",
    "RULES",
    "SIGNING_KEYS",
    "USERS",
];

/// Those whose values and inner names are secrets: no message repeats them.
const SECRETS: [&str; 2] = ["CREDENTIALS", "USERS"];

impl Config {
    /// Reads the variables and secrets, by name. Values may be JSON or text that holds JSON (secrets always are text).
    ///
    /// # Errors
    ///
    /// The first key that is unknown or whose value is not what it should be.
    pub fn read(variables: &BTreeMap<String, Value>) -> Result<Self, ConfigError> {
        if let Some(key) = variables.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(error(key, format!("no such setting; expected one of {}", KEYS.join(", "))));
        }
        let mut registries = Registries::built_in();
        for (name, settings) in entries::<RegistrySettings>(variables, "REGISTRIES")? {
            let key = format!("REGISTRIES.\"{name}\"");
            let known = registries.by_name(&name);
            registries.set(settings.registry(&key, &name, known.as_deref())?);
        }
        check_unambiguous(&registries)?;
        check_mirrors(&registries)?;
        let find = |key: &str, name: &str| {
            registries.by_name(name).ok_or_else(|| {
                let known: Vec<_> = registries.iter().map(|r| r.name.as_str()).collect();
                error(key, format!("no registry `{name}`; expected one of {}, or one of REGISTRIES", known.join(", ")))
            })
        };
        let mut routes = HashMap::new();
        for (host, name) in entries::<String>(variables, "ROUTES")? {
            let key = format!("ROUTES.\"{host}\"");
            let host = host.to_ascii_lowercase();
            if !is_host(&host) {
                return Err(error(&key, "expected a host such as `docker.example.com`, with a port where there is one"));
            }
            routes.insert(host, find(&key, &name)?);
        }
        let default_registry = match variables.get("DEFAULT_REGISTRY") {
            None => find("DEFAULT_REGISTRY", "docker.io")?,
            Some(Value::String(name)) => find("DEFAULT_REGISTRY", name)?,
            Some(other) => return Err(error("DEFAULT_REGISTRY", format!("`{other}` is not a registry's name"))),
        };
        let access = access::read(variables)?;
        let mut credentials = HashMap::new();
        for (name, pair) in entries::<String>(variables, "CREDENTIALS")? {
            // Values are secrets, and so may a key be that is in the wrong place: neither is in a message.
            let known = registries.by_name(&name).ok_or_else(|| error("CREDENTIALS", EXPECTED_CREDENTIALS))?;
            let key = format!("CREDENTIALS.\"{}\"", known.name);
            let basic = Basic::from_pair(&pair).ok_or_else(|| error(&key, "expected a string `user:password`"))?;
            credentials.insert(known.name.clone(), basic);
        }
        if !credentials.is_empty() && access.is_none() {
            return Err(error(
                "ACCESS",
                "CREDENTIALS let everybody who may use this proxy read what that account can read; say who may: set ACCESS to \
                 \"users\", \"path\" or \"public\"",
            ));
        }
        let access = access.unwrap_or_default();
        let rules = rules::read(variables, &registries)?;
        let limits = Limits::read(variables.get("LIMITS"))?;
        let mut cache = Cache::read(variables.get("CACHE"))?;
        cache.blob_bytes = limits.blob_bytes.map_or(cache.blob_bytes, |limit| limit.min(cache.blob_bytes));
        check_redirects(&registries, &access, limits)?;
        Ok(Self { registries, routes, default_registry, credentials, cache, access, rules, limits })
    }
}

impl Config {
    /// The registries of which something may be pulled; for pages, which show nothing else.
    pub fn served(&self) -> impl Iterator<Item = &Registry> {
        self.registries.iter().filter(|registry| self.rules.of(&registry.name).serves())
    }
}

/// A host name with or without a port, in lower case as URLs have it.
fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "1"));
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    !name.is_empty() && name.bytes().all(plain) && port.parse::<u16>().is_ok()
}

/// The entries of a setting that is a table. Absent is empty.
fn entries<T: DeserializeOwned>(variables: &BTreeMap<String, Value>, key: &str) -> Result<Vec<(String, T)>, ConfigError> {
    let table: Map<String, Value> = match variables.get(key) {
        None => return Ok(Vec::new()),
        // serde's own message would quote the text, which may be a secret: the place is enough.
        Some(Value::String(text)) => serde_json::from_str(text)
            .map_err(|e| error(key, format!("not a JSON object (line {}, column {})", e.line(), e.column())))?,
        Some(Value::Object(table)) => table.clone(),
        Some(_) => return Err(error(key, "expected a table or a JSON object")),
    };
    table
        .into_iter()
        .map(|(name, value)| {
            let inner = if SECRETS.contains(&key) { key.to_owned() } else { format!("{key}.\"{name}\"") };
            let parsed = serde_json::from_value(value).map_err(|e| error(&inner, without_value(&e.to_string())))?;
            Ok((name, parsed))
        })
        .collect()
}

/// serde's message but for the value it repeats: that may be a secret in the wrong place. A field's name is none.
fn without_value(message: &str) -> String {
    match message.split_once(", expected ") {
        Some((start, expected)) if !start.starts_with("unknown field") => format!("expected {expected}"),
        _ => message.to_owned(),
    }
}

/// No name, alias or label may mean two registries.
fn check_unambiguous(registries: &Registries) -> Result<(), ConfigError> {
    let mut seen = HashMap::new();
    for registry in registries.iter() {
        for text in std::iter::once(&registry.name).chain(&registry.aliases).chain(&registry.labels) {
            if let Some(other) = seen.insert(text, &registry.name) {
                return Err(error("REGISTRIES", format!("`{text}` means both `{other}` and `{}`", registry.name)));
            }
        }
    }
    Ok(())
}

/// Where blobs do not come through this proxy, nothing here can see their size; and a client that follows a redirect tells the
/// other host where it comes from (`Referer`), key and all.
fn check_redirects(registries: &Registries, access: &Access, limits: Limits) -> Result<(), ConfigError> {
    let Some(registry) = registries.iter().find(|registry| registry.blobs == Blobs::Redirect) else { return Ok(()) };
    let key = format!("REGISTRIES.\"{}\".blobs", registry.name);
    if access.keys.is_some() {
        return Err(error(&key, "\"redirect\" would show the key in the address to the storage; ACCESS names \"path\""));
    }
    if limits.blob_bytes.is_some() {
        return Err(error(&key, "\"redirect\" lets blobs of any size pass; LIMITS has blob_mib"));
    }
    Ok(())
}

fn error(key: &str, problem: impl Into<String>) -> ConfigError {
    ConfigError { key: key.to_owned(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(variables: Value) -> Result<Config, String> {
        let variables: BTreeMap<String, Value> = serde_json::from_value(variables).unwrap();
        Config::read(&variables).map_err(|e| e.to_string())
    }

    #[test]
    fn nothing_need_be_set() {
        let config = read(json!({})).unwrap();
        assert_eq!(config.default_registry.name, "docker.io");
        assert!(config.routes.is_empty() && config.credentials.is_empty());
    }

    #[test]
    fn tables_come_as_json_or_as_text() {
        for routes in [json!({"Hub.Example.com": "index.docker.io"}), json!(r#"{"hub.example.com": "docker.io"}"#)] {
            let config = read(json!({ "ROUTES": routes })).unwrap();
            assert_eq!(config.routes.get("hub.example.com").unwrap().name, "docker.io");
        }
    }

    #[test]
    fn a_registry_is_added_or_changed() {
        let config = read(json!({"REGISTRIES": {
            "harbor.example.com": {"origin": "https://harbor.example.com:8443", "labels": ["harbor"], "blobs": "redirect"},
            "docker.io": {"labels": ["hub"]},
        }}))
        .unwrap();
        let harbor = config.registries.by_label("harbor").unwrap();
        assert_eq!((harbor.origin.as_str(), harbor.blobs), ("https://harbor.example.com:8443/", Blobs::Redirect));
        assert!(harbor.login && !harbor.open);
        let hub = config.registries.by_label("hub").unwrap();
        assert!(hub.library && hub.challenge.is_some() && config.registries.by_label("docker").is_none());
    }

    #[test]
    fn a_changed_origin_forgets_what_was_known_of_the_old_one() {
        let config = read(json!({"REGISTRIES": {"docker.io": {"origin": "https://hub.mirror.example"}}})).unwrap();
        let hub = config.registries.by_name("docker.io").unwrap();
        assert!(hub.login && hub.library && hub.challenge.is_none());
    }

    #[test]
    fn errors_name_their_key() {
        for (variables, start) in [
            (json!({"ROUTE": {}}), "ROUTE: no such setting"),
            (json!({"ROUTES": {"a.example": "nobody.example"}}), "ROUTES.\"a.example\": no registry `nobody.example`"),
            (json!({"ROUTES": {"https://a.example": "docker.io"}}), "ROUTES.\"https://a.example\": expected a host"),
            (json!({"REGISTRIES": {"a.example": {"labels": ["A"]}}}), "REGISTRIES.\"a.example\".labels: `A`"),
            (json!({"REGISTRIES": {"a.example": {"labels": ["a.b"]}}}), "REGISTRIES.\"a.example\".labels: `a.b`"),
            (
                json!({"REGISTRIES": {"a.example": {"aliases": ["B.example"]}}}),
                "REGISTRIES.\"a.example\".aliases: `B.example`",
            ),
            (json!({"REGISTRIES": {"a.example": {"library": "yes"}}}), "REGISTRIES.\"a.example\": expected a boolean"),
            (json!({"ROUTES": "not json"}), "ROUTES: not a JSON object"),
            (json!({"ROUTES": 3}), "ROUTES: expected a table"),
            (json!({"DEFAULT_REGISTRY": "x.example"}), "DEFAULT_REGISTRY: no registry `x.example`"),
            (json!({"DEFAULT_REGISTRY": 1}), "DEFAULT_REGISTRY: `1`"),
            (json!({"REGISTRIES": {"a.example": {"orign": "x"}}}), "REGISTRIES.\"a.example\": unknown field `orign`"),
            (json!({"REGISTRIES": {"a.example": {"origin": "http://x"}}}), "REGISTRIES.\"a.example\".origin: `http://x`"),
            (json!({"REGISTRIES": {"a.example": {"origin": "https://x.example/v2"}}}), "REGISTRIES.\"a.example\".origin: "),
            (json!({"REGISTRIES": {"a.example": {"realms": ["auth"]}}}), "REGISTRIES.\"a.example\".realms: `auth`"),
            (json!({"REGISTRIES": {"plain": {}}}), "REGISTRIES.\"plain\": a registry's name"),
            (json!({"REGISTRIES": {"a.example": {"labels": ["ghcr"]}}}), "REGISTRIES: `ghcr` means both"),
            (json!({"ACCESS": "open"}), "ACCESS: not an access mode"),
            (
                json!({"ACCESS": "path", "PATH_SECRET": "abcdefghij0123456789", "REGISTRIES": {"a.example": {"blobs": "redirect"}}}),
                "REGISTRIES.\"a.example\".blobs: \"redirect\" would show",
            ),
            (
                json!({"LIMITS": {"blob_mib": 1}, "REGISTRIES": {"a.example": {"blobs": "redirect"}}}),
                "REGISTRIES.\"a.example\".blobs: \"redirect\" lets",
            ),
            (json!({"CREDENTIALS": {"docker.io": "alice:secret"}}), "ACCESS: CREDENTIALS let"),
            (json!({"ACCESS": "public", "CREDENTIALS": {"docker.io": "nocolon"}}), "CREDENTIALS.\"docker.io\": expected"),
            (json!({"ACCESS": "public", "CREDENTIALS": {"docker.io": ["nocolon"]}}), "CREDENTIALS: expected"),
        ] {
            let message = read(variables.clone()).unwrap_err();
            assert!(message.starts_with(start), "{variables}: {message}");
        }
    }

    #[test]
    fn no_message_repeats_a_secret() {
        for credentials in
            [json!({"docker.io": "hunter2"}), json!({"docker.io": ["hunter2"]}), json!("{\"docker.io\": hunter2")]
        {
            let message = read(json!({"ACCESS": "public", "CREDENTIALS": credentials})).unwrap_err();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
