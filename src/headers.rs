//! The headers that cross this proxy, by name, both ways. What is not in a list does not exist.
//!
//! The lists are the security policy (no cookie, no forwarded-for, no storage header slips through) and the cost model:
//! each name is one crossing between JavaScript and wasm.

use http::HeaderMap;
use http::header::{
    ACCEPT, ACCEPT_RANGES, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, LINK, LOCATION, RANGE,
    RETRY_AFTER, WARNING, WWW_AUTHENTICATE,
};

/// The digest of what a manifest or blob answer holds.
pub const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// The version header every registry answer carries.
pub const DOCKER_DISTRIBUTION_API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
/// The namespace an answer was served for (distribution spec, "Registry Proxying").
pub const OCI_NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");
/// What came of asking the store: see [`crate::record::Outcome`].
pub const X_PIERHEAD_CACHE: HeaderName = HeaderName::from_static("x-pierhead-cache");
/// Marks an error of our own with its code.
pub const X_PIERHEAD_ERROR: HeaderName = HeaderName::from_static("x-pierhead-error");

/// The account or address Docker Hub charges.
const DOCKER_RATELIMIT_SOURCE: HeaderName = HeaderName::from_static("docker-ratelimit-source");
/// Cloudflare's id of a request.
pub const CF_RAY: HeaderName = HeaderName::from_static("cf-ray");

/// The client's address, as Cloudflare's edge saw it. `X-Forwarded-For` is whatever a client says.
pub const CF_CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");
/// The key of a proxy with `path` access, for clients that can send a header of their own.
pub const X_PIERHEAD_KEY: HeaderName = HeaderName::from_static("x-pierhead-key");

/// What the core sees of a client's request.
pub const FROM_CLIENT: [HeaderName; 12] = [
    AUTHORIZATION,
    ACCEPT,
    RANGE,
    IF_MATCH,
    IF_NONE_MATCH,
    IF_MODIFIED_SINCE,
    IF_UNMODIFIED_SINCE,
    IF_RANGE,
    CONTENT_TYPE,
    CF_RAY,
    CF_CONNECTING_IP,
    X_PIERHEAD_KEY,
];

/// What of it goes on to the upstream.
const TO_UPSTREAM: [HeaderName; 7] =
    [ACCEPT, RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE];

/// What the core sees of an upstream's answer.
pub const FROM_UPSTREAM: [HeaderName; 20] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    DOCKER_CONTENT_DIGEST,
    ETAG,
    WWW_AUTHENTICATE,
    LOCATION,
    CONTENT_ENCODING,
    CONTENT_RANGE,
    ACCEPT_RANGES,
    LAST_MODIFIED,
    LINK,
    WARNING,
    RETRY_AFTER,
    OCI_FILTERS_APPLIED,
    DOCKER_RATELIMIT_SOURCE,
    RATELIMIT_LIMIT,
    RATELIMIT_REMAINING,
    RATELIMIT_RESET,
    X_RATELIMIT_LIMIT,
    X_RATELIMIT_REMAINING,
];

const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const X_RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");

/// What of it does not go back as it is: these are written anew by those who know how.
const REWRITTEN: [HeaderName; 3] = [WWW_AUTHENTICATE, LOCATION, LINK];

/// What an upstream says of its limits.
const RATE_LIMITS: [HeaderName; 6] = [
    DOCKER_RATELIMIT_SOURCE,
    RATELIMIT_LIMIT,
    RATELIMIT_REMAINING,
    RATELIMIT_RESET,
    X_RATELIMIT_LIMIT,
    X_RATELIMIT_REMAINING,
];

/// The client's headers that go upstream.
#[must_use]
pub fn to_upstream(client: &HeaderMap) -> HeaderMap {
    pick(client, &TO_UPSTREAM)
}

/// The upstream's headers that go back with its body: all that the core sees, but for those it rewrites.
#[must_use]
pub fn to_client(upstream: &HeaderMap) -> HeaderMap {
    let mut back = pick(upstream, &FROM_UPSTREAM);
    REWRITTEN.iter().for_each(|name| drop(back.remove(name)));
    back
}

/// The upstream's headers that go back where its body was replaced by an error of ours: what is true whatever became of the
/// body, such as when to try again and the range there is.
#[must_use]
pub fn of_errors(upstream: &HeaderMap) -> HeaderMap {
    pick(upstream, RATE_LIMITS.iter().chain(&[RETRY_AFTER, CONTENT_RANGE]))
}

/// What an upstream said beside a manifest: of its limits, and whatever it warns of.
#[must_use]
pub fn beside(upstream: &HeaderMap) -> HeaderMap {
    pick(upstream, RATE_LIMITS.iter().chain(&[WARNING]))
}

/// Forgets whose account was charged: the operator's own name is nobody else's business.
pub fn hide_account(headers: &mut HeaderMap) {
    headers.remove(DOCKER_RATELIMIT_SOURCE);
}

/// A header's value as text.
#[must_use]
pub fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn pick<'a>(from: &HeaderMap, names: impl IntoIterator<Item = &'a HeaderName>) -> HeaderMap {
    names.into_iter().filter_map(|name| Some((name.clone(), from.get(name)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn what_is_in_no_list_does_not_cross() {
        let mut headers = HeaderMap::new();
        for name in ["cookie", "set-cookie", "authorization", "x-forwarded-for", "x-amz-date", "location", "range", "etag"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        assert_eq!(to_upstream(&headers).keys().collect::<Vec<_>>(), ["range"]);
        assert_eq!(to_client(&headers).keys().collect::<Vec<_>>(), ["etag"]);
        assert!(of_errors(&headers).is_empty());
    }
}
