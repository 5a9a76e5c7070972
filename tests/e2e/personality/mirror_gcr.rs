//! mirror.gcr.io: a cache of what Docker Hub's users ask for most. It wants no token, though it has a token server.

use super::*;

/// What it does not hold, be it unknown, private or just not asked for often enough. Its words are not known.
const ABSENT: Said = said(
    404,
    &[JSON],
    r#"{"errors":[{"code":"NAME_UNKNOWN","message":"Repository \"{name}\" not found","detail":{"name":"{name}"}}]}"#,
);

pub const MIRROR_GCR: Personality = Personality {
    id: "mirror_gcr",
    registry: "mirror.gcr.io",
    label: None,
    origin: "mirror.gcr.io",
    public: "library/hello",
    private: None,
    ping: said(
        401,
        &[JSON, ("www-authenticate", r#"Bearer realm="https://mirror.gcr.io/v2/token",service=mirror.gcr.io"#)],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"Unauthorized access."}]}"#,
    ),
    challenge: ABSENT,
    denied: ABSENT,
    bad_token: said(401, &[JSON], r#"{"errors":[{"code":"UNAUTHORIZED","message":"Unauthorized access."}]}"#),
    tokens: Some(Tokens {
        host: "mirror.gcr.io",
        path: "/v2/token",
        service: Some("mirror.gcr.io"),
        ..gcr::GCR.tokens.expect("gcr.io has a token server")
    }),
    blobs: Blobs {
        ways: &[&[Hop {
            status: 302,
            location: "/artifacts-downloads/namespaces/cloud-mirror/repositories/mirror.gcr.io/downloads/AAAA-{hex}==",
            headers: &[HTML, ("x-gcr-using-artifact-registry", "true"), ("docker-content-digest", "{digest}")],
            body: "<a href=\"/artifacts-downloads\">Found</a>.\n\n",
        }]],
        ..gcr::GCR.blobs
    },
    ..gcr::GCR
};
