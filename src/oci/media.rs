//! Media types of the things a registry serves.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// What a manifest request accepts when the client did not say.
///
/// Registries answer a request without these with a schema 1 manifest or a 404 "OCI index found, but accept
/// header does not support OCI indexes" (Docker Hub, ghcr.io, distribution 2.8).
pub const MANIFEST_ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     */*";

/// The types of manifests that are in use, and whether each lists others.
const MANIFEST_TYPES: [(&str, bool); 4] = [
    ("application/vnd.oci.image.index.v1+json", true),
    ("application/vnd.docker.distribution.manifest.list.v2+json", true),
    ("application/vnd.oci.image.manifest.v1+json", false),
    ("application/vnd.docker.distribution.manifest.v2+json", false),
];

/// Which of the four types of manifests a client takes: what a tag means depends on nothing else it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted(u8);

impl Accepted {
    /// All of them.
    pub const ALL: Self = Self(0b1111);
    /// None: a client with types of its own.
    pub const NONE: Self = Self(0);

    /// Reads an `Accept` header, lines joined. `*/*` is all of them; what comes with `q=0` is not taken.
    #[must_use]
    pub fn read(accept: &str) -> Self {
        let mut bits = 0;
        for part in accept.split(',') {
            let (kind, params) = part.split_once(';').unwrap_or((part, ""));
            let refused = params.split(';').any(|param| matches!(param.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            if refused {
                continue;
            }
            match kind.trim() {
                "*/*" => bits |= Self::ALL.0,
                kind => {
                    let known = MANIFEST_TYPES.iter().position(|(known, _)| *known == kind);
                    bits |= known.map_or(0, |index| 1 << index);
                }
            }
        }
        Self(bits)
    }

    /// Whether a manifest of this type is taken.
    #[must_use]
    pub fn takes(self, media_type: &str) -> bool {
        MANIFEST_TYPES.iter().position(|(known, _)| *known == media_type).is_some_and(|index| self.0 & (1 << index) != 0)
    }

    /// The header that asks a registry for these, whatever else the client wrote: what a tag means to all clients of a class must
    /// not depend on one of them.
    #[must_use]
    pub fn to_header(self) -> String {
        if self == Self::ALL {
            return MANIFEST_ACCEPT.to_owned();
        }
        let types = MANIFEST_TYPES.iter().map(|(known, _)| *known).filter(|known| self.takes(known));
        types.collect::<Vec<_>>().join(", ")
    }

    /// As a number from 0 (none) to 15 (all), for a key.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// What a manifest says of itself, as far as it tells its type.
#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    manifests: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
}

/// Whether bytes are a manifest of the type that came with them.
///
/// No digest covers the header `Content-Type`. The bytes name their type themselves, which OCI allows them to leave out
/// (image spec, "mediaType"): then the fields tell, for one that can be read both ways is how CVE-2021-41190 worked.
#[must_use]
pub fn is_manifest(bytes: &[u8], media_type: &str) -> bool {
    let Some((_, lists)) = MANIFEST_TYPES.iter().find(|(known, _)| *known == media_type) else { return false };
    let Ok(shape) = serde_json::from_slice::<Shape>(bytes) else { return false };
    let (of_list, of_image) = (shape.manifests.is_some(), shape.layers.is_some() || shape.config.is_some());
    let (own, others) = if *lists { (of_list, of_image) } else { (of_image, of_list) };
    !others && shape.media_type.map_or(own, |said| said == media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

    #[test]
    fn accept_is_read_as_far_as_it_matters() {
        for (accept, bits) in [
            (MANIFEST_ACCEPT, 0b1111),
            ("*/*", 0b1111),
            (INDEX, 0b0001),
            ("application/vnd.oci.image.manifest.v1+json;q=0.5,application/json", 0b0100),
            ("application/vnd.oci.image.index.v1+json; q=0, application/vnd.docker.distribution.manifest.v2+json", 0b1000),
            ("application/json", 0),
            ("", 0),
        ] {
            assert_eq!(Accepted::read(accept).bits(), bits, "{accept}");
        }
        assert_eq!(Accepted::read("x/y, application/vnd.oci.image.index.v1+json;q=0.3").to_header(), INDEX);
        assert_eq!(Accepted::read("application/vnd.oci.image.index.v1+json, */*").to_header(), MANIFEST_ACCEPT);
        assert!(Accepted::read(INDEX).takes(INDEX) && !Accepted::read(INDEX).takes(IMAGE));
        assert!(!Accepted::read("*/*").takes("application/json"));
    }

    #[test]
    fn a_manifest_is_what_it_says() {
        for (bytes, media_type, expected) in [
            (r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#, INDEX, true),
            (r#"{"schemaVersion":2,"manifests":[]}"#, INDEX, true),
            (r#"{"schemaVersion":2,"config":{},"layers":[]}"#, IMAGE, true),
            (r#"{"schemaVersion":2,"config":{},"layers":[]}"#, INDEX, false),
            (r#"{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}"#, INDEX, false),
            (r#"{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}"#, IMAGE, false),
            (r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#, INDEX, false),
            (r#"{"mediaType":"application/vnd.oci.image.index.v1+json","layers":[]}"#, INDEX, false),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#, IMAGE, false),
            (r#"{"manifests":[]}"#, "text/html", false),
            ("<html>", INDEX, false),
            ("", INDEX, false),
        ] {
            assert_eq!(is_manifest(bytes.as_bytes(), media_type), expected, "{bytes} as {media_type}");
        }
    }
}
