//! Clients that are gone in the middle of a blob.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use super::reader::Reader;
use super::source::{PIECES, Source, digest_of};
use super::{ABREAST, Memory, ask_for_manifests, until_closed};
use crate::stage::Stage;
use crate::worker::Runtime;

/// How many go in a wave.
const GONE: usize = 1000;

/// Wave after wave asks for blobs, takes some of them, and hangs up: the registry is told to stop, its connections are closed, and
/// nothing stays in memory. Others pull on.
pub async fn mid_blob(stage: &Stage) {
    let source = Source::new();
    let world = stage.world_in(Runtime::Tidy, source.hosts(), &[]).await;
    let (handles, mut memory) = (world.worker.process.handles(), Memory::default());
    for wave in 0..6 {
        let hang_ups = stream::iter(0..GONE).map(|number| {
            let (world, number) = (&world, wave * GONE + number);
            async move {
                let mut reader = Reader::ask(world, "churn/left", &digest_of("left", number)).await;
                for _ in 0..number % 7 {
                    reader.take().await;
                }
            }
        });
        ask_for_manifests(&world, hang_ups.buffer_unordered(ABREAST).for_each(async |()| ())).await;
        source.until_idle().await;
        memory.look(&world);
    }
    println!("{GONE} hang-ups a wave: {memory}");
    assert!(source.sent() < GONE / 10, "{} blobs were sent to the end, for nobody", source.sent());
    memory.assert_nothing_left_of(GONE as u64);
    until_closed(&world, handles).await;
}

/// A registry falls silent in the middle of a hundred blobs: others pull on, and when those who wait have enough, nothing is left.
pub async fn mid_silence(stage: &Stage) {
    const WAIT: usize = 100;
    let source = Source::new();
    let world = stage.world(source.hosts(), &[]).await;
    let handles = world.worker.process.handles();
    let readers = stream::iter(0..WAIT).map(|number| {
        let world = &world;
        async move {
            let mut reader = Reader::ask(world, "churn/stalls", &digest_of("stalls", number)).await;
            for _ in 0..PIECES / 2 {
                reader.take().await;
            }
            reader
        }
    });
    let mut waiting = Vec::new();
    ask_for_manifests(&world, async {
        waiting = readers.buffer_unordered(ABREAST).collect().await;
    })
    .await;
    assert_eq!(source.under_way(), WAIT, "all of them wait");
    let silence = tokio::time::sleep(Duration::from_secs(3));
    let answered = ask_for_manifests(&world, silence).await;
    assert!(answered > 10, "others wait, too: {answered} answers while blobs stood still");
    assert_eq!(source.under_way(), WAIT, "none of them was given up while its client waits");
    drop(waiting);
    source.until_idle().await;
    until_closed(&world, handles).await;
}
