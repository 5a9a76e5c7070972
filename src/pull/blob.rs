//! A blob: from the store, else from whoever has it. A small one is held and verified before anybody sees it; a large one
//! passes as a stream, and is fetched a second time for the bucket.

use std::rc::Rc;

use http::header::{CONTENT_ENCODING, HeaderMap};
use http::{Method, StatusCode};

use super::Pull;
use super::manifest::length_of;
use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::memory::{Object, Slot};
use crate::oci::{Code, Digest, OciError};
use crate::platform::{Platform, Tier};
use crate::range;
use crate::record::{Outcome, Record};
use crate::store::{MAX_HELD, MAX_REMEMBERED, Place, Shelf, Stored};
use crate::upstream::{Ask, Reply, ReplyBody};

/// The media type of every blob.
pub const BLOB: &str = "application/octet-stream";

/// A blob that has been got.
enum Got<P: Platform> {
    Held(Object<P::Bytes>),
    Passing(Reply<P::Body>),
}

impl<P: Platform> Exchange<P> {
    /// Answers a request for a blob.
    pub(super) async fn blob(
        &self,
        pull: Pull<'_>,
        ask: &Ask<'_>,
        shelf: &Shelf,
        digest: &Digest,
    ) -> Result<Answer<P>, OciError> {
        let key = shelf.blob(digest);
        // A HEAD has no parts (RFC 9110 section 14.2).
        let get = ask.method == Method::GET;
        let span = if get { range::asked(pull.client, &format!("\"{digest}\"")) } else { None };
        if let Some((stored, place)) = self.stored(&key, span).await {
            return Ok(self.answer_stored(pull, digest, stored, place));
        }
        let whole = self.config.cache.on && get && span.is_none();
        let flight = if whole { self.turn(Slot::Object(key.clone())).await } else { None };
        // Another may have kept it while this one looked into the tiers, or waited.
        let kept = match (whole, &flight) {
            (false, _) => None,
            (true, Some(_)) => self.memory.object(&key).map(|object| (Stored::Held(object), Place::Memory)),
            (true, None) => self.stored(&key, None).await,
        };
        if let Some((stored, place)) = kept {
            return Ok(self.answer_stored(pull, digest, stored, place));
        }
        let got = self
            .ask_any(ask, async |ask, reply| {
                if !(whole && self.may_hold(&reply)) {
                    return Ok(Got::<P>::Passing(reply));
                }
                let object = self.take_blob(ask, reply, digest).await?;
                self.keep(&key, &object);
                Ok(Got::Held(object))
            })
            .await;
        drop(flight);
        match got {
            Ok(Got::Held(object)) => Ok(self.answer_held(pull, digest, &object, Outcome::Miss, HeaderMap::new())),
            Ok(Got::Passing(reply)) => {
                self.record.borrow_mut().store = Some(Outcome::Miss);
                // Only what a client wants all of: lazy pullers ask for a little of much.
                if whole && reply.status == StatusCode::OK {
                    self.fill(pull, ask, key, digest, length_of(&reply.headers));
                }
                self.deliver(pull, ask, reply).await
            }
            Err(attempt) => self.unavailable(pull, ask, attempt).await,
        }
    }

    /// Holds a small blob and verifies it.
    async fn take_blob(&self, ask: &Ask<'_>, reply: Reply<P::Body>, digest: &Digest) -> Result<Object<P::Bytes>, OciError> {
        let what = format!("the blob from {}", ask.registry.at(&reply.host));
        let ReplyBody::Unread(body) = reply.body else {
            return Err(OciError::new(Code::Unavailable, format!("{what} has no bytes")));
        };
        let held = self.hold_sent(body, length_of(&reply.headers), &what).await?;
        let found = self.digest_of(&held, &what).await?;
        if found != *digest {
            return Err(OciError::new(
                Code::Unavailable,
                format!("{what} has the digest `{found}`, not `{digest}`; try again later"),
            ));
        }
        Ok(Object { media_type: Rc::from(BLOB), held })
    }

