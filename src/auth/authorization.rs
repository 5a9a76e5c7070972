//! What a client presents.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::{Basic, Pass};
use crate::secret::Secret;

/// The client's `Authorization` header, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// None was sent.
    None,
    /// A token of ours.
    Pass(Pass),
    /// A token that bears our mark but is not one we wrote, or a header that cannot be read. Never forwarded.
    Broken,
    /// A bearer token of the client's own, such as a registry's static one.
    Bearer(Secret),
    /// A user's name and password.
    Basic(Basic),
}

impl Authorization {
    /// Reads the header. Two of them, other schemes and unreadable bytes are [`Authorization::Broken`].
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Self::None };
        let (None, Ok(value)) = (values.next(), value.to_str()) else { return Self::Broken };
        let Some((scheme, rest)) = value.trim().split_once(' ') else { return Self::Broken };
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("basic") {
            return Basic::from_header(rest).map_or(Self::Broken, Self::Basic);
        }
        let token68 = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic() && b != b',');
        if !scheme.eq_ignore_ascii_case("bearer") || !token68 {
            return Self::Broken;
        }
        if Pass::is_marked(rest) {
            return Pass::parse(rest).map_or(Self::Broken, Self::Pass);
        }
        Self::Bearer(Secret::new(rest))
    }
}

/// The `Authorization` header for a token.
#[must_use]
pub fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(value: &str) -> Authorization {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        Authorization::read(&headers)
    }

    #[test]
    fn tells_whose_it_is() {
        assert_eq!(Authorization::read(&HeaderMap::new()), Authorization::None);
        let pass = Pass::anonymous("docker.io", 1);
        assert_eq!(read(&format!("Bearer {}", pass.to_token().expose())), Authorization::Pass(pass));
        assert_eq!(read("bearer QQ=="), Authorization::Bearer(Secret::new("QQ==")));
        assert!(matches!(read("BASIC YWxpY2U6cHc="), Authorization::Basic(_)));
        for broken in ["", "Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Basic x", "Negotiate abc", "Bearer ph1.x"] {
            assert_eq!(read(broken), Authorization::Broken, "{broken}");
        }
    }
}
