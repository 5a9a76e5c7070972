//! The CNCF's own registry with a password file: Basic and nothing else, 304, and particular about `Accept`.

use super::*;

const CHALLENGE: Said = said(
    401,
    &[JSON_UTF8, ("www-authenticate", r#"Basic realm="Registry Realm""#)],
    r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":null}]}"#,
);

pub const DISTRIBUTION: Personality = Personality {
    id: "distribution",
    registry: "registry.example:5000",
    label: Some("plain"),
    settings: r#"{"labels":["plain"]}"#,
    origin: "registry.example:5000",
    public: "team/app",
    private: Some("team/app"),
    wants: Wants::Login,
    basic: true,
    ping: CHALLENGE,
    challenge: CHALLENGE,
    bad_token: CHALLENGE,
    denied: NAME_UNKNOWN,
    manifests: Manifests {
        accept: Accept::Exact(said(
            404,
            &[JSON_UTF8],
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"OCI index found, but accept header does not support OCI indexes"}]}"#,
        )),
        etag: true,
        ..PLAIN.manifests
    },
    blobs: Blobs {
        ways: &[&[Hop {
            status: 307,
            location: "https://minio-store.example/registry/docker/registry/v2/blobs/sha256/{ab}/{hex}/data?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0a1b",
            headers: &[OCTETS],
            body: "",
        }]],
        head: Head::Redirected,
        store: S3,
        ..PLAIN.blobs
    },
    ..PLAIN
};
