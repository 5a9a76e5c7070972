//! What the store answers by itself, and whom.

use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::client::{Pulled, Reply};
use crate::guest::{Guest, cached};
use crate::hub::{Hub, ORIGIN, asked_of_the_origin};
use crate::image::{Blob, Format, Plain};
use crate::stage::Stage;
use crate::token_server::{USER, basic};
use crate::worker::Runtime;
use crate::world::World;

/// Longer than a `fresh_seconds` of 1.
pub const NO_LONGER_FRESH: Duration = Duration::from_millis(1300);

/// The setting under which a tag is not fresh for long.
pub fn fresh_for_a_second() -> (&'static str, Value) {
    ("CACHE", json!({"fresh_seconds": 1}))
}

/// A second pull of an index, a manifest and four blobs asks nobody; when the tag is no longer fresh, one HEAD.
pub async fn warm_pulls(stage: &Stage) {
    let hub = Hub::new();
    let pulled = Pulled { digest: hub.origin.public.oci.index.digest.clone(), blobs: 4 };
    let world = stage.world(hub.hosts(), &[]).await;
    for turn in ["cold", "warm"] {
        world.upstream.forget();
        assert_eq!(world.pull("docker.localhost", "library/hello", "1", None).await, pulled, "{turn}");
        assert_eq!(world.upstream.seen().is_empty(), turn == "warm", "{turn}: {}", world.upstream.transcript());
    }
    let lines = world.lines_about("library/hello");
    for (at, line) in lines.iter().filter(|line| line["endpoint"] != "token").enumerate() {
        assert_eq!(line["store"], if at < 6 { "miss" } else { "memory" }, "{line}");
    }

    let world = stage.world(hub.hosts(), &[fresh_for_a_second()]).await;
    world.pull("docker.localhost", "library/hello", "1", None).await;
    for _ in 0..2 {
        tokio::time::sleep(NO_LONGER_FRESH).await;
        world.upstream.forget();
        assert_eq!(world.pull("docker.localhost", "library/hello", "1", None).await, pulled);
        assert_eq!(world.upstream.transcript(), format!("  HEAD https://{ORIGIN}/v2/library/hello/manifests/1\n"));
    }
}

/// A tag that moved is noticed when it is no longer fresh, and costs one manifest.
pub async fn moved_tags(stage: &Stage) {
    let (name, hub) = ("library/moving", Hub::bare());
    let (old, new) = (Plain::new(name, "old", Format::Oci), Plain::new(name, "new", Format::Docker));
    hub.origin.hold(name, "1", &old);
    let world = stage.world(hub.hosts(), &[fresh_for_a_second()]).await;
    let guest = world.guest().await;
    guest.pull(name, "1", &old).await;
    hub.origin.hold(name, "1", &new);
    tokio::time::sleep(NO_LONGER_FRESH).await;
    guest.pull(name, "1", &new).await;
    assert_eq!(hub.origin.counted(), 2);
    let moved = guest.head(&format!("{name}/manifests/1")).await.expect(StatusCode::OK);
    assert_eq!(moved.header("docker-content-digest"), new.manifest.digest);
    assert_eq!(moved.header(header::CONTENT_TYPE), Format::Docker.manifest());
    assert_eq!(cached(&guest.get(&format!("{name}/manifests/{}", old.manifest.digest)).await), "hit");
    assert_eq!(hub.origin.counted(), 2);
}

/// A tag that is no longer to be had is not given out because it once was: only a registry that fails is stood in for.
pub async fn withdrawn_tags(stage: &Stage) {
    let (name, hub) = ("library/withdrawn", Hub::bare());
    let image = Plain::new(name, "1", Format::Oci);
    hub.origin.hold(name, "1", &image);
    let world = stage.world(hub.hosts(), &[fresh_for_a_second()]).await;
    let guest = world.guest().await;
    guest.pull(name, "1", &image).await;
    hub.origin.lose(name);
    tokio::time::sleep(NO_LONGER_FRESH).await;
    for method in [Method::HEAD, Method::GET] {
        let refused = guest.ask(method, &format!("{name}/manifests/1"), &[]).await;
        assert!(matches!(refused.status.as_u16(), 401 | 403 | 404), "{}", refused.status);
    }
}

/// Who presents nothing or an anonymous pass is served from the store; who has credentials of any kind is not.
pub async fn who_uses_it(stage: &Stage) {
    let hub = Hub::new();
    let world = stage.world(hub.hosts(), &[]).await;
    let target = "/v2/library/hello/manifests/1";
    world.guest().await.get("library/hello/manifests/1").await.expect(StatusCode::OK);
    world.upstream.forget();
    let nobody = world.get("docker.localhost", target).await.expect(StatusCode::OK);
    assert_eq!((cached(&nobody), world.upstream.transcript()), ("hit", String::new()));
    let login = world.log_in("docker.localhost", "library/hello", Some(USER)).await;
    for (shown, authorization) in
        [("a token", login), ("a static token", "Bearer of-my-own".to_owned()), ("a password", basic(USER))]
    {
        world.upstream.forget();
        let request = world.ask(Method::GET, "docker.localhost", target).header(header::AUTHORIZATION, authorization);
        let reply = Reply::to(request).await;
        assert_eq!(cached(&reply), "bypass", "{shown}");
        assert!(!world.upstream.seen().is_empty(), "{shown}: the registry was not asked");
    }
}

