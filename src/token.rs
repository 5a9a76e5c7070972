//! The token endpoint: `/token/<registry>`, the realm of every challenge of ours.
//!
//! Without credentials it mints an anonymous pass and asks nobody. With credentials it is the upstream's token server
//! under another name: every scope renamed and kept, the tokens of the answer wrapped.

use std::rc::Rc;

use http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::json;
use url::{Url, form_urlencoded};

use crate::answer::{self, Answer};
use crate::auth::{Authorization, Basic, Pass, PassKind, Scope, TokenReply};
use crate::exchange::Exchange;
use crate::memory::Manner;
use crate::oci::{Code, OciError};
use crate::platform::{ClientRequest, Platform};
use crate::registry::{KnownChallenge, Registry};
use crate::secret::Secret;
use crate::upstream::with_query;

/// The largest form that is read, in bytes: a refresh token of some KB and a few scopes.
const MAX_FORM: usize = 32 * 1024;

/// The parameters that go on to the upstream as they are, beside scopes and credentials.
const KEPT: [&str; 3] = ["client_id", "offline_token", "access_type"];

/// What a client wants a token with.
enum Credentials {
    None,
    Password(Basic),
    Refresh { registry: Option<String>, token: Secret },
}

/// A token request, read.
struct TokenRequest {
    method: Method,
    scopes: Vec<Scope>,
    credentials: Credentials,
    /// Parameters of [`KEPT`].
    kept: Vec<(String, String)>,
    /// The client named the account.
    account: bool,
}

