//! The gate: who may use this proxy.
//!
//! `public` lets everybody in. `users` lets in who has logged in with a name and token of this proxy's own. `path` lets in who
//! knows a key that stands in the address or in `X-Pierhead-Key`. Both may be on: whoever has one proof needs no other.

mod key;
mod network;
mod rules;
mod sealing;
mod users;

use http::HeaderMap;

use crate::auth::{Authorization, Pass, PassKind};
use crate::oci::{Code, OciError};
use crate::route::Site;

pub use key::{KEY_LENGTH, Keys, Taken};
pub use network::Network;
pub use rules::{Pattern, Rule, Rules};
pub use sealing::{KEY_MIN, SigningKeys};
pub use users::{USER_LIFE, Users};

/// Who is let in. Neither is everybody.
#[derive(Debug, Default)]
pub struct Access {
    /// Those who log in.
    pub users: Option<Users>,
    /// Those who know a key.
    pub keys: Option<Keys>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Caller {
    /// Somebody, where everybody is let in.
    Anybody,
    /// Somebody who knows a key. `Authorization` is between them and the registry, as it is for anybody.
    Keyholder,
    /// A user of this proxy's own. `Authorization` was for the gate, and for nobody behind it.
    User {
        /// The name.
        name: String,
        /// The registry their token is for; any, where they showed the token they log in with.
        bound: Option<String>,
    },
    /// Nobody that the gate knows, and what to tell them.
    Stranger(OciError),
}

impl Access {
    /// Everybody is let in.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        self.users.is_none() && self.keys.is_none()
    }

    /// Who asks, by the key that was taken out of the request and by its headers; `now` are Unix seconds.
    #[must_use]
    pub fn caller(&self, site: &Site, headers: &HeaderMap, now: u64) -> Caller {
        let Some(users) = &self.users else {
            return match site.key() {
                Some(_) => Caller::Keyholder,
                None if self.keys.is_none() => Caller::Anybody,
                None => Caller::Stranger(unauthorized(NO_KEY)),
            };
        };
        let authorization = Authorization::read(headers);
        // One login is stored for a host, and sent whatever the address: what is the gate's must not pass for a registry's.
        let of_the_gate = match &authorization {
            Authorization::Basic(basic) => users.check(basic).is_ok() || Users::is_token(basic),
            Authorization::Pass(pass) => matches!(pass.kind, PassKind::User(_)),
            _ => false,
        };
        if site.key().is_some() && !of_the_gate {
            return Caller::Keyholder;
        }
        user(users, authorization, &site.authority, now).unwrap_or_else(Caller::Stranger)
    }

    /// Hides every key in a text.
    pub fn hide(&self, text: &mut String) {
        if let Some(keys) = &self.keys {
            keys.hide(text);
        }
    }
}

/// What those are told who know no key, where nobody can log in.
const NO_KEY: &str = "this proxy is for those who know its key; put it into the address, or into `X-Pierhead-Key`";

/// The user who presents this.
fn user(users: &Users, authorization: Authorization, host: &str, now: u64) -> Result<Caller, OciError> {
    match authorization {
        Authorization::None => Err(users.none(host)),
        Authorization::Basic(basic) => {
            let name = users.check(&basic)?;
            Ok(Caller::User { name: name.to_owned(), bound: None })
        }
        Authorization::Pass(Pass { registry, kind: PassKind::User(sealed) }) => {
            users.verify(&registry, &sealed, host, now)?;
            Ok(Caller::User { name: sealed.name, bound: Some(registry) })
        }
        _ => Err(unauthorized("this is no token of this proxy")),
    }
}

fn unauthorized(message: &str) -> OciError {
    OciError::new(Code::Unauthorized, message)
}