/// HEAD, a part, and what the client has already, for a manifest and a blob: nobody is asked.
pub async fn conditions(stage: &Stage) {
    let (name, hub) = ("library/conditions", Hub::bare());
    let image = Plain::new(name, "1", Format::Oci);
    hub.origin.hold(name, "1", &image);
    for runtime in [Runtime::Plain, Runtime::Cached, Runtime::Miniflare(None)] {
        let world = stage.world_in(runtime, hub.hosts(), &[]).await;
        let guest = world.guest().await;
        let (manifest, blob) = (&image.manifest, image.layer());
        let resources = [
            (format!("{name}/manifests/1"), manifest),
            (format!("{name}/manifests/{}", manifest.digest), manifest),
            (format!("{name}/blobs/{}", blob.digest), blob),
        ];
        for (resource, _) in &resources {
            guest.get(resource).await.expect(StatusCode::OK);
            guest.until_hit(resource).await;
        }
        world.upstream.forget();
        for (resource, expected) in &resources {
            println!("{runtime:?}: {resource}");
            conditions_of(&guest, resource, expected).await;
        }
        assert_eq!(world.upstream.transcript(), "", "{runtime:?}");
    }
}

/// All that HTTP has to ask of one thing in the store.
pub async fn conditions_of(guest: &Guest<'_>, resource: &str, expected: &Blob) {
    let size = expected.bytes.len();
    let whole = guest.get(resource).await.expect(StatusCode::OK);
    assert_eq!(whole.body, expected.bytes);
    let etag = whole.header(header::ETAG).to_owned();
    assert!(etag.starts_with('"') && etag.len() > 2, "no strong ETag: {etag:?}");
    let head = guest.head(resource).await.expect(StatusCode::OK);
    for reply in [&whole, &head] {
        assert_eq!(cached(reply), "hit");
        assert_eq!(reply.header(header::CONTENT_LENGTH), size.to_string());
        assert_eq!(reply.header("docker-content-digest"), expected.digest);
        assert_eq!(reply.header(header::CONTENT_TYPE), whole.header(header::CONTENT_TYPE));
        assert_eq!(reply.header(header::ETAG), etag);
    }
    for (range, first, last) in [
        ("bytes=3-11".to_owned(), 3, 11),
        ("bytes=0-".to_owned(), 0, size - 1),
        (format!("bytes={}-", size - 4), size - 4, size - 1),
        ("bytes=-5".to_owned(), size - 5, size - 1),
        (format!("bytes=7-{}", size + 100), 7, size - 1),
    ] {
        let part = guest.ask(Method::GET, resource, &[(header::RANGE, &range)]).await;
        let part = part.expect(StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.body, expected.bytes.slice(first..=last), "{range}");
        assert_eq!(part.header(header::CONTENT_RANGE), format!("bytes {first}-{last}/{size}"), "{range}");
        assert_eq!(part.header(header::CONTENT_LENGTH), (last + 1 - first).to_string(), "{range}");
        assert_eq!(cached(&part), "hit", "{range}");
    }
    let beyond = guest.ask(Method::GET, resource, &[(header::RANGE, &format!("bytes={size}-"))]).await;
    let beyond = beyond.expect(StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header(header::CONTENT_RANGE), format!("bytes */{size}"));
    for method in [Method::GET, Method::HEAD] {
        for known in [&etag, &format!("\"other\", {etag}"), &format!("W/{etag}"), "*"] {
            let same = guest.ask(method.clone(), resource, &[(header::IF_NONE_MATCH, known)]).await;
            assert_eq!(same.status, StatusCode::NOT_MODIFIED, "{method} If-None-Match: {known}");
            assert_eq!(same.header(header::ETAG), etag);
            assert!(same.body.is_empty());
        }
        let other = guest.ask(method.clone(), resource, &[(header::IF_NONE_MATCH, "\"other\"")]).await;
        other.expect(StatusCode::OK);
    }
}

/// Who understands other types is given what the registry has for them, whoever asked before.
pub async fn accept_classes(stage: &Stage) {
    let hub = Hub::new();
    let image = &hub.origin.public.docker;
    let (list, first) = (&image.index.digest, &image.platforms[0].manifest.digest);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let world = stage.world(hub.hosts(), &[]).await;
        let guest = world.guest().await;
        for at in order.into_iter().chain(order) {
            let (accept, digest) = [("*/*", list), (Format::Docker.manifest(), first), (Format::Docker.index(), list)][at];
            let reply = guest.ask(Method::GET, "library/hello/manifests/docker", &[(header::ACCEPT, accept)]).await;
            assert_eq!(&crate::image::sha256(&reply.expect(StatusCode::OK).body), digest, "{accept} in {order:?}");
        }
    }
    // What one cannot be given is no answer for another.
    let world = stage.world(hub.hosts(), &[]).await;
    let guest = world.guest().await;
    for _ in 0..2 {
        let accept = [(header::ACCEPT, Format::Docker.manifest())];
        guest.ask(Method::GET, "library/hello/manifests/1", &accept).await.expect(StatusCode::NOT_FOUND);
        guest.get("library/hello/manifests/1").await.expect(StatusCode::OK);
    }
}

