//! Requests no honest client sends: a clear refusal, and nobody upstream hears of them.

use http::{Method, StatusCode, header};

use crate::client::Reply;
use crate::stage::Stage;
use crate::upstream::Hosts;
use crate::world::World;

/// A Worker without any internet: every request it makes is an offence.
async fn alone(stage: &Stage) -> World {
    stage.world(Hosts::new(), &[]).await
}

/// A GET of exactly these bytes.
fn get(host: &str, target: &[u8]) -> Vec<u8> {
    let (before, after) = (b"GET ", format!(" HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
    [before, target, after.as_bytes()].concat()
}

pub async fn malformed_paths(stage: &Stage) {
    let world = alone(stage).await;
    let hex = "0123456789abcdef".repeat(4);
    let long = |letter: &str, length| letter.repeat(length);
    let rows: Vec<(&str, Vec<String>)> = vec![
        // Names
        (
            "NAME_INVALID",
            vec![
                "/v2/Library/Hello/manifests/1".into(),
                "/v2/a..b/manifests/1".into(),
                "/v2/a_-b/manifests/1".into(),
                "/v2/a___b/manifests/1".into(),
                "/v2/-a/manifests/1".into(),
                "/v2/a-/manifests/1".into(),
                "/v2/a//b/manifests/1".into(),
                "/v2/a@b/manifests/1".into(),
                "/v2/a:1/manifests/1".into(),
                "/v2/a%2fb/manifests/1".into(),
                "/v2/a%2Fb/blobs/sha256:aa".into(),
                "/v2/a%00b/manifests/1".into(),
                "/v2/a%ffb/manifests/1".into(),
                "/v2/%c3%28/tags/list".into(),
                "/v2/a%0d%0aHost:evil.test/manifests/1".into(),
                "/v2/a%3fb/manifests/1".into(),
                "/v2/a%23b/manifests/1".into(),
                "/v2/a%5cb/manifests/1".into(),
                format!("/v2/{}/manifests/1", long("a", 256)),
                format!("/v2/{}a/tags/list", long("a/", 3000)),
            ],
        ),
        // Tags and digests
        (
            "",
            vec![
                "/v2/hello/manifests/.1".into(),
                "/v2/hello/manifests/-1".into(),
                "/v2/hello/manifests/a%2fb".into(),
                "/v2/hello/manifests/%ff".into(),
                "/v2/hello/manifests/1%00".into(),
                "/v2/hello/manifests/a+b".into(),
                "/v2/hello/manifests/".into(),
                format!("/v2/hello/manifests/{}", long("a", 129)),
                format!("/v2/hello/manifests/{}", long("a", 9000)),
                "/v2/hello/manifests/sha256:".into(),
                format!("/v2/hello/manifests/sha256:{}", hex.to_uppercase()),
                format!("/v2/hello/manifests/sha256:{hex}0"),
                format!("/v2/hello/manifests/sha512:{hex}"),
                format!("/v2/hello/manifests/{hex}@sha256:{hex}"),
            ],
        ),
        (
            "DIGEST_INVALID",
            vec![
                "/v2/hello/blobs/1".into(),
                "/v2/hello/blobs/sha256:0123".into(),
                format!("/v2/hello/blobs/{hex}"),
                format!("/v2/hello/blobs/sha256:{}", long("g", 64)),
                format!("/v2/hello/blobs/sha256:{}", long("a", 5000)),
                format!("/v2/hello/blobs/sha256%2f{hex}"),
            ],
        ),
        // Endpoints and places that are not there
        (
            "",
            vec![
                "/v2/hello".into(),
                "/v2/hello/manifests".into(),
                "/v2/hello/secrets/1".into(),
                "/v2/manifests/1".into(),
                "/v2/hello/blobs/uploads/".into(),
                "/v1/search?q=x".into(),
                "/V2/".into(),
                "//v2/hello/manifests/1".into(),
                "/nobody.test/v2/hello/manifests/1".into(),
                "/nobody/v2/hello/manifests/1".into(),
                "/.git/config".into(),
                "/token/nobody.test".into(),
                "/token/127.0.0.1?scope=repository:x:pull".into(),
                "/token".into(),
            ],
        ),
        ("UNSUPPORTED", vec!["/v2/_catalog".into()]),
        (
            "NAME_UNKNOWN",
            vec![
                "/v2/hello/manifests/1?ns=nobody.test".into(),
                "/v2/hello/manifests/1?ns=127.0.0.1".into(),
                "/v2/hello/manifests/1?ns=".into(),
            ],
        ),
        (
            "",
            vec![
                "/v2/hello/manifests/1?ns=%ff".into(),
                "/v2/hello/manifests/1?ns=docker.io&ns=quay.io".into(),
                "/v2/hello/manifests/1?ns=docker.io&ns=docker.io".into(),
                "/v2/hello/manifests/1?ns=https://docker.io/".into(),
                "/v2/quay.io/team/app/manifests/1?ns=docker.io".into(),
            ],
        ),
    ];
    for (code, targets) in rows {
        for target in targets {
            let shown = target.chars().take(80).collect::<String>();
            let reply = world.raw(&get("docker.localhost", target.as_bytes())).await.expect(&shown);
            let got = reply.refusal_code(&shown);
            assert!(reply.status.is_client_error() && reply.status != StatusCode::UNAUTHORIZED, "{shown}: {reply:?}");
            assert!(code.is_empty() || got == code, "{shown}: {got}, not {code}");
        }
    }
    // Only on a gateway can a dotted first component be a registry.
    let unknown = world.raw(&get("localhost", b"/v2/nobody.test/hello/manifests/1")).await.expect("an answer");
    assert_eq!(unknown.refusal_code("an unknown registry"), "NAME_UNKNOWN");
    for target in [&b"/v2/a\xffb/manifests/1"[..], b"/v2/hello/manifests/\xc3\x28", "/v2/h\u{e9}llo/tags/list".as_bytes()] {
        let reply = world.raw(&get("docker.localhost", target)).await.expect("an answer");
        assert!(reply.status.is_client_error(), "{target:?}: {reply:?}");
    }
    assert!(world.upstream.seen().is_empty());
}

/// What the runtime may refuse on its own, in its own words.
pub async fn malformed_requests(stage: &Stage) {
    let world = alone(stage).await;
    let manifest = "GET /v2/Hello/manifests/1 HTTP/1.1";
    for (request, what) in [
        (format!("{manifest}\r\n\r\n"), "no Host"),
        (format!("{manifest}\r\nHost: \r\n\r\n"), "an empty Host"),
        (format!("{manifest}\r\nHost: docker.localhost:99999\r\n\r\n"), "an odd port"),
        (format!("{manifest}\r\nHost: docker.localhost@nobody.test\r\n\r\n"), "a Host with a user"),
        (format!("{manifest}\r\nHost: [::1\r\n\r\n"), "half an address"),
        (format!("{manifest}\r\nHost: docker.localhost/../x\r\n\r\n"), "a Host with a path"),
        (format!("{manifest}\r\nHost: {}\r\n\r\n", "a.".repeat(2000)), "a long Host"),
        (format!("{manifest}\r\nHost: docker.localhost\r\nHost: quay.localhost\r\n\r\n"), "two Hosts"),
        (format!("{manifest}\r\nHost: docker.localhost\r\nbroken line\r\n\r\n"), "a line that is no header"),
        ("G@T / HTTP/1.1\r\nHost: docker.localhost\r\n\r\n".to_owned(), "a broken method"),
        ("GET v2/ HTTP/1.1\r\nHost: docker.localhost\r\n\r\n".to_owned(), "a path without a slash"),
        ("GET\r\n\r\n".to_owned(), "half a request line"),
        ("CONNECT nobody.test:443 HTTP/1.1\r\nHost: nobody.test\r\n\r\n".to_owned(), "CONNECT"),
        ("GET https://nobody.test/v2/A/manifests/1 HTTP/1.1\r\nHost: nobody.test\r\n\r\n".to_owned(), "a whole URL"),
    ] {
        let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        let Some(reply) = world.raw(request.as_bytes()).await else { continue };
        let by_the_worker = reply.headers.contains_key("x-pierhead-error");
        assert!(!reply.status.is_success() && !reply.status.is_redirection(), "{what}: {reply:?}");
        assert!(!by_the_worker || reply.status.is_client_error(), "{what}: {reply:?}");
    }
    assert!(world.upstream.seen().is_empty());
    world.get("docker.localhost", "/healthz").await.expect(StatusCode::OK);
}

pub async fn wrong_methods(stage: &Stage) {
    let world = alone(stage).await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "TRACE", "QUERY"] {
        for target in ["/v2/", "/v2/hello/manifests/1", "/v2/hello/blobs/uploads/", "/v2/hello/tags/list"] {
            let request = format!(
                "{method} {target} HTTP/1.1\r\nHost: docker.localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
            );
            let shown = format!("{method} {target}");
            let reply = world.raw(request.as_bytes()).await.expect(&shown);
            assert_eq!(reply.refusal_code(&shown), "UNSUPPORTED");
            assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{shown}");
            assert_eq!(reply.header(header::ALLOW), "GET, HEAD", "{shown}");
            let message = reply.json()["errors"][0]["message"].to_string();
            assert!(message.contains("pull"), "{shown}: {message}");
        }
    }
    let token = Reply::to(world.ask(Method::DELETE, "docker.localhost", "/token/docker.io")).await;
    assert_eq!(token.refusal_code("DELETE of a token"), "UNSUPPORTED");
    assert!(token.header(header::ALLOW).contains("POST"), "{token:?}");

    // Raw, because the answer may come before the form has been sent.
    let form = format!("grant_type=password&username=a&password={}", "a".repeat(4 << 20));
    let request = format!(
        "POST /token/docker.io HTTP/1.1\r\nHost: docker.localhost\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    );
    let bomb = world.raw(request.as_bytes()).await.expect("an answer to a form of 4 MiB");
    assert!(bomb.status.is_client_error(), "{bomb:?}");
    bomb.refusal_code("a form of 4 MiB");
    assert!(world.upstream.seen().is_empty());
}

pub async fn unusable_tokens(stage: &Stage) {
    let world = alone(stage).await;
    let other = world.get("ghcr.localhost", "/token/ghcr.io?service=x&scope=repository:team/tool:pull").await;
    let other = other.expect(StatusCode::OK).json()["token"].as_str().expect("a token").to_owned();
    for (token, what) in [
        (other.as_str(), "another registry's"),
        ("ph1.", "nothing behind the mark"),
        ("ph1.anonymous", "no registry"),
        ("ph1.anonymous.docker.io", "no payload"),
        ("ph1.anonymous.docker.io.!!", "not base64"),
        ("ph1.anonymous.docker.io.MTI", "expired in 1970"),
        ("ph1.anonymous.docker.io.LTU", "a negative time"),
        ("ph1.upstream.docker.io.YQ0KYg", "a line break within"),
        ("ph1.upstream.nobody.test.YWJj", "an unknown registry's"),
        ("ph1.upstream.127.0.0.1.YWJj", "an address's"),
        ("ph1.refresh.docker.io.YWJj", "one for the token endpoint"),
        ("ph1.other.docker.io.YWJj", "an unknown kind"),
    ] {
        for target in ["/v2/hello/manifests/1", "/v2/"] {
            let reply = Reply::to(world.ask(Method::GET, "docker.localhost", target).bearer_auth(token)).await;
            assert_eq!(reply.expect_challenge().refusal_code(what), "UNAUTHORIZED", "{what}");
        }
    }
    assert!(world.upstream.seen().is_empty());
}

/// Headers nobody asked for do not travel, and none of them harms the Worker.
pub async fn header_bombs(stage: &Stage) {
    let world = alone(stage).await;
    let request = "GET /v2/Hello/manifests/1 HTTP/1.1\r\nHost: docker.localhost\r\nConnection: close\r\n";
    let many: String = (0..2000).map(|n| format!("X-Bomb-{n}: {n}\r\n")).collect();
    for (headers, what) in [
        (format!("X-Bomb: {}\r\n", "a".repeat(1 << 20)), "a header of 1 MiB"),
        (format!("Accept: {}\r\n", "a/b,".repeat(8000)), "an Accept of 32 KB"),
        (format!("Authorization: Bearer ph1.{}\r\n", "a".repeat(30000)), "a token of 30 KB"),
        (format!("Authorization: Basic {}\r\n", "YWE6".repeat(8000)), "a password of 24 KB"),
        ("Accept: a/b\r\n".repeat(2000), "2000 Accepts"),
        (many, "2000 headers"),
        ("Authorization: Basic %%%\r\n".to_owned(), "Basic that is not base64"),
        ("Range: bytes=9-1,-,x\r\n".to_owned(), "a broken Range"),
        ("X-Bomb: \u{7f}\u{e9}\r\n".to_owned(), "bytes that are not ASCII"),
    ] {
        if let Some(reply) = world.raw(format!("{request}{headers}\r\n").as_bytes()).await {
            assert!(reply.status.is_client_error(), "{what}: {reply:?}");
        }
    }
    assert!(world.upstream.seen().is_empty());
    world.get("docker.localhost", "/healthz").await.expect(StatusCode::OK);
}
