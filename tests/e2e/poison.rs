//! An upstream that lies: what it says is neither served as something else nor kept, and honest words are heard after.

use axum::body::Bytes;
use http::{StatusCode, header};
use serde_json::json;

use crate::client::Reply;
use crate::guest::Guest;
use crate::hub::Hub;
use crate::image::{Blob, Format, Plain, sha256};
use crate::play::{Lie, Mood};
use crate::stage::Stage;
use crate::worker::Runtime;
use crate::world::World;

const LIES: [Lie; 6] = [
    Lie::Content,
    Lie::Half,
    Lie::Cut,
    Lie::Digest,
    Lie::Type("text/html"),
    Lie::Type("application/vnd.docker.distribution.manifest.v2+json"),
];

const RUNTIMES: [Runtime<'_>; 3] = [Runtime::Plain, Runtime::Cached, Runtime::Miniflare(None)];

/// An image, and what a guest asks of it: resource, what is there, whether it is a manifest.
struct Asked {
    name: String,
    image: Plain,
}

impl Asked {
    fn of(word: &str, at: usize) -> Asked {
        let name = format!("library/{word}-{at}");
        Asked { image: Plain::new(&name, "1", Format::Oci), name }
    }

    fn resources(&self) -> Vec<(String, &Blob, bool)> {
        let Asked { name, image: Plain { manifest, .. } } = self;
        let blob = self.image.layer();
        vec![
            (format!("{name}/manifests/{}", manifest.digest), manifest, true),
            (format!("{name}/blobs/{}", blob.digest), blob, false),
            (format!("{name}/manifests/1"), manifest, true),
        ]
    }

    /// Asks for everything while somebody lies: an error, or the truth.
    async fn not_fooled(&self, guest: &Guest<'_>, lie: Lie, must_be_had: bool) {
        for (resource, expected, is_manifest) in self.resources() {
            let Some(reply) = answered(guest, &resource).await else {
                assert!(!is_manifest && !must_be_had, "{lie:?}: no whole answer to {resource}");
                continue;
            };
            if reply.status == StatusCode::OK {
                is_true(&reply, &resource, expected, is_manifest, lie);
            } else {
                assert!(!must_be_had, "{lie:?}: {} for {resource}, which another has", reply.status);
                assert!(reply.status.is_server_error(), "{lie:?}: {} for {resource}", reply.status);
                assert_eq!(reply.error_code(&resource), "UNAVAILABLE", "{lie:?}: {resource}");
            }
            // Bytes that are not what their digest says cannot have become right on the way.
            let caught = matches!(lie, Lie::Content | Lie::Half | Lie::Cut);
            assert!(must_be_had || !caught || reply.status != StatusCode::OK, "{lie:?}: {resource} from nowhere");
        }
    }

    /// Asks for everything when nobody lies any more.
    async fn told_right(&self, world: &World, guest: &Guest<'_>, lie: Lie) {
        for _ in 0..2 {
            for (resource, expected, is_manifest) in self.resources() {
                let reply = guest.get(&resource).await.expect(StatusCode::OK);
                is_true(&reply, &resource, expected, is_manifest, lie);
                assert!(!reply.header(header::CONTENT_TYPE).contains("html"), "{lie:?}: {resource} is a page from now on");
                let head = guest.head(&resource).await.expect(StatusCode::OK);
                assert_eq!(head.header(header::CONTENT_LENGTH), expected.bytes.len().to_string(), "{lie:?}: {resource}");
            }
        }
        let honest = self.resources();
        let lies: Vec<Bytes> = honest.iter().map(|(_, blob, _)| lie.of(&blob.bytes)).collect();
        let is_honest = |bytes: &Bytes| honest.iter().any(|(_, blob, _)| blob.bytes == *bytes);
        world.assert_honest(&lies.into_iter().filter(|bytes| !is_honest(bytes)).collect::<Vec<_>>()).await;
    }
}

fn is_true(reply: &Reply, resource: &str, expected: &Blob, is_manifest: bool, lie: Lie) {
    assert_eq!(sha256(&reply.body), expected.digest, "{lie:?}: {resource}");
    assert_eq!(reply.header("docker-content-digest"), expected.digest, "{lie:?}: {resource}");
    let media = reply.header(header::CONTENT_TYPE);
    assert!(!is_manifest || media == Format::Oci.manifest(), "{lie:?}: {resource} is said to be {media}");
}

/// `None` where the answer breaks off.
async fn answered(guest: &Guest<'_>, resource: &str) -> Option<Reply> {
    let response = guest.request(http::Method::GET, resource, &[]).send().await.ok()?;
    let (status, headers) = (response.status(), response.headers().clone());
    Some(Reply { status, headers, body: response.bytes().await.ok()? })
}

/// Docker Hub lies, and nobody else has it.
pub async fn of_the_origin(stage: &Stage) {
    for runtime in RUNTIMES {
        let hub = Hub::bare();
        let world = stage.world_in(runtime, hub.hosts(), &[]).await;
        let guest = world.guest().await;
        for (at, lie) in LIES.into_iter().enumerate() {
            let asked = Asked::of("origin", at);
            hub.origin.hold(&asked.name, "1", &asked.image);
            hub.origin.tell(Some(lie));
            asked.not_fooled(&guest, lie, false).await;
            hub.origin.tell(None);
            asked.told_right(&world, &guest, lie).await;
        }
    }
}

/// A mirror lies while Docker Hub is down. Where the other mirror is honest, that is enough.
pub async fn of_a_mirror(stage: &Stage) {
    for (runtime, honest) in RUNTIMES.into_iter().flat_map(|runtime| [(runtime, false), (runtime, true)]) {
        let hub = Hub::bare();
        hub.origin.be(Mood::Down);
        let world = stage.world_in(runtime, hub.hosts(), &[]).await;
        let guest = world.guest().await;
        for (at, lie) in LIES.into_iter().enumerate() {
            let asked = Asked::of("mirror", at);
            hub.gcr.hold(&asked.name, "1", &asked.image);
            if honest {
                hub.ecr.hold(&format!("docker/{}", asked.name), "1", &asked.image);
            }
            hub.gcr.tell(Some(lie));
            asked.not_fooled(&guest, lie, honest).await;
            hub.gcr.tell(None);
            asked.told_right(&world, &guest, lie).await;
        }
    }
}

/// A mirror says to a digest what another image is, whole and honest in itself; and to a tag, after HEAD at Docker Hub.
pub async fn another_image(stage: &Stage) {
    let hub = Hub::bare();
    let (right, wrong) = (Asked::of("another", 1), Asked::of("another", 2));
    hub.origin.hold(&right.name, "1", &right.image);
    hub.origin.ration(0);
    // The mirror's tags are not Docker Hub's: the tag names the wrong image, the digest is not there.
    hub.mirror(&right.name, "1", &wrong.image);
    for runtime in RUNTIMES {
        let world = stage.world_in(runtime, hub.hosts(), &[]).await;
        let guest = world.guest().await;
        for reference in ["1", &right.image.manifest.digest] {
            let reply = guest.get(&format!("{}/manifests/{reference}", right.name)).await;
            assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS, "{runtime:?}: {reference}");
        }
        let lies = [wrong.image.manifest.bytes.clone()];
        world.assert_honest(&lies).await;
    }
}

