//! Content digests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Code, OciError};

/// A digest such as `sha256:9f86d0…`; the registered algorithms have their exact length.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl TryFrom<String> for Digest {
    type Error = OciError;

    fn try_from(text: String) -> Result<Self, OciError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl Digest {
    /// The digest as text, `algorithm:encoded`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digest of bytes with this SHA-256.
    #[must_use]
    pub fn of_sha256(sum: &[u8; 32]) -> Self {
        let hex = sum.iter().fold(String::with_capacity(64), |mut hex, byte| {
            hex.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default()));
            hex
        });
        Self(format!("{SHA256}{hex}"))
    }

    /// The SHA-256 it stands for; `None` for other algorithms.
    #[must_use]
    pub fn sha256(&self) -> Option<[u8; 32]> {
        let hex = self.0.strip_prefix(SHA256)?;
        let mut sum = [0; 32];
        for (index, byte) in sum.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(sum)
    }
}

const SHA256: &str = "sha256:";

impl FromStr for Digest {
    type Err = OciError;

    /// # Errors
    ///
    /// `DIGEST_INVALID` naming the text, when it is not a digest of the image spec ("Digests").
    fn from_str(text: &str) -> Result<Self, OciError> {
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
        // image spec, "Digests": `algorithm ":" encoded`.
        let (algorithm, encoded) = text.split_once(':').ok_or_else(invalid)?;
        let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-');
        if !algorithm.split(['+', '.', '_', '-']).all(word) || encoded.is_empty() || !encoded.bytes().all(plain) {
            return Err(invalid());
        }
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
    fn sha256_goes_both_ways() {
        let sum = std::array::from_fn(|index| (index * 9) as u8);
        let digest = Digest::of_sha256(&sum);
        assert_eq!(digest.as_str().parse(), Ok(digest.clone()));
        assert_eq!(digest.sha256(), Some(sum));
        assert_eq!(format!("sha512:{}", "ab".repeat(64)).parse::<Digest>().unwrap().sha256(), None);
    }

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
