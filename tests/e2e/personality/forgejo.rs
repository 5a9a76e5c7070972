//! codeberg.org, the old Forgejo way: two challenges in one header line, `scope="*"`, and no POST for a token.

use super::*;

const CHALLENGE: Said = said(
    401,
    &[
        JSON,
        (
            "www-authenticate",
            r#"Bearer realm="https://codeberg.org/v2/token",service="container_registry",scope="*",Basic realm="https://codeberg.org/v2",service="container_registry",scope="*""#,
        ),
    ],
    r#"{"errors":[{"code":"UNAUTHORIZED","message":""}]}"#,
);

/// What a token without access is told, and another realm than before.
pub const NOT_YOURS: Said = said(
    401,
    &[TEXT, ("www-authenticate", r#"Basic realm="Gitea Package API""#)],
    "user should have specific permission or be a site admin\n",
);

pub const FORGEJO: Personality = Personality {
    id: "forgejo",
    registry: "codeberg.org",
    label: Some("codeberg"),
    origin: "codeberg.org",
    public: "forgejo/forgejo",
    private: Some("alice/secret"),
    wants: Wants::Token,
    basic: true,
    ping: CHALLENGE,
    challenge: CHALLENGE,
    bad_token: CHALLENGE,
    denied: NOT_YOURS,
    tokens: Some(Tokens { host: "codeberg.org", path: "/v2/token", scoped: false, ..TOKENS }),
    manifests: Manifests { etag: true, ..PLAIN.manifests },
    ..PLAIN
};
