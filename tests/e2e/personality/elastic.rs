//! docker.elastic.co: tokens from another host, under `access_token` alone, and R2 behind it.

use super::*;

pub const ELASTIC: Personality = Personality {
    id: "elastic",
    registry: "docker.elastic.co",
    label: Some("elastic"),
    origin: "docker.elastic.co",
    public: "elasticsearch/elasticsearch",
    wants: Wants::Token,
    ping: said(
        401,
        &[JSON, ("www-authenticate", r#"Bearer realm="https://docker-auth.elastic.co/auth",service="token-service""#)],
        AUTHENTICATION_REQUIRED,
    ),
    challenge: said(
        401,
        &[
            JSON,
            (
                "www-authenticate",
                r#"Bearer realm="https://docker-auth.elastic.co/auth",service="token-service",scope="repository:{name}:pull""#,
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
                r#"Bearer realm="https://docker-auth.elastic.co/auth",service="token-service",scope="repository:{name}:pull",error="invalid_token""#,
            ),
        ],
        AUTHENTICATION_REQUIRED,
    ),
    denied: said(
        401,
        &[
            JSON,
            (
                "www-authenticate",
                r#"Bearer realm="https://docker-auth.elastic.co/auth",service="token-service",scope="repository:{name}:pull",error="insufficient_scope""#,
            ),
        ],
        AUTHENTICATION_REQUIRED,
    ),
    tokens: Some(Tokens {
        host: "docker-auth.elastic.co",
        path: "/auth",
        service: Some("token-service"),
        reply: r#"{"access_token":"{token}"}"#,
        ..TOKENS
    }),
    blobs: Blobs {
        ways: &[&[Hop {
            status: 307,
            location: "https://docker-registry-production.d24a988e385e0074d717b6bdaea58f0d.r2.cloudflarestorage.com/docker/registry/v2/blobs/sha256/{ab}/{hex}/data?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=k%2F20260101%2Fauto%2Fs3%2Faws4_request&X-Amz-Signature=0a1b",
            headers: &[OCTETS],
            body: "",
        }]],
        head: Head::Redirected,
        store: R2,
        ..PLAIN.blobs
    },
    ..PLAIN
};
