//! An address as it was written.

use url::Url;

use super::split;
use crate::auth::Scope;
use crate::oci::Endpoint;

/// What stands in the path of the token endpoint for the registry that the host stands for.
pub const UNSPELLED: &str = "_";

/// An address below `/v2/`, as the client spelled it and nobody has looked anything up: what a stranger is told must not depend
/// on what this proxy knows.
pub struct Spelling {
    /// What the client calls the registry; [`UNSPELLED`] where it calls it nothing.
    pub registry: String,
    /// The scope for the repository, if one is asked for.
    pub scope: Option<String>,
}

impl Spelling {
    /// Reads an address. `None` when it is not below `/v2/`.
    #[must_use]
    pub fn read(url: &Url) -> Option<Self> {
        let (before, behind) = split(url.path())?;
        let ns = url.query_pairs().find(|(key, _)| key == "ns").map(|(_, ns)| ns.into_owned());
        let named = ns.or_else(|| Some(before.to_owned()).filter(|text| !text.is_empty()));
        // It is repeated in the challenge, as the last part of a path: `..` would lead out of it.
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_' | b':');
        let registry = named.filter(|text| text.len() <= 253 && !text.starts_with('.') && text.bytes().all(plain));
        let scope = match Endpoint::parse(behind) {
            Ok(Endpoint::Repository(name, _)) => Some(Scope::pull(name.as_str())),
            _ => None,
        };
        Some(Self { registry: registry.unwrap_or_else(|| UNSPELLED.to_owned()), scope })
    }
}
