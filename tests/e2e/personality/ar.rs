//! Artifact Registry (`<location>-docker.pkg.dev`): no service on `/v2/`, no challenge for a bad token, 403 for what is not there.

use super::*;

const HOST: &str = "us-central1-docker.pkg.dev";
const NOT_ALLOWED: &str = r#"{"errors":[{"code":"DENIED","message":"Unauthenticated request. Unauthenticated requests do not have permission \"artifactregistry.repositories.downloadArtifacts\" on resource \"projects/p/locations/us/repositories/r\" (or it may not exist)"}]}"#;

pub const ARTIFACT_REGISTRY: Personality = Personality {
    id: "ar",
    registry: HOST,
    origin: HOST,
    public: "project/repo/app",
    private: Some("alice-project/repo/secret"),
    ping: said(
        401,
        &[JSON, ("www-authenticate", r#"Bearer realm="https://us-central1-docker.pkg.dev/v2/token""#)],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"not authenticated: No credential was supplied."}]}"#,
    ),
    challenge: said(
        401,
        &[
            JSON,
            (
                "www-authenticate",
                r#"Bearer realm="https://us-central1-docker.pkg.dev/v2/token",service="us-central1-docker.pkg.dev",scope="repository:{name}:pull""#,
            ),
        ],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"not authenticated: No valid credential was supplied."}]}"#,
    ),
    bad_token: said(
        401,
        &[JSON],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"not authenticated: No valid credential was supplied."}]}"#,
    ),
    denied: said(403, &[JSON], NOT_ALLOWED),
    tokens: Some(Tokens {
        host: HOST,
        path: "/v2/token",
        // It is named on repositories only, and not insisted on.
        service: None,
        no_access: Some(said(403, &[JSON], NOT_ALLOWED)),
        wrong_password: said(401, &[JSON], r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication failed"}]}"#),
        post: Post::Refused(said(404, &[HTML], "<!DOCTYPE html>\n<title>Error 404 (Not Found)!!1</title>\n")),
        token: Shape { prefix: "AG1hbmFnZWQ", bytes: 200 },
        reply: r#"{"token":"{token}","expires_in":43200}"#,
        ..TOKENS
    }),
    blobs: Blobs {
        ways: &[&[Hop {
            status: 302,
            location: "/artifacts-downloads/namespaces/project/repositories/repo/downloads/AAAA-{hex}==",
            headers: &[HTML, ("x-content-type-options", "nosniff")],
            body: "<a href=\"/artifacts-downloads\">Found</a>.\n\n",
        }]],
        head: Head::Redirected,
        ..PLAIN.blobs
    },
    referrers: Referrers::Page(
        Hop {
            status: 302,
            location: "https://accounts.google.com/ServiceLogin?continue=https%3A%2F%2Fus-central1-docker.pkg.dev%2F",
            headers: &[HTML],
            body: "<HTML>Moved</HTML>",
        },
        said(200, &[HTML], "<!doctype html><title>Sign in</title>"),
    ),
    refusing: &[(
        "alone",
        said(400, &[JSON], r#"{"errors":[{"code":"NAME_INVALID","message":"invalid number of path components: 1"}]}"#),
    )],
    ..PLAIN
};
