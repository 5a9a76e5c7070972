//! The registry, its token server, its storage: what the Worker says of them.

use axum::body::Bytes;
use http::{StatusCode, header};
use serde_json::json;

use super::middlebox::{Middlebox, as_it_is};
use super::{HELLO, Question};
use crate::hub::{Hub, ORIGIN, TOKENS, idle_mirrors};
use crate::image::{Format, Plain};
use crate::play::{Lie, Mood};
use crate::registry::SIGNATURE;
use crate::stage::Stage;
use crate::store::{NO_LONGER_FRESH, fresh_for_a_second};
use crate::token_server::USER;
use crate::upstream::{Answer, Host, hang_up, redirect, reply, text, unauthorized};
use crate::world::World;

fn question(world: &World, image: &'static str) -> Question {
    Question::of(world.authority("docker.localhost"), image)
}

fn page(status: StatusCode) -> Answer {
    reply(status, "text/html", "<html><title>Sorry</title></html>")
}

pub async fn at_fault(stage: &Stage) {
    let hub = Hub::new();
    hub.origin.hold_for_the_user("alice/secret", "1", &Plain::new("alice/secret", "1", Format::Oci));
    let world = stage.world(hub.hosts(), &[]).await;
    question(&world, "nobody/nothing:1")
        .is_ill("an image that is not there", "head", "private", &["docker.io/nobody/nothing:1", "the proxy is well"])
        .await;
    question(&world, "hello:none")
        .is_ill("a tag that is not there", "head", "absent", &["docker.io/library/hello:none", "mend its name or tag"])
        .await;
    question(&world, "alice/secret:1")
        .is_ill("an image that is private", "head", "private", &["is not given to whoever asks here", "PIERHEAD_LOGIN"])
        .await;
    let alice = format!("{}:{}", USER.0, USER.1);
    question(&world, "alice/secret:1").with("PIERHEAD_LOGIN", alice).is_well(&[]).await;
    question(&world, HELLO)
        .with("PIERHEAD_LOGIN", "alice:not-this")
        .is_ill(
            "a wrong login of the registry's",
            "token",
            "login-refused",
            &["refuses the login of PIERHEAD_LOGIN", "mend it"],
        )
        .await;
    question(&world, "limited")
        .is_ill("the registry limits", "head", "limited", &["`docker.io` limits this proxy", "set CREDENTIALS", "wait 5 s"])
        .await;
    for (set_up, mood, fault, words) in [
        (
            "the registry is down (503)",
            Mood::Down,
            "registry",
            ["`registry-1.docker.io` (for `docker.io`) answered 503", "try again later"],
        ),
        (
            "the registry hangs up",
            Mood::Gone,
            "registry",
            ["`registry-1.docker.io` (for `docker.io`) cannot be reached", "status page"],
        ),
        ("the registry says nothing", Mood::Silent, "silent", ["said nothing for 2 s", "ask again with `--limit 120`"]),
    ] {
        let hub = Hub::new();
        hub.origin.be(mood);
        let world = stage.world(hub.hosts(), &[]).await;
        question(&world, HELLO).is_ill(set_up, "head", fault, &words).await;
    }

    for (set_up, host, answer, fault, words) in [
        (
            "the token server is down",
            TOKENS,
            (|_| page(StatusCode::SERVICE_UNAVAILABLE)) as fn(&_) -> Answer,
            "token-server",
            ["the token server `auth.docker.io` (for `docker.io`) answered 503", "try again later"],
        ),
        (
            "the token server sends a page",
            TOKENS,
            |_| page(StatusCode::OK),
            "token-server",
            ["the reply of the token server `auth.docker.io` (for `docker.io`) is", "try again later"],
        ),
        (
            "the registry alone is down",
            ORIGIN,
            |_| page(StatusCode::SERVICE_UNAVAILABLE),
            "registry",
            ["`registry-1.docker.io` (for `docker.io`) answered 503", "try again later"],
        ),
        (
            "the registry alone hangs up",
            ORIGIN,
            |_| hang_up(),
            "registry",
            ["`registry-1.docker.io` (for `docker.io`) cannot be reached", "try again later"],
        ),
        (
            "the registry sends a page",
            ORIGIN,
            |_| page(StatusCode::OK),
            "untrue",
            ["registry-1.docker.io", "try again later"],
        ),
        (
            "the registry asks for another token each time",
            ORIGIN,
            |_| unauthorized(r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#),
            "private",
            ["authentication required", "the proxy is well"],
        ),
    ] {
        let mut hosts = Hub::new().hosts();
        hosts.extend(idle_mirrors());
        hosts.insert(host.to_owned(), Host::scripted(answer));
        let world = stage.world(hosts, &[]).await;
        question(&world, HELLO).is_ill(set_up, "head", fault, &words).await;
    }

    let variables =
        [("ACCESS", json!("public")), ("CREDENTIALS", json!({"docker.io": "alice:wrong-word"}).to_string().into())];
    let world = stage.world(Hub::new().hosts(), &variables).await;
    question(&world, HELLO)
        .is_ill(
            "the operator's account is refused",
            "head",
            "account-refused",
            &["refuses this proxy's own account", "CREDENTIALS"],
        )
        .await;

    // What nobody can ask for now is told from what is kept.
    let hub = Hub::new();
    let world = stage.world(hub.hosts(), &[fresh_for_a_second()]).await;
    question(&world, HELLO).is_well(&[]).await;
    tokio::time::sleep(NO_LONGER_FRESH).await;
    hub.origin.be(Mood::Down);
    question(&world, HELLO)
        .is_ill("the registry is down, and the image is kept", "blob", "stale", &["`docker.io` does not answer", "/status"])
        .await;
}

pub async fn blobs(stage: &Stage) {
    let hub = Hub::new();
    hub.origin.tell(Some(Lie::Content));
    let world = stage.world(hub.hosts(), &[]).await;
    question(&world, HELLO)
        .is_ill(
            "the registry's bytes are not what they are called",
            "manifest",
            "untrue",
            &["has the digest `sha256:", "try again later"],
        )
        .await;

    // All of storage, whatever it is called.
    let storage = |answer: fn(&_) -> Answer| {
        let mut hosts = Hub::new().hosts();
        for (name, host) in &mut hosts {
            if name.ends_with(".docker.com") || name.ends_with(".r2.cloudflarestorage.com") {
                *host = Host::scripted(answer).without_credentials();
            }
        }
        hosts
    };
    let world = stage.world(storage(|_| reply(StatusCode::FORBIDDEN, "application/xml", "<Error/>")), &[]).await;
    question(&world, HELLO)
        .is_ill(
            "storage refuses",
            "config",
            "storage",
            &["the storage at `", "answered 403", "refuses the Worker's addresses"],
        )
        .await;
    let world = stage.world(storage(|_| text(StatusCode::NOT_FOUND, "no")), &[]).await;
    question(&world, HELLO)
        .is_ill("storage has lost a blob", "config", "lost", &["`docker.io` has lost a part of the image", "push"])
        .await;
    let other = |_: &_| reply(StatusCode::OK, "application/octet-stream", Bytes::from_static(b"something else"));
    let world = stage.world(storage(other), &[]).await;
    question(&world, HELLO)
        .is_ill("storage sends something else", "config", "untrue", &["has the digest `sha256:", "try again later"])
        .await;
    let world = stage.world(storage(|_| redirect("https://127.0.0.1/")), &[]).await;
    question(&world, HELLO).is_ill("storage leads to a private place", "config", "untrue", &["this is not followed"]).await;

    // The operator has it so: storage may be open to clients, or not.
    let hub = Hub::new();
    let storage = stage.world(hub.hosts(), &[]).await;
    let world = stage.world(hub.hosts(), &[("REGISTRIES", json!({"docker.io": {"blobs": "redirect"}}))]).await;
    let open = format!("http://{}", storage.authority("storage.localhost"));
    let closed = format!("https://{}.example.com", "a".repeat(64));
    let forbidding = Middlebox::alone(|_| page(StatusCode::FORBIDDEN)).await;
    let refusing = format!("http://{}", forbidding.authority("storage.localhost"));
    let nowhere = "blobs are handed on to where this machine cannot go";
    for (place, set_up, words) in [
        (open, None, "blobs are handed on to `storage.localhost"),
        (closed, Some(nowhere), ".example.com` has no address"),
        (refusing, Some("blobs are handed on to who refuses them"), "and there the answer is 403"),
        (
            "ftp://storage.example".to_owned(),
            Some("blobs are handed on by a way of their own"),
            "the address is one of ftp:",
        ),
    ] {
        let server = Middlebox::before(
            &world,
            |_| {},
            move |asked, told| {
                let mut answer = as_it_is(asked, told);
                if answer.headers().contains_key(header::LOCATION) {
                    let location = format!("{place}{}?X-Amz-Signature={SIGNATURE}", asked.uri().path());
                    answer.headers_mut().insert(header::LOCATION, location.parse().expect("an address"));
                }
                answer
            },
        )
        .await;
        let question = Question::of(server.authority("docker.localhost"), HELLO);
        match set_up {
            None => drop(question.is_well(&[words]).await),
            Some(set_up) => {
                let words = ["(`blobs = \"redirect\"`)", words, "so that the Worker fetches them"];
                question.is_ill(set_up, "config", "handed-on", &words).await;
            }
        }
    }
}
