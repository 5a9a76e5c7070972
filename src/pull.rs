//! Manifests, blobs, tags and referrers.
//!
//! What anybody may read is answered from the store where it can be, and else from whoever has it. What a client asks for
//! with credentials of its own goes to its registry as it stands, and nothing of the answer is kept.

mod blob;
mod content;
mod deliver;
mod manifest;
mod tag;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use url::Url;

use crate::access::Caller;
use crate::answer::{self, Answer};
use crate::auth::{Authorization, Challenge};
use crate::exchange::{Exchange, Presented};
use crate::headers::{self, X_PIERHEAD_ERROR};
use crate::memory::Manner;
use crate::oci::{Accepted, Code, ErrorBody, MANIFEST_ACCEPT, OciError, Reference, RepositoryName, Resource};
use crate::platform::Platform;
use crate::record::Outcome;
use crate::registry::Blobs;
use crate::route::Route;
use crate::store::Shelf;
use crate::upstream::{Account, Ask, Attempt, Failure, Reply, TIME_LIMIT};

use deliver::query_without_ns;

/// How much of an upstream's reason is repeated, in characters.
const MAX_REASON: usize = 200;

/// A request for something in a repository.
#[derive(Clone, Copy)]
pub struct Pull<'a> {
    /// Where it goes, and how the client spelled it.
    pub route: &'a Route,
    /// The repository under the client's name.
    pub name: &'a RepositoryName,
    /// What of it.
    pub resource: &'a Resource,
    /// GET or HEAD.
    pub method: &'a Method,
    /// The whole URL.
    pub url: &'a Url,
    /// The client's headers.
    pub client: &'a HeaderMap,
}

impl<'a> Pull<'a> {
    /// The repository under the registry's own name.
    fn repository(&self) -> String {
        self.route.registry.upstream_name(self.name.as_str())
    }

    /// What the registry is to be asked.
    fn ask(&self, presented: Presented) -> Ask<'a> {
        let mut headers = headers::to_upstream(self.client);
        // curl's `*/*` says as little as nothing: registries take only types they are told by name.
        let manifest = matches!(self.resource, Resource::Manifest(_));
        if manifest && headers.get(ACCEPT).is_none_or(|accept| accept == "*/*") {
            headers.insert(ACCEPT, HeaderValue::from_static(MANIFEST_ACCEPT));
        }
        Ask {
            registry: &self.route.registry,
            method: self.method.clone(),
            repository: Some(self.repository()),
            below: self.resource.path() + &query_without_ns(self.url),
            headers,
            presented,
            blob: matches!(self.resource, Resource::Blob(_)),
            mirror: false,
            time_limit: TIME_LIMIT,
        }
    }
}

impl<P: Platform> Exchange<P> {
    /// Answers a request for something in a repository.
    ///
    /// # Errors
    ///
    /// Those of [`Exchange::ask`], and `UNAVAILABLE` for an answer that is no registry's.
    pub async fn pull(&self, pull: Pull<'_>) -> Result<Answer<P>, OciError> {
        let registry = &*pull.route.registry;
        let presented = match self.present(registry, Authorization::read(pull.client)) {
            Ok(presented) => presented,
            Err(why) => {
                let scope = Some(pull.route.client_scope(pull.name));
                return Ok(self.unauthorized(registry, scope, Some("invalid_token"), &why));
            }
        };
        let answer = self.fetch(pull, pull.ask(presented)).await?;
        if matches!(pull.resource, Resource::Blob(_)) { self.check_size(answer) } else { Ok(answer) }
    }

    /// From the store, or from whoever has it.
    async fn fetch(&self, pull: Pull<'_>, ask: Ask<'_>) -> Result<Answer<P>, OciError> {
        let registry = ask.registry;
        if matches!(ask.presented, Presented::Own(_)) {
            return self.relay(pull, &ask).await;
        }
        let shelf = Shelf::of(&self.config, registry, &pull.repository());
        let accepted = Accepted::read(headers::text(&ask.headers, &ACCEPT).unwrap_or_default());
        match pull.resource {
            // What cannot be verified is not kept: other algorithms than SHA-256 are not in use.
            Resource::Manifest(Reference::Digest(digest)) | Resource::Blob(digest) if digest.sha256().is_none() => {
                self.relay(pull, &ask).await
            }
            Resource::Manifest(reference) if accepted != Accepted::NONE => {
                let ask = for_everybody(pull, &ask, accepted);
                match reference {
                    Reference::Tag(tag) => self.tagged(pull, &ask, &shelf, tag, accepted).await,
                    Reference::Digest(digest) => self.manifest(pull, &ask, &shelf, digest).await,
                }
            }
            Resource::Blob(digest) if registry.blobs == Blobs::Proxy => {
                let ask = Ask { below: pull.resource.path(), ..ask };
                self.blob(pull, &ask, &shelf, digest).await
            }
            _ => self.relay(pull, &ask).await,
        }
    }

    /// Asks the registry, once, and hands its answer on. Nothing is kept.
    async fn relay(&self, pull: Pull<'_>, ask: &Ask<'_>) -> Result<Answer<P>, OciError> {
        self.record.borrow_mut().store = Some(Outcome::Bypass);
        let mut reply = self.ask(ask).await?;
        let manifest = matches!(pull.resource, Resource::Manifest(_));
        if manifest && *pull.method == Method::HEAD && deliver::tells_nothing(&reply) {
            reply = self.measure(ask).await?;
        }
        if matches!(pull.resource, Resource::Referrers(_)) && !is_referrers(&reply) {
            return Err(no_referrers(&ask.registry.name));
        }
        self.deliver(pull, ask, reply).await
    }

