//! A gated Worker under a mixed load: users and keyholders pull, strangers and hostile upstreams do what they can.
//!
//! `PIERHEAD_SIEGE=600` makes it ten minutes; half a minute otherwise.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use futures_util::future::join_all;
use futures_util::stream;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::client::{Pulled, Reply};
use crate::guest::leave;
use crate::hub::Hub;
use crate::image::{Plain, sha256};
use crate::stage::Stage;
use crate::token_server::basic;
use crate::upstream::{self, Answer, Asked, Host};
use crate::world::World;

const MIB: u64 = 1 << 20;

const ALICE: (&str, &str) = ("alice", "pierhead_a-long-random-token-of-alice");
const KEY: &str = "0123456789abcdefghijklmnopqrstuv";
/// The registry that lies.
const LIAR: &str = "liar.test";
const HOST: &str = "mirror.localhost";

const PULLERS: usize = 3;
const ATTACKERS: usize = 6;
const IMAGES: usize = 40;

/// What came of it all.
#[derive(Default)]
struct Tally {
    pulls: AtomicUsize,
    attacks: AtomicUsize,
    hang_ups: AtomicUsize,
}

pub async fn siege(stage: &Stage) {
    let seconds = std::env::var("PIERHEAD_SIEGE").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(30);
    let hub = Hub::bare();
    let images = hub.hold_many("besieged", IMAGES);
    let mut hosts = hub.hosts();
    hosts.insert(LIAR.to_owned(), Host::scripted(lie).without_credentials());
    let world = stage.world(hosts, &variables()).await;
    let (tally, began, time) = (Tally::default(), Instant::now(), Duration::from_secs(seconds));
    let over = || began.elapsed() > time;

    let pullers = join_all((0..PULLERS).map(async |number| {
        let mut turn = number;
        while !over() {
            let (name, image) = &images[turn % IMAGES];
            pull(&world, turn, name, image).await;
            tally.pulls.fetch_add(1, Ordering::Relaxed);
            turn += 1;
        }
    }));
    let attackers = join_all((0..ATTACKERS).map(async |number| {
        let mut turn = number * 1000;
        while !over() {
            attack(&world, turn, &tally).await;
            turn += 1;
        }
    }));
    // Looked at ten times, the first half to warm up.
    let watch = async {
        let mut resident = Vec::new();
        for _ in 0..10 {
            tokio::time::sleep(time / 10).await;
            world.upstream.forget();
            resident.push(world.worker.process.memory() / MIB);
        }
        resident
    };
    let (_, _, resident) = tokio::join!(pullers, attackers, watch);

    let (pulls, attacks) = (tally.pulls.into_inner(), tally.attacks.into_inner());
    let hang_ups = tally.hang_ups.into_inner();
    println!(
        "siege of {seconds} s: {pulls} pulls, all whole, beside {attacks} attacks and {hang_ups} hang-ups; workerd had {resident:?} MiB"
    );
    assert!(pulls > 0 && attacks > 0 && hang_ups > 0);
    assert_no_fault_of_ours(&world);
    let (middle, last) = (resident[4], resident[9]);
    assert!(last < middle + 48, "it grows: {resident:?} MiB");
}