    /// Fetches a large blob for the bucket, beside the client's own copy: one that were split in two would be held back by
    /// the slower reader, and lost with a client that hangs up. The bucket verifies it, and has all of it or nothing.
    fn fill(&self, pull: Pull<'_>, ask: &Ask<'_>, key: String, digest: &Digest, size: Option<u64>) {
        let cache = &self.config.cache;
        let fits = size.is_some_and(|size| size > MAX_REMEMBERED && size <= cache.blob_bytes);
        if !(cache.on && fits && self.platform.has(Tier::Bucket)) {
            return;
        }
        let record = Record {
            request: self.record.borrow().request.clone(),
            method: Method::GET.to_string(),
            host: self.site.authority.clone(),
            registry: Some(ask.registry.name.clone()),
            endpoint: Some("fill"),
            name: ask.repository.clone(),
            reference: Some(digest.to_string()),
            ..Record::default()
        };
        // Surroundings of its own: the request's log line has been written by the time this ends.
        let exchange = Self { record: Rc::new(record.into()), ..self.clone() };
        let registry = Rc::clone(&pull.route.registry);
        let (presented, repository, below) = (ask.presented.clone(), ask.repository.clone(), ask.below.clone());
        let (time_limit, digest) = (ask.time_limit, digest.clone());
        self.platform.spawn(async move {
            let began_ms = exchange.platform.now_ms();
            let Some(_flight) = exchange.memory.flights.begin(Slot::Fill(key.clone()), began_ms) else { return };
            let ask = Ask {
                registry: &registry,
                method: Method::GET,
                repository,
                below,
                headers: HeaderMap::new(),
                presented,
                blob: true,
                mirror: false,
                time_limit,
            };
            exchange.fill_from(&ask, &key, &digest).await;
            let mut record = exchange.record.borrow_mut();
            record.duration_ms = exchange.platform.now_ms().saturating_sub(began_ms);
            exchange.platform.log(&record.to_line(Some(&exchange.config.access)));
        });
    }

    async fn fill_from(&self, ask: &Ask<'_>, key: &str, digest: &Digest) {
        // Whatever keeps the bucket from taking it, another registry's copy would not mend.
        let filled = self
            .ask_any(ask, async |_, reply| {
                Ok(match reply.body {
                    ReplyBody::Unread(body) if reply.status == StatusCode::OK && is_plain(&reply.headers) => {
                        self.keep_stream(key, BLOB, body, digest).await
                    }
                    _ => Err(format!("`{}` answered {}", reply.host, reply.status)),
                })
            })
            .await;
        let mut record = self.record.borrow_mut();
        record.status = record.upstream_status.unwrap_or_default();
        match filled {
            Ok(Ok(())) => {}
            Ok(Err(why)) => record.explain(&format!("not kept: {why}")),
            Err(_) => record.explain("not kept: nobody has it"),
        }
    }

    /// Whether an answer is a whole blob that may be held.
    fn may_hold(&self, reply: &Reply<P::Body>) -> bool {
        let Some(length) = length_of(&reply.headers).filter(|_| reply.status == StatusCode::OK && is_plain(&reply.headers))
        else {
            return false;
        };
        // What goes into no memory is held only for a tier to keep it, and within what an isolate can bear.
        let has_tier = || [Tier::Cache, Tier::Bucket].into_iter().any(|tier| self.platform.has(tier));
        length <= MAX_REMEMBERED
            || length <= MAX_HELD as u64 && has_tier() && self.memory.may_hold(length, self.platform.now_ms())
    }

    fn answer_stored(&self, pull: Pull<'_>, digest: &Digest, stored: Stored<P>, place: Place) -> Answer<P> {
        match stored {
            Stored::Held(object) => self.answer_held(pull, digest, &object, Outcome::Hit(place), HeaderMap::new()),
            Stored::Streamed(found) => self.answer_streamed(pull, digest, found, Outcome::Hit(place)),
        }
    }
}

/// Whether the bytes are the blob's own: compressed ones have another digest.
fn is_plain(headers: &HeaderMap) -> bool {
    !headers.contains_key(CONTENT_ENCODING)
}
