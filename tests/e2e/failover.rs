//! What is served when Docker Hub does not: by its mirrors, or from what was known.

use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::client::{Pulled, Reply};
use crate::guest::cached;
use crate::hub::{Hub, MIRRORS, ORIGIN, TOKENS, asked_of_the_origin};
use crate::image::{Format, Plain, sha256};
use crate::play::Mood;
use crate::stage::Stage;
use crate::store::{NO_LONGER_FRESH, fresh_for_a_second};
use crate::token_server::USER;
use crate::worker::Runtime;
use crate::world::World;

/// Every way of Docker Hub's to be of no use, but for silence, which takes its time.
const FAILURES: [Mood; 3] = [Mood::Abused, Mood::Down, Mood::Gone];

fn off() -> (&'static str, Value) {
    ("CACHE", json!("off"))
}

/// No mirror was shown a credential, but for public.ecr.aws its own token.
fn assert_anonymous(world: &World) {
    for seen in world.upstream.seen().iter().filter(|seen| MIRRORS.contains(&seen.host.as_str())) {
        let shown = seen.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let own = seen.host == "public.ecr.aws" && shown.is_some_and(|shown| shown.starts_with("Bearer eyJwYXlsb2FkIjoi"));
        assert!(shown.is_none() || own, "{}{} was shown {shown:?}", seen.host, seen.target);
    }
}

/// Without a store and with a tenth of what it takes, every pull succeeds: mirrors have what Docker Hub refuses.
pub async fn rationed(stage: &Stage) {
    let hub = Hub::bare();
    let images = hub.hold_many("rationed", 20);
    for (at, (name, image)) in images.iter().enumerate() {
        // One mirror has the one half, the other the other.
        match at % 2 {
            0 => hub.gcr.hold(name, "1", image),
            _ => hub.ecr.hold(&format!("docker/{name}"), "1", image),
        }
    }
    hub.hold_everywhere("library/list", "1", &Hub::new().origin.public.oci);
    hub.origin.ration(10);
    let world = stage.world(hub.hosts(), &[off()]).await;
    let clients = (0..5).map(|_| async {
        for (name, image) in &images {
            let pulled = world.pull("docker.localhost", name, "1", None).await;
            assert_eq!(pulled, Pulled { digest: image.manifest.digest.clone(), blobs: 4 }, "{name}");
        }
        world.pull("docker.localhost", "library/list", "1", None).await;
    });
    join_all(clients).await;
    // Each of the five may have been on its way when it was used up; then Docker Hub rests.
    assert!((10..=30).contains(&hub.origin.counted()), "Docker Hub counted {} of 105 pulls", hub.origin.counted());
    assert_anonymous(&world);
}

/// A mirror may have an older image under the tag. Docker Hub says by HEAD which one it is, as long as it says anything.
pub async fn current_tags(stage: &Stage) {
    let (name, hub) = ("library/current", Hub::bare());
    let (old, new) = (Plain::new(name, "old", Format::Oci), Plain::new(name, "new", Format::Oci));
    hub.origin.hold(name, "1", &new);
    hub.mirror(name, "1", &new); // by digest they have it
    hub.mirror(name, "1", &old);
    hub.origin.ration(0);
    let world = stage.world(hub.hosts(), &[off()]).await;
    world.guest().await.pull(name, "1", &new).await;
    let heads = asked_of_the_origin(&world).into_iter().filter(|asked| asked.starts_with("HEAD ")).count();
    assert!(heads >= 1, "{}", world.upstream.transcript());

    hub.origin.be(Mood::Stingy);
    let world = stage.world(hub.hosts(), &[off()]).await;
    let reply = world.guest().await.get(&format!("{name}/manifests/1")).await.expect(StatusCode::OK);
    assert_eq!(sha256(&reply.body), old.manifest.digest, "the mirrors' idea of the tag");
    assert_eq!(reply.header("docker-content-digest"), old.manifest.digest);
}

/// Whatever is the matter with Docker Hub, what a mirror has is had, though Docker Hub was never asked for it before.
pub async fn cold(stage: &Stage) {
    for mood in FAILURES {
        let hub = Hub::bare();
        let images = hub.hold_many("cold", 4);
        for (name, image) in &images {
            hub.ecr.hold(&format!("docker/{name}"), "1", image); // the first mirror says 404
        }
        let owned = Plain::new("alice/app", "1", Format::Docker);
        hub.gcr.hold("alice/app", "1", &owned);
        hub.origin.be(mood);
        let world = stage.world(hub.hosts(), &[]).await;
        let guest = world.guest().await;
        for (name, image) in &images {
            guest.pull(name, "1", image).await;
            assert_eq!(guest.head(&format!("{name}/manifests/1")).await.status, StatusCode::OK, "{mood:?}");
        }
        guest.pull("alice/app", "1", &owned).await;
        assert_anonymous(&world);
        // It rests: no image waits for it again, unless it said to come back in a second.
        let own = [ORIGIN, TOKENS];
        let asked = world.upstream.seen().iter().filter(|seen| own.contains(&seen.host.as_str())).count();
        assert!(asked <= 4 || mood == Mood::Down, "{mood:?}: no rest for the weary:\n{}", world.upstream.transcript());
    }
}

