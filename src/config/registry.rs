//! One entry of `REGISTRIES`.

use serde::Deserialize;
use url::Url;

use super::mirror::MirrorSettings;
use super::{ConfigError, error, is_host};
use crate::registry::{Blobs, Registry};

/// One entry of `REGISTRIES`. What is left out keeps its built-in value.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistrySettings {
    origin: Option<String>,
    aliases: Option<Vec<String>>,
    labels: Option<Vec<String>>,
    realms: Option<Vec<String>>,
    library: Option<bool>,
    login: Option<bool>,
    blobs: Option<Blobs>,
    mirrors: Option<Vec<MirrorSettings>>,
}

impl RegistrySettings {
    /// The registry, in the place of one that is known.
    pub(super) fn registry(self, key: &str, name: &str, known: Option<&Registry>) -> Result<Registry, ConfigError> {
        if !is_host(name) || !name.contains(['.', ':']) {
            return Err(error(key, "a registry's name is its lower-case host, such as `registry.example.com`"));
        }
        let origin = match (&self.origin, known) {
            (Some(origin), _) => https(&format!("{key}.origin"), origin)?,
            (None, Some(known)) => known.origin.clone(),
            (None, None) => https(key, &format!("https://{name}"))?,
        };
        if origin.path() != "/" || origin.query().is_some() {
            return Err(error(&format!("{key}.origin"), format!("`{origin}` has a path; expected `https://host`")));
        }
        let realms = match self.realms {
            Some(realms) => {
                let key = format!("{key}.realms");
                realms.iter().map(|realm| https(&key, realm)).collect::<Result<_, _>>()?
            }
            None => known.map(|k| k.realms.clone()).unwrap_or_default(),
        };
        let aliases = self.aliases.or_else(|| known.map(|k| k.aliases.clone())).unwrap_or_default();
        if let Some(alias) = aliases.iter().find(|alias| !is_host(alias) || !alias.contains('.')) {
            return Err(error(&format!("{key}.aliases"), format!("`{alias}` is not a lower-case host name")));
        }
        let labels = self.labels.or_else(|| known.map(|k| k.labels.clone())).unwrap_or_default();
        if let Some(label) = labels.iter().find(|label| !is_host(label) || label.contains(['.', ':'])) {
            return Err(error(&format!("{key}.labels"), format!("`{label}` is not a lower-case word without dots")));
        }
        // What the built-in row knows of the registry's manners holds for its own origin only.
        let base = known.filter(|known| known.origin == origin);
        let mut registry = Registry {
            name: known.map_or(name, |known| &known.name).to_owned(),
            aliases,
            labels,
            library: self.library.or_else(|| known.map(|k| k.library)).unwrap_or_default(),
            open: base.is_some_and(|base| base.open),
            login: self.login.or_else(|| base.map(|base| base.login)).unwrap_or(true),
            challenge: None,
            blob_head_refused: base.is_some_and(|base| base.blob_head_refused),
            blobs: self.blobs.or_else(|| known.map(|k| k.blobs)).unwrap_or_default(),
            mirrors: match self.mirrors {
                Some(mirrors) => mirrors.into_iter().map(MirrorSettings::mirror).collect(),
                None => base.map(|base| base.mirrors.clone()).unwrap_or_default(),
            },
            search: base.and_then(|base| base.search.clone()),
            origin,
            realms,
        };
        registry.challenge = base.and_then(|base| base.challenge.clone()).filter(|known| registry.trusts(&known.realm));
        Ok(registry)
    }
}

/// An https URL without user information.
fn https(key: &str, text: &str) -> Result<Url, ConfigError> {
    Url::parse(text)
        .ok()
        .filter(|url| url.scheme() == "https" && url.username().is_empty() && url.password().is_none())
        .ok_or_else(|| {
            // Before an `@` there may be a password.
            let shown = if text.contains('@') { "what is given" } else { text };
            error(key, format!("`{shown}` is not an https URL; expected such as `https://registry.example.com`"))
        })
}
