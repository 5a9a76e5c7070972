//! The token endpoint: `/token/<registry>`, the realm of every challenge of ours.
//!
//! Without credentials it mints an anonymous pass and asks nobody. With credentials it is the upstream's token server
//! under another name: every scope renamed and kept, the tokens of the answer wrapped.

mod forward;
mod request;

use std::rc::Rc;

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use serde::Serialize;
use url::Url;

use crate::access::{Caller, USER_LIFE, Users};
use crate::answer::{self, Answer};
use crate::auth::{ANONYMOUS_LIFE, Pass, Scope};
use crate::exchange::Exchange;
use crate::oci::{Code, OciError};
use crate::platform::{ClientRequest, Platform};
use crate::registry::Registry;
use crate::route::UNSPELLED;

use request::{Credentials, TokenRequest};

/// How somebody is let in here.
enum Entrance<'a> {
    /// With credentials that are the gate's own.
    User(&'a Users, &'a str),
    /// Because everybody is, or with a key: credentials are a registry's.
    Open,
}

impl Entrance<'_> {
    const fn user(&self) -> Option<&str> {
        match self {
            Self::User(_, name) => Some(name),
            Self::Open => None,
        }
    }
}

impl<P: Platform> Exchange<P> {
    /// Answers a token request; `named` is the registry of the path.
    ///
    /// # Errors
    ///
    /// `NAME_UNKNOWN` for a registry that is not in the table, `UNSUPPORTED` for a request that is no token request,
    /// `UNAVAILABLE` when the upstream's token server gives no usable answer. What is `UNAUTHORIZED` is answered: it
    /// needs a challenge.
    pub async fn token_endpoint(
        &self,
        named: &str,
        url: &Url,
        request: ClientRequest<P::Body>,
    ) -> Result<Answer<P>, OciError> {
        match self.exchange_token(named, url, request).await {
            Err(why) if why.status == StatusCode::UNAUTHORIZED => Ok(self.ask_for_password(self.fail(&why))),
            other => other,
        }
    }

    async fn exchange_token(&self, named: &str, url: &Url, request: ClientRequest<P::Body>) -> Result<Answer<P>, OciError> {
        let mut asked = TokenRequest::read(&self.platform, url, request).await?;
        self.record.borrow_mut().presented = Some(asked.credentials.kind());
        let entrance = self.door(&mut asked)?;
        self.count(entrance.user()).await?;
        let named = self
            .named(named)
            .ok_or_else(|| OciError::new(Code::NameUnknown, "the token path names no registry of this proxy"))?;
        // `docker login` asks for no scope: a gateway's default in the path is nobody's choice then, and the credentials
        // alone tell the registry.
        let by_default = asked.scopes.is_empty() && self.site.gateway && named.name == self.site.home.name;
        let (mut registry, scopes) = self.rename(named, &asked.scopes)?;
        let (owner, credentials) = match asked.credentials {
            // They were for the gate.
            _ if entrance.user().is_some() => (None, Credentials::None),
            Credentials::None => (None, Credentials::None),
            Credentials::Password(basic) => {
                let (owner, basic) = self.owner(&basic);
                (Some(owner), Credentials::Password(basic))
            }
            Credentials::Refresh { registry: of, token } => {
                let foreign = || OciError::new(Code::Unauthorized, "this refresh token is for no registry of this proxy");
                let owner = match of {
                    Some(name) => self.config.registries.by_name(&name).ok_or_else(foreign)?,
                    None => Rc::clone(&self.site.home),
                };
                (Some(owner), Credentials::Refresh { registry: None, token })
            }
        };
        if let Some(owner) = owner.as_ref().filter(|_| by_default) {
            registry = Rc::clone(owner);
        }
        self.record.borrow_mut().registry = Some(registry.name.clone());
        let rule = self.config.rules.of(&registry.name);
        rule.check_client(&registry.name, self.address)?;
        if let Entrance::User(users, name) = entrance {
            return Ok(reply(&users.pass(name, &registry.name, &self.site.authority, self.now()), USER_LIFE));
        }
        let Some(owner) = owner.filter(|_| registry.login) else {
            // Nothing to show, or nobody to show it to: what is public is served all the same.
            return Ok(reply(&Pass::anonymous(&registry.name, self.now()), ANONYMOUS_LIFE));
        };
        self.check_owner(&registry, &owner.name)?;
        for scope in &scopes {
            if let Scope::Repository { name, .. } = scope {
                rule.check_name(&registry.name, name.as_str())?;
            }
        }
        self.forward(&registry, TokenRequest { credentials, scopes, ..asked }).await
    }

