//! registry.gitlab.com: tokens from gitlab.com, under a service's name that is not the host's.

use super::*;

pub const GITLAB: Personality = Personality {
    id: "gitlab",
    registry: "registry.gitlab.com",
    label: Some("gitlab"),
    origin: "registry.gitlab.com",
    public: "group/subgroup/project/app",
    private: Some("alice/secret"),
    wants: Wants::Token,
    ping: said(
        401,
        &[JSON, ("www-authenticate", r#"Bearer realm="https://gitlab.com/jwt/auth",service="container_registry""#)],
        AUTHENTICATION_REQUIRED,
    ),
    challenge: said(
        401,
        &[
            JSON,
            (
                "www-authenticate",
                r#"Bearer realm="https://gitlab.com/jwt/auth",service="container_registry",scope="repository:{name}:pull""#,
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
                r#"Bearer realm="https://gitlab.com/jwt/auth",service="container_registry",scope="repository:{name}:pull",error="invalid_token""#,
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
                r#"Bearer realm="https://gitlab.com/jwt/auth",service="container_registry",scope="repository:{name}:pull",error="insufficient_scope""#,
            ),
        ],
        AUTHENTICATION_REQUIRED,
    ),
    always: &[
        REGISTRY_2,
        ("gitlab-container-registry-version", "4.15.2-gitlab"),
        ("gitlab-container-registry-features", "tag_delete"),
        ("gitlab-container-registry-database-enabled", "true"),
    ],
    tokens: Some(Tokens {
        host: "gitlab.com",
        path: "/jwt/auth",
        service: Some("container_registry"),
        no_access: Some(said(403, &[JSON], r#"{"errors":[{"code":"DENIED","message":"access forbidden"}]}"#)),
        wrong_password: said(
            403,
            &[JSON],
            r#"{"errors":[{"code":"UNAUTHORIZED","message":"HTTP Basic: Access denied. The provided password or token is incorrect"}]}"#,
        ),
        ..TOKENS
    }),
    manifests: Manifests { etag: true, fallback_is_subject: true, ..PLAIN.manifests },
    blobs: Blobs {
        ways: &[&[Hop {
            status: 307,
            location: "https://cdn.registry.gitlab-static.net/gitlab/docker/registry/v2/blobs/sha256/{ab}/{hex}/data?Expires=1767225600&KeyName=key-1&Signature=a-b_c%3D",
            headers: &[OCTETS],
            body: "",
        }]],
        head: Head::Redirected,
        ..PLAIN.blobs
    },
    ..PLAIN
};
