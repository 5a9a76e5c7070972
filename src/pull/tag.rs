//! A manifest by its tag: what the tag points to is asked of the registry itself where it can be, by HEAD, which Docker
//! Hub does not count; the manifest then comes by its digest from wherever it is.

use std::ops::ControlFlow;
use std::time::Duration;

use http::header::HeaderMap;
use http::{Method, StatusCode};

use super::content::About;
use super::manifest::{Got, length_of, media_type_of};
use super::{Pull, deliver};
use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::headers::{self, DOCKER_CONTENT_DIGEST};
use crate::memory::Slot;
use crate::oci::{Accepted, Digest, OciError, Tag};
use crate::platform::Platform;
use crate::record::Outcome;
use crate::store::{Place, Shelf, Source, Stored, TagRecord};
use crate::upstream::{Ask, Attempt, Failure, Reply};

/// For so long after its life the registry's own word stands against a mirror's: mirrors lag behind, and a tag must not go
/// back to what it was.
const OVER_MIRRORS: Duration = Duration::from_secs(3600);

/// How long a registry may take where there is something to tell in its place.
const WITH_SOMETHING_AT_HAND: Duration = Duration::from_secs(5);

/// What a tag points to, as far as could be found out.
enum Resolved<P: Platform> {
    /// To this; with what was said beside it just now.
    Record(TagRecord, Outcome, HeaderMap),
    /// To this, and the manifest came along.
    Got(Got<P>),
    /// A good answer to a HEAD that is no manifest's.
    Opaque(Reply<P::Body>),
}

/// How a tag is kept, and for which clients.
struct TagPlace {
    key: String,
    accepted: Accepted,
}

