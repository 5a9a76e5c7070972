//! The runtimes themselves: the same Worker answers the same in each.

use http::{Method, StatusCode, header};
use serde_json::json;

use crate::client::{Pulled, Reply};
use crate::image::sha256;
use crate::personality::hub::HUB;
use crate::play::Play;
use crate::stage::Stage;
use crate::upstream::Hosts;
use crate::worker::Runtime;
use crate::world::World;

/// A pull, a range, a redirect to storage, and the header of every hop: as the Worker sends it, in each runtime.
pub async fn serve_alike(stage: &Stage) {
    for runtime in [Runtime::Plain, Runtime::Cached, Runtime::Miniflare(None)] {
        let play = Play::new(&HUB);
        let mut world = stage.world_in(runtime, play.hosts(), &[]).await;
        let image = &play.public.oci;
        let pulled = world.pull("docker.localhost", "library/hello", "1", None).await;
        assert_eq!(pulled, Pulled { digest: image.index.digest.clone(), blobs: 4 }, "{runtime:?}");
        let layer = &image.platforms[0].layers[0];
        let target = format!("/v2/library/hello/blobs/{}", layer.digest);
        let ranged = world.ask(Method::GET, "docker.localhost", &target).header(header::RANGE, "bytes=3-11");
        let part = Reply::to(ranged).await.expect(StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.body, layer.bytes.slice(3..12), "{runtime:?}");
        let head = world.head("docker.localhost", "/v2/library/hello/manifests/1").await.expect(StatusCode::OK);
        assert_eq!(head.header(header::CONTENT_LENGTH), image.index.bytes.len().to_string(), "{runtime:?}");
        let lines = |log: &str| log.lines().filter(|line| line.starts_with('{') && line.contains("library/hello")).count();
        world.worker.process.until("a log line for each of 8 requests", async |log| lines(log) == 8).await;
    }
}

/// The Cache API, by name and without, and the bucket, as a script sees them; and what a test sees of them.
pub async fn keep(stage: &Stage) {
    let (folder, bucket) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let probe = stage.build.of_script(include_str!("worker/probe.js"), folder.path());
    for runtime in [Runtime::Cached, Runtime::Miniflare(Some(bucket.path()))] {
        let world = World::start(&probe, runtime, Hosts::new(), &[]).await;
        let seen = world.get("docker.localhost", "/").await.expect(StatusCode::OK).json();
        let found = |name: &str| json!(["0 ", format!("200 the {name} one"), format!("206 {}", &name[..5]), "304 "]);
        assert_eq!(seen["named"], found("named"), "{runtime:?}");
        let mut unnamed = found("unnamed");
        unnamed.as_array_mut().expect("a list").extend([json!(true), json!("0 ")]);
        assert_eq!(seen["unnamed"], unnamed, "{runtime:?}");
        let Runtime::Miniflare(_) = runtime else {
            let cached = world.worker.cached().await;
            assert_eq!(cached.len(), 1, "{cached:?}");
            assert_eq!((cached[0].size, &cached[0].hash), (13, &sha256(b"the named one")));
            continue;
        };
        assert_eq!(seen["bucket"], json!(["refused", "bj"]));
        let stored = world.worker.stored();
        assert_eq!(stored.len(), 1, "{stored:?}");
        assert_eq!((stored[0].key.as_str(), stored[0].size, &stored[0].hash), ("right", 6, &sha256(b"object")));
        drop(world);
        let world = World::start(&probe, runtime, Hosts::new(), &[]).await;
        assert_eq!(world.worker.stored(), stored, "what the bucket keeps");
        world.worker.lose("right");
        assert_eq!(world.worker.stored(), []);
    }
}
