//! Which endpoint of the distribution spec a path names.

use super::{Code, Digest, OciError, Reference, RepositoryName};
use http::StatusCode;

/// What is asked of a registry: the read-only endpoints of the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// end-1: `/v2/`.
    Ping,
    /// A thing in a repository.
    Repository(RepositoryName, Resource),
}

/// What is asked of one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// end-3: `manifests/<reference>`.
    Manifest(Reference),
    /// end-2: `blobs/<digest>`.
    Blob(Digest),
    /// end-8: `tags/list`.
    Tags,
    /// end-12: `referrers/<digest>`.
    Referrers(Digest),
}

impl Endpoint {
    /// Reads what follows `/v2/` in a path.
    ///
    /// # Errors
    ///
    /// `UNSUPPORTED` with 404 for a path that no endpoint has, and the errors of the nouns within.
    pub fn parse(path: &str) -> Result<Self, OciError> {
        if path.is_empty() {
            return Ok(Self::Ping);
        }
        if path == "_catalog" {
            return Err(OciError::new(Code::Unsupported, "this proxy does not list repositories (`_catalog`)")
                .with_status(StatusCode::NOT_FOUND));
        }
        // A name may itself hold `manifests` or `blobs` as components: the last separator counts.
        let unknown = || {
            OciError::new(
                Code::Unsupported,
                "no such endpoint; expected `/v2/<name>/` and `manifests/<reference>`, `blobs/<digest>`, `tags/list` or \
                 `referrers/<digest>`",
            )
            .with_status(StatusCode::NOT_FOUND)
        };
        let (head, last) = path.rsplit_once('/').ok_or_else(unknown)?;
        let (name, kind) = head.rsplit_once('/').ok_or_else(unknown)?;
        // A colon may come percent-encoded (`encodeURIComponent`); nothing else in a reference ever needs to.
        let last = last.replace("%3A", ":").replace("%3a", ":");
        let parse_name = || name.parse::<RepositoryName>();
        match kind {
            "manifests" => Ok(Self::Repository(parse_name()?, Resource::Manifest(last.parse()?))),
            "blobs" => Ok(Self::Repository(parse_name()?, Resource::Blob(last.parse()?))),
            "referrers" => Ok(Self::Repository(parse_name()?, Resource::Referrers(last.parse()?))),
            "tags" if last == "list" => Ok(Self::Repository(parse_name()?, Resource::Tags)),
            _ => Err(unknown()),
        }
    }
}

impl Resource {
    /// What the log calls it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Manifest(_) => "manifest",
            Self::Blob(_) => "blob",
            Self::Tags => "tags",
            Self::Referrers(_) => "referrers",
        }
    }

    /// The path below the repository, as the spec spells it.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Manifest(reference) => format!("manifests/{reference}"),
            Self::Blob(digest) => format!("blobs/{digest}"),
            Self::Tags => "tags/list".to_owned(),
            Self::Referrers(digest) => format!("referrers/{digest}"),
        }
    }

    /// The tag or digest, for the log.
    #[must_use]
    pub fn reference(&self) -> Option<String> {
        match self {
            Self::Manifest(reference) => Some(reference.to_string()),
            Self::Blob(digest) | Self::Referrers(digest) => Some(digest.to_string()),
            Self::Tags => None,
        }
    }

    /// What a 404 without explanation means for it.
    #[must_use]
    pub const fn missing(&self) -> Code {
        match self {
            Self::Manifest(_) | Self::Referrers(_) => Code::ManifestUnknown,
            Self::Blob(_) => Code::BlobUnknown,
            Self::Tags => Code::NameUnknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_separator_counts() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let encoded = digest.replace(':', "%3A");
        for (path, name, below) in [
            ("library/nginx/manifests/latest".to_owned(), "library/nginx", "manifests/latest".to_owned()),
            ("a/manifests/blobs/manifests/1".to_owned(), "a/manifests/blobs", "manifests/1".to_owned()),
            ("a/tags/list/tags/list".to_owned(), "a/tags/list", "tags/list".to_owned()),
            (format!("a/blobs/{digest}"), "a", format!("blobs/{digest}")),
            (format!("a/blobs/{encoded}"), "a", format!("blobs/{digest}")),
            (format!("a/b/referrers/{digest}"), "a/b", format!("referrers/{digest}")),
        ] {
            match Endpoint::parse(&path) {
                Ok(Endpoint::Repository(n, r)) => assert_eq!((n.as_str(), r.path()), (name, below)),
                other => panic!("{path}: {other:?}"),
            }
        }
        assert_eq!(Endpoint::parse(""), Ok(Endpoint::Ping));
    }

    #[test]
    fn refuses_what_is_no_endpoint() {
        for (path, code) in [
            ("_catalog", Code::Unsupported),
            ("a", Code::Unsupported),
            ("a/b", Code::Unsupported),
            ("manifests/latest", Code::Unsupported),
            ("a/tags/other", Code::Unsupported),
            ("a/blobs/uploads/", Code::Unsupported),
            ("/manifests/latest", Code::NameInvalid),
            ("a%2fb/manifests/latest", Code::NameInvalid),
            ("A/manifests/latest", Code::NameInvalid),
            ("a/manifests/", Code::ManifestUnknown),
            ("a/manifests/%2e%2e", Code::ManifestUnknown),
            ("a/blobs/latest", Code::DigestInvalid),
            ("a/referrers/latest", Code::DigestInvalid),
        ] {
            assert_eq!(Endpoint::parse(path).unwrap_err().code, code, "{path}");
        }
    }
}
