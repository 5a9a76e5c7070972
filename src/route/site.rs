//! The host of ours that a client asked.

use std::rc::Rc;

use url::{Host, Url};

use crate::access::Taken;
use crate::config::Config;
use crate::oci::{Code, OciError};
use crate::registry::Registry;

/// The host of ours that a client asked.
#[derive(Clone, Debug)]
pub struct Site {
    /// `https://docker.example.com`, as the client must write it.
    pub origin: String,
    /// Host, and port where it is not the scheme's own.
    pub authority: String,
    /// The registry this host stands for; on a gateway the default.
    pub home: Rc<Registry>,
    /// The host names no registry.
    pub gateway: bool,
    /// The key that this client's requests bear.
    key: Option<Taken>,
}

impl Site {
    /// The site a request URL is on.
    ///
    /// # Errors
    ///
    /// `NAME_INVALID` for a host that no DNS name or address spells, and for one with a user: it would be repeated in
    /// challenges.
    pub fn of(config: &Config, url: &Url) -> Result<Self, OciError> {
        let host = url.host_str().unwrap_or_default();
        // The root's dot is part of no name: with it a host would be another one than the same without.
        let host = host.strip_suffix('.').unwrap_or(host);
        let has_user = !url.username().is_empty() || url.password().is_some();
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
        if host.is_empty() || host.ends_with('.') || has_user || !host.bytes().all(plain) {
            return Err(OciError::new(Code::NameInvalid, "the host of the request is not a host name"));
        }
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        // Behind Cloudflare the client's side is https whatever the last hop was; only a local run is really http.
        let scheme = if is_loopback(url) { url.scheme() } else { "https" };
        let of_host = config.routes.get(&authority).or_else(|| config.routes.get(host)).map(Rc::clone);
        let of_label = || host.split_once('.').and_then(|(label, _)| config.registries.by_label(label));
        let registry = of_host.or_else(of_label);
        Ok(Self {
            origin: format!("{scheme}://{authority}"),
            gateway: registry.is_none(),
            home: registry.unwrap_or_else(|| Rc::clone(&config.default_registry)),
            authority,
            key: None,
        })
    }

    /// Whether a host is one this proxy answers on, as far as it can know: the one asked, those of `ROUTES`, and the
    /// label hosts beside it.
    #[must_use]
    pub fn is_ours(&self, config: &Config, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let asked = self.authority.split(':').next().unwrap_or_default();
        let routed = |route: &String| route.split(':').next() == Some(&host);
        let beside = match (asked.split_once('.'), host.split_once('.')) {
            (Some((_, zone)), Some((label, same))) => zone == same && config.registries.by_label(label).is_some(),
            _ => false,
        };
        host == asked || beside || config.routes.keys().any(routed)
    }

    /// The same site, for a client that has shown a key.
    #[must_use]
    pub fn with_key(self, key: Option<Taken>) -> Self {
        Self { key, ..self }
    }

    /// The key that the client has shown.
    #[must_use]
    pub const fn key(&self) -> Option<&Taken> {
        self.key.as_ref()
    }

    /// Where this client finds everything: the origin, and the key that it has shown.
    #[must_use]
    pub fn base(&self) -> String {
        format!("{}{}", self.origin, self.key.as_ref().map(Taken::path).unwrap_or_default())
    }

    /// The token endpoint for a registry, named in any way. It keeps the key: the client goes there with nothing else.
    #[must_use]
    pub fn realm(&self, registry: &str) -> String {
        format!("{}/token/{registry}", self.base())
    }
}

/// `localhost`, `*.localhost` and loopback addresses: the only places where plain http is as good as https.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
