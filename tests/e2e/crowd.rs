//! Many at once, and many one after another: what they cost upstream, and what they cost the isolate.

use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::Pulled;
use crate::hub::{Hub, ORIGIN, TOKENS, asked_of_the_origin};
use crate::image::{Format, Plain, sha256};
use crate::puller::{Puller, Style, Wanted};
use crate::stage::Stage;
use crate::store::{NO_LONGER_FRESH, fresh_for_a_second};
use crate::worker::Runtime;
use crate::world::World;

const MIB: u64 = 1 << 20;

/// Docker Hub's ration of an hour, and what a crowd wants in that time.
const RATION: usize = 100;
const IMAGES: usize = 50;
const MOVED: usize = 5;

/// Ten clients pull 50 images twice, all at once, and five of the tags move in between: a thousand pulls, and Docker Hub
/// counts no more than one for each image that there was.
pub async fn thousand_pulls(stage: &Stage) {
    for runtime in [Runtime::Plain, Runtime::Miniflare(None)] {
        let hub = Hub::bare();
        let mut images = hub.hold_many("crowd", IMAGES);
        hub.origin.ration(RATION);
        let world = stage.world_in(runtime, hub.hosts(), &[fresh_for_a_second()]).await;
        round(&world, &images).await;
        move_tags(&hub, &mut images).await;
        round(&world, &images).await;
        println!("{runtime:?}: 1000 pulls, {} of them counted by Docker Hub", hub.origin.counted());
        assert!(hub.origin.counted() <= IMAGES + MOVED, "{runtime:?}: {} counted", hub.origin.counted());
    }
}

/// Each client takes each image: 500 pulls. They go by the same order, so they meet.
async fn round(world: &World, images: &[(String, Plain)]) {
    let clients = (0..10).map(|_| async {
        for (name, image) in images {
            let pulled = world.pull("docker.localhost", name, "1", None).await;
            assert_eq!(pulled, Pulled { digest: image.manifest.digest.clone(), blobs: 4 }, "{name}");
        }
    });
    join_all(clients).await;
}

/// Some tags name other images from now on, and nobody takes the old ones for fresh any more.
async fn move_tags(hub: &Hub, images: &mut [(String, Plain)]) {
    for (name, image) in images.iter_mut().take(MOVED) {
        *image = Plain::new(name, "moved", Format::Oci);
        hub.origin.hold(name, "1", &*image);
    }
    tokio::time::sleep(NO_LONGER_FRESH).await;
}

/// The same thousand with real clients, each with storage of its own for each pull.
pub async fn thousand_real_pulls(stage: &Stage) {
    let pullers = Puller::present();
    let hub = Hub::bare();
    let mut images = hub.hold_many("crowd", IMAGES);
    hub.origin.ration(RATION);
    let world = stage.world_in(Runtime::Miniflare(None), hub.hosts(), &[fresh_for_a_second()]).await;
    let mut pulls = 0;
    for turn in ["the first", "the second"] {
        let clients = pullers.iter().map(|&puller| pull_all(&world, puller, &images));
        let problems: Vec<String> = join_all(clients).await.into_iter().flatten().collect();
        pulls += pullers.len() * images.len();
        assert!(problems.is_empty(), "{turn} time: {} pulls failed:\n{}", problems.len(), problems.join("\n"));
        if turn == "the first" {
            move_tags(&hub, &mut images).await;
        }
    }
    let counted = hub.origin.counted();
    println!("{pulls} pulls by {} clients, {counted} of them counted by Docker Hub", pullers.len());
    assert!(counted <= IMAGES + MOVED, "{counted} counted");
}

/// What went wrong.
async fn pull_all(world: &World, puller: Puller, images: &[(String, Plain)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, image) in images {
        let wanted = Wanted {
            registry: "docker.io",
            label: Some("docker"),
            repository: name,
            tag: "1",
            digest: &image.manifest.digest,
            login: None,
        };
        if let Err(problem) = puller.pull(world, Style::Host, &wanted).await {
            problems.push(format!("{}, {name}: {problem}", puller.name()));
        }
    }
    problems
}

/// Twenty ask for the same at once, of a registry that takes its time: it is asked once, and so is the token server.
pub async fn single_flight(stage: &Stage) {
    let (name, hub) = ("library/flight", Hub::bare());
    let image = Plain::new(name, "1", Format::Oci);
    hub.origin.hold(name, "1", &image);
    hub.origin.answer_after(Duration::from_millis(300));
    for reference in ["1", &image.manifest.digest] {
        let world = stage.world(hub.hosts(), &[]).await;
        let guest = world.guest().await;
        let resource = format!("{name}/manifests/{reference}");
        for reply in join_all((0..20).map(|_| guest.get(&resource))).await {
            assert_eq!(sha256(&reply.expect(StatusCode::OK).body), image.manifest.digest);
        }
        assert_eq!(asked_of_the_origin(&world), [format!("GET /v2/{resource}")]);
        assert_eq!(world.upstream.targets(&Method::GET, TOKENS).len(), 1, "{}", world.upstream.transcript());
    }
}

