//! What an isolate remembers between requests: manifests, tags, tokens, how registries want to be asked, who needs rest.
//!
//! Plain data only: a stream or response belongs to the request that made it and must not be kept. All of it is in one
//! cache bounded in bytes: whoever makes names up drives out what was used least, and fills nothing.

mod flights;

use std::cell::{Cell, RefCell};
use std::hash::RandomState;
use std::num::NonZeroUsize;
use std::rc::Rc;

use clru::{CLruCache, CLruCacheConfig, WeightScale};

use crate::platform::Held;
use crate::registry::{KnownChallenge, Registry};
use crate::secret::Secret;
use crate::store::TagRecord;

pub use flights::{Flight, Flights};

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

/// Which requests an endpoint needs rest from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// GET of a manifest: what Docker Hub counts as a pull.
    Pulls,
    /// Everything.
    All,
}

/// What something is remembered by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// A manifest or small blob, by its key in the store.
    Object(String),
    /// What a tag pointed to, by its key in the store.
    Tag(String),
    /// A token of the server side.
    Token(TokenKey),
    /// By the registry's canonical name: what one row trusts another need not.
    Manner(String),
    /// By the registry's canonical name.
    Rest(String, Lane),
    /// A blob that is on its way into the bucket, by its key: nothing is remembered here, only that it is under way.
    Fill(String),
}

/// Bytes and their media type.
#[derive(Clone, Debug)]
pub struct Object<T> {
    /// As the registry said, and as the bytes say where they are a manifest.
    pub media_type: Rc<str>,
    /// The bytes.
    pub held: Held<T>,
}

/// What is remembered.
enum Entry<T> {
    Object(Object<T>),
    Tag(TagRecord),
    /// With the end of its life, in milliseconds since the epoch.
    Token(Secret, u64),
    Manner(Manner),
    /// Until when, in milliseconds since the epoch.
    Rest(u64),
}

/// Renew a token this long before its end, in milliseconds: the request that bears it takes time too.
const RENEW_BEFORE_MS: u64 = 30_000;

/// There is always room for tokens and the like, in bytes.
const LEAST: usize = 1024 * 1024;

/// How many bytes of bodies that are not remembered may be held in a minute: a quarter of an isolate.
const HELD_A_MINUTE: u64 = 32 * 1024 * 1024;

/// What an entry costs beside its texts and bytes: the slots of the maps, the handle. A generous guess, in bytes.
const OVERHEAD: usize = 512;

/// One isolate's memory.
pub struct Memory<T> {
    entries: RefCell<CLruCache<Slot, Entry<T>, RandomState, Bytes>>,
    /// What is being fetched right now.
    pub flights: Flights,
    /// How many bytes clients may be reading from what is held, and when that was reckoned.
    held: Cell<(u64, u64)>,
}

/// Weighs entries in bytes.
struct Bytes;

impl<T> WeightScale<Slot, Entry<T>> for Bytes {
    fn weight(&self, slot: &Slot, entry: &Entry<T>) -> usize {
        let slot = match slot {
            Slot::Object(text) | Slot::Tag(text) | Slot::Manner(text) | Slot::Rest(text, _) | Slot::Fill(text) => text.len(),
            Slot::Token(key) => key.registry.len() + key.realm.len() + key.scope.len(),
        };
        let entry = match entry {
            Entry::Object(object) => usize::try_from(object.held.length).unwrap_or(usize::MAX / 2),
            Entry::Token(token, _) => token.expose().len(),
            Entry::Tag(_) | Entry::Manner(_) | Entry::Rest(_) => 0,
        };
        slot + entry + OVERHEAD
    }
}

impl<T: Clone> Memory<T> {
    /// A memory of at most `bytes` bytes.
    #[must_use]
    pub fn bounded(bytes: usize) -> Self {
        let bound = NonZeroUsize::new(bytes.max(LEAST)).unwrap_or(NonZeroUsize::MIN);
        Self {
            entries: RefCell::new(CLruCache::with_config(CLruCacheConfig::new(bound).with_scale(Bytes))),
            flights: Flights::default(),
            held: Cell::new((0, 0)),
        }
    }

