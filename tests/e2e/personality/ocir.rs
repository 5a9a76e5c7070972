//! Oracle Cloud's registries (`<region>.ocir.io`): a scope that is empty or given twice is 400.

use super::*;

const CHALLENGE: Said = said(
    401,
    &[
        JSON,
        ("www-authenticate", r#"Bearer realm="https://fra.ocir.io/20180419/docker/token",service="fra.ocir.io",scope="""#),
    ],
    r#"{"errors":[{"code":"DENIED","message":"Anonymous users are only allowed read access on public repos"}]}"#,
);

pub const OCIR: Personality = Personality {
    id: "ocir",
    registry: "fra.ocir.io",
    label: Some("ocir"),
    settings: r#"{"labels":["ocir"]}"#,
    origin: "fra.ocir.io",
    public: "tenancy/app",
    private: Some("tenancy/secret"),
    wants: Wants::Token,
    ping: CHALLENGE,
    challenge: CHALLENGE,
    bad_token: CHALLENGE,
    denied: said(403, &[JSON], DENIED),
    tokens: Some(Tokens {
        host: "fra.ocir.io",
        path: "/20180419/docker/token",
        service: Some("fra.ocir.io"),
        odd_scope: Some(said(400, &[JSON], r#"{"message":"Duplicate or empty scope"}"#)),
        reply: r#"{"token":"{token}","scope":"","expires_in":3600}"#,
        ..TOKENS
    }),
    ..PLAIN
};
