//! One request to a registry, start to end: server-side tokens, one renewal, redirects.

mod failover;
mod follow;
mod manner;
mod redirect;
mod token;

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};

use crate::auth::{Basic, Scope};
use crate::exchange::{Exchange, Presented};
use crate::headers;
use crate::oci::OciError;
use crate::platform::Platform;
use crate::registry::Registry;

pub use failover::{Attempt, Failure};
pub use redirect::{is_redirect, next_hop};
use token::account_refused;
pub(crate) use token::{token_server_fault, with_query};

/// How long an upstream may take until its headers are there.
pub const TIME_LIMIT: Duration = Duration::from_secs(20);

/// How long a registry may take to say how it wants to be asked: docker gives up on a ping after 15 s.
const DISCOVERY_LIMIT: Duration = Duration::from_secs(5);

/// What is asked of a registry.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The registry.
    pub registry: &'a Registry,
    /// GET or HEAD.
    pub method: Method,
    /// The repository, under the registry's own name; none for a ping.
    pub repository: Option<String>,
    /// What of it, with the query: `manifests/latest`.
    pub below: String,
    /// The client's headers that go up.
    pub headers: HeaderMap,
    /// Whose authority it is asked with.
    pub presented: Presented,
    /// It is a blob: redirects lead to storage, which signs its addresses for GET alone.
    pub blob: bool,
    /// It is asked in the place of another registry, and not with the operator's account there.
    pub mirror: bool,
    /// How long each hop's headers may take.
    pub time_limit: Duration,
}

/// What a registry, its storage or its token server answered.
#[derive(Debug)]
pub struct Reply<B> {
    /// The status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: ReplyBody<B>,
    /// The host that answered.
    pub host: String,
    /// The registry itself answered: no redirect led away from its origin.
    pub from_origin: bool,
    /// The answer to a one-byte ranged GET that stands for a HEAD.
    pub probe: bool,
    /// Whose account was used.
    pub account: Account,
}

impl<B> Reply<B> {
    /// What is said beside a manifest, as far as it is for the client.
    #[must_use]
    pub fn beside(&self) -> HeaderMap {
        let mut beside = headers::beside(&self.headers);
        if self.account == Account::Operator {
            headers::hide_account(&mut beside);
        }
        beside
    }
}

/// Whose account a registry was asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Nobody's.
    None,
    /// The operator's.
    Operator,
    /// The client's own.
    Client,
}

/// A body, read or not.
#[derive(Debug)]
pub enum ReplyBody<B> {
    /// Still with the platform.
    Unread(B),
    /// A token server's refusal, read when it came; or, empty, a manifest that was only measured.
    Read(Vec<u8>),
}

/// Why there is no token.
#[derive(Debug)]
enum NoToken<B> {
    /// The token server says no: an answer for the client.
    Refused(Reply<B>),
    /// There was no usable answer.
    Fault(OciError),
}

