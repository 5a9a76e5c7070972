//! What a tag pointed to when it was last asked for.

use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::exchange::Exchange;
use crate::memory::Object;
use crate::oci::Digest;
use crate::platform::{Platform, Tier};

/// A record in the bucket is written anew only when it is this old, in milliseconds, or the tag has moved: writes there cost.
const BUCKET_WRITES_MS: u64 = 86_400_000;

/// The largest record that is read back, in bytes.
const MAX_RECORD: usize = 4096;

/// Who said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The registry itself.
    Origin,
    /// One of its mirrors, which may lag behind.
    Mirror,
}

/// What a tag pointed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRecord {
    /// The manifest's digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its length in bytes.
    pub length: u64,
    /// When it was said, in milliseconds since the epoch.
    pub at_ms: u64,
    /// By whom.
    pub source: Source,
    /// When the bucket was last told, in milliseconds since the epoch.
    pub written_ms: u64,
}

impl TagRecord {
    /// Whether it was said within the last `time`.
    #[must_use]
    pub fn is_within(&self, time: Duration, now_ms: u64) -> bool {
        u128::from(now_ms.saturating_sub(self.at_ms)) < time.as_millis()
    }
}

impl<P: Platform> Exchange<P> {
    /// What a tag pointed to, if that may still be told at all.
    pub async fn tag_record(&self, key: &str) -> Option<TagRecord> {
        let cache = &self.config.cache;
        if !cache.on {
            return None;
        }
        let now_ms = self.platform.now_ms();
        let known = self.memory.tag(key).filter(|known| known.is_within(cache.stale, now_ms));
        if let Some(known) = known.as_ref().filter(|known| known.is_within(cache.fresh, now_ms)) {
            return Some(known.clone());
        }
        // Another isolate may know better.
        let mut newest = known;
        for tier in [Tier::Cache, Tier::Bucket] {
            // The bucket is for when nobody else knows anything.
            if tier == Tier::Bucket && newest.is_some() {
                break;
            }
            if let Some(found) = self.find(tier, key, None).await
                && let Ok(bytes) = self.platform.read(found.body, MAX_RECORD).await
                && let Ok(record) = serde_json::from_slice::<TagRecord>(&bytes)
                && newest.as_ref().is_none_or(|newest| newest.at_ms < record.at_ms)
            {
                self.memory.keep_tag(key, record.clone());
                newest = Some(record);
            }
        }
        newest.filter(|record| record.is_within(cache.stale, now_ms))
    }

    /// Keeps what a tag points to; `old` is what was known of it.
    pub fn keep_tag(&self, key: &str, mut record: TagRecord, old: Option<&TagRecord>) {
        let cache = &self.config.cache;
        if !cache.on {
            return;
        }
        let in_bucket = old.filter(|old| old.digest == record.digest && record.at_ms < old.written_ms + BUCKET_WRITES_MS);
        record.written_ms = in_bucket.map_or(record.at_ms, |old| old.written_ms);
        self.memory.keep_tag(key, record.clone());
        // Texts and numbers always serialize; a record that did not would only not be kept.
        let Ok(json) = serde_json::to_vec(&record) else { return };
        let object = Object { media_type: Rc::from("application/json"), held: self.platform.bring_out(&json) };
        self.spawn_keep(Tier::Cache, key, &object, cache.stale);
        if in_bucket.is_none() {
            self.spawn_keep(Tier::Bucket, key, &object, cache.stale);
        }
    }

    /// Forgets a tag that its registry no longer knows or shows.
    pub fn forget_tag(&self, key: &str) {
        if !self.config.cache.on {
            return;
        }
        self.memory.forget_tag(key);
        for tier in [Tier::Cache, Tier::Bucket] {
            if self.platform.has(tier) {
                let (platform, key) = (self.platform.clone(), self.tier_key(tier, key));
                self.platform.spawn(async move { platform.forget(tier, &key).await });
            }
        }
    }
}
