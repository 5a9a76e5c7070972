//! An upstream's answer on its way to the client.

use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LINK, LOCATION, RANGE,
};
use http::{Method, Response, StatusCode};
use url::{Url, form_urlencoded};

use super::Pull;
use super::blob::BLOB;
use super::manifest::media_type_of;
use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::headers::{self, DOCKER_CONTENT_DIGEST, DOCKER_DISTRIBUTION_API_VERSION};
use crate::oci::{Code, Digest, OciError, Reference, Resource};
use crate::platform::{Payload, Platform};
use crate::registry::Blobs;
use crate::route::Site;
use crate::store::MAX_HELD;
use crate::upstream::{Account, Ask, Reply, ReplyBody, is_redirect};

impl<P: Platform> Exchange<P> {
    /// An upstream's answer, under the client's own names where it is a good one.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` for a web page in place of an answer, and for a status that answers nothing that was asked.
    pub(super) async fn deliver(
        &self,
        pull: Pull<'_>,
        ask: &Ask<'_>,
        mut reply: Reply<P::Body>,
    ) -> Result<Answer<P>, OciError> {
        if reply.probe {
            unprobe(&mut reply);
        }
        if reply.status.is_client_error() || reply.status.is_server_error() {
            return self.refuse(pull, ask, reply).await;
        }
        if !is_answer(ask, &reply) {
            let Reply { host, status, .. } = reply;
            let message = format!("{} answered {status}, which is no answer to this", ask.registry.at(&host));
            return Err(OciError::new(Code::Unavailable, message));
        }
        if !ask.blob && is_page(&reply.headers) {
            let message = format!("{} sent a web page in place of an answer; try again later", ask.registry.at(&reply.host));
            return Err(OciError::new(Code::Unavailable, message));
        }
        Ok(under_clients_names(pull, &self.site, reply))
    }

    /// HEAD of a manifest that tells nothing: docker stops at `missing or empty Content-Length header`, so the manifest is
    /// fetched and measured.
    pub(super) async fn measure(&self, ask: &Ask<'_>) -> Result<Reply<P::Body>, OciError> {
        let get = Ask { method: Method::GET, ..ask.clone() };
        let reply = self.ask(&get).await?;
        if reply.status != StatusCode::OK || has_length(&reply.headers) {
            return Ok(reply);
        }
        let ReplyBody::Unread(body) = reply.body else { return Ok(reply) };
        let bytes = self.read(body, MAX_HELD, &format!("the manifest from `{}`", reply.host)).await?;
        let mut headers = reply.headers;
        headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        headers.remove(http::header::CONTENT_ENCODING);
        Ok(Reply { headers, body: ReplyBody::Read(Vec::new()), ..reply })
    }
}

/// Whether a status that is no error answers what was asked: all of it, a part or nothing new where the client said that this
/// would do, or an address that is for the client.
fn is_answer<B>(ask: &Ask<'_>, reply: &Reply<B>) -> bool {
    let asked = |names: &[HeaderName]| names.iter().any(|name| ask.headers.contains_key(name));
    match reply.status {
        StatusCode::OK => true,
        StatusCode::PARTIAL_CONTENT => reply.probe || asked(&[RANGE]),
        StatusCode::NOT_MODIFIED => asked(&[IF_NONE_MATCH, IF_MODIFIED_SINCE]),
        status => ask.blob && ask.registry.blobs == Blobs::Redirect && is_redirect(status),
    }
}

fn under_clients_names<P: Platform>(pull: Pull<'_>, site: &Site, reply: Reply<P::Body>) -> Answer<P> {
    let mut headers = headers::to_client(&reply.headers);
    if reply.account == Account::Operator {
        headers::hide_account(&mut headers);
    }
    if headers::text(&headers, &DOCKER_CONTENT_DIGEST).is_none_or(|said| said.parse::<Digest>().is_err()) {
        headers.remove(DOCKER_CONTENT_DIGEST);
    }
    // The spec's MUST; storage hosts do not know it (MCR, R2, CloudFront). A blob has no other than it was asked for by.
    match pull.resource {
        Resource::Blob(digest) => answer::set(&mut headers, DOCKER_CONTENT_DIGEST, digest.as_str()),
        Resource::Manifest(Reference::Digest(digest)) if !headers.contains_key(DOCKER_CONTENT_DIGEST) => {
            answer::set(&mut headers, DOCKER_CONTENT_DIGEST, digest.as_str());
        }
        _ => {}
    }
    // What a blob is, its manifest tells. Storage has its own ideas, and a layer that called itself a page would be one of this host's.
    if matches!(pull.resource, Resource::Blob(_)) && !reply.status.is_redirection() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(BLOB));
    }
    answer::set(&mut headers, DOCKER_DISTRIBUTION_API_VERSION, "registry/2.0");
    // An edge that compresses drops Content-Length, and docker then stops.
    answer::set(&mut headers, CACHE_CONTROL, "no-transform");
    if let Some(link) = headers::text(&reply.headers, &LINK).and_then(|link| next_page(link, pull, site)) {
        answer::set(&mut headers, LINK, &link);
    }
    // Only a registry set to `blobs = "redirect"` gets here with one.
    if is_redirect(reply.status)
        && let Some(location) = headers::text(&reply.headers, &LOCATION)
    {
        answer::set(&mut headers, LOCATION, location);
    }
    let body = match reply.body {
        ReplyBody::Unread(body) if *pull.method != Method::HEAD && !reply.status.is_redirection() => Payload::Stream(body),
        _ => Payload::Empty,
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = reply.status;
    *answer.headers_mut() = headers;
    answer
}

