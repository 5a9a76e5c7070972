//! JFrog Artifactory: a realm with the repository's path in it, digests among the tags, 406 to the anonymous.

use super::*;

const MEDIA: (&str, &str) = ("content-type", "application/json;charset=ISO-8859-1");
const REFUSED: &str =
    r#"{"errors":[{"code":"UNAUTHORIZED","message":"The client does not have permission for manifest","detail":{}}]}"#;

pub const JFROG: Personality = Personality {
    id: "jfrog",
    registry: "team.jfrog.example",
    label: Some("jfrog"),
    settings: r#"{"labels":["jfrog"]}"#,
    origin: "team.jfrog.example",
    public: "docker-local/app",
    private: Some("docker-local/app"),
    wants: Wants::Login,
    basic: true,
    ping: said(
        401,
        &[
            MEDIA,
            (
                "www-authenticate",
                r#"Bearer realm="https://team.jfrog.example/artifactory/api/docker/docker-local/v2/token",service="team.jfrog.example""#,
            ),
        ],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":null}]}"#,
    ),
    challenge: said(
        401,
        &[
            MEDIA,
            (
                "www-authenticate",
                r#"Bearer realm="https://team.jfrog.example/artifactory/api/docker/docker-local/v2/token",service="team.jfrog.example",scope="repository:{name}:pull""#,
            ),
        ],
        REFUSED,
    ),
    bad_token: said(401, &[MEDIA], REFUSED),
    denied: said(403, &[MEDIA], REFUSED),
    always: &[
        ("docker-distribution-api-version", "registry/2.0"),
        ("server", "Artifactory/7.90.1 79001900"),
        ("x-artifactory-id", "a1b2"),
        ("x-artifactory-node-id", "node-1"),
    ],
    tokens: Some(Tokens {
        host: "team.jfrog.example",
        path: "/artifactory/api/docker/docker-local/v2/token",
        service: Some("team.jfrog.example"),
        anonymous: Some(said(406, &[MEDIA], "")),
        wrong_password: said(401, &[MEDIA], r#"{"errors":[{"status":401,"message":"Wrong username was used"}]}"#),
        post: Post::Refused(said(401, &[MEDIA], "")),
        media: "application/json;charset=ISO-8859-1",
        reply: r#"{"token":"{token}","expires_in":3600}"#,
        ..TOKENS
    }),
    tags: Tags {
        more: &["2", "sha256:0000000000000000000000000000000000000000000000000000000000000000"],
        page: 100,
        link: "",
    },
    blobs: Blobs {
        ways: &[&[Hop {
            status: 302,
            location: "https://jfrog-prod-use1-shared-virginia-main.s3.amazonaws.com/aol-team/filestore/{ab}/{hex}?x-jf-traceId=1&response-content-disposition=attachment%3Bfilename%3D%22sha256__{hex}%22&X-Amz-Signature=0a1b",
            headers: &[],
            body: "",
        }]],
        store: S3,
        ..PLAIN.blobs
    },
    ..PLAIN
};