    /// The registry in the path: by its name or, where a stranger was sent here with whatever word was in the address, by its
    /// label or by none.
    fn named(&self, text: &str) -> Option<Rc<Registry>> {
        if text == UNSPELLED {
            return Some(Rc::clone(&self.site.home));
        }
        self.config.registries.by_name(text).or_else(|| self.config.registries.by_label(text))
    }

    /// The gate as it stands here, where users show who they are, and where a key may come in a scope: docker and podman take the
    /// address of this endpoint from `GET /v2/`, which has none.
    ///
    /// # Errors
    ///
    /// `UNAUTHORIZED` for strangers, and for what means to be a user's and is not.
    fn door(&self, asked: &mut TokenRequest) -> Result<Entrance<'_>, OciError> {
        let access = &self.config.access;
        let key_in_scope = access.keys.as_ref().is_some_and(|keys| keys.take_from(&mut asked.scopes).is_some());
        let has_key = key_in_scope || self.site.key().is_some();
        let Some(users) = &access.users else {
            return match &self.caller {
                Caller::Stranger(why) if !has_key => Err(why.clone()),
                _ => Ok(Entrance::Open),
            };
        };
        match &asked.credentials {
            Credentials::Password(basic) => match users.check(basic) {
                Ok(name) => {
                    self.record.borrow_mut().user = Some(name.to_owned());
                    Ok(Entrance::User(users, name))
                }
                Err(_) if has_key && !Users::is_token(basic) => Ok(Entrance::Open),
                Err(why) => Err(why),
            },
            _ if has_key => Ok(Entrance::Open),
            Credentials::None => Err(users.none(&self.site.authority)),
            Credentials::Refresh { .. } => {
                Err(OciError::new(Code::Unauthorized, "this proxy has no refresh tokens; use user name and token"))
            }
        }
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
        let mut renamed: Vec<Scope> = Vec::new();
        for scope in scopes {
            let scope = match scope {
                Scope::Other(_) => scope.clone(),
                Scope::Repository { resource, name, actions } => {
                    let prefix =
                        name.split_first().and_then(|(first, rest)| Some((self.config.registries.by_name(first)?, rest)));
                    let (registry, rest) = prefix.unwrap_or_else(|| (Rc::clone(&named), name.as_str()));
                    if !self.site.gateway && registry.name != named.name {
                        return Err(two(&named.name, &registry.name));
                    }
                    if let Some(other) = of_scopes.filter(|other| other.name != registry.name) {
                        return Err(two(&other.name, &registry.name));
                    }
                    let name = registry.upstream_name(rest).parse()?;
                    of_scopes = Some(registry);
                    Scope::Repository { resource: resource.clone(), name, actions: actions.clone() }
                }
            };
            // OCIR answers 400 to a scope given twice (containers/podman#20371).
            if !renamed.contains(&scope) {
                renamed.push(scope);
            }
        }
        Ok((of_scopes.unwrap_or(named), renamed))
    }

    /// A 401 that asks for a password, or a better one.
    pub(crate) fn ask_for_password(&self, mut answer: Answer<P>) -> Answer<P> {
        let challenge = format!(r#"Basic realm="{}""#, self.site.authority);
        answer::set(answer.headers_mut(), WWW_AUTHENTICATE, &challenge);
        answer
    }
}

/// A reply of the token endpoint. Clients read `token` or `access_token`, so both are there.
#[derive(Serialize)]
struct Granted<'a> {
    access_token: &'a str,
    /// In seconds.
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    token: &'a str,
}

/// The reply with a pass of our own, for `life` seconds.
fn reply<P: Platform>(pass: &Pass, life: u64) -> Answer<P> {
    let token = pass.to_token();
    let token = token.expose();
    granted(&Granted { token, access_token: token, expires_in: life, refresh_token: None, issued_at: None })
}

fn granted<P: Platform>(granted: &Granted<'_>) -> Answer<P> {
    // Texts and a number always serialize.
    answer::json(StatusCode::OK, serde_json::to_string(granted).unwrap_or_default())
}
