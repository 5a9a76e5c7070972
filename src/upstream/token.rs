//! Tokens of the server side: got without credentials or with the operator's, kept for everybody.

use http::{Method, StatusCode};
use url::Url;

use super::{Account, Ask, NoToken, Reply, ReplyBody};
use crate::auth::{Basic, TokenReply, bearer};
use crate::exchange::Exchange;
use crate::memory::{Manner, Slot, TokenKey};
use crate::oci::{Code, OciError};
use crate::platform::{Inbound, Outbound, Platform};
use crate::registry::{KnownChallenge, Registry};
use crate::secret::Secret;

/// The largest token reply that is read, in bytes; Docker Hub's has 5 KB.
pub const MAX_REPLY: usize = 64 * 1024;

/// What the server side asks a registry with.
#[derive(Clone, Debug)]
pub struct Token {
    /// The `Authorization` header.
    pub authorization: Secret,
    /// The key it was found under and itself, unless it has just been got.
    pub kept: Option<(TokenKey, Secret)>,
}

impl<P: Platform> Exchange<P> {
    /// The token to begin with: none where the registry serves the public without.
    pub(super) async fn first_token(
        &self,
        ask: &Ask<'_>,
        manner: Option<&Manner>,
    ) -> Result<Option<Token>, NoToken<P::Body>> {
        let Some(manner) = manner else { return Ok(None) };
        if let Some(kept) = self.kept_token(ask, manner) {
            return Ok(Some(kept));
        }
        if ask.registry.open {
            return Ok(None);
        }
        self.fresh_token(ask, manner).await
    }

    /// A token for `ask`, from the token server or the operator. None where the registry's manner asks for none.
    pub(super) async fn fresh_token(&self, ask: &Ask<'_>, manner: &Manner) -> Result<Option<Token>, NoToken<P::Body>> {
        let operator = self.account(ask);
        let scope = ask.scope();
        let (challenge, scope) = match (manner, &scope) {
            (Manner::Bearer(challenge), Some(scope)) => (challenge, scope),
            // The operator's account on a registry without a token server.
            (Manner::Basic, _) => {
                return Ok(operator.map(|basic| Token { authorization: basic.to_header(), kept: None }));
            }
            _ => return Ok(None),
        };
        let key = token_key(ask.registry, challenge, scope, operator.is_some());
        // Many pulls that begin together need one token.
        let _flight = self.turn(Slot::Token(key.clone())).await;
        if let Some(kept) = self.kept_token(ask, manner) {
            // Another request has just got it: it is as fresh as any.
            return Ok(Some(Token { kept: None, ..kept }));
        }
        let service = challenge.service.as_deref().map(|service| ("service", service));
        let url = with_query(&challenge.realm, service.into_iter().chain([("scope", scope.as_str())]));
        let (authorization, time_limit) = (operator.map(Basic::to_header), ask.time_limit);
        let request = Outbound { authorization, time_limit, ..Outbound::new(Method::GET, url) };
        let answer = self.send(ask.registry, request).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED if operator.is_some() => return Err(account_refused(ask.registry).into()),
            status if status.is_client_error() => {
                let account = if operator.is_some() { Account::Operator } else { Account::None };
                return Err(NoToken::Refused(self.refusal(challenge, account, answer).await));
            }
            status => return Err(token_server_fault(ask.registry, challenge, status).into()),
        }
        let reply = self.read_reply(ask.registry, challenge, answer.body).await?;
        self.memory.keep_token(key, reply.token.clone(), reply.expires_in, self.platform.now_ms());
        Ok(Some(Token { authorization: bearer(&reply.token), kept: None }))
    }

    /// A token that is there already.
    pub(super) fn kept_token(&self, ask: &Ask<'_>, manner: &Manner) -> Option<Token> {
        let (Manner::Bearer(challenge), Some(scope)) = (manner, ask.scope()) else { return None };
        let key = token_key(ask.registry, challenge, &scope, self.account(ask).is_some());
        let token = self.memory.token(&key, self.platform.now_ms())?;
        Some(Token { authorization: bearer(&token), kept: Some((key, token)) })
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
        let what = format!("the reply of the token server {}", registry.at(host(challenge)));
        let body = self.read(body, MAX_REPLY, &what).await?;
        TokenReply::parse(&body)
            .map_err(|error| OciError::new(Code::Unavailable, format!("{what} is {error}; try again later")))
    }

    /// A token server's refusal, as a reply that can be sent on.
    pub async fn refusal(&self, challenge: &KnownChallenge, account: Account, answer: Inbound<P::Body>) -> Reply<P::Body> {
        // The reason is worth reading; a reply that cannot be read is a refusal all the same.
        let body = self.platform.read(answer.body, MAX_REPLY).await.unwrap_or_default();
        Reply {
            status: answer.status,
            headers: answer.headers,
            body: ReplyBody::Read(body),
            host: host(challenge).to_owned(),
            from_origin: true,
            probe: false,
            account,
        }
    }
}

/// What a token server that neither gives a token nor refuses one is told as: a 5xx, a redirect (never followed, there may
/// be a password in hand), a 404.
pub(crate) fn token_server_fault(registry: &Registry, challenge: &KnownChallenge, status: StatusCode) -> OciError {
    let at = registry.at(host(challenge));
    let message = format!("the token server {at} answered {}; try again later", status.as_u16());
    OciError::new(Code::Unavailable, message)
}

/// The operator's own account does not work: no client could mend that by logging in.
pub(super) fn account_refused(registry: &Registry) -> OciError {
    let message = format!("`{}` refuses this proxy's own account; its operator must renew CREDENTIALS", registry.name);
    OciError::new(Code::Unavailable, message)
}

fn host(challenge: &KnownChallenge) -> &str {
    challenge.realm.host_str().unwrap_or_default()
}

/// The key a server-side token is kept under.
fn token_key(registry: &Registry, challenge: &KnownChallenge, scope: &str, operator: bool) -> TokenKey {
    TokenKey {
        registry: registry.name.clone(),
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
