//! The grammars of the specifications, as they are written there: what the parsers, which are written by hand, are compared with.

use std::sync::LazyLock;

use regex_lite::Regex;

macro_rules! grammar {
    ($name:ident, $regex:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($regex).unwrap());
    };
}

// Distribution spec, "Pulling manifests".
grammar!(NAME, r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$");
grammar!(TAG, r"^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$");
// Image spec, "Digests".
grammar!(DIGEST, r"^[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$");
grammar!(REGISTERED, r"^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$");

/// A repository's name; distribution's limit is 255.
pub fn is_name(text: &str) -> bool {
    text.len() <= 255 && NAME.is_match(text)
}

/// A tag.
pub fn is_tag(text: &str) -> bool {
    text.len() <= 128 && TAG.is_match(text)
}

/// A digest; one of a registered algorithm has its length. None is believed that is longer than any in use.
pub fn is_digest(text: &str) -> bool {
    let registered = text.starts_with("sha256:") || text.starts_with("sha512:");
    text.len() <= 256 && DIGEST.is_match(text) && (!registered || REGISTERED.is_match(text))
}

/// What an endpoint's path below `/v2/` is made of: name, kind, reference. None where no endpoint has such a path.
pub fn endpoint(path: &str) -> Option<(&str, &str, String)> {
    let (head, last) = path.rsplit_once('/')?;
    let (name, kind) = head.rsplit_once('/')?;
    let reference = last.replace("%3A", ":").replace("%3a", ":");
    let good = match kind {
        "manifests" => is_tag(&reference) || is_digest(&reference),
        "blobs" | "referrers" => is_digest(&reference),
        "tags" => reference == "list",
        _ => false,
    };
    (good && is_name(name)).then_some((name, kind, reference))
}
