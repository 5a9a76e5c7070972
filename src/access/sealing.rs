//! Seals: what this proxy signs so that it can believe it later.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// The least length of a signing key, in characters: 256 bits in base64url are 43.
pub const KEY_MIN: usize = 32;

/// The keys of `SIGNING_KEYS`: the first one signs, all of them verify. A key is changed by putting a new one in front, and taking
/// the old one away when what it signed has expired.
#[derive(Debug)]
pub struct SigningKeys(Vec<Secret>);

impl SigningKeys {
    /// These keys, each of [`KEY_MIN`] characters or more; one or two.
    #[must_use]
    pub fn new(keys: Vec<Secret>) -> Option<Self> {
        let good = (1..=2).contains(&keys.len()) && keys.iter().all(|key| key.expose().len() >= KEY_MIN);
        good.then_some(Self(keys))
    }

    /// The seal of a text: HMAC-SHA-256 in base64url.
    #[must_use]
    pub fn seal(&self, text: &str) -> String {
        let mac = self.0.first().and_then(|key| mac(key, text));
        mac.map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())).unwrap_or_default()
    }

    /// Whether a seal is that of a text. It takes the same time whatever is wrong with it.
    #[must_use]
    pub fn is_seal(&self, seal: &str, text: &str) -> bool {
        let Ok(seal) = URL_SAFE_NO_PAD.decode(seal) else { return false };
        self.0.iter().filter_map(|key| mac(key, text)).any(|mac| mac.verify_slice(&seal).is_ok())
    }
}

fn mac(key: &Secret, text: &str) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length: there is always one.
    Some(Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).ok()?.chain_update(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> SigningKeys {
        SigningKeys::new(keys.iter().map(|key| Secret::new(key.repeat(KEY_MIN))).collect()).unwrap()
    }

    #[test]
    fn a_seal_is_of_its_text_and_key() {
        // RFC 4231, test case 2, has a key that is too short for us; this is `printf x | openssl dgst -sha256 -hmac aaa…`
        let seal = keys(&["a"]).seal("x");
        assert_eq!(seal.len(), 43);
        assert!(keys(&["a"]).is_seal(&seal, "x"));
        assert!(!keys(&["a"]).is_seal(&seal, "y") && !keys(&["b"]).is_seal(&seal, "x"));
        for bad in ["", "a", seal.trim_end_matches(char::is_alphanumeric), &format!("{seal}AA"), &seal.to_uppercase()] {
            assert!(!keys(&["a"]).is_seal(bad, "x"), "{bad}");
        }
    }

    #[test]
    fn keys_are_changed_by_two_being_good() {
        let (old, both, new) = (keys(&["a"]), keys(&["b", "a"]), keys(&["b"]));
        assert!(both.is_seal(&old.seal("x"), "x") && both.is_seal(&both.seal("x"), "x"));
        assert!(new.is_seal(&both.seal("x"), "x") && !new.is_seal(&old.seal("x"), "x"));
    }

    #[test]
    fn a_key_is_long_and_there_are_two_at_most() {
        let long = || Secret::new("k".repeat(KEY_MIN));
        assert!(SigningKeys::new(vec![]).is_none());
        assert!(SigningKeys::new(vec![Secret::new("short")]).is_none());
        assert!(SigningKeys::new(vec![long(), long(), long()]).is_none());
    }
}
