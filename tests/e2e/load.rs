//! What a pull costs, and many of them at once.

use std::time::Duration;

use axum::body::Bytes;
use futures_util::future::join_all;
use http::{Method, StatusCode, header};

use crate::client::{Pulled, Reply};
use crate::image::Hash;
use crate::registry::SIGNATURE;
use crate::stage::{LARGE, Stage};
use crate::worker::Runtime;
use crate::world::World;

const MIB: u64 = 1 << 20;

/// 512 MiB pass without being held or copied: the bytes never enter wasm.
pub async fn large_layer(stage: &Stage) {
    let digest = stage.large().await;
    let (_, world) = stage.real_world().await;
    let bearer = world.log_in("docker.localhost", "library/big", None).await;
    let target = format!("/v2/library/big/blobs/{digest}");
    let ask = || world.ask(Method::GET, "docker.localhost", &target).header(header::AUTHORIZATION, &bearer);

    // Across the border of two blocks; it warms the Worker up, too.
    let (first, last) = (300 * MIB - 1000, 300 * MIB + 1000);
    let part = Reply::to(ask().header(header::RANGE, format!("bytes={first}-{last}"))).await;
    let part = part.expect(StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.header(header::CONTENT_RANGE), format!("bytes {first}-{last}/{}", LARGE.size));
    assert_eq!(part.body, LARGE.range(first, last));

    let (used, grown) = fetch(&world, ask(), digest).await;
    // What it costs to do nothing but hand it on, on this machine and now.
    let folder = tempfile::tempdir().expect("a folder");
    let passing = stage.build.of_script(include_str!("worker/passing.js"), folder.path());
    let bare = World::start(&passing, Runtime::Plain, stage.real().await.hosts(), &[]).await;
    let hex = digest.trim_start_matches("sha256:");
    let stored = format!("/registry-v2/docker/registry/v2/blobs/sha256/{}/{hex}/data?{SIGNATURE}", &hex[..2]);
    let (least, _) = fetch(&bare, bare.ask(Method::GET, "docker.localhost", &stored), digest).await;
    println!(
        "512 MiB layer: workerd used {used:?} of processor time, handing it on {least:?}, and grew by {} MiB",
        grown / MIB
    );
    assert!(grown < 64 * MIB, "workerd grew by {} MiB", grown / MIB);
    assert!(used < least * 2, "workerd used {used:?}, to hand it on {least:?}");
}

/// The processor time and the memory that the layer costs a Worker.
async fn fetch(world: &World, request: reqwest::RequestBuilder, digest: &str) -> (Duration, u64) {
    let workerd = &world.worker.process;
    workerd.forget_peak();
    let (memory, cpu_time) = (workerd.memory(), workerd.cpu_time());
    let mut response = request.send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.content_length(), Some(LARGE.size));
    let mut hash = Hash::default();
    while let Some(chunk) = chunk(&mut response).await {
        hash.update(&chunk);
    }
    assert_eq!(hash.finish(), digest);
    (workerd.cpu_time() - cpu_time, workerd.peak_memory().saturating_sub(memory))
}

async fn chunk(response: &mut reqwest::Response) -> Option<Bytes> {
    response.chunk().await.expect("the whole layer")
}

pub async fn two_hundred_pulls(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let pulls = (0..200).map(|_| world.pull("docker.localhost", "library/hello", "1", None));
    let expected = Pulled { digest: real.hello.index.digest.clone(), blobs: 4 };
    for pulled in join_all(pulls).await {
        assert_eq!(pulled, expected);
    }
}
