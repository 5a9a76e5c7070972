//! One request to a registry, start to end: server-side tokens, one renewal, redirects.

mod redirect;
mod token;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::auth::Challenge;
use crate::exchange::{Exchange, Presented};
use crate::headers;
use crate::memory::{Manner, TokenKey};
use crate::oci::{Code, OciError};
use crate::platform::Platform;
use crate::registry::{Blobs, KnownChallenge, Login, Registry, same_origin};
use crate::secret::Secret;

use redirect::{Hop, next_hop};
use token::Token;

/// Storage chains seen in the wild have three hops (registry.k8s.io to Artifact Registry to its downloads).
const MAX_HOPS: usize = 5;

/// What is asked of a registry.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The registry.
    pub registry: &'a Registry,
    /// GET or HEAD.
    pub method: Method,
    /// Path and query at the registry's origin.
    pub path: String,
    /// The client's headers that go up.
    pub headers: HeaderMap,
    /// The scope a token must have; none for a ping.
    pub scope: Option<String>,
    /// Whose authority it is asked with.
    pub presented: Presented,
    /// It is a blob: redirects lead to storage, which signs its addresses for GET alone.
    pub blob: bool,
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
    /// The operator's account was used.
    pub operator: bool,
}

/// Why there is no token.
#[derive(Debug)]
enum NoToken<B> {
    /// The token server says no: an answer for the client.
    Refused(Reply<B>),
    /// There was no usable answer.
    Fault(OciError),
}

impl<B> From<OciError> for NoToken<B> {
    fn from(error: OciError) -> Self {
        Self::Fault(error)
    }
}

/// A body, read or not.
#[derive(Debug)]
pub enum ReplyBody<B> {
    /// Still with the platform.
    Unread(B),
    /// A token server's refusal, read when it came.
    Read(Vec<u8>),
}

