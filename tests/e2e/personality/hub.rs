//! Docker Hub: a token server and a storage on hosts of their own, and two limits on anonymous pulls.

use super::*;

const RATES: &[(&str, &str)] = &[
    ("ratelimit-limit", "100;w=21600"),
    ("ratelimit-remaining", "99;w=21600"),
    ("x-ratelimit-limit", "100;w=3600"),
    ("x-ratelimit-remaining", "99;w=3600"),
    ("docker-ratelimit-source", "192.0.2.7"),
];

const fn to_storage(location: &'static str) -> Hop {
    Hop { status: 307, location, headers: &[OCTETS], body: "" }
}

pub const HUB: Personality = Personality {
    id: "hub",
    registry: "docker.io",
    label: Some("docker"),
    origin: "registry-1.docker.io",
    public: "library/hello",
    private: Some("alice/secret"),
    wants: Wants::Token,
    ping: said(
        401,
        &[JSON, ("www-authenticate", r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#)],
        AUTHENTICATION_REQUIRED,
    ),
    challenge: said(
        401,
        &[
            JSON,
            (
                "www-authenticate",
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:{name}:pull""#,
            ),
        ],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[{"Type":"repository","Class":"","Name":"{name}","Action":"pull"}]}]}"#,
    ),
    bad_token: said(
        401,
        &[
            JSON,
            (
                "www-authenticate",
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:{name}:pull",error="invalid_token""#,
            ),
        ],
        AUTHENTICATION_REQUIRED,
    ),
    denied: said(
        401,
        &[
            JSON,
            ("docker-ratelimit-source", "192.0.2.7"),
            (
                "www-authenticate",
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:{name}:pull",error="insufficient_scope""#,
            ),
        ],
        r#"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"},{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
    ),
    always: &[REGISTRY_2, ("strict-transport-security", "max-age=31536000")],
    tokens: Some(Tokens {
        host: "auth.docker.io",
        service: Some("registry.docker.io"),
        post: Post::Served,
        refresh: true,
        token: Shape { prefix: "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.", bytes: 2600 },
        reply: r#"{"token":"{token}","access_token":"{token}","expires_in":300,"issued_at":"{now}.123456789Z"}"#,
        chunked: true,
        ..TOKENS
    }),
    manifests: Manifests {
        accept: Accept::Exact(said(
            404,
            &[JSON_UTF8, ("x-content-type-options", "nosniff")],
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"OCI index found, but accept header does not support OCI indexes"}]}"#,
        )),
        etag: true,
        headers: RATES,
        ..PLAIN.manifests
    },
    blobs: Blobs {
        ways: &[
            &[to_storage(
                "https://docker-images-prod.6aa30f8b08e16409b46e0173d6de2f56.r2.cloudflarestorage.com/registry-v2/docker/registry/v2/blobs/sha256/{ab}/{hex}/data?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=f1baa2dd%2F20260101%2Fauto%2Fs3%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=1200&X-Amz-SignedHeaders=host&X-Amz-Signature=0a1b",
            )],
            &[to_storage(
                "https://production.cloudfront.docker.com/registry-v2/docker/registry/v2/blobs/sha256/{ab}/{hex}/data?Expires=1767225600&Signature=a-b~c__&Key-Pair-Id=KPID",
            )],
            &[to_storage(
                "https://production.cloudflare.docker.com/registry-v2/docker/registry/v2/blobs/sha256/{ab}/{hex}/data?verify=1767225600-a%2Fb%3D",
            )],
        ],
        head: Head::Redirected,
        store: R2,
        ..PLAIN.blobs
    },
    referrers: Referrers::Listed,
    refusing: &[
        (
            "library/limited",
            said(
                429,
                &[JSON, ("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "0;w=21600")],
                r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"}]}"#,
            ),
        ),
        (
            "library/abused",
            said(429, &[("content-type", "text/plain"), ("retry-after", "60")], "Too Many Requests (HAP429).\n"),
        ),
    ],
    ..PLAIN
};
