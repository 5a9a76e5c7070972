//! Tokens of the server side: got without credentials or with the operator's, kept for everybody.

use http::{HeaderMap, Method, StatusCode};

use super::{Ask, NoToken, Reply, ReplyBody, token_key, with_query};
use crate::auth::{Basic, TokenReply, bearer};
use crate::exchange::Exchange;
use crate::memory::{Manner, TokenKey};
use crate::oci::{Code, OciError};
use crate::platform::{Inbound, Platform};
use crate::registry::{KnownChallenge, Registry};
use crate::secret::Secret;

/// The largest token reply that is read, in bytes; Docker Hub's has 5 KB.
pub const MAX_REPLY: usize = 64 * 1024;

/// What the server side asks a registry with.
#[derive(Clone, Debug)]
pub struct Token {
    /// The `Authorization` header.
    pub authorization: Secret,
    /// The key it was found under, unless it has just been got.
    pub kept: Option<TokenKey>,
}

impl<P: Platform> Exchange<'_, P> {
    /// A token for `ask`, from the token server or the operator. None where the registry's manner asks for none.
    pub(super) async fn fresh_token(&self, ask: &Ask<'_>, manner: &Manner) -> Result<Option<Token>, NoToken<P::Body>> {
        let operator = self.config.credentials.get(&ask.registry.name);
        let (challenge, scope) = match (manner, &ask.scope) {
            (Manner::Bearer(challenge), Some(scope)) => (challenge, scope),
            // The operator's account on a registry without a token server.
            (Manner::Basic, _) => {
                return Ok(operator.map(|basic| Token { authorization: basic.to_header(), kept: None }));
            }
            _ => return Ok(None),
        };
        let service = challenge.service.as_deref().map(|service| ("service", service));
        let url = with_query(&challenge.realm, service.into_iter().chain([("scope", scope.as_str())]));
        let authorization = operator.map(Basic::to_header);
        let answer = self.send(ask.registry, Method::GET, url, HeaderMap::new(), authorization, None).await?;
        if answer.status != StatusCode::OK {
            return Err(NoToken::Refused(self.refusal(ask.registry, challenge, answer).await?));
        }
        let reply = self.read_reply(ask.registry, challenge, answer.body).await?;
        let key = token_key(ask.registry, challenge, scope, operator.is_some());
        self.memory.keep_token(key, reply.token.clone(), reply.expires_in, self.platform.now_ms());
        Ok(Some(Token { authorization: bearer(&reply.token), kept: None }))
    }

    /// A token that is there already.
    pub(super) fn kept_token(&self, ask: &Ask<'_>, manner: &Manner) -> Option<Token> {
        let (Manner::Bearer(challenge), Some(scope)) = (manner, &ask.scope) else { return None };
        let operator = self.config.credentials.contains_key(&ask.registry.name);
        let key = token_key(ask.registry, challenge, scope, operator);
        let token = self.memory.token(&key, self.platform.now_ms())?;
        Some(Token { authorization: bearer(&token), kept: Some(key) })
    }

    /// Reads a token server's good answer.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` naming the token server when it is no token reply.
    pub async fn read_reply(
        &self,
        registry: &Registry,
        challenge: &KnownChallenge,
        body: P::Body,
    ) -> Result<TokenReply, OciError> {
        let what = format!("the reply of `{}` (for `{}`)", challenge.realm.host_str().unwrap_or_default(), registry.name);
        let body = self.read(body, MAX_REPLY, &what).await?;
        TokenReply::parse(&body).map_err(|error| OciError::new(Code::Unavailable, format!("{what} is {error}")))
    }

    /// A token server's refusal, as a reply that can be sent on.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when it is no refusal but a fault: a redirect (never followed with credentials), a 5xx.
    pub async fn refusal(
        &self,
        registry: &Registry,
        challenge: &KnownChallenge,
        answer: Inbound<P::Body>,
    ) -> Result<Reply<P::Body>, OciError> {
        let host = challenge.realm.host_str().unwrap_or_default().to_owned();
        if !answer.status.is_client_error() {
            return Err(OciError::new(
                Code::Unavailable,
                format!(
                    "the token server `{host}` (for `{}`) answered {}; try again later",
                    registry.name,
                    answer.status.as_u16()
                ),
            ));
        }
        // The reason is worth reading; a reply that cannot be read is a refusal all the same.
        let body = self.platform.read(answer.body, MAX_REPLY).await.unwrap_or_default();
        Ok(Reply {
            status: answer.status,
            headers: answer.headers,
            body: ReplyBody::Read(body),
            host,
            from_origin: true,
            probe: false,
            operator: self.config.credentials.contains_key(&registry.name),
        })
    }
}
