//! The store's shared tiers: the Cache API and an R2 bucket.

use std::cell::{Cell, RefCell};

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Headers, ReadableStream, Response, ResponseInit, WorkerGlobalScope};
use worker::{Bucket, Env, HttpMetadata, ResponseBody};

use super::body::Body;
use super::words;
use crate::platform::{Content, Found, KeepError, Kept, Tier};
use crate::range::{self, Span};

/// The binding of the bucket, in wrangler.toml.
const BUCKET: &str = "STORE";

/// The name of the Worker's own cache. Entries of other Workers in the zone are in others.
const CACHE: &str = "pierhead";

/// The size of what is kept, for `Content-Length` may have gone by the time it is found.
const SIZE: &str = "x-pierhead-size";

/// Both tiers, as far as they are there. One for an isolate.
pub struct Tiers {
    bucket: Option<Bucket>,
    /// Whether the runtime has a Cache API, as far as has been seen.
    cache: Cell<Seen>,
    opened: RefCell<Option<Cache>>,
}

/// What has been seen of the Cache API. A runtime without one fails from the first call on; one that has worked and fails is
/// only out of sorts, or the request has no subrequests left.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Nothing,
    Working,
    Absent,
}

impl Tiers {
    /// What the runtime has to offer.
    pub fn of(env: &Env) -> Self {
        Self { bucket: env.bucket(BUCKET).ok(), cache: Cell::new(Seen::Nothing), opened: RefCell::new(None) }
    }

    /// Whether a tier is there, for a request to this host.
    pub fn has(&self, tier: Tier, host_has_cache: bool) -> bool {
        match tier {
            Tier::Cache => self.cache.get() != Seen::Absent && host_has_cache,
            Tier::Bucket => self.bucket.is_some(),
        }
    }

    /// What a tier has under a key.
    pub async fn find(&self, tier: Tier, key: &str, span: Option<Span>) -> Option<Found<Body>> {
        match tier {
            Tier::Cache => self.in_cache(key).await,
            Tier::Bucket => self.in_bucket(key, span).await,
        }
    }

    async fn in_cache(&self, url: &str) -> Option<Found<Body>> {
        let found = JsFuture::from(self.cache().await?.match_with_str(url)).await;
        let seen = if found.is_ok() { Seen::Working } else { Seen::Absent };
        if self.cache.get() != Seen::Working {
            self.cache.set(seen);
        }
        let found = found.ok()?;
        let response: Response = found.dyn_into().ok()?;
        let headers = response.headers();
        Some(Found {
            media_type: headers.get("content-type").ok()??,
            size: headers.get(SIZE).ok()??.parse().ok()?,
            body: Body(response.body()),
        })
    }

    async fn in_bucket(&self, key: &str, span: Option<Span>) -> Option<Found<Body>> {
        let bucket = self.bucket.as_ref()?;
        let mut get = bucket.get(key);
        if let Some(span) = span {
            get = get.range(r2_range(span)?);
        }
        let object = match (get.execute().await, span) {
            (Ok(found), _) => found?,
            // A range that is outside of the object is an error of R2's; its size tells the same. Any other error is a miss.
            (Err(_), Some(span)) => {
                bucket.head(key).await.ok()?.filter(|object| range::bytes(span, object.size()).is_none())?
            }
            (Err(_), None) => return None,
        };
        let body = match object.body().and_then(|body| body.response_body().ok()) {
            Some(ResponseBody::Stream(stream)) => Some(stream),
            _ => None,
        };
        Some(Found { media_type: object.http_metadata().content_type?, size: object.size(), body: Body(body) })
    }

    /// Keeps something in a tier.
    pub async fn keep(&self, tier: Tier, key: &str, kept: Kept<Body, Uint8Array>) -> Result<(), KeepError> {
        let failed = |error: &JsValue| KeepError(words(error));
        match tier {
            Tier::Cache => {
                let Content::Held(held) = kept.content else { return Err(KeepError("a cache takes no streams".to_owned())) };
                let headers = Headers::new().map_err(|error| failed(&error))?;
                for (name, value) in [
                    ("content-type", kept.media_type),
                    ("cache-control", format!("public, max-age={}", kept.life.as_secs())),
                    (SIZE, held.length.to_string()),
                ] {
                    headers.set(name, &value).map_err(|error| failed(&error))?;
                }
                let init = ResponseInit::new();
                init.set_headers(&headers);
                let response = Response::new_with_opt_js_u8_array_and_init(Some(&held.bytes), &init);
                let response = response.map_err(|error| failed(&error))?;
                let Some(cache) = self.cache().await else { return Err(KeepError("there is no cache".to_owned())) };
                JsFuture::from(cache.put_with_str(key, &response)).await.map_err(|error| failed(&error))?;
            }
            Tier::Bucket => {
                let Some(bucket) = &self.bucket else { return Err(KeepError("there is no bucket".to_owned())) };
                let (stream, sum) = match kept.content {
                    Content::Held(held) => (stream_of(&held.bytes).map_err(|error| failed(&error))?, None),
                    Content::Stream(body, digest) => (body.take(), digest.sha256()),
                };
                let Some(stream) = stream else { return Err(KeepError("there are no bytes".to_owned())) };
                let metadata = HttpMetadata { content_type: Some(kept.media_type), ..HttpMetadata::default() };
                let mut put = bucket.put(key, stream).http_metadata(metadata);
                if let Some(sum) = sum {
                    put = put.sha256(sum);
                }
                put.execute().await.map_err(|error| KeepError(without_addresses(&error.to_string())))?;
            }
        }
        Ok(())
    }

    /// Drops what a tier has under a key.
    pub async fn forget(&self, tier: Tier, key: &str) {
        match tier {
            Tier::Cache => {
                if let Some(cache) = self.cache().await {
                    drop(JsFuture::from(cache.delete_with_str(key)).await);
                }
            }
            Tier::Bucket => {
                if let Some(bucket) = &self.bucket {
                    drop(bucket.delete(key).await);
                }
            }
        }
    }

    /// The cache, unless the runtime has none. It is no request's own, and opened once.
    async fn cache(&self) -> Option<Cache> {
        if let Some(cache) = self.opened.borrow().clone() {
            return Some(cache);
        }
        let global: WorkerGlobalScope = js_sys::global().unchecked_into();
        let opened = JsFuture::from(global.caches().ok()?.open(CACHE)).await;
        let cache: Cache = opened.ok()?.unchecked_into();
        self.opened.replace(Some(cache.clone()));
        Some(cache)
    }
}

/// Held bytes as a stream of known length, which is what a bucket takes.
fn stream_of(bytes: &Uint8Array) -> Result<Option<ReadableStream>, JsValue> {
    Ok(Response::new_with_opt_js_u8_array(Some(bytes))?.body())
}

/// A range as R2 has it; none where its numbers are beyond what JavaScript counts exactly.
fn r2_range(span: Span) -> Option<worker::Range> {
    const LAST: u64 = (1 << 53) - 2;
    match span {
        Span::FromStart(offset) if offset <= LAST => Some(worker::Range::OffsetToEnd { offset }),
        Span::FromLast(suffix) if suffix > 0 => Some(worker::Range::Suffix { suffix: suffix.min(LAST) }),
        Span::Indexed(offset, end) if offset <= LAST => {
            Some(worker::Range::OffsetWithLength { offset, length: end.min(LAST).saturating_sub(offset) + 1 })
        }
        _ => None,
    }
}

/// The runtime may repeat an address, and that may be signed: it is cut off there.
fn without_addresses(text: &str) -> String {
    text.split("http").next().unwrap_or_default().to_owned()
}
