//! cgr.dev: storage addresses with `%3A` in the path, which their signature covers.

use super::*;

pub const CGR: Personality = Personality {
    id: "cgr",
    registry: "cgr.dev",
    label: Some("cgr"),
    origin: "cgr.dev",
    public: "chainguard/node",
    private: Some("alice.example/secret"),
    wants: Wants::Token,
    ping: said(
        401,
        &[JSON, ("www-authenticate", r#"Bearer realm="https://cgr.dev/token",service="cgr.dev""#)],
        AUTHENTICATION_REQUIRED,
    ),
    challenge: said(
        401,
        &[
            JSON,
            ("www-authenticate", r#"Bearer realm="https://cgr.dev/token",service="cgr.dev",scope="repository:{name}:pull""#),
        ],
        AUTHENTICATION_REQUIRED,
    ),
    bad_token: said(
        401,
        &[
            JSON,
            ("www-authenticate", r#"Bearer realm="https://cgr.dev/token",service="cgr.dev",scope="repository:{name}:pull""#),
        ],
        AUTHENTICATION_REQUIRED,
    ),
    denied: said(403, &[JSON], DENIED),
    tokens: Some(Tokens { host: "cgr.dev", ..TOKENS }),
    blobs: Blobs {
        ways: &[&[Hop {
            status: 307,
            location: "https://9236a389bd48b984df91adc1bc924620.r2.cloudflarestorage.com/chainguard-images-prod/sha256%3A{hex}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=k%2F20260101%2Fauto%2Fs3%2Faws4_request&X-Amz-Signature=0a1b",
            headers: &[OCTETS],
            body: "",
        }]],
        head: Head::Redirected,
        store: R2,
        ..PLAIN.blobs
    },
    referrers: Referrers::Listed,
    ..PLAIN
};
