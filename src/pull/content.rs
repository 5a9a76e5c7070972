//! Answers made of what is held or kept: whole, in part, or not at all where the client has it already.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, WARNING,
};
use http::{Method, Response, StatusCode};

use super::Pull;
use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::headers::{DOCKER_CONTENT_DIGEST, DOCKER_DISTRIBUTION_API_VERSION};
use crate::memory::Object;
use crate::oci::{Code, Digest, OciError};
use crate::platform::{Found, Payload, Platform};
use crate::range;
use crate::record::Outcome;

/// What is known of a thing without its bytes.
pub struct About<'a> {
    /// Its digest, which is its entity tag too.
    pub digest: &'a Digest,
    /// Its media type.
    pub media_type: &'a str,
    /// Its size in bytes.
    pub size: u64,
}

impl<P: Platform> Exchange<P> {
    /// An answer from bytes that are held. `more` are headers that came with them.
    pub(super) fn answer_held(
        &self,
        pull: Pull<'_>,
        digest: &Digest,
        object: &Object<P::Bytes>,
        outcome: Outcome,
        more: HeaderMap,
    ) -> Answer<P> {
        let held = object.held.clone();
        let about = About { digest, media_type: &object.media_type, size: held.length };
        let mut answer = self.answer_about(pull, &about, outcome, more);
        if *pull.method == Method::HEAD || answer.status() != StatusCode::OK {
            return answer;
        }
        let Some(span) = range::asked(pull.client, &about.etag()) else {
            *answer.body_mut() = Payload::Held(held, None);
            return answer;
        };
        let Some(part) = range::bytes(span, held.length) else { return self.no_such_part(about.size) };
        set_part(&mut answer, *part.start(), *part.end(), about.size);
        *answer.body_mut() = Payload::Held(held, Some(part));
        answer
    }

    /// An answer from the bucket, which has cut out the part that was asked for.
    pub(super) fn answer_streamed(
        &self,
        pull: Pull<'_>,
        digest: &Digest,
        found: Found<P::Body>,
        outcome: Outcome,
    ) -> Answer<P> {
        let about = About { digest, media_type: &found.media_type, size: found.size };
        let mut answer = self.answer_about(pull, &about, outcome, HeaderMap::new());
        if *pull.method == Method::HEAD || answer.status() != StatusCode::OK {
            return answer;
        }
        if let Some(span) = range::asked(pull.client, &about.etag()) {
            let Some(part) = range::bytes(span, about.size) else { return self.no_such_part(about.size) };
            set_part(&mut answer, *part.start(), *part.end(), about.size);
        }
        *answer.body_mut() = Payload::Stream(found.body);
        answer
    }

    /// The answer to a HEAD; or 304, where the client has it already.
    pub(super) fn answer_about(&self, pull: Pull<'_>, about: &About<'_>, outcome: Outcome, more: HeaderMap) -> Answer<P> {
        self.record.borrow_mut().store = Some(outcome);
        let mut answer = Response::new(Payload::Empty);
        *answer.headers_mut() = more;
        let headers = answer.headers_mut();
        let etag = about.etag();
        answer::set(headers, DOCKER_CONTENT_DIGEST, about.digest.as_str());
        answer::set(headers, ETAG, &etag);
        headers.insert(DOCKER_DISTRIBUTION_API_VERSION, HeaderValue::from_static("registry/2.0"));
        // An edge that compresses drops Content-Length, and docker then stops.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-transform"));
        if outcome == Outcome::Stale {
            // RFC 9111 has retired it, and says what is meant all the same.
            headers.insert(WARNING, HeaderValue::from_static(r#"110 - "Response is Stale""#));
        }
        if range::is_known(pull.client, &etag) {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return answer;
        }
        answer::set(headers, CONTENT_TYPE, about.media_type);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(about.size));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        answer
    }

    fn no_such_part(&self, size: u64) -> Answer<P> {
        let why = OciError::new(Code::SizeInvalid, format!("the range is outside of the {size} bytes there are"));
        let mut answer = self.fail(&why);
        answer::set(answer.headers_mut(), CONTENT_RANGE, &format!("bytes */{size}"));
        answer
    }
}

impl About<'_> {
    fn etag(&self) -> String {
        format!("\"{}\"", self.digest)
    }
}

/// Makes an answer one with a part. Both ends are within it.
fn set_part<P: Platform>(answer: &mut Answer<P>, start: u64, end: u64, size: u64) {
    *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    answer::set(answer.headers_mut(), CONTENT_RANGE, &format!("bytes {start}-{end}/{size}"));
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(end - start + 1));
}