/// Whoever came first hangs up while the registry, or its token server, is still thinking: the others get their answers.
pub async fn leaders_that_hang_up(stage: &Stage) {
    const LEADERS: usize = 3;
    let bound = Duration::from_secs(10);
    for (at, leads_to) in [TOKENS, ORIGIN].into_iter().enumerate() {
        for reference in ["1", "digest"] {
            let (name, hub) = (format!("library/left-{at}"), Hub::bare());
            let image = Plain::new(&name, "1", Format::Oci);
            hub.origin.hold(&name, "1", &image);
            hub.origin.answer_after(Duration::from_secs(1));
            let world = stage.world(hub.hosts(), &[]).await;
            let guest = world.guest().await;
            let reference = if reference == "digest" { &image.manifest.digest } else { reference };
            let resource = format!("{name}/manifests/{reference}");
            let others = async {
                until_asked(&world, leads_to).await;
                let asked = join_all((0..10).map(|_| guest.get(&resource)));
                tokio::time::timeout(bound, asked).await.expect("answers within the bound")
            };
            let leaders = join_all((0..LEADERS).map(|_| {
                guest.leave(&resource, async {
                    until_asked(&world, leads_to).await;
                    tokio::time::sleep(Duration::from_millis(200)).await; // the others have come
                })
            }));
            let (replies, _) = tokio::join!(others, leaders);
            for reply in replies {
                assert_eq!(sha256(&reply.expect(StatusCode::OK).body), image.manifest.digest, "{leads_to}: {resource}");
            }
            // Each of those who are gone has its line, and the first of them says whom it waited for.
            let mut gone: Vec<Value> = Vec::new();
            for _ in 0..100 {
                gone = world.lines_about(&name).into_iter().filter(|line| line["status"] == 499).collect();
                if gone.len() >= LEADERS {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert_eq!(gone.len(), LEADERS, "{gone:#?}");
            assert!(gone.iter().any(|line| line["upstream"] == leads_to), "{gone:#?}");
        }
    }
}

/// Thousands of clients are gone before they have their answer: what their requests held is let go.
pub async fn hang_ups_leave_nothing(stage: &Stage) {
    const GONE: usize = 2400;
    let (name, hub) = ("library/awaited", Hub::bare());
    let image = Plain::new(name, "1", Format::Oci);
    hub.origin.hold(name, "1", &image);
    hub.origin.answer_after(Duration::from_millis(300));
    let world = stage.world_in(Runtime::Tidy, hub.hosts(), &[("CACHE", json!("off"))]).await;
    let guest = world.guest().await;
    let leave = async |number: usize| {
        for turn in 0..number {
            let resource = format!("{name}/blobs/{}", sha256(&turn.to_le_bytes()));
            guest.leave(&resource, tokio::time::sleep(Duration::from_millis(20))).await;
        }
    };
    let wave = || join_all((0..6).map(|_| leave(GONE / 6)));
    wave().await; // warms up
    let before = world.worker.process.memory();
    wave().await;
    let each = world.worker.process.memory().saturating_sub(before) / GONE as u64;
    println!("{GONE} hang-ups: workerd grew by {each} bytes for each");
    guest.pull(name, "1", &image).await;
    // A request that is forgotten as it waits keeps 18 KB of wasm.
    assert!(each < 2000, "each hang-up leaves {each} bytes");
}

/// Waits until the Worker has asked a host.
async fn until_asked(world: &World, host: &str) {
    while !world.upstream.seen().iter().any(|seen| seen.host == host) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Two thousand images pass through an isolate that may keep 4 MiB of them: it does not grow with their number. What V8 has
/// not yet collected, it does.
pub async fn memory(stage: &Stage) {
    let hub = Hub::bare();
    let world = stage.world(hub.hosts(), &[("CACHE", json!({"memory_mib": 4}))]).await;
    let guest = world.guest().await;
    let mut resident = Vec::new();
    for number in 0..2000_u64 {
        let name = format!("library/one-of-many-{number}");
        // 100 KiB of its own for each.
        let layer: Vec<u8> = number.to_le_bytes().repeat(100 * 1024 / 8);
        let image = Plain::over(layer);
        hub.origin.hold(&name, "1", &image);
        guest.pull(&name, "1", &image).await;
        hub.origin.lose(&name);
        world.upstream.forget();
        if number % 500 == 499 {
            resident.push(world.worker.process.memory() / MIB);
        }
    }
    println!("memory_mib = 4: workerd had {resident:?} MiB after 500, 1000, 1500 and 2000 images");
    // Kept, a thousand would be 100 MiB.
    assert!(resident[3] < resident[1] + 60, "it grows with the number of images: {resident:?} MiB");
    assert!(resident[3] < 300, "it is large: {resident:?} MiB");
}
