//! Manifest references: a tag or a digest.

use std::fmt;
use std::str::FromStr;

use super::{Code, Digest, OciError};

/// A tag: at most 128 of `[a-zA-Z0-9_.-]`, the first not `.` or `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag(String);

/// What a manifest is asked for by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A name that may point to another manifest tomorrow.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

impl FromStr for Tag {
    type Err = OciError;

    /// # Errors
    ///
    /// `MANIFEST_UNKNOWN`: the spec has no code of its own for a malformed tag, and no such manifest can exist.
    fn from_str(text: &str) -> Result<Self, OciError> {
        let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
        let mut bytes = text.bytes();
        let valid = text.len() <= 128 && bytes.next().is_some_and(word) && bytes.all(|c| word(c) || c == b'.' || c == b'-');
        if !valid {
            let shown: String = text.chars().take(80).collect();
            return Err(OciError::new(
                Code::ManifestUnknown,
                format!("`{shown}` is not a tag; expected at most 128 letters, digits, `_`, `.` or `-`"),
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Reference {
    type Err = OciError;

    /// # Errors
    ///
    /// Those of [`Digest`] where there is a `:`, which no tag may hold; else those of [`Tag`].
    fn from_str(text: &str) -> Result<Self, OciError> {
        if text.contains(':') {
            return text.parse().map(Self::Digest);
        }
        text.parse().map(Self::Tag)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_makes_a_digest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        assert!(matches!(digest.parse(), Ok(Reference::Digest(_))));
        for tag in ["latest", "1.2.3-alpine_x", "_", "A", &"t".repeat(128)] {
            assert!(matches!(tag.parse(), Ok(Reference::Tag(_))), "{tag}");
        }
        for bad in ["", ".a", "-a", "a b", "a/b", "a%20", "ü", &"t".repeat(129)] {
            assert_eq!(bad.parse::<Reference>().unwrap_err().code, Code::ManifestUnknown, "{bad}");
        }
        assert_eq!("sha256:zz".parse::<Reference>().unwrap_err().code, Code::DigestInvalid);
    }
}
