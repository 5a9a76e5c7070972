//! What an isolate remembers between requests: how registries want to be asked, and their tokens.
//!
//! Plain data only: a stream or response belongs to the request that made it and must not be kept.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::registry::{KnownChallenge, Registry};
use crate::secret::Secret;

/// How a registry wants to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Without any token.
    Open,
    /// With a token of this token server.
    Bearer(KnownChallenge),
    /// With a user's name and password.
    Basic,
}

/// What a token was got for. Nobody else may have it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenKey {
    /// The registry's canonical name: two rows may share an origin, but not an account.
    pub registry: String,
    /// The token server.
    pub realm: String,
    /// Its service.
    pub service: Option<String>,
    /// What the token allows.
    pub scope: String,
    /// Whose credentials it was got with: the operator's, or nobody's.
    pub operator: bool,
}

/// Renew a token this long before its end, in milliseconds: the request that bears it takes time too.
const RENEW_BEFORE_MS: u64 = 30_000;

/// A token is 3 KB at most registries: this bounds the memory at a few MB.
const MAX_TOKENS: usize = 1000;

/// Artifact Registry's hosts are rows without number: whoever makes names up must not fill the memory.
const MAX_MANNERS: usize = 1000;

/// One isolate's memory.
#[derive(Debug, Default)]
pub struct Memory {
    /// By the registry's canonical name: what one row trusts another need not.
    manners: RefCell<HashMap<String, Manner>>,
    /// With the end of their life, in milliseconds since the epoch.
    tokens: RefCell<HashMap<TokenKey, (Secret, u64)>>,
}

impl Memory {
    /// How a registry wants to be asked: as it last said, else as its row says.
    #[must_use]
    pub fn manner(&self, registry: &Registry) -> Option<Manner> {
        if let Some(learnt) = self.manners.borrow().get(&registry.name) {
            return Some(learnt.clone());
        }
        match &registry.challenge {
            Some(challenge) => Some(Manner::Bearer(challenge.clone())),
            None if registry.open && !registry.login => Some(Manner::Open),
            None => None,
        }
    }

    /// Remembers what a registry said.
    pub fn learn(&self, registry: &Registry, manner: Manner) {
        let mut manners = self.manners.borrow_mut();
        if manners.len() >= MAX_MANNERS {
            manners.clear();
        }
        manners.insert(registry.name.clone(), manner);
    }

    /// A token that is still good for a while.
    #[must_use]
    pub fn token(&self, key: &TokenKey, now_ms: u64) -> Option<Secret> {
        let tokens = self.tokens.borrow();
        let (token, ends_ms) = tokens.get(key)?;
        (now_ms + RENEW_BEFORE_MS < *ends_ms).then(|| token.clone())
    }

    /// Keeps a token for `life_s` seconds from `now_ms` on.
    pub fn keep_token(&self, key: TokenKey, token: Secret, life_s: u64, now_ms: u64) {
        let mut tokens = self.tokens.borrow_mut();
        if tokens.len() >= MAX_TOKENS {
            tokens.retain(|_, (_, ends_ms)| now_ms < *ends_ms);
        }
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(key, (token, now_ms + life_s * 1000));
    }

    /// Drops a token that its registry no longer takes.
    pub fn forget_token(&self, key: &TokenKey) {
        self.tokens.borrow_mut().remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registries;

    fn key(scope: &str) -> TokenKey {
        TokenKey { registry: "o".into(), realm: "r".into(), service: None, scope: scope.into(), operator: false }
    }

    #[test]
    fn tokens_are_renewed_half_a_minute_early() {
        let memory = Memory::default();
        memory.keep_token(key("a"), Secret::new("t"), 60, 1_000_000);
        assert!(memory.token(&key("a"), 1_029_999).is_some());
        assert!(memory.token(&key("a"), 1_030_000).is_none());
        let operators = TokenKey { operator: true, ..key("a") };
        assert!(memory.token(&operators, 1_000_000).is_none());
        memory.forget_token(&key("a"));
        assert!(memory.token(&key("a"), 1_000_000).is_none());
    }

    #[test]
    fn tokens_are_bounded() {
        let memory = Memory::default();
        for n in 0..3 * MAX_TOKENS {
            memory.keep_token(key(&n.to_string()), Secret::new("t"), 300, 0);
        }
        assert!(memory.tokens.borrow().len() <= MAX_TOKENS);
        assert!(memory.token(&key(&(3 * MAX_TOKENS - 1).to_string()), 0).is_some());
    }

    #[test]
    fn manners_are_bounded() {
        let (memory, registries) = (Memory::default(), Registries::built_in());
        for n in 0..3 * MAX_MANNERS {
            let registry = registries.by_name(&format!("r{n}-docker.pkg.dev")).unwrap();
            memory.learn(&registry, Manner::Open);
            assert_eq!(memory.manner(&registry), Some(Manner::Open));
        }
        assert!(memory.manners.borrow().len() <= MAX_MANNERS);
    }

    #[test]
    fn what_a_registry_says_beats_its_row() {
        let (memory, registries) = (Memory::default(), Registries::built_in());
        let hub = registries.by_name("docker.io").unwrap();
        assert!(matches!(memory.manner(&hub), Some(Manner::Bearer(_))));
        assert_eq!(memory.manner(&registries.by_name("registry.k8s.io").unwrap()), Some(Manner::Open));
        assert_eq!(memory.manner(&registries.by_name("docker.cloudsmith.io").unwrap()), None);
        memory.learn(&hub, Manner::Basic);
        assert_eq!(memory.manner(&hub), Some(Manner::Basic));
    }
}
