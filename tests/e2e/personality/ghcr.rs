//! ghcr.io: a placeholder scope on `/v2/`, refusals by the token server, referrers that are a page of github.com.

use super::*;

const CHALLENGE: Said = said(
    401,
    &[
        JSON,
        ("www-authenticate", r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:{name}:pull""#),
    ],
    r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
);

pub const GHCR: Personality = Personality {
    id: "ghcr",
    registry: "ghcr.io",
    label: Some("ghcr"),
    origin: "ghcr.io",
    public: "owner/app",
    private: Some("alice/secret"),
    wants: Wants::Token,
    ping: said(
        401,
        &[
            JSON,
            (
                "www-authenticate",
                r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull""#,
            ),
        ],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
    ),
    challenge: CHALLENGE,
    bad_token: CHALLENGE,
    denied: said(403, &[JSON], DENIED),
    always: &[REGISTRY_2, ("x-github-request-id", "EC00:1:2:3")],
    tokens: Some(Tokens {
        host: "ghcr.io",
        service: Some("ghcr.io"),
        no_access: Some(said(403, &[JSON], DENIED)),
        wrong_password: said(403, &[JSON], r#"{"errors":[{"code":"DENIED","message":"denied"}]}"#),
        post: Post::Refused(said(405, &[TEXT], "")),
        token: Shape { prefix: "djE6", bytes: 80 },
        ..TOKENS
    }),
    manifests: Manifests {
        accept: Accept::Exact(said(
            404,
            &[JSON],
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"OCI index found, but Accept header does not support OCI indexes"}]}"#,
        )),
        ..PLAIN.manifests
    },
    tags: Tags { link: r#"</v2/{name}/tags/list?last={last}&n=0>; rel="next""#, ..PLAIN.tags },
    blobs: Blobs {
        ways: &[&[Hop {
            status: 307,
            location: "https://pkg-containers.githubusercontent.com/ghcr1/blobs/{digest}?se=2026-01-01T00%3A10%3A00Z&sig=a%2Fb%2Bc%3D&sp=r&spr=https&sr=b&sv=2019-12-12",
            headers: &[OCTETS],
            body: "",
        }]],
        head: Head::Redirected,
        store: AZURE,
        ..PLAIN.blobs
    },
    referrers: Referrers::Page(
        Hop {
            status: 303,
            location: "https://github.com/-/v2/packages/container/package/{name}%2Freferrers%2F{digest}",
            headers: &[],
            body: "",
        },
        said(404, &[HTML], "<!DOCTYPE html><title>Page not found</title>"),
    ),
    ..PLAIN
};