impl<P: Platform> Exchange<P> {
    /// Answers a request for a manifest by a tag.
    pub(super) async fn tagged(
        &self,
        pull: Pull<'_>,
        ask: &Ask<'_>,
        shelf: &Shelf,
        tag: &Tag,
        accepted: Accepted,
    ) -> Result<Answer<P>, OciError> {
        let place = TagPlace { key: shelf.tag(tag, accepted), accepted };
        match self.resolve(ask, shelf, &place).await {
            Ok(Resolved::Record(record, outcome, beside)) => {
                let answer = self.answer_record(pull, ask, shelf, record, outcome, beside).await;
                if answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::NOT_FOUND) {
                    // It has moved on, and what it pointed to is gone.
                    self.forget_tag(&place.key);
                }
                answer
            }
            Ok(Resolved::Got(got)) => self.answer_got(pull, ask, got).await,
            // What a HEAD has told is no answer to a GET.
            Ok(Resolved::Opaque(_)) if *pull.method == Method::GET => self.relay(pull, ask).await,
            Ok(Resolved::Opaque(reply)) => self.answer_got(pull, ask, Got::Opaque(reply)).await,
            Err(attempt) => self.unavailable(pull, ask, attempt).await,
        }
    }

    /// The manifest a tag points to, or for a HEAD what is known of it.
    async fn answer_record(
        &self,
        pull: Pull<'_>,
        ask: &Ask<'_>,
        shelf: &Shelf,
        record: TagRecord,
        outcome: Outcome,
        beside: HeaderMap,
    ) -> Result<Answer<P>, OciError> {
        let digest = &record.digest;
        if ask.method == Method::HEAD {
            let about = About { digest, media_type: &record.media_type, size: record.length };
            return Ok(self.answer_about(pull, &about, outcome, beside));
        }
        let key = shelf.manifest(digest);
        if let Some((Stored::Held(object), place)) = self.stored(&key, None).await {
            let outcome = if let Outcome::Hit(_) = outcome { Outcome::Hit(place) } else { outcome };
            return Ok(self.answer_held(pull, digest, &object, outcome, beside));
        }
        let by_digest = Ask { below: format!("manifests/{digest}"), ..ask.clone() };
        match self.get_manifest(&by_digest, &key, digest).await {
            Ok(Got::Held(object, digest, beside, got)) => {
                let outcome = if outcome == Outcome::Stale { outcome } else { got };
                Ok(self.answer_held(pull, &digest, &object, outcome, beside))
            }
            Ok(opaque) => self.answer_got(pull, &by_digest, opaque).await,
            Err(attempt) => self.unavailable(pull, &by_digest, attempt).await,
        }
    }

    /// Finds out what a tag points to. Requests that come together ask once.
    ///
    /// In this order: what was said a short while ago; the registry itself, unless it needs rest; what it said within the last hour
    /// or so; its mirrors; the registry, though it needs rest; what anybody said within the last days.
    async fn resolve(&self, ask: &Ask<'_>, shelf: &Shelf, place: &TagPlace) -> Result<Resolved<P>, Attempt<P::Body>> {
        let cache = &self.config.cache;
        let fresh = |record: &TagRecord| record.is_within(cache.fresh, self.platform.now_ms());
        let hit = Outcome::Hit(Place::Memory);
        let mut known = self.tag_record(&place.key).await;
        if let Some(record) = known.take_if(|record| fresh(record)) {
            return Ok(Resolved::Record(record, hit, HeaderMap::new()));
        }
        let _flight = self.turn_to_keep(Slot::Tag(place.key.clone())).await;
        if let Some(record) = self.memory.tag(&place.key).filter(fresh) {
            return Ok(Resolved::Record(record, hit, HeaderMap::new()));
        }
        // With something to tell at hand nobody is waited for as long.
        let time_limit = if known.is_some() { WITH_SOMETHING_AT_HAND } else { ask.time_limit };
        let get = Ask { method: Method::GET, time_limit, ..ask.clone() };
        let head = Ask { method: Method::HEAD, time_limit, ..ask.clone() };
        // With nothing to compare, the manifest itself is wanted at once.
        let want = if known.is_none() && ask.method == Method::GET { &get } else { &head };
        let old = known.as_ref();
        let mut told = None;
        if want.method == Method::GET && !self.is_resting(want) {
            match self.ask_registry(want, shelf, place, old).await {
                ControlFlow::Break(end) => return end,
                ControlFlow::Continue(failed) => told = Some(failed),
            }
        }
        // HEAD is for what is to be compared, and for when it is GET that is limited.
        if told.as_ref().is_none_or(is_limit) && !self.is_resting(&head) {
            match self.ask_registry(&head, shelf, place, old).await {
                ControlFlow::Break(end) => return end,
                // The first has more to say: the answer to a HEAD has no words.
                ControlFlow::Continue(failed) => told = told.or(Some(failed)),
            }
        }
        if told.is_none() {
            let why = format!("`{}` is spared, for it has failed a short while ago", ask.registry.name);
            self.record.borrow_mut().explain(&why);
        }
        let now_ms = self.platform.now_ms();
        let stale = |record: &TagRecord| Resolved::Record(record.clone(), Outcome::Stale, HeaderMap::new());
        let stands = |old: &TagRecord| old.source == Source::Origin && old.is_within(cache.fresh + OVER_MIRRORS, now_ms);
        if let Some(old) = old.filter(|old| stands(old)) {
            return Ok(stale(old));
        }
        for (mirror, registry) in self.mirrors(ask.registry) {
            let name = ask.repository.as_deref().and_then(|name| mirror.name_of(name));
            let Some(at_mirror) = name.map(|name| want.at(&registry, name)) else { continue };
            if old.is_some() && self.is_resting(&at_mirror) {
                continue;
            }
            if let Attempted::Done(resolved) = self.ask_tag(&at_mirror, shelf, place, old).await {
                return Ok(resolved);
            }
        }
        // It needs rest, but nobody else could say.
        let told = match told {
            Some(told) => told,
            None => match self.ask_registry(want, shelf, place, old).await {
                ControlFlow::Break(end) => return end,
                ControlFlow::Continue(failed) => failed,
            },
        };
        old.map(stale).ok_or(told)
    }

    /// Asks the registry itself for a tag: it may know the tag, or that there is none. If it cannot say, others may.
    async fn ask_registry(
        &self,
        ask: &Ask<'_>,
        shelf: &Shelf,
        place: &TagPlace,
        old: Option<&TagRecord>,
    ) -> ControlFlow<Result<Resolved<P>, Attempt<P::Body>>, Attempt<P::Body>> {
        match self.ask_tag(ask, shelf, place, old).await {
            Attempted::Done(resolved) => ControlFlow::Break(Ok(resolved)),
            Attempted::Not(Attempt::Refused(reply)) => {
                if is_gone(&reply) {
                    self.forget_tag(&place.key);
                }
                ControlFlow::Break(Err(Attempt::Refused(reply)))
            }
            Attempted::Not(failed) => ControlFlow::Continue(failed),
        }
    }

    /// The same by GET, where HEAD was of no use.
    async fn ask_tag_by_get(
        &self,
        ask: &Ask<'_>,
        shelf: &Shelf,
        place: &TagPlace,
        known: Option<&TagRecord>,
    ) -> Attempted<P> {
        let get = Ask { method: Method::GET, ..ask.clone() };
        Box::pin(self.ask_tag(&get, shelf, place, known)).await
    }

    /// Asks one registry for a tag, and keeps what it says.
    async fn ask_tag(&self, ask: &Ask<'_>, shelf: &Shelf, place: &TagPlace, known: Option<&TagRecord>) -> Attempted<P> {
        let reply = match self.attempt(ask).await {
            Attempt::Good(reply) => reply,
            Attempt::Failed(Failure::Reply(reply)) if ask.method == Method::HEAD && deliver::tells_nothing(&reply) => reply,
            // Some registries, and walls before them, know no HEAD of a manifest: clients go on with GET, and so does this.
            Attempt::Refused(reply) if ask.method == Method::HEAD && !ask.mirror && !is_gone(&reply) => {
                return self.ask_tag_by_get(ask, shelf, place, known).await;
            }
            other => return Attempted::Not(other),
        };
        let now_ms = self.platform.now_ms();
        let source = if ask.mirror { Source::Mirror } else { Source::Origin };
        let record = |digest: &Digest, media_type: &str, length| TagRecord {
            digest: digest.clone(),
            media_type: media_type.to_owned(),
            length,
            at_ms: now_ms,
            source,
            written_ms: 0,
        };
        if ask.method == Method::HEAD {
            let Some((digest, media_type, length)) = told(&reply) else {
                if reply.from_origin && reply.status != StatusCode::OK {
                    return opaque(ask, reply);
                }
                // Without a length docker stops, and without a digest there is nothing to go on with: so it is fetched.
                return self.ask_tag_by_get(ask, shelf, place, known).await;
            };
            if !place.accepted.takes(&media_type) {
                return opaque(ask, reply);
            }
            let record = record(&digest, &media_type, length);
            let outcome = match known {
                Some(known) if known.digest == record.digest => Outcome::Hit(Place::Memory),
                _ => Outcome::Miss,
            };
            self.keep_tag(&place.key, record.clone(), known);
            return Attempted::Done(Resolved::Record(record, outcome, reply.beside()));
        }
        match self.take_manifest(ask, reply, None).await {
            Ok(got) => {
                if let Got::Held(object, digest, ..) = &got
                    && place.accepted.takes(&object.media_type)
                {
                    self.keep(&shelf.manifest(digest), object);
                    self.keep_tag(&place.key, record(digest, &object.media_type, object.held.length), known);
                }
                Attempted::Done(Resolved::Got(got))
            }
            Err(why) => {
                self.record.borrow_mut().explain(&why.message);
                Attempted::Not(Attempt::Failed(Failure::Error(why)))
            }
        }
    }
}

