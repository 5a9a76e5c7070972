//! A token request, sent on to the registry's own token server with the client's credentials.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use url::form_urlencoded;

use super::Granted;
use super::request::{Credentials, TokenRequest};
use crate::answer::Answer;
use crate::auth::{Pass, PassKind, Scope, TokenReply};
use crate::exchange::Exchange;
use crate::memory::Manner;
use crate::oci::{Code, OciError};
use crate::platform::{Outbound, Platform};
use crate::registry::{KnownChallenge, Registry};
use crate::secret::Secret;
use crate::upstream::{Account, token_server_fault, with_query};

impl<P: Platform> Exchange<P> {
    /// Sends the request on and its answer back. If the upstream knows no POST, its status makes the client repeat with
    /// GET.
    pub(super) async fn forward(&self, registry: &Registry, asked: TokenRequest) -> Result<Answer<P>, OciError> {
        let none = |why: &str| OciError::new(Code::Unauthorized, format!("`{}` {why}", registry.name));
        let challenge = match self.manner(registry).await? {
            Manner::Bearer(challenge) => challenge,
            Manner::Open => return Err(none("needs no login; pull without one")),
            Manner::Basic => return Err(none("has no token server; its operator can give it a host of its own (ROUTES)")),
        };
        let answer = self.send(registry, outbound(&challenge, &asked)).await?;
        if answer.status == StatusCode::OK {
            let reply = self.read_reply(registry, &challenge, answer.body).await?;
            return Ok(wrapped(registry, reply));
        }
        // 404 and 405 among them: "no POST here".
        if !answer.status.is_client_error() {
            return Err(token_server_fault(registry, &challenge, answer.status));
        }
        // The client's own credentials were shown, whatever account the operator has there: the words are for the client.
        let refusal = self.refusal(&challenge, Account::Client, answer).await;
        let unauthorized = refusal.status == StatusCode::UNAUTHORIZED;
        let answer = self.relay_error(registry, &asked.method, Code::Unsupported, refusal).await;
        Ok(if unauthorized { self.ask_for_password(answer) } else { answer })
    }
}

/// The request as the token server gets it: GET with a header, or POST with a form, as the client chose. `service` is the
/// upstream's own; the client knows ours only.
fn outbound(challenge: &KnownChallenge, asked: &TokenRequest) -> Outbound {
    let service = challenge.service.iter().map(|service| ("service", service.clone()));
    let kept = asked.kept.iter().map(|(key, value)| (key.as_str(), value.clone()));
    let mut pairs: Vec<(&str, String)> = service.chain(kept).collect();
    if asked.method == Method::POST {
        let scopes: Vec<_> = asked.scopes.iter().map(Scope::to_string).collect();
        if !scopes.is_empty() {
            pairs.push(("scope", scopes.join(" ")));
        }
        let mut request = Outbound::new(Method::POST, challenge.realm.clone());
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        return Outbound { form: Some(form(&asked.credentials, pairs)), ..request };
    }
    pairs.extend(asked.scopes.iter().map(|scope| ("scope", scope.to_string())));
    let mut authorization = None;
    if let Credentials::Password(basic) = &asked.credentials {
        if asked.account {
            pairs.push(("account", basic.user.clone()));
        }
        authorization = Some(basic.to_header());
    }
    let pairs = pairs.iter().map(|(key, value)| (*key, value.as_str()));
    Outbound { authorization, ..Outbound::new(Method::GET, with_query(&challenge.realm, pairs)) }
}

/// The OAuth2 form. Where the client sent Basic with a POST, the password goes into the form as the specification has it.
fn form(credentials: &Credentials, pairs: Vec<(&str, String)>) -> Secret {
    let (grant, secrets) = match credentials {
        Credentials::Password(basic) => {
            ("password", vec![("username", basic.user.as_str()), ("password", basic.password.expose())])
        }
        Credentials::Refresh { token, .. } => ("refresh_token", vec![("refresh_token", token.expose())]),
        Credentials::None => ("", Vec::new()),
    };
    let mut form = form_urlencoded::Serializer::new(String::new());
    Secret::new(form.append_pair("grant_type", grant).extend_pairs(pairs).extend_pairs(secrets).finish())
}

/// The upstream's reply with its tokens wrapped.
fn wrapped<P: Platform>(registry: &Registry, reply: TokenReply) -> Answer<P> {
    let wrap = |kind| Pass { registry: registry.name.clone(), kind }.to_token();
    let token = wrap(PassKind::Upstream(reply.token));
    let refresh = reply.refresh_token.map(|token| wrap(PassKind::Refresh(token)));
    super::granted(&Granted {
        token: token.expose(),
        access_token: token.expose(),
        expires_in: reply.expires_in,
        refresh_token: refresh.as_ref().map(Secret::expose),
        issued_at: reply.issued_at,
    })
}
