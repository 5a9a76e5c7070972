//! The shared tiers: what outlives the isolate or does not fit it, and how large blobs come into the bucket.

use axum::body::Bytes;
use http::{Method, StatusCode, header};
use serde_json::json;

use crate::guest::cached;
use crate::hub::{Hub, asked_of_the_origin};
use crate::image::{Blob, Format, LargeLayer, Plain, sha256};
use crate::play::Mood;
use crate::stage::Stage;
use crate::store::conditions_of;
use crate::worker::Runtime;

/// Larger than what is verified before it is sent.
const LARGE: LargeLayer = LargeLayer { size: 8 << 20 };

fn large() -> Plain {
    Plain::over(LARGE.blocks().flatten().collect::<Bytes>())
}

/// A Worker that starts anew finds manifests and blobs where the last one left them, and asks nobody.
pub async fn survives_a_restart(stage: &Stage) {
    let (name, hub) = ("library/lasting", Hub::bare());
    let image = Plain::new(name, "1", Format::Oci);
    hub.origin.hold(name, "1", &image);
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = Runtime::Miniflare(Some(folder.path()));
    let parts: Vec<&Blob> = image.blobs().chain([&image.manifest]).collect();
    {
        let world = stage.world_in(runtime, hub.hosts(), &[]).await;
        world.guest().await.pull(name, "1", &image).await;
        world.until_stored(&parts.iter().map(|part| part.digest.as_str()).collect::<Vec<_>>()).await;
        world.assert_honest(&[]).await;
    }
    hub.origin.be(Mood::Down);
    let world = stage.world_in(runtime, hub.hosts(), &[]).await;
    let guest = world.guest().await;
    let resource = format!("{name}/manifests/{}", image.manifest.digest);
    let manifest = guest.get(&resource).await.expect(StatusCode::OK);
    conditions_of(&guest, &resource, &image.manifest).await;
    assert_eq!((cached(&manifest), &manifest.body), ("hit", &image.manifest.bytes));
    assert_eq!(manifest.header(header::CONTENT_TYPE), Format::Oci.manifest());
    for blob in image.blobs() {
        let resource = format!("{name}/blobs/{}", blob.digest);
        let head = guest.head(&resource).await.expect(StatusCode::OK);
        assert_eq!(head.header(header::CONTENT_LENGTH), blob.bytes.len().to_string());
        conditions_of(&guest, &resource, blob).await;
    }
    assert_eq!(world.upstream.transcript(), "");
    let lines = world.lines_about(name);
    assert!(lines.iter().any(|line| line["store"] == "bucket"), "nothing came from the bucket: {lines:#?}");
}

/// Under another epoch nothing of what was kept is known any more.
pub async fn epochs(stage: &Stage) {
    let (name, hub) = ("library/epoch", Hub::bare());
    let image = Plain::new(name, "1", Format::Oci);
    hub.origin.hold(name, "1", &image);
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = Runtime::Miniflare(Some(folder.path()));
    let mut asked = Vec::new();
    for epoch in ["one", "one", "two"] {
        let world = stage.world_in(runtime, hub.hosts(), &[("CACHE", json!({"epoch": epoch}))]).await;
        let guest = world.guest().await;
        guest.get(&format!("{name}/manifests/{}", image.manifest.digest)).await.expect(StatusCode::OK);
        asked.push(asked_of_the_origin(&world).len());
        world.until_stored(&[&image.manifest.digest]).await;
    }
    assert_eq!(asked, [1, 0, 1], "upstream requests in epochs one, one and two");
}

/// A large blob is fetched once more to be kept; from then on nobody is asked for it, nor for any part.
pub async fn large_blobs(stage: &Stage) {
    let (name, hub) = ("library/large", Hub::bare());
    let image = large();
    let blob = image.layer();
    hub.origin.hold(name, "1", &image);
    let world = stage.world_in(Runtime::Miniflare(None), hub.hosts(), &[]).await;
    let guest = world.guest().await;
    let resource = format!("{name}/blobs/{}", blob.digest);
    let first = guest.get(&resource).await.expect(StatusCode::OK);
    assert_eq!((cached(&first), sha256(&first.body)), ("miss", blob.digest.clone()));
    world.until_stored(&[&blob.digest]).await;
    let fetched = asked_of_the_origin(&world).into_iter().filter(|asked| asked.starts_with("GET ")).count();
    assert_eq!(fetched, 2, "for the client and for the bucket:\n{}", world.upstream.transcript());

    guest.until_hit(&resource).await;
    world.upstream.forget();
    conditions_of(&guest, &resource, blob).await;
    let (first, last) = (LARGE.size / 2 - 1000, LARGE.size / 2 + 1000);
    let part = guest.ask(Method::GET, &resource, &[(header::RANGE, &format!("bytes={first}-{last}"))]).await;
    let part = part.expect(StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.body, LARGE.range(first, last));
    assert_eq!(part.header(header::CONTENT_RANGE), format!("bytes {first}-{last}/{}", LARGE.size));
    assert_eq!(world.upstream.transcript(), "");
    let lines = world.lines_about(name);
    assert!(lines.iter().any(|line| line["store"] == "bucket"), "nothing came from the bucket: {lines:#?}");

    // What is gone from the bucket is fetched again.
    for object in world.worker.stored().iter().filter(|object| object.hash == blob.digest) {
        world.worker.lose(&object.key);
    }
    let again = guest.get(&resource).await.expect(StatusCode::OK);
    assert_eq!((cached(&again), sha256(&again.body)), ("miss", blob.digest.clone()));
}