impl<P: Platform> Exchange<'_, P> {
    /// Answers a token request; `named` is the registry of the path.
    ///
    /// # Errors
    ///
    /// `UNSUPPORTED` for a request that is no token request, `UNAUTHORIZED` for credentials that are not that registry's,
    /// `UNAVAILABLE` when the upstream's token server gives no usable answer.
    pub async fn token_endpoint(
        &self,
        named: &str,
        url: &Url,
        request: ClientRequest<P::Body>,
    ) -> Result<Answer<P::Body>, OciError> {
        let named = self
            .config
            .registries
            .by_name(named)
            .ok_or_else(|| OciError::new(Code::NameUnknown, "the token path names no registry of this proxy"))?;
        self.record.borrow_mut().registry = Some(named.name.clone());
        let mut asked = self.read_token_request(url, request).await?;
        let (registry, scopes) = self.rename(named, &asked.scopes)?;
        asked.scopes = scopes;
        let registry = match (&asked.credentials, asked.scopes.is_empty()) {
            // `docker login` asks for no scope: the user name alone tells the registry.
            (Credentials::Password(basic), true) if self.site.gateway => self.owner(basic).0,
            _ => registry,
        };
        self.record.borrow_mut().registry = Some(registry.name.clone());
        let answer = match &asked.credentials {
            Credentials::None => {
                self.record.borrow_mut().presented = Some("none");
                return Ok(anonymous(&Pass::anonymous(&registry.name, self.now())));
            }
            Credentials::Password(basic) => {
                let (owner, basic) = self.owner(basic);
                self.check_owner(&registry, owner).map(|()| Credentials::Password(basic))
            }
            Credentials::Refresh { registry: of, token } => {
                let owner = match of {
                    Some(name) => self.config.registries.by_name(name),
                    None => Some(Rc::clone(&self.site.home)),
                };
                let foreign = || OciError::new(Code::Unauthorized, "this refresh token is for no registry of this proxy");
                owner
                    .ok_or_else(foreign)
                    .and_then(|owner| self.check_owner(&registry, owner))
                    .map(|()| Credentials::Refresh { registry: None, token: token.clone() })
            }
        };
        match answer {
            Err(why) => {
                self.note(&why);
                Ok(self.refuse_login(answer::error(&why)))
            }
            Ok(credentials) => self.forward(&registry, TokenRequest { credentials, ..asked }).await,
        }
    }

    async fn read_token_request(&self, url: &Url, request: ClientRequest<P::Body>) -> Result<TokenRequest, OciError> {
        let bad = |message: &str| OciError::new(Code::Unsupported, message).with_status(StatusCode::BAD_REQUEST);
        let form = match (&request.method, request.body) {
            (&Method::POST, Some(body)) => {
                let kind = headers_text(&request.headers);
                if !kind.starts_with("application/x-www-form-urlencoded") {
                    return Err(bad("a token request by POST is a form (`application/x-www-form-urlencoded`)"));
                }
                self.platform.read(body, MAX_FORM).await.map_err(|_| bad("the form is too long or broke off"))?
            }
            (&Method::POST, None) => return Err(bad("a token request by POST has a form")),
            _ => url.query().unwrap_or_default().as_bytes().to_vec(),
        };
        let mut scopes = Vec::new();
        let mut kept = Vec::new();
        let (mut user, mut password, mut refresh, mut account) = (None, None, None, false);
        for (key, value) in form_urlencoded::parse(&form) {
            match &*key {
                // POST has all in one, separated by spaces; GET may have several, and some clients do both.
                "scope" => {
                    for text in value.split_ascii_whitespace() {
                        let scope = Scope::parse(text).ok_or_else(|| {
                            let shown: String = text.chars().take(80).collect();
                            bad(&format!("`{shown}` is not a scope; expected such as `repository:library/nginx:pull`"))
                        })?;
                        scopes.push(scope);
                    }
                }
                "account" => account = true,
                "username" => user = Some(value.into_owned()),
                "password" => password = Some(value.into_owned()),
                "refresh_token" => refresh = Some(value.into_owned()),
                key if KEPT.contains(&key) => kept.push((key.to_owned(), value.into_owned())),
                _ => {}
            }
        }
        // Secrets in a URL end in logs; the token specification has them in the form and the header alone.
        let posted = request.method == Method::POST;
        let credentials = match (Authorization::read(&request.headers), posted, user, password, refresh) {
            (Authorization::Basic(basic), ..) => Credentials::Password(basic),
            (Authorization::None, true, _, _, Some(token)) if !token.is_empty() => refresh_token(&token)?,
            (Authorization::None, true, Some(user), Some(password), _) => {
                let basic = Basic::from_pair(&format!("{user}:{password}")).filter(|basic| basic.user == user);
                Credentials::Password(basic.ok_or_else(|| bad("user name or password are empty or cannot be sent"))?)
            }
            (Authorization::None, true, ..) => return Err(bad("a token request by POST has a password or refresh token")),
            (Authorization::None, ..) => Credentials::None,
            _ => return Err(bad("a token request has Basic credentials or none")),
        };
        Ok(TokenRequest { method: request.method, scopes, credentials, kept, account })
    }

    /// The registry the scopes are for, and the scopes under its own names, each once.
    ///
    /// On a gateway `GET /v2/` names no registry, so that clients come here with the default one in the path: there the
    /// scope's dotted prefix decides.
    fn rename(&self, named: Rc<Registry>, scopes: &[Scope]) -> Result<(Rc<Registry>, Vec<Scope>), OciError> {
        let two = |a: &str, b: &str| {
            OciError::new(Code::Unsupported, format!("one token cannot be for both `{a}` and `{b}`; ask for each by itself"))
                .with_status(StatusCode::BAD_REQUEST)
        };
        let mut of_scopes: Option<Rc<Registry>> = None;
        let mut renamed = Vec::new();
        for scope in scopes {
            let Scope::Repository { resource, name, actions } = scope else {
                renamed.push((scope.clone(), None));
                continue;
            };
            let prefix = name.split_first().and_then(|(first, rest)| Some((self.config.registries.by_name(first)?, rest)));
            let (registry, rest) = match prefix {
                Some((registry, rest)) => (registry, rest),
                None => (Rc::clone(&named), name.as_str()),
            };
            if !self.site.gateway && registry.name != named.name {
                return Err(two(&named.name, &registry.name));
            }
            if let Some(other) = of_scopes.replace(Rc::clone(&registry)).filter(|other| other.name != registry.name) {
                return Err(two(&other.name, &registry.name));
            }
            renamed.push((scope.clone(), Some((resource.clone(), registry.upstream_name(rest), actions.clone()))));
        }
        let mut result: Vec<Scope> = Vec::new();
        for (scope, repository) in renamed {
            let scope = match repository {
                Some((resource, name, actions)) => Scope::Repository { resource, name: name.parse()?, actions },
                None => scope,
            };
            // OCIR answers 400 to a scope given twice (containers/podman#20371).
            if !result.contains(&scope) {
                result.push(scope);
            }
        }
        Ok((of_scopes.unwrap_or(named), result))
    }

    /// Sends a token request on to the registry's own token server, and its answer back.
    async fn forward(&self, registry: &Registry, asked: TokenRequest) -> Result<Answer<P::Body>, OciError> {
        self.record.borrow_mut().presented = Some("basic");
        let challenge = match self.manner(registry).await? {
            Manner::Bearer(challenge) => challenge,
            Manner::Open => return Ok(self.no_login(registry, "needs no login; pull without one")),
            Manner::Basic => return Ok(self.no_login(registry, "has no token server; use a host of its own (ROUTES)")),
        };
        let (url, authorization, form) = token_request(&challenge, &asked);
        let method = asked.method;
        let mut headers = HeaderMap::new();
        if form.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        }
        let answer = self.send(registry, method.clone(), url, headers, authorization, form).await?;
        if answer.status == StatusCode::OK {
            let reply = self.read_reply(registry, &challenge, answer.body).await?;
            return Ok(wrapped(registry, reply));
        }
        let refusal = self.refusal(registry, &challenge, answer).await?;
        let unauthorized = refusal.status == StatusCode::UNAUTHORIZED;
        let answer = self.relay_error(registry, &method, Code::Unsupported, refusal).await;
        Ok(if unauthorized { self.refuse_login(answer) } else { answer })
    }

    fn no_login(&self, registry: &Registry, why: &str) -> Answer<P::Body> {
        let error = OciError::new(Code::Unauthorized, format!("`{}` {why}", registry.name));
        self.note(&error);
        self.refuse_login(answer::error(&error))
    }

    /// A 401 of the token endpoint asks for a better password.
    fn refuse_login(&self, mut answer: Answer<P::Body>) -> Answer<P::Body> {
        let challenge = format!(r#"Basic realm="{}""#, self.site.authority);
        answer::set(answer.headers_mut(), WWW_AUTHENTICATE, &challenge);
        answer
    }
}

