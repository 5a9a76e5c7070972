//! A manifest by its digest: from the store, else from whoever has it, verified before anybody sees it.

use std::rc::Rc;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http::{Method, StatusCode};

use super::content::About;
use super::{Pull, deliver};
use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::headers::{self, DOCKER_CONTENT_DIGEST};
use crate::memory::{Object, Slot};
use crate::oci::{Accepted, Code, Digest, OciError, is_manifest};
use crate::platform::{Held, Platform, ReadError};
use crate::record::Outcome;
use crate::store::{MAX_HELD, Place, Shelf, Stored};
use crate::upstream::{Ask, Attempt, Failure, Reply, ReplyBody};

/// A manifest that has been got.
pub enum Got<P: Platform> {
    /// With its digest, what the upstream said beside it, and where it was.
    Held(Object<P::Bytes>, Digest, HeaderMap, Outcome),
    /// A good answer that cannot be looked into: it is compressed, no 200, or of a type or digest of another time.
    Opaque(Reply<P::Body>),
}

impl<P: Platform> Exchange<P> {
    /// Answers a request for a manifest by its digest.
    pub(super) async fn manifest(
        &self,
        pull: Pull<'_>,
        ask: &Ask<'_>,
        shelf: &Shelf,
        digest: &Digest,
    ) -> Result<Answer<P>, OciError> {
        let key = shelf.manifest(digest);
        if let Some((Stored::Held(object), place)) = self.stored(&key, None).await {
            return Ok(self.answer_held(pull, digest, &object, Outcome::Hit(place), HeaderMap::new()));
        }
        if ask.method == Method::HEAD {
            // Not a pull at Docker Hub, and all that the client wants.
            let asked = self.ask_any(ask, async |ask, reply| told_of(ask, reply, digest)).await;
            match asked {
                Ok(reply) if !deliver::tells_nothing(&reply) => {
                    let size = length_of(&reply.headers).unwrap_or_default();
                    let about = About { digest, media_type: &media_type_of(&reply.headers), size };
                    return Ok(self.answer_about(pull, &about, Outcome::Miss, reply.beside()));
                }
                Err(Attempt::Failed(Failure::Reply(reply))) if deliver::tells_nothing(&reply) => {}
                Err(other) => return self.unavailable(pull, ask, other).await,
                Ok(_) => {}
            }
        }
        match self.get_manifest(ask, &key, digest).await {
            Ok(got) => self.answer_got(pull, ask, got).await,
            Err(other) => self.unavailable(pull, ask, other).await,
        }
    }

    /// Gets a manifest that is not in the store. Requests that come together get it once.
    pub(super) async fn get_manifest(&self, ask: &Ask<'_>, key: &str, digest: &Digest) -> Result<Got<P>, Attempt<P::Body>> {
        let ask = Ask { method: Method::GET, ..ask.clone() };
        let _flight = self.turn_to_keep(Slot::Object(key.to_owned())).await;
        if let Some(object) = self.memory.object(key) {
            return Ok(Got::Held(object, digest.clone(), HeaderMap::new(), Outcome::Hit(Place::Memory)));
        }
        self.ask_any(&ask, async |ask, reply| {
            let got = self.take_manifest(ask, reply, Some(digest)).await?;
            if let Got::Held(object, ..) = &got {
                self.keep(key, object);
            }
            Ok(got)
        })
        .await
    }

