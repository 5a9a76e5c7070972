//! gcr.io, served by Artifact Registry: an unquoted service, downloads by a relative redirect, 401 without a challenge.

use super::*;

pub const GCR: Personality = Personality {
    id: "gcr",
    registry: "gcr.io",
    label: Some("gcr"),
    origin: "gcr.io",
    public: "distroless/static",
    private: Some("alice-project/secret"),
    ping: said(
        401,
        &[JSON, ("www-authenticate", r#"Bearer realm="https://gcr.io/v2/token",service=gcr.io"#)],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"Unauthorized access."}]}"#,
    ),
    challenge: said(401, &[JSON], r#"{"errors":[{"code":"UNAUTHORIZED","message":"Unauthorized access."}]}"#),
    bad_token: said(401, &[JSON], r#"{"errors":[{"code":"UNAUTHORIZED","message":"Unauthorized access."}]}"#),
    denied: said(403, &[JSON], r#"{"errors":[{"code":"DENIED","message":"Failed to read tags for host"}]}"#),
    always: &[REGISTRY_2, ("server", "Docker Registry"), ("alt-svc", r#"h3=":443"; ma=2592000"#)],
    tokens: Some(Tokens {
        host: "gcr.io",
        path: "/v2/token",
        service: Some("gcr.io"),
        token: Shape { prefix: "AJAD5v", bytes: 500 },
        reply: r#"{"expires_in":43200,"issued_at":"{now}.000000000-07:00","token":"{token}"}"#,
        ..TOKENS
    }),
    blobs: Blobs {
        ways: &[&[Hop {
            status: 302,
            location: "/artifacts-downloads/namespaces/distroless/repositories/gcr.io/downloads/AAAA-{hex}==",
            headers: &[HTML, ("x-gcr-using-artifact-registry", "true"), ("docker-content-digest", "{digest}")],
            body: "<a href=\"/artifacts-downloads\">Found</a>.\n\n",
        }]],
        head: Head::Redirected,
        ..PLAIN.blobs
    },
    ..PLAIN
};