impl<P: Platform> Exchange<'_, P> {
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
            return self.follow(ask, Some(authorization)).await;
        }
        match self.ask_server_side(ask).await {
            Ok(reply) | Err(NoToken::Refused(reply)) => Ok(reply),
            Err(NoToken::Fault(error)) => Err(error),
        }
    }

    async fn ask_server_side(&self, ask: &Ask<'_>) -> Result<Reply<P::Body>, NoToken<P::Body>> {
        let operator = self.config.credentials.contains_key(&ask.registry.name);
        let mut token = self.first_token(ask).await?;
        // Ends: a kept token gives way to none or a fresh one, none to a fresh one, and a fresh one is the last.
        loop {
            let mut reply = self.follow(ask, token.as_ref().map(|token| &token.authorization)).await?;
            reply.operator = operator && token.is_some();
            let kept = token.as_ref().and_then(|token| token.kept.as_ref());
            let fresh = token.is_some() && kept.is_none();
            // public.ecr.aws answers an expired token with 400 and no challenge (aws/containers-roadmap#2835).
            let stale = kept.is_some() && reply.status == StatusCode::BAD_REQUEST;
            if fresh || !reply.from_origin || !(reply.status == StatusCode::UNAUTHORIZED || stale) {
                return Ok(reply);
            }
            if let Some(key) = kept {
                self.memory.forget_token(key);
            }
            let manner = match self.read_challenge(ask.registry, &reply.headers)? {
                Some(manner) => {
                    self.memory.learn(ask.registry, manner.clone());
                    Some(manner)
                }
                // gcr.io and Artifact Registry have sent 401 without a challenge.
                None => self.memory.manner(ask.registry),
            };
            let next = match manner {
                Some(manner) => self.fresh_token(ask, &manner).await?,
                None => None,
            };
            if token.is_none() && next.is_none() {
                return Ok(reply);
            }
            token = next;
        }
    }

    /// How a registry wants to be asked; asks its `/v2/` where that is not known.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when it does not say.
    pub async fn manner(&self, registry: &Registry) -> Result<Manner, OciError> {
        if let Some(known) = self.memory.manner(registry) {
            return Ok(known);
        }
        let ping = Ask {
            registry,
            method: Method::GET,
            path: "/v2/".to_owned(),
            headers: HeaderMap::new(),
            scope: None,
            presented: Presented::Nothing,
            blob: false,
        };
        let reply = self.follow(&ping, None).await?;
        let manner = match reply.status {
            StatusCode::OK => Some(Manner::Open),
            StatusCode::UNAUTHORIZED if reply.from_origin => self.read_challenge(registry, &reply.headers)?,
            _ => None,
        };
        let manner = manner.ok_or_else(|| {
            OciError::new(
                Code::Unavailable,
                format!("`{}` answered a ping with {} and no challenge", registry.name, reply.status.as_u16()),
            )
        })?;
        self.memory.learn(registry, manner.clone());
        Ok(manner)
    }

    /// The manner a 401's challenges ask for. Bearer is preferred to Basic.
    fn read_challenge(&self, registry: &Registry, headers: &HeaderMap) -> Result<Option<Manner>, OciError> {
        let challenges = Challenge::parse_all(headers::text(headers, &WWW_AUTHENTICATE).unwrap_or_default());
        let mut foreign = None;
        for challenge in &challenges {
            let Some(realm) = challenge.realm() else { continue };
            if registry.trusts(&realm) {
                let service = challenge.param("service").filter(|service| !service.is_empty()).map(str::to_owned);
                return Ok(Some(Manner::Bearer(KnownChallenge { realm, service })));
            }
            foreign = Some(realm);
        }
        if challenges.iter().any(|challenge| challenge.scheme == "basic") {
            return Ok(Some(Manner::Basic));
        }
        match foreign {
            None => Ok(None),
            Some(realm) => Err(OciError::new(
                Code::Unavailable,
                format!(
                    "`{}` sends clients to the token server `{}`, which is not in its row; the operator can add it to \
                     REGISTRIES.\"{}\".realms",
                    registry.name,
                    realm.host_str().unwrap_or_default(),
                    registry.name,
                ),
            )),
        }
    }

    /// The token to begin with: none where the registry serves the public without.
    async fn first_token(&self, ask: &Ask<'_>) -> Result<Option<Token>, NoToken<P::Body>> {
        let Some(manner) = self.memory.manner(ask.registry) else { return Ok(None) };
        if let Some(kept) = self.kept_token(ask, &manner) {
            return Ok(Some(kept));
        }
        if ask.registry.login == Login::Private {
            return Ok(None);
        }
        self.fresh_token(ask, &manner).await
    }

    /// Sends a request and follows its redirects. `Authorization` stays at the registry's origin.
    async fn follow(&self, ask: &Ask<'_>, authorization: Option<&Secret>) -> Result<Reply<P::Body>, OciError> {
        let registry = ask.registry;
        let mut url = registry.origin.join(&ask.path).map_err(|_| {
            OciError::new(Code::NameInvalid, format!("`{}` cannot be asked of `{}`", ask.path, registry.name))
        })?;
        let (mut method, mut headers) = (ask.method.clone(), ask.headers.clone());
        let (mut from_origin, mut probe) = (true, false);
        if ask.blob && registry.blob_head_refused && method == Method::HEAD {
            (method, probe) = (Method::GET, true);
            redirect::make_probe(&mut headers);
        }
        for _ in 0..=MAX_HOPS {
            let authorization = authorization.filter(|_| from_origin).cloned();
            let answer = self.send(registry, method.clone(), url.clone(), headers.clone(), authorization, None).await?;
            let hop = next_hop(registry, &self.site, &url, answer.status, &answer.headers)?;
            let target = match hop {
                // The client is to fetch it itself: the redirect is the answer.
                Some(Hop { target, .. })
                    if ask.blob && registry.blobs == Blobs::Redirect && !same_origin(&target, &registry.origin) =>
                {
                    None
                }
                Some(Hop { target }) => Some(target),
                None => None,
            };
            let Some(target) = target else {
                return Ok(Reply {
                    status: answer.status,
                    headers: answer.headers,
                    body: ReplyBody::Unread(answer.body),
                    host: url.host_str().unwrap_or_default().to_owned(),
                    from_origin,
                    probe,
                    operator: false,
                });
            };
            from_origin = from_origin && same_origin(&target, &registry.origin);
            if ask.blob && method == Method::HEAD {
                // A presigned address answers HEAD with 403: its signature covers the method.
                (method, probe) = (Method::GET, true);
                redirect::make_probe(&mut headers);
            }
            url = target;
        }
        Err(OciError::new(Code::Unavailable, format!("`{}` redirected more than {MAX_HOPS} times", registry.name)))
    }
}

/// The key a server-side token is kept under.
fn token_key(registry: &Registry, challenge: &KnownChallenge, scope: &str, operator: bool) -> TokenKey {
    TokenKey {
        origin: registry.origin.to_string(),
        realm: challenge.realm.to_string(),
        service: challenge.service.clone(),
        scope: scope.to_owned(),
        operator,
    }
}

/// A realm with parameters added to those it has.
pub(crate) fn with_query<'a>(realm: &Url, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Url {
    let mut url = realm.clone();
    url.query_pairs_mut().extend_pairs(pairs);
    url
}