/// What a user's own credentials fetched is kept nowhere, and nobody else is given it.
pub async fn private_images(stage: &Stage) {
    for runtime in [Runtime::Plain, Runtime::Cached, Runtime::Miniflare(None)] {
        let hub = Hub::new();
        let world = stage.world_in(runtime, hub.hosts(), &[]).await;
        let private = hub.origin.private.as_ref().expect("Docker Hub has private images");
        let name = &private.name;
        for _ in 0..2 {
            let pulled = world.pull("docker.localhost", name, "1", Some(USER)).await;
            assert_eq!(pulled, Pulled { digest: private.oci.index.digest.clone(), blobs: 4 }, "{runtime:?}");
        }
        let bearer = world.log_in("docker.localhost", name, Some(USER)).await;
        let own = world.ask(Method::GET, "docker.localhost", &format!("/v2/{name}/manifests/1"));
        let own = Reply::to(own.header(header::AUTHORIZATION, &bearer)).await.expect(StatusCode::OK);
        assert_eq!(cached(&own), "bypass", "{runtime:?}");

        // At the same moment, too: their requests are none of hers.
        hub.origin.answer_after(Duration::from_millis(200));
        let guest = world.guest().await;
        let hers = world.ask(Method::GET, "docker.localhost", &format!("/v2/{name}/manifests/artifact"));
        let hers = Reply::to(hers.header(header::AUTHORIZATION, &bearer));
        let resource = format!("{name}/manifests/artifact");
        let (hers, theirs) = tokio::join!(hers, join_all((0..5).map(|_| guest.get(&resource))));
        assert_eq!(hers.status, StatusCode::OK);
        assert!(theirs.iter().all(|reply| reply.status == StatusCode::UNAUTHORIZED), "{runtime:?}: {theirs:?}");
        hub.origin.answer_after(Duration::ZERO);

        let platform = &private.oci.platforms[0];
        let (index, manifest) = (&private.oci.index.digest, &platform.manifest.digest);
        for owner in [name.as_str(), "library/hello"] {
            let by_digest = [index, manifest].map(|digest| format!("{owner}/manifests/{digest}"));
            let blobs = platform.layers.iter().chain([&platform.config]);
            let blobs = blobs.map(|blob| format!("{owner}/blobs/{}", blob.digest));
            for resource in by_digest.into_iter().chain(blobs) {
                refused_to_others(&world, &guest, &resource).await;
            }
        }
        refused_to_others(&world, &guest, &format!("{name}/manifests/1")).await;
        let parts: Vec<&Blob> = [&private.oci.index, &platform.manifest, &platform.config].into_iter().collect();
        let kept = world.worker.stored().into_iter().chain(world.worker.cached().await);
        for object in kept {
            let theirs = parts.iter().chain(&platform.layers.iter().collect::<Vec<_>>()).any(|p| p.digest == object.hash);
            assert!(!theirs && !object.key.contains(name.as_str()), "{runtime:?}: kept {object:?}");
        }
        for line in world.lines_about(name).iter().filter(|line| line["presented"] == "token") {
            assert_eq!(line["store"], "bypass", "{line}");
        }
    }
}

async fn refused_to_others(world: &World, guest: &Guest<'_>, resource: &str) {
    for method in [Method::GET, Method::HEAD] {
        let anonymous = guest.ask(method.clone(), resource, &[]).await;
        let nobody = Reply::to(world.ask(method.clone(), "docker.localhost", &format!("/v2/{resource}"))).await;
        for reply in [anonymous, nobody] {
            assert!(matches!(reply.status.as_u16(), 401 | 403 | 404), "{method} {resource}: {}", reply.status);
        }
    }
}

/// `CACHE = "off"`: every request is asked upstream, nothing is kept.
pub async fn switched_off(stage: &Stage) {
    let (name, hub) = ("library/unkept", Hub::bare());
    let image = Plain::new(name, "1", Format::Oci);
    hub.origin.hold(name, "1", &image);
    for runtime in [Runtime::Cached, Runtime::Miniflare(None)] {
        let world = stage.world_in(runtime, hub.hosts(), &[("CACHE", json!("off"))]).await;
        let guest = world.guest().await;
        guest.pull(name, "1", &image).await;
        let once = asked_of_the_origin(&world);
        guest.pull(name, "1", &image).await;
        assert_eq!(asked_of_the_origin(&world).len(), 2 * once.len(), "{runtime:?}");
        assert_eq!((world.worker.stored(), world.worker.cached().await), (vec![], vec![]), "{runtime:?}");
    }
}