/// The query as it came, but for `ns`, with its question mark.
pub(super) fn query_without_ns(url: &Url) -> String {
    let is_ns = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).next().is_some_and(|(key, _)| key == "ns");
    let kept: Vec<_> = url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !is_ns(pair)).collect();
    if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) }
}

/// The `Link` to the next page under the client's own path; quay.io's names its own host.
///
/// Only the query is the registry's. A link that is not `next`, or that leads to another path, is dropped.
fn next_page(link: &str, pull: Pull<'_>, site: &Site) -> Option<String> {
    let Pull { route, name, resource, url, .. } = pull;
    // A target holds no `<`, so each one begins a link of its own.
    let links = link.split('<').filter_map(|link| link.split_once('>'));
    let (target, _) = links.into_iter().find(|(_, params)| {
        let compact: String = params.chars().filter(|c| !matches!(c, ' ' | '"')).collect();
        compact.to_ascii_lowercase().contains(";rel=next")
    })?;
    let target = route.registry.origin.join(target).ok()?;
    // registry.k8s.io's tags come from Artifact Registry, under another name: the last components tell.
    if !target.path().replace("%3A", ":").ends_with(&format!("/{}", resource.path())) {
        return None;
    }
    let mut query = query_without_ns(&target);
    if route.ns.is_some() {
        let pairs = form_urlencoded::parse(url.query().unwrap_or_default().as_bytes()).filter(|(key, _)| key == "ns");
        let ns = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        query = if query.is_empty() { format!("?{ns}") } else { format!("{query}&{ns}") };
    }
    // Of a path with a key in it only the client knows all: the same path then (RFC 3986 section 5.2.2), with another query.
    let path = if site.key().is_some_and(|key| key.in_address) { String::new() } else { route.client_path(name, resource) };
    Some(format!(r#"<{path}{query}>; rel="next""#))
}

/// Makes the answer to a one-byte ranged GET into the answer to a HEAD.
fn unprobe<B>(reply: &mut Reply<B>) {
    let total = headers::text(&reply.headers, &CONTENT_RANGE)
        .and_then(|range| range.rsplit_once('/'))
        .and_then(|(_, total)| total.parse::<u64>().ok());
    // 416 is how an empty blob answers `bytes=0-0`.
    if !matches!(reply.status, StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE) {
        return;
    }
    reply.headers.remove(CONTENT_RANGE);
    reply.headers.remove(CONTENT_LENGTH);
    if let Some(total) = total {
        reply.headers.insert(CONTENT_LENGTH, HeaderValue::from(total));
        reply.status = StatusCode::OK;
    }
}

/// A HEAD without a length (registry.access.redhat.com), or refused by storage whose address is signed for GET.
pub(super) fn tells_nothing<B>(reply: &Reply<B>) -> bool {
    match reply.status {
        StatusCode::OK => !has_length(&reply.headers),
        StatusCode::FORBIDDEN => !reply.from_origin,
        _ => false,
    }
}

/// A length that is there and not nought: docker 29 stops at a manifest of nought bytes.
pub(super) fn has_length(headers: &HeaderMap) -> bool {
    headers::text(headers, &CONTENT_LENGTH).is_some_and(|length| length != "0")
}

/// What a browser would show as a page, and run: none of it is a registry's answer, and it would be one of this host's. XML of
/// any kind may have scripts in it (MIME Sniffing, "XML MIME type").
pub(super) fn is_page(headers: &HeaderMap) -> bool {
    let media_type = media_type_of(headers);
    media_type == "text/html" || media_type.ends_with("/xml") || media_type.ends_with("+xml")
}
