//! quay.io: the public needs no token, pages are linked by their full address, errors have codes of their own.

use super::*;

pub const QUAY: Personality = Personality {
    id: "quay",
    registry: "quay.io",
    label: Some("quay"),
    origin: "quay.io",
    private: Some("alice/secret"),
    ping: said(401, &[HTML, ("www-authenticate", r#"Bearer realm="https://quay.io/v2/auth",service="quay.io""#)], "true"),
    challenge: said(
        401,
        &[
            JSON,
            (
                "www-authenticate",
                r#"Bearer realm="https://quay.io/v2/auth",service="quay.io",scope="repository:{name}:pull""#,
            ),
        ],
        r#"{"errors":[{"code":"UNAUTHORIZED","detail":{},"message":"access to the requested resource is not authorized"}]}"#,
    ),
    bad_token: said(
        401,
        &[JSON, ("www-authenticate", r#"Bearer realm="https://quay.io/v2/auth",service="quay.io""#)],
        r#"{"errors":[{"code":"UNAUTHORIZED","detail":{},"message":"Invalid bearer token format"}]}"#,
    ),
    denied: said(
        401,
        &[
            JSON,
            (
                "www-authenticate",
                r#"Bearer realm="https://quay.io/v2/auth",service="quay.io",scope="repository:{name}:pull""#,
            ),
        ],
        r#"{"errors":[{"code":"UNAUTHORIZED","detail":{},"message":"access to the requested resource is not authorized"}]}"#,
    ),
    always: &[REGISTRY_2, ("x-sparse-manifest-support", "true"), ("x-frame-options", "DENY")],
    tokens: Some(Tokens {
        host: "quay.io",
        path: "/v2/auth",
        service: Some("quay.io"),
        odd_scope: Some(said(
            400,
            &[JSON],
            r#"{"error":"Unable to decode repository and actions","error_code":"INVALID_REQUEST"}"#,
        )),
        wrong_password: said(
            401,
            &[JSON],
            r#"{"errors":[{"code":"UNAUTHORIZED","detail":{},"message":"Could not find the account"}]}"#,
        ),
        post: Post::Refused(said(
            405,
            &[HTML, ("allow", "GET, HEAD, OPTIONS")],
            "<!doctype html>\n<title>405 Method Not Allowed</title>\n",
        )),
        ..TOKENS
    }),
    manifests: Manifests { accept: Accept::OrSchema1, ..PLAIN.manifests },
    tags: Tags { link: r#"<https://quay.io/v2/{name}/tags/list?n={n}&last={last}>; rel="next""#, ..PLAIN.tags },
    blobs: Blobs {
        ways: &[&[Hop {
            status: 302,
            location: "https://cdn01.quay.io/quayio-production-s3/sha256/{ab}/{hex}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=0a1b&region=us-east-1&namespace=team&repo_name=app&akamai_signature=exp=1767225600~hmac=0a1b",
            headers: &[
                HTML,
                ("docker-content-digest", "{digest}"),
                ("accept-ranges", "bytes"),
                ("cache-control", "max-age=31536000"),
            ],
            body: "<!doctype html>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n",
        }]],
        store: S3,
        ..PLAIN.blobs
    },
    refusing: &[
        ("team/limited", said(429, &[HTML], "<html>\r\n<head><title>429 Too Many Requests</title></head></html>\r\n")),
        (
            "team/expired",
            said(
                404,
                &[JSON],
                r#"{"errors":[{"code":"TAG_EXPIRED","detail":{},"message":"Tag was deleted or has expired"}]}"#,
            ),
        ),
    ],
    ..PLAIN
};
