//! The tokens this proxy hands out: `ph1.<kind>.<registry>.<payload>`.
//!
//! Every token that leaves is wrapped with the registry it is for, so that it cannot be carried to another one. A user's pass
//! is signed, for it opens the gate. The others confer nothing that their bearer did not have: an anonymous one stands for
//! what anybody gets who is let in, and the rest hold the upstream's own token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::secret::Secret;

const MARK: &str = "ph1.";

/// How long an anonymous pass lasts, in seconds. Long enough for one pull of many layers on one token.
pub const ANONYMOUS_LIFE: u64 = 3600;

/// A token of ours, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The canonical name of the registry it is for.
    pub registry: String,
    /// What it stands for.
    pub kind: PassKind,
}

/// What a pass stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassKind {
    /// "Use the server side": this proxy gets, keeps and renews the upstream token itself.
    Anonymous {
        /// Unix seconds.
        expires: u64,
    },
    /// The upstream's own access token, got with the client's credentials.
    Upstream(Secret),
    /// The upstream's own refresh token, good at the token endpoint only.
    Refresh(Secret),
    /// A user of this proxy's own: see [`crate::access`].
    User(Sealed),
}

/// A user's pass, as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The user's name.
    pub name: String,
    /// Unix seconds.
    pub expires: u64,
    /// What proves it: see [`crate::access::SigningKeys`].
    pub seal: String,
}

impl Sealed {
    fn parse(text: &str) -> Option<Self> {
        let (expires, rest) = text.split_once(':')?;
        let (seal, name) = rest.split_once(':')?;
        Some(Self { name: name.to_owned(), expires: expires.parse().ok()?, seal: seal.to_owned() })
    }
}

impl Pass {
    /// A pass for an anonymous client, from `now` on (Unix seconds).
    #[must_use]
    pub fn anonymous(registry: &str, now: u64) -> Self {
        Self { registry: registry.to_owned(), kind: PassKind::Anonymous { expires: now + ANONYMOUS_LIFE } }
    }

    /// Whether the token is one of ours, sound or not. One that is must never be forwarded as it is.
    #[must_use]
    pub fn is_marked(token: &str) -> bool {
        token.starts_with(MARK)
    }

    /// Reads a token of ours. `None` for anything that this proxy has not written.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        let (kind, rest) = token.strip_prefix(MARK)?.split_once('.')?;
        // Registry names hold dots, payloads (base64url) none.
        let (registry, payload) = rest.rsplit_once('.')?;
        let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        // What goes into an upstream header must not be able to leave it.
        if payload.is_empty() || !payload.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        let kind = match kind {
            "anonymous" => PassKind::Anonymous { expires: payload.parse().ok()? },
            "upstream" => PassKind::Upstream(Secret::new(payload)),
            "refresh" => PassKind::Refresh(Secret::new(payload)),
            "user" => PassKind::User(Sealed::parse(&payload)?),
            _ => return None,
        };
        Some(Self { registry: registry.to_owned(), kind })
    }

    /// The token as it is handed out.
    #[must_use]
    pub fn to_token(&self) -> Secret {
        let (kind, payload) = match &self.kind {
            PassKind::Anonymous { expires } => ("anonymous", &Secret::new(expires.to_string())),
            PassKind::Upstream(token) => ("upstream", token),
            PassKind::Refresh(token) => ("refresh", token),
            PassKind::User(Sealed { name, expires, seal }) => ("user", &Secret::new(format!("{expires}:{seal}:{name}"))),
        };
        Secret::new(format!("{MARK}{kind}.{}.{}", self.registry, URL_SAFE_NO_PAD.encode(payload.expose())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back() {
        for kind in [
            PassKind::Anonymous { expires: 12 },
            PassKind::Upstream(Secret::new("eyJ0.eyJp.c2ln")),
            PassKind::Refresh(Secret::new("r/+=")),
            PassKind::User(Sealed { name: "alice@example.com".into(), expires: 12, seal: "c2VhbA".into() }),
        ] {
            let pass = Pass { registry: "us-west2-docker.pkg.dev".into(), kind };
            let token = pass.to_token();
            assert!(Pass::is_marked(token.expose()));
            assert_eq!(Pass::parse(token.expose()), Some(pass));
        }
    }

    #[test]
    fn mangled_ones_do_not() {
        for bad in [
            "ph1.",
            "ph1.anonymous",
            "ph1.anonymous.docker.io",
            "ph1.anonymous.docker.io.",
            "ph1.anonymous.docker.io.!!",
            "ph1.anonymous.docker.io.c29vbg",
            "ph1.other.docker.io.MTI",
            // "12", "12:seal" and "x:seal:name" in base64url
            "ph1.user.docker.io.MTI",
            "ph1.user.docker.io.MTI6c2VhbA",
            "ph1.user.docker.io.eDpzZWFsOm5hbWU",
            // "a\r\nb" and "ä" in base64url
            "ph1.upstream.docker.io.YQ0KYg",
            "ph1.upstream.docker.io.w6Q",
            "ph2.anonymous.docker.io.MTI",
            "eyJ0.eyJp.c2ln",
        ] {
            assert_eq!(Pass::parse(bad), None, "{bad}");
        }
    }
}