/// Larger than `blob_mib` is passed on and not kept.
pub async fn too_large_blobs(stage: &Stage) {
    let (name, hub) = ("library/too-large", Hub::bare());
    let image = large();
    hub.origin.hold(name, "1", &image);
    let world = stage.world_in(Runtime::Miniflare(None), hub.hosts(), &[("CACHE", json!({"blob_mib": 6}))]).await;
    let guest = world.guest().await;
    for _ in 0..2 {
        world.upstream.forget();
        guest.pull(name, "1", &image).await;
        let blobs = world
            .upstream
            .transcript()
            .matches(&format!("GET https://registry-1.docker.io/v2/{name}/blobs/{}", image.layer().digest))
            .count();
        assert_eq!(blobs, 1, "{}", world.upstream.transcript());
    }
    assert!(world.worker.stored().iter().all(|object| object.hash != image.layer().digest));
}

/// Clients that hang up in the middle, or ask for a part only, leave nothing in the bucket or the whole blob.
pub async fn hang_ups(stage: &Stage) {
    let (name, hub) = ("library/hang-up", Hub::bare());
    let image = large();
    let blob = image.layer();
    hub.origin.hold(name, "1", &image);
    let world = stage.world_in(Runtime::Miniflare(None), hub.hosts(), &[]).await;
    let guest = world.guest().await;
    let resource = format!("{name}/blobs/{}", blob.digest);
    for _ in 0..5 {
        let mut response = guest.request(Method::GET, &resource, &[]).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        let mut taken = 0;
        while taken < blob.bytes.len() / 3 {
            taken += response.chunk().await.expect("more of the blob").expect("more of the blob").len();
        }
        drop(response); // and with it the connection
        world.assert_honest(&[]).await;
    }
    let range = [(header::RANGE, "bytes=4000000-")];
    let mut response = guest.request(Method::GET, &resource, &range).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    response.chunk().await.expect("some of the blob");
    drop(response);
    let whole = guest.get(&resource).await.expect(StatusCode::OK);
    assert_eq!(sha256(&whole.body), blob.digest);
    world.until_stored(&[&blob.digest]).await;
    world.assert_honest(&[]).await;
    for object in world.worker.stored() {
        let half = object.size < blob.bytes.len() && object.size > 1 << 20;
        assert!(!half, "half of a blob was kept: {object:?}");
    }
}

/// A blob that is too large for the isolate's memory comes from the Cache API: Miniflare's own, and workerd's protocol.
pub async fn cache_api(stage: &Stage) {
    for runtime in [Runtime::Cached, Runtime::Miniflare(None)] {
        let (name, hub) = ("library/cached", Hub::bare());
        let image = Plain::over(Bytes::from(vec![7; 1 << 20]));
        let blob = image.layer();
        hub.origin.hold(name, "1", &image);
        let world = stage.world_in(runtime, hub.hosts(), &[]).await;
        let guest = world.guest().await;
        let resource = format!("{name}/blobs/{}", blob.digest);
        guest.get(&resource).await.expect(StatusCode::OK);
        guest.until_hit(&resource).await;
        world.upstream.forget();
        let again = guest.get(&resource).await.expect(StatusCode::OK);
        assert_eq!((cached(&again), sha256(&again.body)), ("hit", blob.digest.clone()), "{runtime:?}");
        conditions_of(&guest, &resource, blob).await;
        assert_eq!(world.upstream.transcript(), "", "{runtime:?}");
        let lines = world.lines_about(name);
        assert!(lines.iter().any(|line| line["store"] == "cache"), "nothing came from the Cache API: {lines:#?}");
    }
}
