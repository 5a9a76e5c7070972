//! nvcr.io: no service, and pages in HTML where errors should be.

use super::*;

const PAGE: &str = "<html>\r\n<head><title>401 Authorization Required</title></head>\r\n</html>\r\n";

pub const NVCR: Personality = Personality {
    id: "nvcr",
    registry: "nvcr.io",
    label: Some("nvcr"),
    origin: "nvcr.io",
    public: "nvidia/k8s/cuda-sample",
    private: Some("alice-org/secret"),
    wants: Wants::Token,
    ping: said(401, &[HTML, ("www-authenticate", r#"Bearer realm="https://nvcr.io/proxy_auth",scope="""#)], PAGE),
    challenge: said(
        401,
        &[HTML, ("www-authenticate", r#"Bearer realm="https://nvcr.io/proxy_auth",scope="repository:{name}:pull,push""#)],
        PAGE,
    ),
    bad_token: said(
        401,
        &[HTML, ("www-authenticate", r#"Bearer realm="https://nvcr.io/proxy_auth",scope="repository:{name}:pull""#)],
        PAGE,
    ),
    denied: said(
        401,
        &[HTML, ("www-authenticate", r#"Bearer realm="https://nvcr.io/proxy_auth",scope="repository:{name}:pull""#)],
        PAGE,
    ),
    tokens: Some(Tokens {
        host: "nvcr.io",
        path: "/proxy_auth",
        wrong_password: said(401, &[HTML], PAGE),
        post: Post::Refused(said(405, &[HTML], "<html><title>405 Not Allowed</title></html>")),
        token: Shape { prefix: "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.", bytes: 1198 },
        reply: r#"{"token": "{token}", "expires_in": 600}"#,
        ..TOKENS
    }),
    blobs: Blobs {
        ways: &[&[Hop {
            status: 307,
            location: "https://layers.nvcr.io/org/nvidia/{hex}?versionId=a.b_c&ak-token=exp=1767225600~acl=/*~hmac=0a1b",
            headers: &[HTML],
            body: "",
        }]],
        head: Head::Redirected,
        ..PLAIN.blobs
    },
    ..PLAIN
};
