//! What is kept of registries, so that they need not be asked again: in an isolate's own memory, in the Cache API, in a
//! bucket.
//!
//! Only what the server side fetched is kept, and what has a digest only once its bytes have been shown to have it. Every
//! key holds registry, repository and whose authority fetched it; none is made of a client's words alone. A tier that is
//! absent or fails is a miss: nothing depends on it but speed.

mod key;
mod tag;

use std::rc::Rc;
use std::time::Duration;

use crate::exchange::Exchange;
use crate::memory::Object;
use crate::oci::Digest;
use crate::platform::{Content, Found, Held, Kept, Platform, Tier};
use crate::range::Span;

pub use key::Shelf;
pub use tag::{Source, TagRecord};

/// The largest thing that is held whole, in bytes: a manifest (distribution spec, "Pushing Manifests"), a config, a thin layer.
pub const MAX_HELD: usize = 4 * 1024 * 1024;

/// The largest blob that takes room in an isolate's memory, in bytes: configs, and layers of a few files.
pub const MAX_REMEMBERED: u64 = 256 * 1024;

/// What has a digest never changes.
const FOR_GOOD: Duration = Duration::from_secs(31_536_000);

/// Where a thing was found, as the log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The isolate's own.
    Memory,
    /// The Cache API.
    Cache,
    /// The bucket.
    Bucket,
}

impl Place {
    /// What the log calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cache => "cache",
            Self::Bucket => "bucket",
        }
    }
}

/// A stored thing, held or about to be streamed.
pub enum Stored<P: Platform> {
    /// All of it.
    Held(Object<P::Bytes>),
    /// The part of it that was asked for.
    Streamed(Found<P::Body>),
}

impl<P: Platform> Exchange<P> {
    /// What is kept under a key. `span` is what the client wants of it; what is small comes whole all the same.
    pub async fn stored(&self, key: &str, span: Option<Span>) -> Option<(Stored<P>, Place)> {
        if !self.config.cache.on {
            return None;
        }
        if let Some(object) = self.memory.object(key) {
            return Some((Stored::Held(object), Place::Memory));
        }
        // What would not be remembered need not be held: it passes as a stream. (Of the Cache API's only as a whole.)
        let is_to_hold = |found: &Found<P::Body>| found.size <= MAX_REMEMBERED || is_manifest(key);
        if let Some(found) = self.find(Tier::Cache, key, None).await {
            if !is_to_hold(&found) && span.is_none() {
                return Some((Stored::Streamed(found), Place::Cache));
            }
            if (is_to_hold(&found) || self.memory.may_hold(found.size, self.platform.now_ms()))
                && let Some(object) = self.hold(found).await
            {
                self.remember(key, &object);
                return Some((Stored::Held(object), Place::Cache));
            }
        }
        let found = self.find(Tier::Bucket, key, span).await?;
        if span.is_some() || !is_to_hold(&found) {
            return Some((Stored::Streamed(found), Place::Bucket));
        }
        let object = self.hold(found).await?;
        self.remember(key, &object);
        self.spawn_keep(Tier::Cache, key, &object, FOR_GOOD);
        Some((Stored::Held(object), Place::Bucket))
    }

    /// Keeps a manifest or small blob whose bytes have been shown to be what the key says.
    pub fn keep(&self, key: &str, object: &Object<P::Bytes>) {
        if !self.config.cache.on {
            return;
        }
        self.remember(key, object);
        self.spawn_keep(Tier::Cache, key, object, FOR_GOOD);
        self.spawn_keep(Tier::Bucket, key, object, FOR_GOOD);
    }

    /// Puts a large blob into the bucket as it comes; the bucket verifies it.
    ///
    /// # Errors
    ///
    /// The platform's words, when the bytes were not `digest`'s or did not all come.
    pub async fn keep_stream(&self, key: &str, media_type: &str, body: P::Body, digest: &Digest) -> Result<(), String> {
        let content = Content::Stream(body, digest.clone());
        let kept = Kept { media_type: media_type.to_owned(), content, life: FOR_GOOD };
        self.platform.keep(Tier::Bucket, key, kept).await.map_err(|error| error.0)
    }

    /// The isolate's memory is for what is small, and manifests are whatever their size.
    fn remember(&self, key: &str, object: &Object<P::Bytes>) {
        if object.held.length <= MAX_REMEMBERED || is_manifest(key) {
            self.memory.keep_object(key, object.clone());
        }
    }

    fn spawn_keep(&self, tier: Tier, key: &str, object: &Object<P::Bytes>, life: Duration) {
        if !self.platform.has(tier) {
            return;
        }
        let (platform, key) = (self.platform.clone(), self.tier_key(tier, key));
        let kept = Kept { media_type: object.media_type.to_string(), content: Content::Held(object.held.clone()), life };
        // What is not kept is fetched again.
        self.platform.spawn(async move { drop(platform.keep(tier, &key, kept).await) });
    }

    async fn find(&self, tier: Tier, key: &str, span: Option<Span>) -> Option<Found<P::Body>> {
        if !self.platform.has(tier) {
            return None;
        }
        self.platform.find(tier, &self.tier_key(tier, key), span).await
    }

    async fn hold(&self, found: Found<P::Body>) -> Option<Object<P::Bytes>> {
        let held: Held<_> = self.platform.hold(found.body, Some(found.size), MAX_HELD).await.ok()?;
        (held.length == found.size).then(|| Object { media_type: Rc::from(found.media_type), held })
    }

    /// The Cache API's keys are URLs, and those of the Worker's own host are looked up soonest.
    fn tier_key(&self, tier: Tier, key: &str) -> String {
        match tier {
            Tier::Cache => format!("https://{}/.pierhead/{key}", self.site.authority),
            Tier::Bucket => key.to_owned(),
        }
    }
}

/// Whether a key is a manifest's: what stands before the digest tells.
fn is_manifest(key: &str) -> bool {
    key.rsplit('/').nth(1) == Some("manifests")
}
