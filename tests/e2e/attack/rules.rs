//! A client that wants what the operator's rules keep from it: by another spelling, another endpoint, another address, or a
//! registry that lies about sizes.

use std::convert::Infallible;

use axum::body::Body;
use futures_util::stream;
use serde_json::{Value, json};

use super::case::{ASKED_BLOB, Case, case};
use super::script::script;
use crate::upstream;

const MIB: u64 = 1 << 20;

/// What the operator has set.
pub fn settings() -> Vec<(&'static str, Value)> {
    vec![
        (
            "RULES",
            json!({
                "docker.io": {
                    "allow": ["library/.*", "team/.*"], "deny": ["library/denied", "team/secret(/.*)?"], "tags": ["v[0-9]+"],
                    "addresses": ["192.0.2.0/24", "2001:db8::/32"], "reason": "ask ops",
                },
            }),
        ),
        ("LIMITS", json!({"blob_mib": 1})),
    ]
}

pub fn cases() -> Vec<Case> {
    [repositories(), addresses(), sizes()].concat()
}

fn repositories() -> Vec<Case> {
    let denied = [
        ("denied-by-name", "GET", "/v2/docker.io/library/denied/manifests/v1"),
        ("denied-by-short-name", "GET", "/v2/denied/manifests/v1"),
        ("denied-by-an-alias", "GET", "/v2/index.docker.io/library/denied/manifests/v1"),
        ("denied-by-another-alias", "GET", "/v2/registry-1.docker.io/denied/manifests/v1"),
        ("denied-by-ns", "GET", "/v2/library/denied/manifests/v1?ns=docker.io"),
        ("denied-by-ns-alias", "GET", "/v2/library/denied/manifests/v1?ns=index.docker.io"),
        ("denied-by-label", "GET", "/hub/v2/denied/manifests/v1"),
        ("denied-by-ns-and-prefix", "GET", "/v2/docker.io/library/denied/manifests/v1?ns=docker.io"),
        ("denied-head", "HEAD", "/v2/library/denied/manifests/v1"),
        ("denied-by-digest", "GET", "/v2/library/denied/manifests/{digest}"),
        ("denied-blob", "GET", "/v2/library/denied/blobs/{digest}"),
        ("denied-tags", "GET", "/v2/library/denied/tags/list"),
        ("denied-referrers", "GET", "/v2/library/denied/referrers/{digest}"),
        ("denied-below", "GET", "/v2/team/secret/sub/manifests/v1"),
        ("denied-with-a-name-of-words", "GET", "/v2/team/secret/manifests/blobs/manifests/v1"),
        ("not-allowed", "GET", "/v2/other/app/manifests/v1"),
        ("not-allowed-with-a-good-end", "GET", "/v2/evil/library/hello/manifests/v1"),
        ("not-allowed-tag", "GET", "/v2/library/hello/manifests/latest"),
        ("not-allowed-tag-with-a-good-beginning", "GET", "/v2/library/hello/manifests/v1x"),
        ("not-allowed-tag-by-head", "HEAD", "/v2/library/hello/manifests/latest"),
        ("denied-with-a-query", "GET", "/v2/library/denied/manifests/v1?x=library/hello"),
    ];
    let denied = denied.map(|(name, method, target)| {
        let case = case(name).send(method, target).header("CF-Connecting-IP: 192.0.2.7").refused(403, "DENIED");
        if method == "HEAD" { case } else { case.says("ask ops") }
    });
    let broken = [
        ("denied-in-escapes", "/v2/library/%64enied/manifests/v1", 400, "NAME_INVALID"),
        ("denied-in-capitals", "/v2/library/Denied/manifests/v1", 400, "NAME_INVALID"),
        ("denied-with-a-dot", "/v2/library/./denied/manifests/v1", 400, "NAME_INVALID"),
        ("denied-with-a-climb", "/v2/library/x%2f..%2fdenied/manifests/v1", 400, "NAME_INVALID"),
        ("denied-with-two-slashes", "/v2/library//denied/manifests/v1", 400, "NAME_INVALID"),
        ("not-allowed-tag-in-escapes", "/v2/library/hello/manifests/%6catest", 404, "MANIFEST_UNKNOWN"),
    ];
    let broken = broken.map(|(name, target, status, code)| {
        case(name).get(target).header("CF-Connecting-IP: 192.0.2.7").refused(status, code)
    });
    let with_login = case("denied-to-a-registrys-user")
        .get("/v2/library/denied/manifests/v1")
        .header("CF-Connecting-IP: 192.0.2.7")
        .header("Authorization: Basic YWxpY2U6aHVudGVyMg==")
        .refused(403, "DENIED");
    [denied.to_vec(), broken.to_vec(), vec![with_login]].concat()
}

