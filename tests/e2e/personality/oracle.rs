//! container-registry.oracle.com: a service with a space in its name.

use super::*;

pub const ORACLE: Personality = Personality {
    id: "oracle",
    registry: "container-registry.oracle.com",
    label: Some("oracle"),
    origin: "container-registry.oracle.com",
    public: "os/oraclelinux",
    private: Some("database/enterprise"),
    wants: Wants::Token,
    ping: said(
        401,
        &[
            JSON,
            ("www-authenticate", r#"Bearer realm="https://container-registry.oracle.com/auth",service="Oracle Registry""#),
        ],
        AUTHENTICATION_REQUIRED,
    ),
    challenge: said(
        401,
        &[
            JSON,
            (
                "www-authenticate",
                r#"Bearer realm="https://container-registry.oracle.com/auth",service="Oracle Registry",scope="repository:{name}:pull""#,
            ),
        ],
        AUTHENTICATION_REQUIRED,
    ),
    bad_token: said(
        401,
        &[
            JSON,
            (
                "www-authenticate",
                r#"Bearer realm="https://container-registry.oracle.com/auth",service="Oracle Registry",scope="repository:{name}:pull",error="invalid_token""#,
            ),
        ],
        AUTHENTICATION_REQUIRED,
    ),
    denied: said(401, &[JSON], DENIED),
    tokens: Some(Tokens {
        host: "container-registry.oracle.com",
        path: "/auth",
        service: Some("Oracle Registry"),
        wrong_service: said(404, &[TEXT], "Not found"),
        ..TOKENS
    }),
    // Nothing is published of its manifests: here they are as the oldest registries have them.
    manifests: Manifests { digest: false, ..PLAIN.manifests },
    ..PLAIN
};