impl<B> NoToken<B> {
    /// Nothing the registry says could change it: a plain no, or a token server that hangs, which is not tried twice.
    fn is_final(&self) -> bool {
        match self {
            Self::Refused(reply) => is_refusal(reply.status),
            Self::Fault(error) => error.status == StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

/// How token servers say no (ghcr.io, GitLab and Artifact Registry with 403). Any other 4xx may mean the wrong address.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
}

impl<B> From<OciError> for NoToken<B> {
    fn from(error: OciError) -> Self {
        Self::Fault(error)
    }
}

impl<'a> Ask<'a> {
    /// A ping.
    #[must_use]
    pub fn ping(registry: &'a Registry, presented: Presented) -> Self {
        Self {
            registry,
            method: Method::GET,
            repository: None,
            below: String::new(),
            headers: HeaderMap::new(),
            presented,
            blob: false,
            mirror: false,
            time_limit: DISCOVERY_LIMIT,
        }
    }

    /// Path and query at the registry's origin.
    fn path(&self) -> String {
        match &self.repository {
            Some(name) => format!("/v2/{name}/{}", self.below),
            None => "/v2/".to_owned(),
        }
    }

    /// The scope a token must have.
    fn scope(&self) -> Option<String> {
        self.repository.as_deref().map(Scope::pull)
    }
}

impl<P: Platform> Exchange<P> {
    /// The operator's account, where it may be used.
    fn account(&self, ask: &Ask<'_>) -> Option<&Basic> {
        self.config.credentials.get(&ask.registry.name).filter(|_| !ask.mirror)
    }

    /// Asks a registry.
    ///
    /// With the client's own credentials: once, as it stands. With none: with a token the server side has or gets,
    /// renewed once if the registry refuses it. A refusal of the token server is a reply like any other.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when no answer came, or one that must not be followed.
    pub async fn ask(&self, ask: &Ask<'_>) -> Result<Reply<P::Body>, OciError> {
        if let Presented::Own(authorization) = &ask.presented {
            let mut reply = self.follow(ask, Some(authorization)).await?;
            reply.account = Account::Client;
            if reply.from_origin && reply.status == StatusCode::UNAUTHORIZED {
                self.learn_from_refusal(ask.registry, &reply.headers).await;
            }
            return Ok(reply);
        }
        match self.ask_server_side(ask).await {
            Ok(reply) | Err(NoToken::Refused(reply)) => Ok(reply),
            Err(NoToken::Fault(error)) => Err(error),
        }
    }

    async fn ask_server_side(&self, ask: &Ask<'_>) -> Result<Reply<P::Body>, NoToken<P::Body>> {
        let operator = self.account(ask).is_some();
        let expected = self.memory.manner(ask.registry);
        let (mut token, mut fault) = match self.first_token(ask, expected.as_ref()).await {
            Ok(token) => (token, None),
            Err(refused) if refused.is_final() => return Err(refused),
            // The token server we know of may be last year's: the registry's own 401 tells.
            Err(odd) => (None, Some(odd)),
        };
        // Ends: a kept token gives way to none or a fresh one, none to a fresh one, and a fresh one is the last.
        loop {
            let mut reply = self.follow(ask, token.as_ref().map(|token| &token.authorization)).await?;
            if operator && token.is_some() {
                reply.account = Account::Operator;
            }
            let kept = token.as_ref().and_then(|token| token.kept.as_ref());
            let fresh = token.is_some() && kept.is_none();
            // public.ecr.aws answers an expired token with 400 and no challenge (aws/containers-roadmap#2835).
            let stale = kept.is_some() && reply.status == StatusCode::BAD_REQUEST;
            if fresh || !reply.from_origin || !(reply.status == StatusCode::UNAUTHORIZED || stale) {
                return Ok(reply);
            }
            if let Some((key, token)) = kept {
                self.memory.forget_token(key, token);
            }
            // gcr.io and Artifact Registry have sent 401 without a challenge: then what was known still is.
            let manner = self.learn_manner(ask.registry, &reply.headers)?.or_else(|| self.memory.manner(ask.registry));
            let next = match (manner, fault.take()) {
                (None, _) => Ok(None),
                (manner, Some(fault)) if manner == expected => Err(fault),
                (Some(manner), _) => self.fresh_token(ask, &manner).await,
            };
            let next = match next {
                // JFrog has no token for the anonymous and says 406: the registry's own 401 is the answer then, for one with
                // an account may get a token.
                Err(NoToken::Refused(refusal)) if !is_refusal(refusal.status) => {
                    let said = format!("the token server `{}` answered {}", refusal.host, refusal.status);
                    if operator {
                        return Err(account_refused(ask.registry).with_cause(said).into());
                    }
                    self.record.borrow_mut().explain(&said);
                    return Ok(reply);
                }
                next => next?,
            };
            if token.is_none() && next.is_none() {
                return Ok(reply);
            }
            token = next;
        }
    }
}