    /// How a registry wants to be asked: as it last said, else as its row says.
    #[must_use]
    pub fn manner(&self, registry: &Registry) -> Option<Manner> {
        if let Some(Entry::Manner(learnt)) = self.entries.borrow_mut().get(&Slot::Manner(registry.name.clone())) {
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
        self.put(Slot::Manner(registry.name.clone()), Entry::Manner(manner));
    }

    /// A token that is still good for a while.
    #[must_use]
    pub fn token(&self, key: &TokenKey, now_ms: u64) -> Option<Secret> {
        match self.entries.borrow_mut().get(&Slot::Token(key.clone()))? {
            Entry::Token(token, ends_ms) => (now_ms + RENEW_BEFORE_MS < *ends_ms).then(|| token.clone()),
            _ => None,
        }
    }

    /// Keeps a token for `life_s` seconds from `now_ms` on.
    pub fn keep_token(&self, key: TokenKey, token: Secret, life_s: u64, now_ms: u64) {
        self.put(Slot::Token(key), Entry::Token(token, now_ms + life_s * 1000));
    }

    /// Drops a token that its registry no longer takes, unless there is another one by now.
    pub fn forget_token(&self, key: &TokenKey, refused: &Secret) {
        let slot = Slot::Token(key.clone());
        let mut entries = self.entries.borrow_mut();
        if matches!(entries.peek(&slot), Some(Entry::Token(token, _)) if token == refused) {
            entries.pop(&slot);
        }
    }

    /// The manifest or small blob under a key of the store.
    #[must_use]
    pub fn object(&self, key: &str) -> Option<Object<T>> {
        match self.entries.borrow_mut().get(&Slot::Object(key.to_owned()))? {
            Entry::Object(object) => Some(object.clone()),
            _ => None,
        }
    }

    /// Remembers a manifest or small blob. One that is larger than all of the memory is not.
    pub fn keep_object(&self, key: &str, object: Object<T>) {
        self.put(Slot::Object(key.to_owned()), Entry::Object(object));
    }

    /// What a tag pointed to.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<TagRecord> {
        match self.entries.borrow_mut().get(&Slot::Tag(key.to_owned()))? {
            Entry::Tag(record) => Some(record.clone()),
            _ => None,
        }
    }

    /// Remembers what a tag points to.
    pub fn keep_tag(&self, key: &str, record: TagRecord) {
        self.put(Slot::Tag(key.to_owned()), Entry::Tag(record));
    }

    /// Forgets a tag.
    pub fn forget_tag(&self, key: &str) {
        self.entries.borrow_mut().pop(&Slot::Tag(key.to_owned()));
    }

    /// Whether a registry needs rest from such requests.
    #[must_use]
    pub fn rests(&self, registry: &str, lane: Lane, now_ms: u64) -> bool {
        self.rests_until(registry, lane, now_ms).is_some()
    }

    /// Until when it does, in milliseconds since the epoch.
    #[must_use]
    pub fn rests_until(&self, registry: &str, lane: Lane, now_ms: u64) -> Option<u64> {
        match self.entries.borrow_mut().get(&Slot::Rest(registry.to_owned(), lane))? {
            Entry::Rest(until_ms) => Some(*until_ms).filter(|until_ms| now_ms < *until_ms),
            _ => None,
        }
    }

    /// Lets a registry rest from such requests, if it does not rest for longer already.
    pub fn rest(&self, registry: &str, lane: Lane, until_ms: u64) {
        if self.rests(registry, lane, until_ms) {
            return;
        }
        self.put(Slot::Rest(registry.to_owned(), lane), Entry::Rest(until_ms));
    }

    /// A registry has answered such a request: it needs no rest from those, nor from everything.
    pub fn wake(&self, registry: &str, lane: Lane) {
        let mut entries = self.entries.borrow_mut();
        for lane in [lane, Lane::All] {
            entries.pop(&Slot::Rest(registry.to_owned(), lane));
        }
    }

    /// Whether a body of so many bytes may be held while a client reads it. Slow readers hold theirs for long, and an isolate
    /// has 128 MB for all: beyond [`HELD_A_MINUTE`] bodies pass as streams.
    #[must_use]
    pub fn may_hold(&self, bytes: u64, now_ms: u64) -> bool {
        let (held, since_ms) = self.held.get();
        let drained = now_ms.saturating_sub(since_ms).saturating_mul(HELD_A_MINUTE / 60_000);
        let held = held.saturating_sub(drained) + bytes;
        if held > HELD_A_MINUTE {
            return false;
        }
        self.held.set((held, now_ms));
        true
    }