fn addresses() -> Vec<Case> {
    let outside = [
        ("address-outside", "CF-Connecting-IP: 198.51.100.1"),
        ("address-missing", "X-Real-IP: 192.0.2.7"),
        ("address-forwarded", "CF-Connecting-IP: 198.51.100.1\r\nX-Forwarded-For: 192.0.2.7"),
        ("address-forwarded-by-the-standard", "CF-Connecting-IP: 198.51.100.1\r\nForwarded: for=192.0.2.7"),
        ("address-of-a-true-client", "CF-Connecting-IP: 198.51.100.1\r\nTrue-Client-IP: 192.0.2.7"),
        ("address-given-twice", "CF-Connecting-IP: 198.51.100.1\r\nCF-Connecting-IP: 192.0.2.7"),
        ("address-given-twice-the-other-way", "CF-Connecting-IP: 192.0.2.7\r\nCF-Connecting-IP: 198.51.100.1"),
        ("address-as-a-list", "CF-Connecting-IP: 192.0.2.7, 198.51.100.1"),
        ("address-with-a-port", "CF-Connecting-IP: 192.0.2.7:80"),
        ("address-in-octal", "CF-Connecting-IP: 0300.0.2.7"),
        ("address-as-a-number", "CF-Connecting-IP: 3221225991"),
        ("address-with-a-zone", "CF-Connecting-IP: 2001:db8::1%eth0"),
        ("address-in-brackets", "CF-Connecting-IP: [2001:db8::1]"),
        ("address-of-the-loopback", "CF-Connecting-IP: 127.0.0.1"),
        ("address-of-another-ipv6", "CF-Connecting-IP: 2001:db9::1"),
        ("address-that-is-a-name", "CF-Connecting-IP: localhost"),
        ("address-that-is-empty", "CF-Connecting-IP: "),
        ("address-that-injects", "CF-Connecting-IP: 192.0.2.7\tpwned"),
    ];
    let pulls =
        outside.map(|(name, lines)| case(name).get("/v2/library/hello/manifests/v1").header(lines).refused(403, "DENIED"));
    let elsewhere = [
        ("address-outside-pings", "/hub/v2/"),
        ("address-outside-wants-a-blob", "/v2/library/hello/blobs/{digest}"),
        ("address-outside-wants-a-token", "/token/docker.io?scope=repository:library/hello:pull"),
    ];
    let elsewhere = elsewhere
        .map(|(name, target)| case(name).get(target).header("CF-Connecting-IP: 198.51.100.1").refused(403, "DENIED"));
    let login = case("address-outside-logs-in")
        .get("/token/docker.io")
        .header("CF-Connecting-IP: 198.51.100.1")
        .header("Authorization: Basic YWxpY2U6aHVudGVyMg==")
        .refused(403, "DENIED");
    [pulls.to_vec(), elsewhere.to_vec(), vec![login]].concat()
}

fn sizes() -> Vec<Case> {
    const BLOB: &str = "/{registry}/v2/team/app/blobs/{digest}";
    let of_size = |size: u64| {
        script(move |_, _| {
            let mut answer = upstream::reply(
                http::StatusCode::OK,
                "application/octet-stream",
                vec![0; usize::try_from(size).unwrap_or(0)],
            );
            answer.headers_mut().insert(http::header::CONTENT_LENGTH, size.into());
            answer
        })
    };
    let part = |range: &'static str| {
        script(move |_, _| {
            let mut answer = upstream::reply(http::StatusCode::PARTIAL_CONTENT, "application/octet-stream", "0123456789");
            answer.headers_mut().insert(http::header::CONTENT_RANGE, range.parse().expect("a range"));
            answer
        })
    };
    let unknown = script(|_, _| {
        let pieces = stream::iter([Ok::<_, Infallible>("it goes "), Ok("on and on")]);
        upstream::reply(http::StatusCode::OK, "application/octet-stream", Body::from_stream(pieces))
    });
    let denied = |name, script| case(name).get(BLOB).registry(script).asked([ASKED_BLOB]).refused(403, "DENIED");
    let ranged = |name, script| denied(name, script).header("Range: bytes=0-9");
    vec![
        denied("blob-too-large-by-a-byte", of_size(MIB + 1)).says("1048577"),
        denied("blob-far-too-large", of_size(64 * MIB)),
        denied("blob-of-unknown-size", unknown),
        ranged("part-of-a-large-blob", part("bytes 0-9/99999999999")),
        ranged("part-of-an-unknown-blob", part("bytes 0-9/*")),
        ranged("part-of-a-blob-of-nonsense", part("pages 0-9/x")),
        case("head-of-a-large-blob")
            .head(BLOB)
            .registry(of_size(MIB + 1))
            .asked(["HEAD https://{registry}/v2/team/app/blobs/{digest}"])
            .refused(403, "DENIED"),
        case("large-blob-behind-a-redirect")
            .get(BLOB)
            .registry(script(|_, names| upstream::redirect(&names.fill("https://{elsewhere}/x"))))
            .elsewhere(of_size(2 * MIB))
            .asked([ASKED_BLOB, "GET https://{elsewhere}/x"])
            .refused(403, "DENIED"),
        case("large-blob-with-a-login")
            .get(BLOB)
            .with_token()
            .registry(of_size(2 * MIB))
            .asked(["GET https://{registry}/v2/team/app/blobs/{digest} (Bearer)"])
            .refused(403, "DENIED"),
    ]
}
