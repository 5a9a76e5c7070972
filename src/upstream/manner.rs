//! How a registry wants to be asked: what its challenges say, as far as they may be believed.

use http::StatusCode;
use http::header::{HeaderMap, WWW_AUTHENTICATE};

use super::Ask;
use crate::auth::Challenge;
use crate::exchange::{Exchange, Presented};
use crate::headers;
use crate::memory::Manner;
use crate::oci::{Code, OciError};
use crate::platform::Platform;
use crate::registry::{KnownChallenge, Registry};

impl<P: Platform> Exchange<P> {
    /// How a registry wants to be asked; asks its `/v2/` where that is not known.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when it does not say.
    pub async fn manner(&self, registry: &Registry) -> Result<Manner, OciError> {
        if let Some(known) = self.memory.manner(registry) {
            return Ok(known);
        }
        let reply = self.follow(&Ask::ping(registry, Presented::Nothing), None).await?;
        let learnt = match reply.status {
            // A page that a redirect led to says nothing of the registry.
            _ if !reply.from_origin => None,
            StatusCode::OK => {
                self.memory.learn(registry, Manner::Open);
                Some(Manner::Open)
            }
            StatusCode::UNAUTHORIZED => self.learn_manner(registry, &reply.headers)?,
            _ => None,
        };
        learnt.ok_or_else(|| {
            let status = reply.status.as_u16();
            OciError::new(Code::Unavailable, format!("`{}` answered a ping with {status} and no challenge", registry.name))
        })
    }

    /// What a 401 to the client's own credentials tells: Basic or Bearer, the client must be told which.
    ///
    /// A Bearer challenge counts. Any other need not be the whole truth (Harbor answers Basic to any bad Authorization), so
    /// a registry of unknown manner is asked without one; if it does not say either, Bearer it is.
    pub(super) async fn learn_from_refusal(&self, registry: &Registry, headers: &HeaderMap) {
        match read_challenges(registry, headers) {
            Ok(Some(manner @ Manner::Bearer(_))) => self.memory.learn(registry, manner),
            _ => drop(self.manner(registry).await),
        }
    }

    /// The manner that a 401's challenges ask for, remembered. Bearer is preferred to Basic, and not given up for it: Harbor
    /// and Gitea answer a token that lacks access with Basic. None where there is no challenge.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` naming the host, when tokens are to come from a server that is not in the registry's row.
    pub(super) fn learn_manner(&self, registry: &Registry, headers: &HeaderMap) -> Result<Option<Manner>, OciError> {
        let Some(manner) = read_challenges(registry, headers)? else { return Ok(None) };
        if manner == Manner::Basic
            && let Some(known @ Manner::Bearer(_)) = self.memory.manner(registry)
        {
            return Ok(Some(known));
        }
        self.memory.learn(registry, manner.clone());
        Ok(Some(manner))
    }
}

fn read_challenges(registry: &Registry, headers: &HeaderMap) -> Result<Option<Manner>, OciError> {
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
    let Some(realm) = foreign else { return Ok(None) };
    Err(OciError::new(
        Code::Unavailable,
        format!(
            "`{}` sends clients to the token server `{}`, which is not in its row; the operator can add it to \
             REGISTRIES.\"{}\".realms",
            registry.name,
            realm.host_str().unwrap_or_default(),
            registry.name,
        ),
    ))
}