/// A blob too large to be verified before it is sent: half of it looks like half of it, and is not kept.
pub async fn large_blobs(stage: &Stage) {
    let hub = Hub::bare();
    let name = "library/large-lie";
    let image = Plain::over(vec![7; 5 << 20]);
    hub.origin.hold(name, "1", &image);
    let (blob, resource) = (image.layer(), format!("{name}/blobs/{}", image.layer().digest));
    for lie in [Lie::Content, Lie::Half, Lie::Cut] {
        let world = stage.world_in(Runtime::Miniflare(None), hub.hosts(), &[("CACHE", json!({"fresh_seconds": 1}))]).await;
        let guest = world.guest().await;
        hub.origin.tell(Some(lie));
        let reply = answered(&guest, &resource).await;
        assert_eq!(reply.is_none(), lie == Lie::Cut, "{lie:?}: a blob that is cut off looks whole, or another does not");
        hub.origin.tell(None);
        let reply = guest.get(&resource).await.expect(StatusCode::OK);
        assert_eq!(sha256(&reply.body), blob.digest, "{lie:?}");
        // The bucket may have heard the lie, and need another try.
        assert_eq!(sha256(&guest.until_hit(&resource).await.body), blob.digest, "{lie:?}");
        world.until_stored(&[&blob.digest]).await;
        world.assert_honest(&[lie.of(&blob.bytes)]).await;
    }
}
