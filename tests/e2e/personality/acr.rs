//! Azure's registries (`*.azurecr.io`): `access_token` alone, and Blob Storage that refuses Authorization.

use super::*;

pub const ACR: Personality = Personality {
    id: "acr",
    registry: "team.azurecr.io",
    label: Some("acr"),
    settings: r#"{"labels":["acr"]}"#,
    origin: "team.azurecr.io",
    public: "samples/hello",
    private: Some("alice/secret"),
    wants: Wants::Token,
    basic: true,
    ping: said(
        401,
        &[
            JSON_UTF8,
            ("www-authenticate", r#"Bearer realm="https://team.azurecr.io/oauth2/token",service="team.azurecr.io""#),
        ],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization for more information."}]}"#,
    ),
    challenge: said(
        401,
        &[
            JSON_UTF8,
            (
                "www-authenticate",
                r#"Bearer realm="https://team.azurecr.io/oauth2/token",service="team.azurecr.io",scope="repository:{name}:pull""#,
            ),
        ],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization for more information.","detail":[{"Type":"repository","Name":"{name}","Action":"pull"}]}]}"#,
    ),
    bad_token: said(
        401,
        &[
            JSON_UTF8,
            (
                "www-authenticate",
                r#"Bearer realm="https://team.azurecr.io/oauth2/token",service="team.azurecr.io",scope="repository:{name}:pull",error="invalid_token""#,
            ),
        ],
        AUTHENTICATION_REQUIRED,
    ),
    denied: said(
        401,
        &[
            JSON_UTF8,
            (
                "www-authenticate",
                r#"Bearer realm="https://team.azurecr.io/oauth2/token",service="team.azurecr.io",scope="repository:{name}:pull",error="insufficient_scope""#,
            ),
        ],
        AUTHENTICATION_REQUIRED,
    ),
    always: &[
        REGISTRY_2,
        ("server", "openresty"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("access-control-expose-headers", "Docker-Content-Digest"),
        ("access-control-expose-headers", "WWW-Authenticate"),
        ("access-control-expose-headers", "Link"),
        ("access-control-expose-headers", "X-Ms-Correlation-Request-Id"),
    ],
    tokens: Some(Tokens {
        host: "team.azurecr.io",
        path: "/oauth2/token",
        service: Some("team.azurecr.io"),
        post: Post::Served,
        refresh: true,
        media: "application/json; charset=utf-8",
        reply: r#"{"access_token":"{token}"}"#,
        ..TOKENS
    }),
    blobs: Blobs {
        ways: &[&[Hop {
            status: 307,
            location: "https://eusmanaged1.blob.core.windows.net/e1d2c3-a1b2//docker/registry/v2/blobs/sha256/{ab}/{hex}/data?se=2026-01-01T00%3A20%3A00Z&sig=a%2Fb%2Bc%3D&sp=r&sr=b&sv=2018-03-28&regid=e1d2c3",
            headers: &[OCTETS],
            body: "",
        }]],
        head: Head::Redirected,
        store: AZURE,
        ..PLAIN.blobs
    },
    referrers: Referrers::Listed,
    ..PLAIN
};
