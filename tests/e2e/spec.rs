//! The distribution specification, its read-only part, endpoint by endpoint and header by header.
//!
//! A table: each row cites the section of <https://github.com/opencontainers/distribution-spec/blob/main/spec.md> that
//! asks for it. The registry behind the Worker is a conforming one in a few lines, so that what is missing in an answer
//! is the Worker's doing.

use axum::body::Body;
use http::{Method, StatusCode, header};
use serde_json::json;

use crate::client::{HTTP, Reply};
use crate::image::sha256;
use crate::stage::Stage;
use crate::upstream::{self, Answer, Asked, Host, Hosts};

const MANIFEST: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#;
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const BLOB: &[u8] = b"0123456789";

/// What a row asks and what must come back. In `headers` "" means that the header must be absent, `*` any value.
struct Row {
    section: &'static str,
    method: &'static str,
    target: String,
    with: &'static [(&'static str, &'static str)],
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Option<&'static [u8]>,
}

/// A registry as the specification has it: pulls, content discovery, errors.
fn registry(asked: &Asked) -> Answer {
    let (manifest, blob) = (sha256(MANIFEST), sha256(BLOB));
    let path = asked.uri().path();
    let answer = |status: u16, headers: &[(&str, &str)], body: &[u8]| {
        let builder =
            headers.iter().fold(http::Response::builder().status(status), |b, (name, value)| b.header(*name, *value));
        let builder = builder.header(header::CONTENT_LENGTH, body.len());
        let body = if asked.method() == Method::HEAD { Body::empty() } else { Body::from(body.to_vec()) };
        builder.body(body).expect("a valid answer")
    };
    let error = |status, code: &str| {
        let body = json!({"errors": [{"code": code, "message": "said by the registry"}]}).to_string();
        answer(status, &[("content-type", "application/json")], body.as_bytes())
    };
    let header = |name| asked.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let etag = format!("\"{manifest}\"");
    let Some(rest) = path.strip_prefix("/v2/ns/repo/") else {
        return match path {
            "/v2/" => answer(200, &[], b""),
            _ => error(404, "NAME_UNKNOWN"),
        };
    };
    match rest {
        _ if rest == "manifests/1" || rest == format!("manifests/{manifest}") => {
            if header("if-none-match") == Some(&etag) {
                return http::Response::builder().status(304).header("etag", etag).body(Body::empty()).expect("a 304");
            }
            let headers = [("content-type", MANIFEST_TYPE), ("docker-content-digest", &manifest), ("etag", &etag)];
            answer(200, &[&headers[..], &[("warning", "299 - \"this image is old\"")]].concat(), MANIFEST)
        }
        _ if rest == format!("blobs/{blob}") => match header("range") {
            Some("bytes=2-5") => {
                let headers =
                    [("content-range", "bytes 2-5/10"), ("docker-content-digest", &blob), ("accept-ranges", "bytes")];
                answer(206, &headers, &BLOB[2..6])
            }
            Some("bytes=90-") => answer(416, &[("content-range", "bytes */10")], b""),
            _ => {
                let headers = [("content-type", "application/octet-stream"), ("docker-content-digest", &blob)];
                answer(200, &headers, BLOB)
            }
        },
        "tags/list" => {
            let body = json!({"name": "ns/repo", "tags": ["1", "2"]}).to_string();
            let link = ("link", "</v2/ns/repo/tags/list?n=2&last=2>; rel=\"next\"");
            let json = ("content-type", "application/json");
            match asked.uri().query() {
                Some("n=2") => answer(200, &[json, link], body.as_bytes()),
                Some("n=0") => answer(200, &[json], br#"{"name":"ns/repo","tags":[]}"#),
                _ => answer(200, &[json], body.as_bytes()),
            }
        }
        _ if rest == format!("referrers/{manifest}") => {
            let body = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}).to_string();
            let filtered = asked.uri().query().is_some_and(|query| query.starts_with("artifactType="));
            let applied = filtered.then_some(("oci-filters-applied", "artifactType"));
            let headers: Vec<_> = [("content-type", INDEX_TYPE)].into_iter().chain(applied).collect();
            answer(200, &headers, body.as_bytes())
        }
        _ if rest.starts_with("manifests/") => error(404, "MANIFEST_UNKNOWN"),
        _ if rest.starts_with("blobs/") => error(404, "BLOB_UNKNOWN"),
        _ => error(404, "NAME_UNKNOWN"),
    }
}

