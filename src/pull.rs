//! Manifests, blobs, tags and referrers.

use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LINK, LOCATION,
    WWW_AUTHENTICATE,
};
use http::{Method, Response, StatusCode};
use url::{Url, form_urlencoded};

use crate::answer::{self, Answer};
use crate::auth::{Authorization, Challenge, Scope};
use crate::exchange::{Exchange, Presented};
use crate::headers::{self, DOCKER_CONTENT_DIGEST, DOCKER_DISTRIBUTION_API_VERSION, X_PIERHEAD_ERROR};
use crate::memory::Manner;
use crate::oci::{Code, ErrorBody, MANIFEST_ACCEPT, OciError, Reference, RepositoryName, Resource};
use crate::platform::{Payload, Platform};
use crate::registry::Blobs;
use crate::route::Route;
use crate::upstream::{Ask, Reply, ReplyBody, TIME_LIMIT};

/// The largest manifest clients and registries agree on, in bytes (distribution spec, "Pushing Manifests").
const MAX_MANIFEST: usize = 4 * 1024 * 1024;

/// How much of an upstream's reason is repeated, in characters.
const MAX_REASON: usize = 200;

impl<P: Platform> Exchange<'_, P> {
    /// Answers a request for something in a repository.
    ///
    /// # Errors
    ///
    /// Those of [`Exchange::ask`], and `UNAVAILABLE` for an answer that is no registry's.
    pub async fn pull(
        &self,
        route: &Route,
        name: &RepositoryName,
        resource: &Resource,
        method: &Method,
        url: &Url,
        client: &HeaderMap,
    ) -> Result<Answer<P::Body>, OciError> {
        let registry = &*route.registry;
        let presented = match self.present(registry, Authorization::read(client)) {
            Ok(presented) => presented,
            Err(why) => return Ok(self.unauthorized(registry, Some(route.client_scope(name)), Some("invalid_token"), &why)),
        };
        let mut up = headers::to_upstream(client);
        let manifest = matches!(resource, Resource::Manifest(_));
        // curl's `*/*` says as little as nothing: registries take only types they are told by name.
        if manifest && up.get(ACCEPT).is_none_or(|accept| accept == "*/*") {
            up.insert(ACCEPT, HeaderValue::from_static(MANIFEST_ACCEPT));
        }
        let ask = Ask {
            registry,
            method: method.clone(),
            path: route.upstream_path(name, resource) + &query_without_ns(url),
            headers: up,
            scope: Some(Scope::pull(&registry.upstream_name(name.as_str()))),
            presented,
            blob: matches!(resource, Resource::Blob(_)),
            time_limit: TIME_LIMIT,
        };
        let mut reply = self.ask(&ask).await?;
        if reply.probe {
            unprobe(&mut reply);
        }
        if manifest && *method == Method::HEAD && tells_nothing(&reply) {
            reply = self.measure(&ask).await?;
        }
        if matches!(resource, Resource::Referrers(_)) && !is_referrers(&reply) {
            return Err(no_referrers(&registry.name));
        }
        let handed_on = reply.status.is_redirection() && registry.blobs == Blobs::Redirect;
        if !(reply.status.is_success() || reply.status == StatusCode::NOT_MODIFIED || handed_on) {
            return self.refuse(route, name, resource, &ask, reply).await;
        }
        if !ask.blob && is_page(&reply.headers) {
            let message = format!("`{}` (for `{}`) sent a web page in place of an answer", reply.host, registry.name);
            return Err(OciError::new(Code::Unavailable, message));
        }
        Ok(deliver(route, name, resource, method, url, reply))
    }

    /// An upstream's refusal, told so that a client that could log in does.
    ///
    /// containerd, docker's containerd store and BuildKit begin without `Authorization` and get a token only when asked to:
    /// for them 403 and 429 too become a 401 once. One that has been through the token endpoint gets the truth.
    async fn refuse(
        &self,
        route: &Route,
        name: &RepositoryName,
        resource: &Resource,
        ask: &Ask<'_>,
        reply: Reply<P::Body>,
    ) -> Result<Answer<P::Body>, OciError> {
        let registry = &*route.registry;
        let status = reply.status;
        let no_access = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if no_access && registry.login && !reply.from_origin {
            // An address that has expired, or a bot check: credentials never go there, so no login mends it; another try may.
            let message = format!("the storage at `{}` (for `{}`) answered {status}; try again", reply.host, registry.name);
            return Err(OciError::new(Code::Unavailable, message));
        }
        let scope = Some(route.client_scope(name));
        let could_log_in = registry.login && self.memory.manner(registry) != Some(Manner::Open);
        let nothing = matches!(ask.presented, Presented::Nothing) && could_log_in;
        if nothing && (no_access || status == StatusCode::TOO_MANY_REQUESTS) {
            let why = self.reason(&ask.method, reply).await;
            let error = OciError::new(Code::Unauthorized, format!("`{}` wants a login for this ({why})", registry.name));
            let mut answer = self.unauthorized(registry, scope, None, &error);
            // It was the registry that refused.
            answer.headers_mut().remove(X_PIERHEAD_ERROR);
            return Ok(answer);
        }
        let reason = (status == StatusCode::UNAUTHORIZED).then(|| reason_of(&reply.headers));
        let mut answer = self.relay_error(registry, &ask.method, resource.missing(), reply).await;
        if let Some(reason) = reason {
            answer::set(answer.headers_mut(), WWW_AUTHENTICATE, &self.challenge(registry, scope, reason));
        }
        Ok(answer)
    }

    /// The upstream's own words for a refusal, or its status.
    async fn reason(&self, method: &Method, reply: Reply<P::Body>) -> String {
        let status = reply.status;
        if reply.operator {
            return format!("{status} to this proxy's own account");
        }
        let body = self.read_error(method, reply.body).await;
        let said = ErrorBody::parse(&body).and_then(|body| body.first().map(|(_, message)| message.to_owned()));
        said.filter(|message| !message.is_empty()).unwrap_or_else(|| status.to_string()).chars().take(MAX_REASON).collect()
    }

    /// HEAD of a manifest that tells nothing: docker stops at `missing or empty Content-Length header`, so the manifest is
    /// fetched and measured.
    async fn measure(&self, ask: &Ask<'_>) -> Result<Reply<P::Body>, OciError> {
        let get = Ask { method: Method::GET, ..ask.clone() };
        let reply = self.ask(&get).await?;
        if reply.status != StatusCode::OK || has_length(&reply.headers) {
            return Ok(reply);
        }
        let ReplyBody::Unread(body) = reply.body else { return Ok(reply) };
        let bytes = self.read(body, MAX_MANIFEST, &format!("the manifest from `{}`", reply.host)).await?;
        let mut headers = reply.headers;
        headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        headers.remove(http::header::CONTENT_ENCODING);
        Ok(Reply { headers, body: ReplyBody::Read(Vec::new()), ..reply })
    }
}

