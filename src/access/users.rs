//! The users of this proxy's own.

use ctutils::CtEq;
use sha2::{Digest, Sha256};

use super::{SigningKeys, unauthorized};
use crate::auth::{Basic, Pass, PassKind, Sealed};
use crate::oci::{Digest as Sum, OciError};

/// How long a token lasts that a user gets at the token endpoint, in seconds: long enough for what is asked for in one pull, for
/// a blob that has begun goes on.
pub const USER_LIFE: u64 = 900;

/// By how much the clocks of two machines of this proxy's may differ, in seconds. The client is told [`USER_LIFE`].
const SKEW: u64 = 30;

/// Who they are, and what their tokens are signed with.
#[derive(Debug)]
pub struct Users {
    /// By name, the SHA-256 of the token that they log in with.
    sums: Vec<(String, [u8; 32])>,
    keys: SigningKeys,
}

impl Users {
    /// These users.
    #[must_use]
    pub const fn new(sums: Vec<(String, [u8; 32])>, keys: SigningKeys) -> Self {
        Self { sums, keys }
    }

    /// What somebody is told at `host` who shows nothing.
    #[must_use]
    pub fn none(&self, host: &str) -> OciError {
        unauthorized(&format!("this proxy is for its users; `docker login {host}` first"))
    }

    /// Whether a password is one that `npm run user` has made, or means to be: no registry's looks so.
    #[must_use]
    pub fn is_token(basic: &Basic) -> bool {
        basic.password.expose().starts_with("pierhead_")
    }

    /// The user with this name and token.
    ///
    /// # Errors
    ///
    /// `UNAUTHORIZED` if there is none; it does not say whether there is such a name.
    pub fn check(&self, basic: &Basic) -> Result<&str, OciError> {
        let wrong = || unauthorized("user name or token are wrong; they are those of this proxy, not of a registry");
        let sum: [u8; 32] = Sha256::digest(basic.password.expose()).into();
        let known = self.sum(&basic.user);
        // No SHA-256 is known to be nought.
        let same = known.map_or(&[0; 32], |(_, sum)| sum).ct_eq(&sum).to_bool();
        known.filter(|_| same).map(|(name, _)| name).ok_or_else(wrong)
    }

    /// A token for a user, from `now` on (Unix seconds): for one registry, at one host of ours.
    #[must_use]
    pub fn pass(&self, name: &str, registry: &str, host: &str, now: u64) -> Pass {
        let expires = now + USER_LIFE;
        let seal = self.keys.seal(&self.text(name, registry, host, expires));
        let kind = PassKind::User(Sealed { name: name.to_owned(), expires, seal });
        Pass { registry: registry.to_owned(), kind }
    }

    /// Believes a token, or not.
    ///
    /// # Errors
    ///
    /// `UNAUTHORIZED` for one that has expired, was made for another host, or that this proxy has not made.
    pub fn verify(&self, registry: &str, sealed: &Sealed, host: &str, now: u64) -> Result<(), OciError> {
        let text = self.text(&sealed.name, registry, host, sealed.expires);
        if !self.keys.is_seal(&sealed.seal, &text) || self.sum(&sealed.name).is_none() {
            return Err(unauthorized("this is no token of this proxy, or of another host of it"));
        }
        // Both ways: a clock that is behind has not made the token yet.
        if sealed.expires.saturating_add(SKEW) <= now || sealed.expires > now + USER_LIFE + SKEW {
            return Err(unauthorized("this token has expired"));
        }
        Ok(())
    }

    /// A user of this name, with the sum of what they log in with.
    fn sum(&self, name: &str) -> Option<(&str, &[u8; 32])> {
        self.sums.iter().find(|(known, _)| known == name).map(|(name, sum)| (name.as_str(), sum))
    }

    /// What is signed. With the sum of what they log in with: who gets a new token loses what the old one brought. No part holds
    /// a line end.
    fn text(&self, name: &str, registry: &str, host: &str, expires: u64) -> String {
        let sum = self.sum(name).map(|(_, sum)| Sum::of_sha256(sum));
        let sum = sum.as_ref().map_or("", Sum::as_str);
        format!("pierhead user token\n{host}\n{registry}\n{expires}\n{name}\n{sum}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn users(tokens: &[(&str, &str)], key: &str) -> Users {
        let sums = tokens.iter().map(|(name, token)| ((*name).to_owned(), Sha256::digest(token).into())).collect();
        Users::new(sums, SigningKeys::new(vec![Secret::new(key.repeat(32))]).unwrap())
    }

    fn sealed(pass: Pass) -> Sealed {
        match pass.kind {
            PassKind::User(sealed) => sealed,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_name_and_its_token_are_a_user() {
        let users = users(&[("alice", "long"), ("bob", "longer")], "k");
        for (pair, good) in [
            ("alice:long", true),
            ("bob:longer", true),
            ("alice:longer", false),
            ("Alice:long", false),
            ("carol:long", false),
            ("alice:lon", false),
        ] {
            assert_eq!(users.check(&Basic::from_pair(pair).unwrap()).is_ok(), good, "{pair}");
        }
    }

    #[test]
    fn a_token_is_for_one_registry_one_host_and_a_while() {
        let users = users(&[("alice", "long"), ("bob", "longer")], "k");
        let alice = sealed(users.pass("alice", "docker.io", "m.example.com", 1000));
        let ok = |registry: &str, sealed: &Sealed, host: &str, now| users.verify(registry, sealed, host, now).is_ok();
        assert!(ok("docker.io", &alice, "m.example.com", 1000));
        assert!(ok("docker.io", &alice, "m.example.com", 1000 + USER_LIFE + SKEW - 1));
        assert!(!ok("docker.io", &alice, "m.example.com", 1000 + USER_LIFE + SKEW));
        assert!(ok("docker.io", &alice, "m.example.com", 1000 - SKEW) && !ok("docker.io", &alice, "m.example.com", 960));
        assert!(!ok("ghcr.io", &alice, "m.example.com", 1000) && !ok("docker.io", &alice, "n.example.com", 1000));
        for forged in [
            Sealed { name: "bob".into(), ..alice.clone() },
            Sealed { name: "carol".into(), ..alice.clone() },
            Sealed { expires: alice.expires + 1, ..alice.clone() },
            Sealed { expires: u64::MAX, ..alice.clone() },
            Sealed { seal: String::new(), ..alice.clone() },
        ] {
            assert!(!ok("docker.io", &forged, "m.example.com", 1000), "{forged:?}");
        }
    }

    #[test]
    fn who_is_gone_or_has_a_new_token_has_none() {
        let alice = sealed(users(&[("alice", "long")], "k").pass("alice", "docker.io", "h", 0));
        for (now, good) in [
            (users(&[("alice", "long"), ("bob", "b")], "k"), true),
            (users(&[("alice", "new")], "k"), false),
            (users(&[("bob", "b")], "k"), false),
            (users(&[("alice", "long")], "other"), false),
        ] {
            assert_eq!(now.verify("docker.io", &alice, "h", 0).is_ok(), good);
        }
    }
}
