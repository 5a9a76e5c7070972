//! Upstreams that lie: nothing is fetched that should not be, and the client gets an error it can read.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{Method, StatusCode, header};
use serde_json::json;

use crate::client::Reply;
use crate::image::sha256;
use crate::stage::Stage;
use crate::token_server::{USER, basic};
use crate::upstream::{self, Answer, Asked, Host, Hosts};
use crate::world::World;

const REGISTRY: &str = "quay.io";
const MANIFEST: &str = "/v2/team/app/manifests/1";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A world in which quay.io answers like this, and nobody else is there.
async fn lone_registry(stage: &Stage, answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> World {
    stage.world(Hosts::from([(REGISTRY.to_owned(), Host::scripted(answer))]), &[]).await
}

fn is_realm(asked: &Asked) -> bool {
    asked.uri().path() == "/v2/auth"
}

fn has_authorization(asked: &Asked) -> bool {
    asked.headers().contains_key(header::AUTHORIZATION)
}

/// A challenge names a realm that is not the registry's: nobody goes there, and no password does.
pub async fn foreign_realms(stage: &Stage) {
    for realm in [
        "https://nobody.test/token",
        "https://quay.io.nobody.test/v2/auth",
        "https://nobodyquay.io/v2/auth",
        "https://quay.io@nobody.test/v2/auth",
        "https://nobody.test\\@quay.io/v2/auth",
        "https://nobody.test#@quay.io/v2/auth",
        "https://quay.io:8443/v2/auth",
        "http://quay.io/v2/auth",
        "https://auth.docker.io/token",
        "https://127.0.0.1/token",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/token",
        "https://quay.localhost/token/quay.io",
        "//nobody.test/token",
        "file:///etc/passwd",
        "",
    ] {
        let challenge = format!(r#"Bearer realm="{realm}",service="quay.io",scope="repository:team/app:pull""#);
        let world = lone_registry(stage, move |_| upstream::unauthorized(&challenge)).await;
        let refused = world.get("quay.localhost", MANIFEST).await;
        refused.error_code(realm);
        let token = world.ask(Method::GET, "quay.localhost", "/token/quay.io?scope=repository:team/app:pull");
        let token = Reply::to(token.header(header::AUTHORIZATION, basic(USER))).await;
        token.error_code(realm);
        for seen in world.upstream.seen() {
            assert_eq!(seen.host, REGISTRY, "{realm}");
            let told = seen.headers.contains_key(header::AUTHORIZATION);
            assert!(!told || seen.target.starts_with("/v2/auth"), "{realm}: a credential went to {}", seen.target);
        }
    }
}

/// A redirect leads where no public content lives: it is not followed.
pub async fn locations(stage: &Stage) {
    let hex = sha256(b"any");
    for location in [
        "https://127.0.0.1/blob",
        "https://127.1/blob",
        "https://2130706433/blob",
        "https://0x7f000001/blob",
        "https://0.0.0.0/blob",
        "https://10.0.0.1/blob",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/blob",
        "https://[::ffff:127.0.0.1]/blob",
        "https://localhost/blob",
        "https://any.localhost/blob",
        "https://metadata/computeMetadata/v1/",
        "https://metadata.google.internal/computeMetadata/v1/",
        "https://quay.localhost/v2/team/app/manifests/1",
        "http://cdn.quay.io/blob",
        "http://169.254.169.254/latest/meta-data/",
        "https://cdn.quay.io:8443/blob",
        "//127.0.0.1/blob",
        "ftp://cdn.quay.io/blob",
        "javascript:alert(1)",
        "https://",
    ] {
        let world = lone_registry(stage, move |_| upstream::redirect(location)).await;
        for target in [MANIFEST.to_owned(), format!("/v2/team/app/blobs/{hex}")] {
            world.get("quay.localhost", &target).await.refusal_code(location);
        }
        for seen in world.upstream.seen() {
            assert_eq!(seen.host, REGISTRY, "{location}");
        }
    }
    // Back to the proxy itself, by the very name the client used.
    let world = stage.world(Hosts::from([(REGISTRY.to_owned(), Host::scripted(to_images_example))]), &[]).await;
    world.get("quay.images.example.test", MANIFEST).await.refusal_code("the proxy's own host");
}

fn to_images_example(_: &Asked) -> Answer {
    upstream::redirect("https://quay.images.example.test/v2/team/app/manifests/1")
}

pub async fn redirect_loops(stage: &Stage) {
    let onward = |to: &'static str| {
        Host::scripted(move |asked| {
            let turn: u32 = asked.uri().query().and_then(|query| query.parse().ok()).unwrap_or(0);
            upstream::redirect(&format!("https://{to}{}?{}", asked.uri().path(), turn + 1))
        })
    };
    for (first, second) in [("quay.io", "quay.io"), ("cdn.quay.io", "quay.io"), ("cdn.quay.io", "cdn.quay.io")] {
        let hosts = [(REGISTRY.to_owned(), onward(first)), ("cdn.quay.io".to_owned(), onward(second))];
        let world = stage.world(Hosts::from(hosts), &[]).await;
        let blob = format!("/v2/team/app/blobs/{}", sha256(b"any"));
        for target in [MANIFEST, &blob] {
            world.upstream.forget();
            world.get("quay.localhost", target).await.refusal_code("a redirect loop");
            let asked = world.upstream.seen().len();
            assert!((1..=7).contains(&asked), "{asked} requests for {target}");
        }
    }
}

/// The realm is the right one, but what it says is not a token.
pub async fn token_replies(stage: &Stage) {
    type Script = fn() -> Answer;
    let rows: [(&str, Script); 11] = [
        ("HTML", || upstream::reply(StatusCode::OK, "text/html", "<html>log in</html>")),
        ("HTML that says JSON", || upstream::reply(StatusCode::OK, "application/json", "<html>")),
        ("a page with status 503", || upstream::reply(StatusCode::SERVICE_UNAVAILABLE, "text/html", "<html>busy")),
        ("no token", || upstream::json(StatusCode::OK, &json!({"expires_in": 300}))),
        ("an empty token", || upstream::json(StatusCode::OK, &json!({"token": ""}))),
        ("a number", || upstream::json(StatusCode::OK, &json!({"token": 5}))),
        ("a list", || upstream::json(StatusCode::OK, &json!(["token"]))),
        ("a header within", || upstream::json(StatusCode::OK, &json!({"token": "a\r\nHost: nobody.test"}))),
        ("huge", || upstream::json(StatusCode::OK, &json!({"token": "a".repeat(16 << 20)}))),
        ("truncated", || truncated(1000)),
        ("a redirect", || upstream::redirect("https://nobody.test/token")),
    ];
    for (what, reply) in rows {
        let world = lone_registry(stage, move |asked| if is_realm(asked) { reply() } else { challenge() }).await;
        let refused = world.get("quay.localhost", MANIFEST).await;
        refused.refusal_code(what);
        let token = world.ask(Method::GET, "quay.localhost", "/token/quay.io?scope=repository:team/app:pull");
        Reply::to(token.header(header::AUTHORIZATION, basic(USER))).await.refusal_code(what);
        let asked = world.upstream.seen().len();
        assert!(asked < 12, "{what}: {asked} requests");
    }
    // A token that says it ended before it began is none, and is not asked for without end.
    let world = lone_registry(stage, |asked| match (is_realm(asked), has_authorization(asked)) {
        (true, _) => upstream::json(StatusCode::OK, &json!({"token": "good", "expires_in": -5})),
        (false, true) => upstream::reply(StatusCode::OK, OCI_INDEX, "{}"),
        (false, false) => challenge(),
    })
    .await;
    for _ in 0..3 {
        let reply = world.get("quay.localhost", MANIFEST).await;
        assert_eq!(reply.refusal_code("a negative lifetime"), "UNAVAILABLE");
    }
    assert!(world.upstream.seen().len() <= 9, "{}", world.upstream.transcript());
}

fn challenge() -> Answer {
    upstream::unauthorized(r#"Bearer realm="https://quay.io/v2/auth",service="quay.io""#)
}

/// Promises 1000 bytes, sends 20, and hangs up.
fn truncated(announced: u64) -> Answer {
    let body = Body::from_stream(stream::unfold(0, async |piece| {
        tokio::task::yield_now().await; // lets the server send what it has so far
        match piece {
            0 => Some((Ok(Bytes::from_static(b"{\"token\": \"abcdefgh\",")), 1)),
            _ => Some((Err(std::io::Error::other("cut")), 2)),
        }
    }));
    let mut answer = upstream::reply(StatusCode::OK, "application/json", body);
    answer.headers_mut().insert(header::CONTENT_LENGTH, announced.into());
    answer
}

/// What is not OCI JSON does not reach the client as it is; what is cut off does not look whole.
pub async fn broken_answers(stage: &Stage) {
    let page = |status| upstream::reply(status, "text/html", "<html>no</html>");
    for (status, code) in [
        (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
        (StatusCode::INTERNAL_SERVER_ERROR, "UNAVAILABLE"),
        (StatusCode::BAD_GATEWAY, "UNAVAILABLE"),
        (StatusCode::IM_A_TEAPOT, ""),
    ] {
        let world = lone_registry(stage, move |_| page(status)).await;
        let reply = world.get("quay.localhost", MANIFEST).await;
        let got = reply.error_code(status.as_str());
        assert!(code.is_empty() || got == code, "{status}: {got}");
        assert!(!reply.header(header::CONTENT_TYPE).contains("html"), "{status}");
    }
    // Anonymous pulls are rationed: the client is asked for credentials, which may help.
    let world = lone_registry(stage, move |_| page(StatusCode::TOO_MANY_REQUESTS)).await;
    let rationed = world.get("quay.localhost", MANIFEST).await;
    match rationed.status {
        StatusCode::UNAUTHORIZED => assert!(!rationed.header(header::WWW_AUTHENTICATE).is_empty()),
        status => {
            assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
            assert!(!rationed.header(header::RETRY_AFTER).is_empty());
        }
    }
    rationed.error_code("429");

    for broken in ["Bearer", "Negotiate", "Bearer realm=", "Bearer realm=\"", ",,,=", "Digest realm=\"x\""] {
        let world = lone_registry(stage, move |_| upstream::unauthorized(broken)).await;
        world.get("quay.localhost", MANIFEST).await.error_code(broken);
        assert!(world.upstream.seen().len() <= 4, "{broken}: {}", world.upstream.transcript());
    }

    // A small one is held until it is all there; of a large one the client sees that it breaks off.
    let world = lone_registry(stage, |_| truncated(1000)).await;
    let blob = world.get("quay.localhost", &format!("/v2/team/app/blobs/{}", sha256(b"any"))).await;
    assert_eq!((blob.refusal_code("a truncated blob"), blob.status), ("UNAVAILABLE".to_owned(), StatusCode::BAD_GATEWAY));
    let world = lone_registry(stage, |_| truncated(10 << 20)).await;
    let blob = world.url("quay.localhost", &format!("/v2/team/app/blobs/{}", sha256(b"any")));
    let request = crate::client::HTTP.get(blob).timeout(Duration::from_secs(20));
    let whole = async { request.send().await?.bytes().await }.await;
    assert!(whole.is_err(), "a truncated blob looks whole: {whole:?}");
}

/// The time limit is for an answer's headers: silence ends in a 504, a body that takes longer arrives whole.
pub async fn time_limits(stage: &Stage) {
    const LONGER_THAN_THE_LIMIT: Duration = Duration::from_secs(23);
    let host = Host::new(|asked: Asked| async move {
        if !asked.uri().path().contains("/blobs/") {
            std::future::pending::<()>().await;
        }
        let body = Body::from_stream(stream::unfold(0, async |piece| {
            match piece {
                0 => {}
                1 => tokio::time::sleep(LONGER_THAN_THE_LIMIT).await,
                _ => return None,
            }
            Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(b"half of it")), piece + 1))
        }));
        upstream::reply(StatusCode::OK, "application/octet-stream", body)
    });
    let world = stage.world(Hosts::from([(REGISTRY.to_owned(), host)]), &[]).await;
    let blob = format!("/v2/team/app/blobs/{}", sha256(b"any"));
    let (silent, slow) = tokio::join!(world.get("quay.localhost", MANIFEST), world.get("quay.localhost", &blob));
    assert_eq!(silent.status, StatusCode::GATEWAY_TIMEOUT);
    silent.error_code("silence");
    assert_eq!(&slow.expect(StatusCode::OK).body[..], b"half of ithalf of it");
}