/// An upstream's good answer, under the client's own names.
fn deliver<B>(
    route: &Route,
    name: &RepositoryName,
    resource: &Resource,
    method: &Method,
    url: &Url,
    reply: Reply<B>,
) -> Answer<B> {
    let mut headers = headers::to_client(&reply.headers);
    if reply.operator {
        headers::hide_account(&mut headers);
    }
    // The spec's MUST; storage hosts do not know it (MCR, R2, CloudFront).
    if let Resource::Blob(digest) | Resource::Manifest(Reference::Digest(digest)) = resource
        && !headers.contains_key(DOCKER_CONTENT_DIGEST)
    {
        answer::set(&mut headers, DOCKER_CONTENT_DIGEST, digest.as_str());
    }
    answer::set(&mut headers, DOCKER_DISTRIBUTION_API_VERSION, "registry/2.0");
    // An edge that compresses drops Content-Length, and docker then stops.
    answer::set(&mut headers, CACHE_CONTROL, "no-transform");
    if let Some(link) = headers::text(&reply.headers, &LINK).and_then(|link| next_page(link, route, name, resource, url)) {
        answer::set(&mut headers, LINK, &link);
    }
    // Only a registry set to `blobs = "redirect"` gets here with one.
    if reply.status.is_redirection()
        && let Some(location) = headers::text(&reply.headers, &LOCATION)
    {
        answer::set(&mut headers, LOCATION, location);
    }
    let body = match reply.body {
        ReplyBody::Unread(body) if method != Method::HEAD && !reply.status.is_redirection() => Payload::Upstream(body),
        _ => Payload::Empty,
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = reply.status;
    *answer.headers_mut() = headers;
    answer
}

/// The query as it came, but for `ns`, with its question mark.
fn query_without_ns(url: &Url) -> String {
    let is_ns = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).next().is_some_and(|(key, _)| key == "ns");
    let kept: Vec<_> = url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !is_ns(pair)).collect();
    if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) }
}

/// The `Link` to the next page under the client's own path; quay.io's names its own host.
///
/// Only the query is the registry's. A link that is not `next`, or that leads to another path, is dropped.
fn next_page(link: &str, route: &Route, name: &RepositoryName, resource: &Resource, url: &Url) -> Option<String> {
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
    Some(format!(r#"<{}{query}>; rel="next""#, route.client_path(name, resource)))
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

/// The `error` of an upstream's challenge, as far as it is one clients know.
fn reason_of(headers: &HeaderMap) -> Option<&'static str> {
    let challenges = Challenge::parse_all(headers::text(headers, &WWW_AUTHENTICATE).unwrap_or_default());
    challenges.iter().find_map(|challenge| match challenge.param("error") {
        Some("insufficient_scope") => Some("insufficient_scope"),
        Some("invalid_token") => Some("invalid_token"),
        _ => None,
    })
}

/// A HEAD without a length (registry.access.redhat.com), or refused by storage whose address is signed for GET.
fn tells_nothing<B>(reply: &Reply<B>) -> bool {
    match reply.status {
        StatusCode::OK => !has_length(&reply.headers),
        StatusCode::FORBIDDEN => !reply.from_origin,
        _ => false,
    }
}

/// A length that is there and not nought: docker 29 stops at a manifest of nought bytes.
fn has_length(headers: &HeaderMap) -> bool {
    headers::text(headers, &CONTENT_LENGTH).is_some_and(|length| length != "0")
}

fn is_page(headers: &HeaderMap) -> bool {
    headers::text(headers, &CONTENT_TYPE).is_some_and(|kind| kind.trim_start().starts_with("text/html"))
}

/// Whether an answer is a list of referrers, or an error of the registry itself.
///
/// ghcr.io redirects to a page of github.com and Artifact Registry to a login page: both mean that there is no such API.
fn is_referrers<B>(reply: &Reply<B>) -> bool {
    let index = headers::text(&reply.headers, &CONTENT_TYPE).is_some_and(|kind| kind.contains("json"));
    match reply.status {
        StatusCode::OK => index,
        _ => reply.from_origin,
    }
}

fn no_referrers(registry: &str) -> OciError {
    OciError::new(Code::Unsupported, format!("`{registry}` has no referrers API; use the referrers tag"))
        .with_status(StatusCode::NOT_FOUND)
}
