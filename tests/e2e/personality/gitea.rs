//! Gitea 1.27: two challenges on two header lines, and manifests too behind a redirect to its object store.

use super::*;

const CHALLENGE: Said = said(
    401,
    &[
        JSON,
        ("www-authenticate", r#"Bearer realm="https://gitea.example/v2/token",service="container_registry",scope="*""#),
        ("www-authenticate", r#"Basic realm="Gitea Container Registry""#),
    ],
    r#"{"errors":[{"code":"UNAUTHORIZED","message":""}]}"#,
);

pub const GITEA: Personality = Personality {
    id: "gitea",
    registry: "gitea.example",
    label: Some("gitea"),
    settings: r#"{"labels":["gitea"]}"#,
    origin: "gitea.example",
    public: "org/app",
    private: Some("alice/secret"),
    wants: Wants::Token,
    basic: true,
    ping: CHALLENGE,
    challenge: CHALLENGE,
    bad_token: CHALLENGE,
    denied: forgejo::NOT_YOURS,
    tokens: Some(Tokens { host: "gitea.example", path: "/v2/token", scoped: false, ..TOKENS }),
    manifests: Manifests {
        etag: true,
        hop: Some(Hop {
            status: 307,
            location: "https://objects.gitea-store.example/packages/{ab}/{hex}?X-Amz-Signature=a%2Fb",
            headers: &[("docker-content-digest", "{digest}")],
            body: "",
        }),
        ..PLAIN.manifests
    },
    blobs: Blobs {
        ways: &[&[Hop {
            status: 307,
            location: "https://objects.gitea-store.example/packages/{ab}/{hex}?X-Amz-Signature=a%2Fb",
            headers: &[("docker-content-digest", "{digest}")],
            body: "",
        }]],
        store: S3,
        ..PLAIN.blobs
    },
    ..PLAIN
};
