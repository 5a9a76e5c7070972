//! Content digests.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use regex_lite::Regex;

use super::{Code, OciError};

/// A digest such as `sha256:9f86d0…`; the registered algorithms have their exact length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest(String);

impl Digest {
    /// The digest as text, `algorithm:encoded`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = OciError;

    /// # Errors
    ///
    /// `DIGEST_INVALID` naming the text, when it is not a digest of the image spec ("Digests").
    fn from_str(text: &str) -> Result<Self, OciError> {
        #[expect(clippy::unwrap_used, reason = "a constant pattern; every test of this file compiles it")]
        static GRAMMAR: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([A-Za-z0-9=_-]+)$").unwrap());
        let invalid = || {
            OciError::new(
                Code::DigestInvalid,
                format!("`{}` is not a digest; expected `sha256:` and 64 hexadecimal digits", excerpt(text)),
            )
        };
        // The longest registered digest is sha512's, 135 bytes.
        if text.len() > 256 {
            return Err(invalid());
        }
        let (algorithm, encoded) = match GRAMMAR.captures(text).map(|c| c.extract()) {
            Some((_, [algorithm, encoded])) => (algorithm, encoded),
            None => return Err(invalid()),
        };
        let lower_hex = |length| encoded.len() == length && encoded.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let valid = match algorithm {
            "sha256" => lower_hex(64),
            "sha512" => lower_hex(128),
            _ => true,
        };
        if !valid {
            return Err(invalid());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first 80 characters: enough to recognise a value, too little to flood an answer.
fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_algorithms_have_their_length() {
        let hex = "0123456789abcdef".repeat(4);
        for good in [format!("sha256:{hex}"), format!("sha512:{hex}{hex}"), "blake3+b64:AbC=_-".to_owned()] {
            assert_eq!(good.parse::<Digest>().map(|d| d.to_string()), Ok(good));
        }
        for bad in [
            String::new(),
            "sha256:".to_owned(),
            format!("sha256:{}", hex.replacen('0', "", 1)),
            format!("sha256:{}", hex.to_uppercase()),
            format!("sha512:{hex}"),
            format!("sha256:{hex}\n"),
            format!("sha256:../{hex}"),
            hex.clone(),
            format!("x:{}", "a".repeat(300)),
        ] {
            assert_eq!(bad.parse::<Digest>().unwrap_err().code, Code::DigestInvalid, "{bad}");
        }
    }
}
