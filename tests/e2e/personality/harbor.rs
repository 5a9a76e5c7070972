//! Harbor: a token for everything, and `Basic` to whoever's Authorization did not do.

use super::*;

const BASIC: Said = said(
    401,
    &[JSON_UTF8, ("www-authenticate", r#"Basic realm="harbor""#)],
    r#"{"errors":[{"code":"UNAUTHORIZED","message":"unauthorized to access repository: {name}, action: pull: unauthorized to access repository: {name}, action: pull"}]}"#,
);

pub const HARBOR: Personality = Personality {
    id: "harbor",
    registry: "harbor.example",
    label: Some("harbor"),
    settings: r#"{"labels":["harbor"]}"#,
    origin: "harbor.example",
    public: "project/app",
    private: Some("alice/secret"),
    wants: Wants::Token,
    basic: true,
    ping: said(
        401,
        &[
            JSON_UTF8,
            ("www-authenticate", r#"Bearer realm="https://harbor.example/service/token",service="harbor-registry""#),
        ],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"unauthorized: unauthorized"}]}"#,
    ),
    challenge: said(
        401,
        &[
            JSON_UTF8,
            (
                "www-authenticate",
                r#"Bearer realm="https://harbor.example/service/token",service="harbor-registry",scope="repository:{name}:pull""#,
            ),
        ],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"unauthorized to access repository: {name}, action: pull: unauthorized to access repository: {name}, action: pull"}]}"#,
    ),
    bad_token: BASIC,
    denied: BASIC,
    tokens: Some(Tokens {
        host: "harbor.example",
        path: "/service/token",
        service: Some("harbor-registry"),
        wrong_password: said(401, &[JSON_UTF8], r#"{"errors":[{"code":"UNAUTHORIZED","message":"unauthorized"}]}"#),
        post: Post::Refused(said(405, &[TEXT], "")),
        reply: r#"{"token":"{token}","access_token":"","expires_in":1800,"issued_at":"{now}Z"}"#,
        ..TOKENS
    }),
    manifests: Manifests {
        unknown: said(404, &[JSON_UTF8], r#"{"errors":[{"code":"NOT_FOUND","message":"artifact {name} not found"}]}"#),
        ..PLAIN.manifests
    },
    referrers: Referrers::Listed,
    ..PLAIN
};
