//! A user's name and password.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::secret::Secret;

/// Basic credentials (RFC 7617).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basic {
    /// The user's name. It may carry a registry in front, `ghcr.io/alice`: see [`Basic::split_registry`].
    pub user: String,
    /// The password or access token.
    pub password: Secret,
}

impl Basic {
    /// Reads `user:password`.
    #[must_use]
    pub fn from_pair(pair: &str) -> Option<Self> {
        let (user, password) = pair.split_once(':')?;
        // Google's `_json_key` has a whole key file for a password, line ends and all: it leaves encoded only.
        if user.is_empty() || password.is_empty() || user.chars().any(char::is_control) {
            return None;
        }
        Some(Self { user: user.to_owned(), password: Secret::new(password) })
    }

    /// Reads what follows `Basic ` in an `Authorization` header.
    #[must_use]
    pub fn from_header(encoded: &str) -> Option<Self> {
        let bytes = STANDARD.decode(encoded.trim()).ok()?;
        Self::from_pair(std::str::from_utf8(&bytes).ok()?)
    }

    /// The `Authorization` header.
    #[must_use]
    pub fn to_header(&self) -> Secret {
        let pair = format!("{}:{}", self.user, self.password.expose());
        Secret::new(format!("Basic {}", STANDARD.encode(pair)))
    }

    /// The registry named in front of the user's name and the credentials without it.
    ///
    /// On a host that serves many registries one stored login is sent for all of them; `ghcr.io/alice` says whose it
    /// is. No registry's user names hold a `/` after a dotted host.
    #[must_use]
    pub fn split_registry(&self) -> Option<(&str, Self)> {
        let (registry, user) = self.user.split_once('/')?;
        if !registry.contains('.') || user.is_empty() {
            return None;
        }
        Some((registry, Self { user: user.to_owned(), password: self.password.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_header() {
        let basic = Basic::from_header("YWxpY2U6czplY3JldA==").unwrap();
        assert_eq!((basic.user.as_str(), basic.password.expose()), ("alice", "s:ecret"));
        assert_eq!(basic.to_header().expose(), "Basic YWxpY2U6czplY3JldA==");
        assert!(!format!("{basic:?}").contains("ecret"));
        for bad in ["", "!!!", "YWxpY2U=", "OnNlY3JldA==", "YWxpY2U6", "YQ06Yg=="] {
            assert_eq!(Basic::from_header(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_file_is_a_password() {
        let key = Basic::from_pair("_json_key:{\n  \"type\": \"service_account\"\n}\n").unwrap();
        assert_eq!(Basic::from_header(key.to_header().expose().trim_start_matches("Basic ")), Some(key));
    }

    #[test]
    fn a_user_name_may_carry_a_registry() {
        let named = Basic::from_pair("ghcr.io/alice:pw").unwrap();
        let (registry, alice) = named.split_registry().unwrap();
        assert_eq!((registry, alice.user.as_str()), ("ghcr.io", "alice"));
        for plain in ["alice:pw", "team/alice:pw", "ghcr.io/:pw", "$oauthtoken:pw"] {
            assert!(Basic::from_pair(plain).unwrap().split_registry().is_none(), "{plain}");
        }
    }
}
