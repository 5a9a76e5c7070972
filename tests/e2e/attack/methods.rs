//! A client that wants to write: nothing that changes a registry leaves the Worker, whatever the method is called.

use super::case::{Case, case};

const DOCKER: &str = "docker.pierhead.test";

pub fn cases() -> Vec<Case> {
    let rows = [
        ("put-of-a-manifest", "PUT", "/v2/hello/manifests/1"),
        ("delete-of-a-manifest", "DELETE", "/v2/hello/manifests/1"),
        ("delete-of-a-blob", "DELETE", "/v2/hello/blobs/{digest}"),
        ("post-of-an-upload", "POST", "/v2/hello/blobs/uploads/"),
        ("post-that-mounts-anothers-blob", "POST", "/v2/hello/blobs/uploads/?mount={digest}&from=other/private"),
        ("patch-of-an-upload", "PATCH", "/v2/hello/blobs/uploads/6b2a"),
        ("put-that-ends-an-upload", "PUT", "/v2/hello/blobs/uploads/6b2a?digest={digest}"),
        ("delete-of-an-upload", "DELETE", "/v2/hello/blobs/uploads/6b2a"),
        ("options-of-the-ping", "OPTIONS", "/v2/"),
        ("trace-of-the-ping", "TRACE", "/v2/"),
        ("post-of-the-ping", "POST", "/v2/"),
        ("propfind-of-tags", "PROPFIND", "/v2/hello/tags/list"),
        ("query-of-tags", "QUERY", "/v2/hello/tags/list"),
        ("purge-of-a-page", "PURGE", "/healthz"),
        ("search-of-the-catalog", "SEARCH", "/v2/_catalog"),
        ("post-of-another-registrys-manifest", "POST", "/quay.io/v2/hello/manifests/1"),
    ];
    let rows = rows.map(|(name, method, target)| {
        case(name).send(method, target).host(DOCKER).refused(405, "UNSUPPORTED").says("pull").tells("GET, HEAD")
    });
    let tokens = [("delete-of-a-token", "DELETE"), ("put-of-a-token", "PUT"), ("head-of-a-token", "HEAD")];
    let tokens = tokens.map(|(name, method)| {
        case(name).send(method, "/token/docker.io").host(DOCKER).refused(405, "UNSUPPORTED").logged_in()
    });
    let unknown = |method: &str| format!("{method} /v2/ HTTP/1.1\r\nHost: {DOCKER}\r\nConnection: close\r\n\r\n");
    let unknown = [
        ("method-with-an-at", unknown("G@T"), 400),
        ("method-in-lower-case", unknown("get"), 501),
        ("method-that-nobody-knows", unknown("PWNED"), 501),
        ("method-that-is-empty", unknown(""), 400),
        // workerd's own answer: it has no tunnels.
        ("method-that-opens-a-tunnel", unknown("CONNECT").replace("/v2/", "evil.test:443"), 500),
        ("method-alone", "GET\r\n\r\n".to_owned(), 400),
    ];
    let unknown = unknown.map(|(name, bytes, status)| case(name).raw(bytes).turned_away(status));
    rows.into_iter().chain(tokens).chain(unknown).collect()
}