/// Docker Hub fails, and no mirror has anything: what was pulled before is pulled again, and says that it may be old.
pub async fn stale(stage: &Stage) {
    let miniflare = [Runtime::Cached, Runtime::Miniflare(None)].map(|runtime| (runtime, Mood::Down));
    for (runtime, mood) in FAILURES.map(|mood| (Runtime::Plain, mood)).into_iter().chain(miniflare) {
        let hub = Hub::new();
        let images = hub.hold_many("stale", 5);
        let world = stage.world_in(runtime, hub.hosts(), &[fresh_for_a_second()]).await;
        let everything = async || {
            for (name, image) in &images {
                let pulled = world.pull("docker.localhost", name, "1", None).await;
                assert_eq!(pulled, Pulled { digest: image.manifest.digest.clone(), blobs: 4 }, "{name}");
            }
            world.pull("docker.localhost", "library/hello", "1", None).await
        };
        let before = everything().await;
        tokio::time::sleep(NO_LONGER_FRESH).await;
        hub.origin.be(mood);
        for turn in 0..2 {
            println!("{runtime:?}, {mood:?}, turn {turn}");
            assert_eq!(everything().await, before);
        }
        let guest = world.guest().await;
        for method in [Method::GET, Method::HEAD] {
            let reply = guest.ask(method, "library/hello/manifests/1", &[]).await.expect(StatusCode::OK);
            assert_eq!(cached(&reply), "stale", "{runtime:?}, {mood:?}");
            assert!(reply.header(header::WARNING).starts_with("110 "), "{:?}", reply.header(header::WARNING));
            assert_eq!(reply.header("docker-content-digest"), before.digest);
        }
        let by_digest = guest.get(&format!("library/hello/manifests/{}", before.digest)).await;
        assert_eq!((cached(&by_digest), by_digest.header(header::WARNING)), ("hit", ""), "a digest is never old");
        let lines = world.lines_about("library/hello");
        assert!(lines.iter().any(|line| line["store"] == "stale"), "{runtime:?}: no line says so: {lines:#?}");
    }
}

/// When Docker Hub is well again, so is the tag: at the latest when it has rested as long as it asked to.
pub async fn recovery(stage: &Stage) {
    let (name, hub) = ("library/recovered", Hub::bare());
    let (old, new) = (Plain::new(name, "old", Format::Oci), Plain::new(name, "new", Format::Oci));
    hub.origin.hold(name, "1", &old);
    let world = stage.world(hub.hosts(), &[fresh_for_a_second()]).await;
    let guest = world.guest().await;
    guest.pull(name, "1", &old).await;
    tokio::time::sleep(NO_LONGER_FRESH).await;
    hub.origin.be(Mood::Down);
    let resource = format!("{name}/manifests/1");
    assert_eq!(cached(&guest.get(&resource).await), "stale");
    hub.origin.be(Mood::Well);
    hub.origin.hold(name, "1", &new);
    for _ in 0..200 {
        let reply = guest.get(&resource).await.expect(StatusCode::OK);
        if reply.header(header::WARNING).is_empty() {
            assert_eq!(sha256(&reply.body), new.manifest.digest);
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("still stale:\n{}", world.upstream.transcript());
}

/// Docker Hub takes requests and says nothing: what was known goes out, later.
pub async fn silence(stage: &Stage) {
    let (name, hub) = ("library/silent", Hub::bare());
    let image = Plain::new(name, "1", Format::Oci);
    hub.origin.hold(name, "1", &image);
    let world = stage.world(hub.hosts(), &[fresh_for_a_second()]).await;
    let guest = world.guest().await;
    guest.pull(name, "1", &image).await;
    tokio::time::sleep(NO_LONGER_FRESH).await;
    hub.origin.be(Mood::Silent);
    let reply = guest.get(&format!("{name}/manifests/1")).await.expect(StatusCode::OK);
    assert_eq!((cached(&reply), sha256(&reply.body)), ("stale", image.manifest.digest));
}

/// Which mirrors are asked is the operator's choice: none, or one.
pub async fn configured_mirrors(stage: &Stage) {
    let (name, hub) = ("library/chosen", Hub::bare());
    let image = Plain::new(name, "1", Format::Oci);
    hub.hold_everywhere(name, "1", &image);
    hub.origin.ration(0);
    for (mirrors, asked) in [(json!([]), None), (json!(["public.ecr.aws/docker"]), Some("public.ecr.aws"))] {
        let registries = ("REGISTRIES", json!({"docker.io": {"mirrors": mirrors}}));
        let world = stage.world(hub.hosts(), &[registries]).await;
        let reply = world.guest().await.get(&format!("{name}/manifests/1")).await;
        let expected = if asked.is_some() { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(reply.status, expected, "{mirrors}");
        for mirror in MIRRORS {
            let seen = world.upstream.seen().iter().any(|seen| seen.host == mirror);
            assert_eq!(seen, asked == Some(mirror), "{mirror} with {mirrors}");
        }
    }
}

/// A user's own credentials go to Docker Hub and nowhere else, whatever comes of it.
pub async fn own_credentials(stage: &Stage) {
    for mood in [Mood::Down, Mood::Gone, Mood::Stingy] {
        let hub = Hub::new();
        hub.mirror("library/hello", "1", &hub.origin.public.oci);
        let world = stage.world(hub.hosts(), &[]).await;
        let bearer = world.log_in("docker.localhost", "library/hello", Some(USER)).await;
        hub.origin.ration(0);
        hub.origin.be(mood);
        let request = world.ask(Method::GET, "docker.localhost", "/v2/library/hello/manifests/1");
        let reply = Reply::to(request.header(header::AUTHORIZATION, &bearer)).await;
        reply.error_code(&format!("{mood:?}"));
        assert_eq!(cached(&reply), "bypass", "{mood:?}");
        for mirror in MIRRORS {
            assert!(!world.upstream.seen().iter().any(|seen| seen.host == mirror), "{mirror} was asked");
        }
        let asked = world.upstream.targets(&Method::GET, ORIGIN);
        assert_eq!(asked, ["/v2/library/hello/manifests/1"], "{mood:?}");
    }
}