fn headers_text(headers: &HeaderMap) -> &str {
    crate::headers::text(headers, &CONTENT_TYPE).unwrap_or_default()
}

/// A refresh token: one of ours names its registry, one without our mark is the client's own.
fn refresh_token(token: &str) -> Result<Credentials, OciError> {
    if !Pass::is_marked(token) {
        return Ok(Credentials::Refresh { registry: None, token: Secret::new(token) });
    }
    match Pass::parse(token) {
        Some(Pass { registry, kind: PassKind::Refresh(token) }) => {
            Ok(Credentials::Refresh { registry: Some(registry), token })
        }
        _ => Err(OciError::new(Code::Unauthorized, "this is no refresh token of this proxy")),
    }
}

/// The request for the upstream's token server: GET with a header, or POST with a form, as the client chose.
fn token_request(challenge: &KnownChallenge, asked: &TokenRequest) -> (Url, Option<Secret>, Option<Secret>) {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    if let Some(service) = &challenge.service {
        pairs.push(("service", service.clone()));
    }
    pairs.extend(asked.kept.iter().map(|(key, value)| (key.as_str(), value.clone())));
    let scopes = asked.scopes.iter().map(Scope::to_string);
    if asked.method != Method::POST {
        pairs.extend(scopes.map(|scope| ("scope", scope)));
        let authorization = match &asked.credentials {
            Credentials::Password(basic) => {
                if asked.account {
                    pairs.push(("account", basic.user.clone()));
                }
                Some(basic.to_header())
            }
            _ => None,
        };
        let pairs = pairs.iter().map(|(key, value)| (*key, value.as_str()));
        return (with_query(&challenge.realm, pairs), authorization, None);
    }
    let scopes: Vec<_> = scopes.collect();
    if !scopes.is_empty() {
        pairs.push(("scope", scopes.join(" ")));
    }
    let (grant, secrets) = match &asked.credentials {
        Credentials::Password(basic) => {
            ("password", vec![("username", basic.user.clone()), ("password", basic.password.expose().to_owned())])
        }
        Credentials::Refresh { token, .. } => ("refresh_token", vec![("refresh_token", token.expose().to_owned())]),
        Credentials::None => ("", vec![]),
    };
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", grant)
        .extend_pairs(pairs)
        .extend_pairs(secrets)
        .finish();
    (challenge.realm.clone(), None, Some(Secret::new(form)))
}

/// The reply with an anonymous pass.
fn anonymous<B>(pass: &Pass) -> Answer<B> {
    let token = pass.to_token();
    let token = token.expose();
    answer::json(
        StatusCode::OK,
        json!({ "token": token, "access_token": token, "expires_in": crate::auth::ANONYMOUS_LIFE }).to_string(),
    )
}

/// The upstream's reply with its tokens wrapped. Clients read `token` or `access_token`, so both are there.
fn wrapped<B>(registry: &Registry, reply: TokenReply) -> Answer<B> {
    let wrap = |kind| Pass { registry: registry.name.clone(), kind }.to_token();
    let token = wrap(PassKind::Upstream(reply.token));
    let mut body = json!({
        "token": token.expose(), "access_token": token.expose(), "expires_in": reply.expires_in,
    });
    if let Some(object) = body.as_object_mut() {
        if let Some(refresh) = reply.refresh_token {
            object.insert("refresh_token".to_owned(), json!(wrap(PassKind::Refresh(refresh)).expose()));
        }
        if let Some(issued_at) = reply.issued_at {
            object.insert("issued_at".to_owned(), json!(issued_at));
        }
    }
    let answer: Response<_> = answer::json(StatusCode::OK, body.to_string());
    answer
}