    /// What came of asking everybody, where that is nothing good.
    async fn unavailable(&self, pull: Pull<'_>, ask: &Ask<'_>, attempt: Attempt<P::Body>) -> Result<Answer<P>, OciError> {
        self.record.borrow_mut().store = Some(Outcome::Miss);
        match attempt {
            Attempt::Good(reply) | Attempt::Refused(reply) | Attempt::Failed(Failure::Reply(reply)) => {
                self.refuse(pull, ask, reply).await
            }
            Attempt::Failed(Failure::Error(error)) => Err(error),
        }
    }

    /// An upstream's refusal, told so that a client that could log in does.
    ///
    /// containerd, docker's containerd store and BuildKit begin without `Authorization` and get a token only when asked to:
    /// for them 403 and 429 too become a 401 once. One that has been through the token endpoint gets the truth.
    async fn refuse(&self, pull: Pull<'_>, ask: &Ask<'_>, reply: Reply<P::Body>) -> Result<Answer<P>, OciError> {
        let registry = ask.registry;
        let status = reply.status;
        let no_access = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if no_access && registry.login && !reply.from_origin {
            // An address that has expired, or a bot check: credentials never go there, so no login mends it; another try may.
            let message = format!("the storage at {} answered {status}; try again", registry.at(&reply.host));
            return Err(OciError::new(Code::Unavailable, message));
        }
        if status == StatusCode::UNAUTHORIZED && matches!(self.caller, Caller::User { .. }) {
            // There is nothing that the client could show: a 401 would have it ask for another password of this proxy's.
            let why = self.reason(&ask.method, reply).await;
            let message =
                format!("`{}` wants an account for this ({why}); this proxy's operator can set one", registry.name);
            return Ok(self.registrys_own(&OciError::new(Code::Denied, message)));
        }
        let scope = Some(pull.route.client_scope(pull.name));
        let could_log_in = registry.login && self.memory.manner(registry) != Some(Manner::Open);
        let nothing = matches!(ask.presented, Presented::Nothing) && could_log_in;
        if nothing && (no_access || status == StatusCode::TOO_MANY_REQUESTS) {
            let why = self.reason(&ask.method, reply).await;
            let error = OciError::new(Code::Unauthorized, format!("`{}` wants a login for this ({why})", registry.name));
            let mut answer = self.registrys_own(&error);
            answer::set(answer.headers_mut(), WWW_AUTHENTICATE, &self.challenge(registry, scope, None));
            return Ok(answer);
        }
        if status != StatusCode::UNAUTHORIZED {
            return Ok(self.relay_error(registry, &ask.method, pull.resource.missing(), reply).await);
        }
        // "authentication required" tells nobody whose; and most registries say it of what there is not, too.
        let error = reason_of(&reply.headers);
        let refuses = if matches!(ask.presented, Presented::Own(_)) {
            "does not accept this login here"
        } else {
            "wants a login for this"
        };
        let why = self.reason(&ask.method, reply).await;
        let message = format!("`{}` {refuses}, or has no such image ({why})", registry.name);
        let mut answer = self.registrys_own(&OciError::new(Code::Unauthorized, message.as_str()));
        let challenge = self.challenge(registry, scope, Some((error, &message)));
        answer::set(answer.headers_mut(), WWW_AUTHENTICATE, &challenge);
        Ok(answer)
    }

    /// A refusal in words of ours: it was the registry that refused.
    fn registrys_own(&self, error: &OciError) -> Answer<P> {
        self.record.borrow_mut().explain(&error.message);
        let mut answer = answer::error(error);
        answer.headers_mut().remove(X_PIERHEAD_ERROR);
        answer
    }

    /// The upstream's own words for a refusal, or its status.
    async fn reason(&self, method: &Method, reply: Reply<P::Body>) -> String {
        let status = reply.status;
        if reply.account == Account::Operator {
            return format!("{status} to this proxy's own account");
        }
        let body = self.read_error(method, reply.body).await;
        let said = ErrorBody::parse(&body).and_then(|body| body.first().map(|(_, message)| message.to_owned()));
        said.filter(|message| !message.is_empty()).unwrap_or_else(|| status.to_string()).chars().take(MAX_REASON).collect()
    }
}

/// A manifest request whose answer is for everybody: nothing of it is one client's own, neither its conditions (what is held
/// answers those) nor its query, nor the words of its `Accept`.
fn for_everybody<'a>(pull: Pull<'_>, ask: &Ask<'a>, accepted: Accepted) -> Ask<'a> {
    let mut headers = HeaderMap::new();
    answer::set(&mut headers, ACCEPT, &accepted.to_header());
    Ask { headers, below: pull.resource.path(), ..ask.clone() }
}

/// The `error` of an upstream's challenge. Where it names none that clients know, the token is not enough: containerd asks for
/// the same again and again until it is told.
fn reason_of(headers: &HeaderMap) -> &'static str {
    let challenges = Challenge::parse_all(headers::text(headers, &WWW_AUTHENTICATE).unwrap_or_default());
    let invalid = challenges.iter().any(|challenge| challenge.param("error") == Some("invalid_token"));
    if invalid { "invalid_token" } else { "insufficient_scope" }
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