    /// Holds a manifest and looks whether it is what it is said to be.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` naming who sent something else than was asked for.
    pub(super) async fn take_manifest(
        &self,
        ask: &Ask<'_>,
        reply: Reply<P::Body>,
        digest: Option<&Digest>,
    ) -> Result<Got<P>, OciError> {
        let what = format!("the manifest from {}", ask.registry.at(&reply.host));
        if deliver::is_page(&reply.headers) {
            let message = format!("{} sent a web page in place of an answer; try again later", ask.registry.at(&reply.host));
            return Err(OciError::new(Code::Unavailable, message));
        }
        let (media_type, length) = (media_type_of(&reply.headers), length_of(&reply.headers));
        let known = Accepted::ALL.takes(&media_type);
        let said = headers::text(&reply.headers, &DOCKER_CONTENT_DIGEST);
        let said = said.filter(|said| said.parse::<Digest>().is_ok()).map(str::to_owned);
        // The digest of a signed manifest of schema 1 leaves out its signatures; other algorithms cannot be verified.
        let opaque = reply.status != StatusCode::OK
            || reply.headers.contains_key(CONTENT_ENCODING)
            || !known
            || said.as_deref().is_some_and(|said| !said.starts_with("sha256:"));
        if opaque && ask.mirror {
            return Err(OciError::new(Code::Unavailable, format!("{what} cannot be verified")));
        }
        let beside = reply.beside();
        let body = match reply.body {
            ReplyBody::Unread(body) if !opaque => body,
            body => return Ok(Got::Opaque(Reply { body, ..reply })),
        };
        let held = self.hold_sent(body, length, &what).await?;
        let found = self.digest_of(&held, &what).await?;
        let wanted = [digest.map(Digest::as_str), said.as_deref()];
        if let Some(wanted) = wanted.into_iter().flatten().find(|wanted| *wanted != found.as_str()) {
            return Err(OciError::new(
                Code::Unavailable,
                format!("{what} has the digest `{found}`, not `{wanted}`; try again later"),
            ));
        }
        if !is_manifest(&self.platform.bring_in(&held), &media_type) {
            return Err(OciError::new(Code::Unavailable, format!("{what} is no `{media_type}`")));
        }
        Ok(Got::Held(Object { media_type: Rc::from(media_type), held }, found, beside, Outcome::Miss))
    }

    /// The answer with a manifest that has been got.
    pub(super) async fn answer_got(&self, pull: Pull<'_>, ask: &Ask<'_>, got: Got<P>) -> Result<Answer<P>, OciError> {
        match got {
            Got::Held(object, digest, beside, outcome) => Ok(self.answer_held(pull, &digest, &object, outcome, beside)),
            Got::Opaque(reply) => {
                self.record.borrow_mut().store = Some(Outcome::Bypass);
                self.deliver(pull, ask, reply).await
            }
        }
    }

    /// Holds what an upstream sends.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when it is too long, breaks off, or is not as long as was said.
    pub(super) async fn hold_sent(
        &self,
        body: P::Body,
        length: Option<u64>,
        what: &str,
    ) -> Result<Held<P::Bytes>, OciError> {
        let unavailable = |words: String| OciError::new(Code::Unavailable, words);
        let held = self.platform.hold(body, length, MAX_HELD).await.map_err(|error| match error {
            ReadError::TooLong => unavailable(format!("{what} is longer than {MAX_HELD} bytes")),
            ReadError::Failed(words) => unavailable(format!("{what} broke off; try again")).with_cause(words),
        })?;
        match length {
            Some(length) if length != held.length => {
                Err(unavailable(format!("{what} has {} bytes where {length} were announced", held.length)))
            }
            _ => Ok(held),
        }
    }

    /// The digest of what is held.
    pub(super) async fn digest_of(&self, held: &Held<P::Bytes>, what: &str) -> Result<Digest, OciError> {
        let sum = self.platform.sha256(held).await;
        let sum = sum.ok_or_else(|| OciError::new(Code::Unavailable, format!("{what} cannot be verified")))?;
        Ok(Digest::of_sha256(&sum))
    }
}

/// The media type that was announced, without parameters.
pub fn media_type_of(headers: &HeaderMap) -> String {
    let announced = headers::text(headers, &CONTENT_TYPE).unwrap_or_default();
    announced.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The length that was announced.
pub fn length_of(headers: &HeaderMap) -> Option<u64> {
    headers::text(headers, &CONTENT_LENGTH)?.parse().ok()
}

/// The answer to a HEAD, unless it tells of something else than was asked for.
fn told_of<B>(ask: &Ask<'_>, reply: Reply<B>, digest: &Digest) -> Result<Reply<B>, OciError> {
    let known = Accepted::ALL.takes(&media_type_of(&reply.headers));
    if reply.status != StatusCode::OK || deliver::is_page(&reply.headers) || ask.mirror && !known {
        let message = format!("{} did not answer with a manifest", ask.registry.at(&reply.host));
        return Err(OciError::new(Code::Unavailable, message));
    }
    match headers::text(&reply.headers, &DOCKER_CONTENT_DIGEST) {
        Some(said) if said != digest.as_str() => {
            let shown: String = said.chars().take(80).collect();
            let message = format!("{} tells of `{shown}`, not of `{digest}`", ask.registry.at(&reply.host));
            Err(OciError::new(Code::Unavailable, message))
        }
        _ => Ok(reply),
    }
}
