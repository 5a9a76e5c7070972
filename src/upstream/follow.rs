//! A request and its redirects.

use http::Method;
use http::header::{HeaderMap, HeaderValue, RANGE};

use super::redirect::next_hop;
use super::{Account, Ask, Reply, ReplyBody};
use crate::exchange::Exchange;
use crate::headers::DOCKER_CONTENT_DIGEST;
use crate::oci::{Code, OciError};
use crate::platform::{Outbound, Platform};
use crate::registry::{Blobs, same_origin};
use crate::secret::Secret;

/// Storage chains seen in the wild have three hops (registry.k8s.io to Artifact Registry to its downloads).
const MAX_HOPS: usize = 5;

impl<P: Platform> Exchange<P> {
    /// Sends a request and follows its redirects. `Authorization` stays at the registry's origin: one that leads away and
    /// back has lost it, for a foreign host must not choose what it opens.
    pub(super) async fn follow(&self, ask: &Ask<'_>, authorization: Option<&Secret>) -> Result<Reply<P::Body>, OciError> {
        let registry = ask.registry;
        let path = ask.path();
        let mut url = registry
            .origin
            .join(&path)
            .map_err(|_| OciError::new(Code::NameInvalid, format!("`{path}` cannot be asked of `{}`", registry.name)))?;
        let (mut method, mut headers) = (ask.method.clone(), ask.headers.clone());
        let (mut from_origin, mut probe) = (true, false);
        // Gitea names a manifest's digest in the redirect; the storage behind it knows of none.
        let mut digest = None;
        if ask.blob && registry.blob_head_refused && method == Method::HEAD {
            (method, probe) = (make_probe(&mut headers), true);
        }
        for _ in 0..=MAX_HOPS {
            let request = Outbound {
                authorization: authorization.filter(|_| from_origin).cloned(),
                headers: headers.clone(),
                time_limit: ask.time_limit,
                ..Outbound::new(method.clone(), url.clone())
            };
            let mut answer = self.send(registry, request).await?;
            if from_origin {
                digest = answer.headers.get(DOCKER_CONTENT_DIGEST).cloned();
            }
            // With `blobs = "redirect"` the client is to fetch it itself: the redirect is the answer.
            let handed_on = |target: &_| {
                ask.blob && !ask.mirror && registry.blobs == Blobs::Redirect && !same_origin(target, &registry.origin)
            };
            let hop = next_hop(&self.config, registry, &self.site, &url, answer.status, &answer.headers)?;
            let Some(mut target) = hop.filter(|target| !handed_on(target)) else {
                if let Some(digest) = digest.filter(|_| answer.status.is_success()) {
                    answer.headers.entry(DOCKER_CONTENT_DIGEST).or_insert(digest);
                }
                return Ok(Reply {
                    status: answer.status,
                    headers: answer.headers,
                    body: ReplyBody::Unread(answer.body),
                    host: url.host_str().unwrap_or_default().to_owned(),
                    from_origin,
                    probe,
                    account: Account::None,
                });
            };
            if !ask.blob && target.query().is_none() {
                // registry.k8s.io drops it: tags would have one page for ever. Storage addresses are signed and stay.
                target.set_query(url.query());
            }
            from_origin = from_origin && same_origin(&target, &registry.origin);
            if ask.blob && method == Method::HEAD {
                // A presigned address answers HEAD with 403: its signature covers the method.
                (method, probe) = (make_probe(&mut headers), true);
            }
            url = target;
        }
        Err(OciError::new(
            Code::Unavailable,
            format!("`{}` redirected more than {MAX_HOPS} times; try again later", registry.name),
        ))
    }
}

/// Turns a HEAD into a one-byte GET, whose `Content-Range` tells the length.
fn make_probe(headers: &mut HeaderMap) -> Method {
    headers.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
    Method::GET
}
