//! `GET /v2/`: is this a registry, and must I log in?
//!
//! docker, podman and skopeo take realm and service from here and nowhere else, so a 401 is the polite answer wherever
//! somebody could have something to log in with: a client without credentials gets an anonymous pass and goes on.

use http::header::WWW_AUTHENTICATE;
use http::{Method, StatusCode};

use crate::answer::{self, Answer};
use crate::auth::Authorization;
use crate::exchange::{Exchange, Presented};
use crate::memory::Manner;
use crate::oci::{Code, OciError};
use crate::platform::Platform;
use crate::registry::Registry;
use crate::route::Route;
use crate::upstream::Ask;

impl<P: Platform> Exchange<P> {
    /// Answers a ping.
    ///
    /// # Errors
    ///
    /// Those of [`Exchange::ask`], when the client's own credentials had to be shown to the registry.
    pub async fn ping(&self, route: &Route, method: &Method, authorization: Authorization) -> Result<Answer<P>, OciError> {
        // On a gateway the address names no registry, but the token does: `docker login` checks it here.
        let named = match &authorization {
            Authorization::Pass(pass) if route.by_default => self.config.registries.by_name(&pass.registry),
            Authorization::Basic(basic) if route.by_default => Some(self.owner(basic).0),
            _ => None,
        };
        let registry = named.as_deref().unwrap_or(&route.registry);
        let presented = match self.present(registry, authorization) {
            Ok(presented) => presented,
            Err(why) => return Ok(self.unauthorized(registry, None, Some("invalid_token"), &why)),
        };
        match presented {
            Presented::AnonymousPass => Ok(welcome()),
            // Whatever the default registry wants, the images behind it may want a login.
            Presented::Nothing if route.by_default => Ok(invitation(&self.bearer_challenge(registry, None, None))),
            Presented::Nothing => Ok(self.invite(registry).await),
            Presented::Own(_) => {
                // On a gateway it is known only now whom the login is for.
                self.config.rules.of(&registry.name).check_client(&registry.name, self.address)?;
                let reply = self.ask(&Ask::ping(registry, presented)).await?;
                if reply.status.is_success() {
                    return Ok(welcome());
                }
                let refused = reply.status == StatusCode::UNAUTHORIZED;
                let mut answer = self.relay_error(registry, method, Code::NameUnknown, reply).await;
                if refused {
                    let challenge = self.challenge(registry, None, Some(("invalid_token", "")));
                    answer::set(answer.headers_mut(), WWW_AUTHENTICATE, &challenge);
                }
                Ok(answer)
            }
        }
    }

    /// What a client that presents nothing is told. A registry that cannot be asked is assumed to want tokens: an
    /// anonymous pass needs nothing from it, and the pull will tell what is wrong.
    async fn invite(&self, registry: &Registry) -> Answer<P> {
        if !registry.login {
            return welcome();
        }
        let operator = self.config.credentials.contains_key(&registry.name);
        match self.manner(registry).await {
            Ok(Manner::Open) => welcome(),
            // The operator's account serves everybody, and no anonymous client could answer a Basic challenge.
            Ok(Manner::Basic) if operator => welcome(),
            Ok(_) | Err(_) => invitation(&self.challenge(registry, None, None)),
        }
    }
}

/// A 401 that nobody need take amiss.
fn invitation<P: Platform>(challenge: &str) -> Answer<P> {
    let why = OciError::new(Code::Unauthorized, "authentication required; an anonymous token will do");
    let mut answer = answer::json(why.status, why.to_json());
    answer::set(answer.headers_mut(), WWW_AUTHENTICATE, challenge);
    answer
}

fn welcome<P: Platform>() -> Answer<P> {
    answer::json(StatusCode::OK, "{}")
}