/// What is no manifest of the client's types: the registry's own may be handed on, a mirror's is passed over.
fn opaque<P: Platform>(ask: &Ask<'_>, reply: Reply<P::Body>) -> Attempted<P> {
    if ask.mirror {
        return Attempted::Not(Attempt::Refused(reply));
    }
    Attempted::Done(Resolved::Opaque(reply))
}

/// Gone, or no longer for everybody. Any other refusal is about the request, and a page is no registry's.
fn is_gone<B>(reply: &Reply<B>) -> bool {
    matches!(reply.status.as_u16(), 401 | 403 | 404) && !deliver::is_page(&reply.headers)
}

/// What came of asking for a tag.
enum Attempted<P: Platform> {
    Done(Resolved<P>),
    Not(Attempt<P::Body>),
}

/// Whether a registry failed because it limits us.
fn is_limit<B>(attempt: &Attempt<B>) -> bool {
    matches!(attempt, Attempt::Failed(Failure::Reply(reply)) if reply.status == StatusCode::TOO_MANY_REQUESTS)
}

/// What the answer to a HEAD tells of a manifest: digest, media type and length. None where one of them is missing.
fn told<B>(reply: &Reply<B>) -> Option<(Digest, String, u64)> {
    if reply.status != StatusCode::OK {
        return None;
    }
    let digest: Digest = headers::text(&reply.headers, &DOCKER_CONTENT_DIGEST)?.parse().ok()?;
    digest.sha256()?;
    let length = length_of(&reply.headers).filter(|length| *length > 0)?;
    Some((digest, media_type_of(&reply.headers), length))
}