fn rows() -> Vec<Row> {
    let (manifest, blob, unknown) = (sha256(MANIFEST), sha256(BLOB), sha256(b"nobody's"));
    let etag = format!("\"{manifest}\"");
    let text = |value: &str| value.to_owned();
    let row = |section, method, target: String, status, headers: Vec<(&'static str, String)>| Row {
        section,
        method,
        target,
        with: &[],
        status,
        headers,
        body: None,
    };
    let oci_error = || vec![("content-type", text("application/json"))];
    let mut rows = vec![
        row("Determining Support (end-1)", "GET", text("/v2/"), 200, vec![]),
        row("Determining Support (end-1)", "HEAD", text("/v2/"), 200, vec![]),
        row("Pulling manifests (end-3): unknown", "GET", text("/v2/ns/repo/manifests/nope"), 404, oci_error()),
        row("Pulling manifests (end-3): unknown", "HEAD", text("/v2/ns/repo/manifests/nope"), 404, vec![]),
        row("Pulling blobs (end-2): unknown", "GET", format!("/v2/ns/repo/blobs/{unknown}"), 404, oci_error()),
        row("Pulling blobs (end-2): unknown", "HEAD", format!("/v2/ns/repo/blobs/{unknown}"), 404, vec![]),
        row("Content Discovery (end-8): unknown", "GET", text("/v2/ns/none/tags/list"), 404, oci_error()),
        row("Error Codes: NAME_INVALID", "GET", text("/v2/NS/repo/tags/list"), 400, oci_error()),
        row("Error Codes: DIGEST_INVALID", "GET", text("/v2/ns/repo/blobs/sha256:0"), 400, oci_error()),
    ];
    for reference in ["1", &manifest] {
        for method in ["GET", "HEAD"] {
            let headers = vec![
                ("content-type", text(MANIFEST_TYPE)),
                ("content-length", MANIFEST.len().to_string()),
                ("docker-content-digest", manifest.clone()),
                ("etag", etag.clone()),
                ("warning", text("299 - \"this image is old\"")),
                ("oci-namespace", String::new()),
            ];
            let target = format!("/v2/ns/repo/manifests/{reference}");
            let body = if method == "GET" { MANIFEST } else { b"" };
            rows.push(Row { body: Some(body), ..row("Pulling manifests (end-3); Warnings", method, target, 200, headers) });
        }
    }
    for method in ["GET", "HEAD"] {
        let headers = vec![("content-length", BLOB.len().to_string()), ("docker-content-digest", blob.clone())];
        let body = if method == "GET" { BLOB } else { b"" };
        let target = format!("/v2/ns/repo/blobs/{blob}");
        rows.push(Row { body: Some(body), ..row("Pulling blobs (end-2)", method, target, 200, headers) });
    }
    let part = vec![("content-range", text("bytes 2-5/10")), ("content-length", text("4"))];
    rows.push(Row {
        with: &[("range", "bytes=2-5")],
        body: Some(&BLOB[2..6]),
        ..row("Pulling blobs: RFC 9110 range requests", "GET", format!("/v2/ns/repo/blobs/{blob}"), 206, part)
    });
    rows.push(Row {
        with: &[("range", "bytes=90-")],
        ..row(
            "Pulling blobs: RFC 9110 range requests",
            "GET",
            format!("/v2/ns/repo/blobs/{blob}"),
            416,
            vec![("content-range", text("bytes */10"))],
        )
    });
    let listed = |link: &str| vec![("content-type", text("application/json")), ("link", text(link))];
    let next = "</v2/ns/repo/tags/list?n=2&last=2>; rel=\"next\"";
    rows.push(row("Listing Tags (end-8a)", "GET", text("/v2/ns/repo/tags/list"), 200, listed("")));
    rows.push(row("Listing Tags (end-8b): Link", "GET", text("/v2/ns/repo/tags/list?n=2"), 200, listed(next)));
    rows.push(Row {
        body: Some(br#"{"name":"ns/repo","tags":[]}"#),
        ..row("Listing Tags (end-8b): n=0", "GET", text("/v2/ns/repo/tags/list?n=0"), 200, listed(""))
    });
    let referrers = |applied: &str| vec![("content-type", text(INDEX_TYPE)), ("oci-filters-applied", text(applied))];
    let target = format!("/v2/ns/repo/referrers/{manifest}");
    rows.push(row("Listing Referrers (end-12a)", "GET", target.clone(), 200, referrers("")));
    let filtered = format!("{target}?artifactType=application%2Fx");
    rows.push(row("Listing Referrers (end-12b): filter", "GET", filtered, 200, referrers("artifactType")));
    let manifest_of_ns = vec![("oci-namespace", text("quay.io")), ("docker-content-digest", manifest.clone())];
    let by_ns = "/v2/ns/repo/manifests/1?ns=quay.io";
    rows.push(row("Registry Proxying: OCI-Namespace", "GET", text(by_ns), 200, manifest_of_ns));
    for (method, target) in [
        ("POST", "/v2/ns/repo/blobs/uploads/"),
        ("PATCH", "/v2/ns/repo/blobs/uploads/x"),
        ("PUT", "/v2/ns/repo/blobs/uploads/x?digest=y"),
        ("PUT", "/v2/ns/repo/manifests/1"),
        ("DELETE", "/v2/ns/repo/manifests/1"),
        ("DELETE", "/v2/ns/repo/blobs/x"),
    ] {
        let headers = vec![("allow", text("GET, HEAD")), ("x-pierhead-error", text("UNSUPPORTED"))];
        rows.push(row("Push, Content Management (end-4 to end-11): 405", method, text(target), 405, headers));
    }
    rows
}

pub async fn every_row(stage: &Stage) {
    let hosts = Hosts::from([("quay.io".to_owned(), Host::scripted(registry))]);
    // Without a login the ping is the 200 of end-1; without the store every row meets the registry (what a store answers is
    // in store.rs).
    let variables = [("REGISTRIES", json!({"quay.io": {"login": false}})), ("CACHE", json!("off"))];
    let world = stage.world(hosts, &variables).await;
    let mut problems = Vec::new();
    let rows = rows();
    for row in &rows {
        let method = Method::from_bytes(row.method.as_bytes()).expect("a method");
        let ask = world.ask(method.clone(), "quay.localhost", &row.target);
        let reply = Reply::to(row.with.iter().fold(ask, |ask, (name, value)| ask.header(*name, *value))).await;
        let mut problem = |what: String| problems.push(format!("{} | {} {} | {what}", row.section, row.method, row.target));
        if reply.status.as_u16() != row.status {
            problem(format!("{} instead of {}", reply.status, row.status));
        }
        for (name, value) in &row.headers {
            let got = reply.header(*name);
            if got != value {
                problem(format!("{name}: {got:?} instead of {value:?}"));
            }
        }
        if row.body.is_some_and(|body| reply.body != body) {
            problem(format!("body {:?}", String::from_utf8_lossy(&reply.body)));
        }
        let refused = reply.status.is_client_error() && method != Method::HEAD && row.status != 416;
        if refused && reply.json()["errors"].get(0).and_then(|error| error["code"].as_str()).is_none() {
            problem(format!("no error of the specification: {:?}", reply.body));
        }
        if reply.header("docker-distribution-api-version") != "registry/2.0" {
            problem("no Docker-Distribution-API-Version (Legacy Docker support)".to_owned());
        }
    }
    assert!(problems.is_empty(), "{} of {} rows:\n{}", problems.len(), rows.len(), problems.join("\n"));
}

/// Conditional requests: the digest in quotes is the ETag (RFC 9110 section 13).
pub async fn conditional_requests(stage: &Stage) {
    let hosts = Hosts::from([("quay.io".to_owned(), Host::scripted(registry))]);
    let world = stage.world(hosts, &[]).await;
    let url = world.url("quay.localhost", "/v2/ns/repo/manifests/1");
    let etag = format!("\"{}\"", sha256(MANIFEST));
    let reply = Reply::to(HTTP.get(url).header(header::IF_NONE_MATCH, &etag)).await.expect(StatusCode::NOT_MODIFIED);
    assert_eq!(reply.header(header::ETAG), etag);
    assert!(reply.body.is_empty());
}

/// 401 (with a challenge), 403, 404, 429 (with Retry-After): what the specification says of failures, as a client with a
/// token sees them.
pub async fn failures(stage: &Stage) {
    for (status, code) in [(401, "UNAUTHORIZED"), (403, "DENIED"), (404, "NAME_UNKNOWN"), (429, "TOOMANYREQUESTS")] {
        let error = json!({"errors": [{"code": code, "message": "so it is", "detail": {"any": "thing"}}]});
        let said = error.clone();
        let host = Host::scripted(move |_| upstream::json(StatusCode::from_u16(status).expect("a status"), &said));
        let world = stage.world(Hosts::from([("quay.io".to_owned(), host)]), &[]).await;
        let ask = world.ask(Method::GET, "quay.localhost", "/v2/ns/repo/tags/list");
        let reply = Reply::to(ask.header(header::AUTHORIZATION, "Bearer mine")).await;
        assert_eq!(reply.status.as_u16(), status);
        if status == 429 {
            let words = reply.json();
            assert_eq!(words["errors"][0]["code"], code);
            assert_eq!(words["errors"][0]["detail"], "so it is", "the registry's own words are there, beside what to do");
        } else if status == 401 {
            let words = reply.json();
            assert_eq!(words["errors"][0]["code"], code);
            let message = words["errors"][0]["message"].as_str().unwrap_or_default();
            assert!(message.contains("quay.io") && message.contains("so it is"), "whose words they are: {message}");
        } else {
            assert_eq!(reply.json(), error, "the registry's own words pass");
        }
        assert_eq!(reply.header(header::WWW_AUTHENTICATE).is_empty(), status != 401, "{status}");
        assert_eq!(reply.header(header::RETRY_AFTER).is_empty(), status != 429, "{status}");
    }
}