    fn put(&self, slot: Slot, entry: Entry<T>) {
        // Refused is what is larger than the whole memory: then it is simply not remembered.
        drop(self.entries.borrow_mut().put_with_weight(slot, entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registries;

    type Small = Memory<Vec<u8>>;

    fn key(scope: &str) -> TokenKey {
        TokenKey { registry: "o".into(), realm: "r".into(), service: None, scope: scope.into(), operator: false }
    }

    fn object(size: usize) -> Object<Vec<u8>> {
        Object { media_type: "text/plain".into(), held: Held { bytes: vec![0; size], length: size as u64 } }
    }

    #[test]
    fn tokens_are_renewed_half_a_minute_early() {
        let memory = Small::bounded(0);
        memory.keep_token(key("a"), Secret::new("t"), 60, 1_000_000);
        assert!(memory.token(&key("a"), 1_029_999).is_some());
        assert!(memory.token(&key("a"), 1_030_000).is_none());
        let operators = TokenKey { operator: true, ..key("a") };
        assert!(memory.token(&operators, 1_000_000).is_none());
        memory.forget_token(&key("a"), &Secret::new("older"));
        assert!(memory.token(&key("a"), 1_000_000).is_some());
        memory.forget_token(&key("a"), &Secret::new("t"));
        assert!(memory.token(&key("a"), 1_000_000).is_none());
    }

    #[test]
    fn all_of_it_is_bounded_in_bytes() {
        let (memory, registries) = (Small::bounded(2 * LEAST), Registries::built_in());
        for n in 0..10_000_u64 {
            memory.keep_token(key(&n.to_string()), Secret::new("t".repeat(300)), 300, 0);
            memory.learn(&registries.by_name(&format!("r{n}-docker.pkg.dev")).unwrap(), Manner::Open);
            memory.keep_object(&n.to_string(), object(1000));
            memory.rest(&n.to_string(), Lane::All, n);
            let entries = memory.entries.borrow();
            assert!(entries.weight() + entries.len() <= 2 * LEAST);
        }
        assert!(memory.object("9999").is_some() && memory.object("0").is_none());
        assert!(memory.token(&key("9999"), 0).is_some());
        memory.keep_object("large", object(3 * LEAST));
        assert!(memory.object("large").is_none() && memory.object("9999").is_some(), "it drives out nothing");
    }

    #[test]
    fn what_is_used_stays() {
        let memory = Small::bounded(LEAST);
        for n in 0..5000 {
            memory.keep_object(&n.to_string(), object(1000));
            assert!(memory.object("0").is_some());
        }
        assert!(memory.object("1").is_none());
    }

    #[test]
    fn rest_ends_and_is_by_lane() {
        let memory = Small::bounded(0);
        memory.rest("docker.io", Lane::Pulls, 10);
        assert!(memory.rests("docker.io", Lane::Pulls, 9) && !memory.rests("docker.io", Lane::Pulls, 10));
        assert!(!memory.rests("docker.io", Lane::All, 9) && !memory.rests("quay.io", Lane::Pulls, 9));
        memory.rest("docker.io", Lane::Pulls, 5);
        assert!(memory.rests("docker.io", Lane::Pulls, 9), "a short rest ends no long one");
        memory.rest("docker.io", Lane::All, 10);
        memory.wake("docker.io", Lane::All);
        assert!(memory.rests("docker.io", Lane::Pulls, 9) && !memory.rests("docker.io", Lane::All, 9));
        memory.wake("docker.io", Lane::Pulls);
        assert!(!memory.rests("docker.io", Lane::Pulls, 9));
    }

    #[test]
    fn what_readers_hold_is_bounded() {
        let memory = Small::bounded(0);
        assert!(memory.may_hold(HELD_A_MINUTE / 2, 1000) && memory.may_hold(HELD_A_MINUTE / 2, 1000));
        assert!(!memory.may_hold(HELD_A_MINUTE / 4, 1000));
        assert!(memory.may_hold(HELD_A_MINUTE / 4, 17_000) && !memory.may_hold(HELD_A_MINUTE / 4, 17_000));
    }

    #[test]
    fn what_a_registry_says_beats_its_row() {
        let (memory, registries) = (Small::bounded(0), Registries::built_in());
        let hub = registries.by_name("docker.io").unwrap();
        assert!(matches!(memory.manner(&hub), Some(Manner::Bearer(_))));
        assert_eq!(memory.manner(&registries.by_name("registry.k8s.io").unwrap()), Some(Manner::Open));
        assert_eq!(memory.manner(&registries.by_name("docker.cloudsmith.io").unwrap()), None);
        memory.learn(&hub, Manner::Basic);
        assert_eq!(memory.manner(&hub), Some(Manner::Basic));
    }
}
