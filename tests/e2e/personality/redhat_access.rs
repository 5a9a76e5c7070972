//! registry.access.redhat.com: nobody logs in; manifests that do not say how long they are.

use super::*;

pub const REDHAT_ACCESS: Personality = Personality {
    id: "redhat_access",
    registry: "registry.access.redhat.com",
    label: Some("redhat"),
    origin: "registry.access.redhat.com",
    public: "ubi9/ubi-micro",
    ping: said(200, &[JSON, ("cache-control", "max-age=0, no-cache, no-store")], "{}"),
    denied: said(
        404,
        &[JSON],
        r#"{"errors":[{"code":"NAME_UNKNOWN","detail":{},"message":"repository name not known to registry"}]}"#,
    ),
    always: &[REGISTRY_2, ("x-frame-options", "DENY"), ("strict-transport-security", "max-age=63072000")],
    manifests: Manifests {
        length: false,
        headers: &[("vary", "Accept-Encoding")],
        unknown: said(404, &[JSON], r#"{"errors":[{"code":"MANIFEST_UNKNOWN","detail":{},"message":"manifest unknown"}]}"#),
        ..PLAIN.manifests
    },
    blobs: Blobs {
        ways: &[&[Hop {
            status: 302,
            location: "https://cdn01.quay.io/quayio-production-s3/sha256/{ab}/{hex}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-SignedHeaders=host&X-Amz-Signature=0a1b&region=us-east-1&akamai_signature=exp=1767225600~hmac=0a1b",
            headers: &[HTML],
            body: "<h1>Redirecting...</h1>\n",
        }]],
        head: Head::Redirected,
        store: S3,
        ..PLAIN.blobs
    },
    ..PLAIN
};