fn variables() -> [(&'static str, Value); 7] {
    let (name, token) = ALICE;
    [
        ("ACCESS", json!(["users", "path"])),
        ("USERS", json!({name: sha256(token.as_bytes())}).to_string().into()),
        ("SIGNING_KEYS", json!("a-signing-key-of-the-siege-0123456789")),
        ("PATH_SECRET", json!(KEY)),
        ("REGISTRIES", json!({LIAR: {}})),
        ("RULES", json!({"docker.io": {"deny": ["denied/.*"], "reason": "not here"}})),
        // Much passes through: what is kept must not be what grows.
        ("CACHE", json!({"memory_mib": 4, "fresh_seconds": 1})),
    ]
}

/// A whole pull, as a user or by the key, by podman's way or through a mirror's path.
async fn pull(world: &World, turn: usize, name: &str, image: &Plain) {
    let whole = Pulled { digest: image.manifest.digest.clone(), blobs: 4 };
    let (name, user) = if turn.is_multiple_of(2) { (name.to_owned(), Some(ALICE)) } else { (format!("{KEY}/{name}"), None) };
    assert_eq!(world.pull(HOST, &name, "1", user).await, whole, "{name}");
}

/// One of the things that attackers do. Whatever it is, it must end in a refusal, in time.
async fn attack(world: &World, turn: usize, tally: &Tally) {
    tally.attacks.fetch_add(1, Ordering::Relaxed);
    let get = |target: &str| world.ask(Method::GET, HOST, target);
    let name = format!("made-up-{turn}/image");
    let manifest = format!("/v2/{name}/manifests/1");
    let (what, request, expected) = match turn % 14 {
        0 => ("a stranger", get(&manifest), StatusCode::UNAUTHORIZED),
        1 => ("a stranger at the token endpoint", get(&format!("/token/{name}")), StatusCode::UNAUTHORIZED),
        2 => {
            let guess = basic((ALICE.0, &format!("pierhead_guess-{turn}")));
            ("a guess", get("/token/docker.io").header(header::AUTHORIZATION, guess), StatusCode::UNAUTHORIZED)
        }
        3 => {
            let guess = format!("{KEY}{turn}");
            ("a guessed key", get(&format!("/{guess}{manifest}")), StatusCode::UNAUTHORIZED)
        }
        4 => {
            let forged = "ph1.user.docker.io.OTk5OTk5OTk5OTpBQUFBOmFsaWNl"; // 9999999999:AAAA:alice
            ("a forged pass", get(&manifest).bearer_auth(forged), StatusCode::UNAUTHORIZED)
        }
        5 => {
            let pass = format!("ph1.anonymous.docker.io.{turn}");
            ("a pass of another mode", get(&manifest).bearer_auth(pass), StatusCode::UNAUTHORIZED)
        }
        6 => ("a large header", get(&manifest).bearer_auth("a".repeat(8000)), StatusCode::UNAUTHORIZED),
        7 => {
            let form = format!("grant_type=password&username=alice&password={}", "x".repeat(40_000));
            let post = world.ask(Method::POST, HOST, "/token/docker.io").body(form);
            let post = post.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            ("a large form", post, StatusCode::BAD_REQUEST)
        }
        8 => ("a push", world.ask(Method::PUT, HOST, &manifest).body("{}"), StatusCode::UNAUTHORIZED),
        9 => ("a denied repository", get(&format!("/{KEY}/v2/denied/{turn}/manifests/1")), StatusCode::FORBIDDEN),
        10 => ("an unknown registry", get(&format!("/{KEY}{manifest}?ns=nobody-{turn}.test")), StatusCode::NOT_FOUND),
        11 => ("a broken name", get(&format!("/{KEY}/v2/Made-Up/{turn}/manifests/1")), StatusCode::BAD_REQUEST),
        12 => return hang_up(world, turn, tally).await,
        _ => return provoke(world, turn).await,
    };
    let reply = Reply::to(request).await;
    reply.refusal_code(what);
    assert_eq!(reply.status, expected, "{what}: {reply:?}");
}

/// Asks for something that the liar has, by the key: whatever it says, the answer is the liar's fault or nothing.
async fn provoke(world: &World, turn: usize) {
    let lie = turn / 14 % 10;
    let target = match lie % 2 {
        0 => format!("/{KEY}/v2/lie-{lie}/{turn}/manifests/1?ns={LIAR}"),
        _ => format!("/{KEY}/v2/lie-{lie}/{turn}/blobs/{}?ns={LIAR}", sha256(&turn.to_le_bytes())),
    };
    let reply = Reply::to(world.ask(Method::GET, HOST, &target)).await;
    reply.error_code(&target);
    assert!(!reply.status.is_success(), "{target}: {reply:?}");
}

/// Asks for a long blob and is gone before it ends.
async fn hang_up(world: &World, turn: usize, tally: &Tally) {
    tally.hang_ups.fetch_add(1, Ordering::Relaxed);
    let target = format!("/{KEY}/v2/endless/{turn}/blobs/{}?ns={LIAR}", sha256(&turn.to_le_bytes()));
    leave(world, HOST, &target, "", tokio::time::sleep(Duration::from_millis(20))).await;
}

/// What the liar says, by the repository that is asked for.
fn lie(asked: &Asked) -> Answer {
    let path = asked.uri().path();
    let lie = path.strip_prefix("/v2/lie-").and_then(|rest| rest.split('/').next()).and_then(|lie| lie.parse().ok());
    let Some(lie): Option<usize> = lie else {
        let piece = Bytes::from(vec![0; 64 * 1024]);
        let endless = stream::repeat_with(move || Ok::<_, std::convert::Infallible>(piece.clone()));
        let mut answer = upstream::reply(StatusCode::OK, "application/octet-stream", Body::from_stream(endless));
        answer.headers_mut().insert(header::CONTENT_LENGTH, (1_u64 << 40).into());
        return answer;
    };
    match lie {
        0 => upstream::reply(StatusCode::OK, "text/html", "<html>log in</html>"),
        1 => upstream::reply(StatusCode::OK, "application/octet-stream", "not what was asked for"),
        2 => upstream::unauthorized(r#"Bearer realm="https://nobody.test/token",service="x""#),
        3 => upstream::redirect("https://127.0.0.1/blob"),
        4 => upstream::redirect(&format!("https://{LIAR}{path}")),
        5 => upstream::redirect("https://quay.localhost/v2/"),
        6 => upstream::reply(StatusCode::INTERNAL_SERVER_ERROR, "text/html", "<html>oops</html>"),
        7 => upstream::reply(StatusCode::NOT_FOUND, "text/plain", "x".repeat(1 << 20)),
        8 => upstream::reply(StatusCode::OK, "application/vnd.oci.image.index.v1+json", "[".repeat(100_000)),
        _ => upstream::hang_up(),
    }
}

/// No line of the log is a 5xx, but for what the liar did.
fn assert_no_fault_of_ours(world: &World) {
    let log = world.worker.process.output();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let faults: Vec<Value> = lines.filter(|line| line["status"].as_u64() >= Some(500) && line["registry"] != LIAR).collect();
    assert!(faults.is_empty(), "{} faults, such as {}", faults.len(), faults[0]);
    for word in [KEY, ALICE.1, "a-signing-key"] {
        assert!(!log.contains(word), "logged {word}");
    }
}
