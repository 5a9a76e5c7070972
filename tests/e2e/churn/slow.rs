//! Clients that take their time.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::Barrier;

use super::reader::Reader;
use super::source::{PIECE, PIECES, Source, digest_of};
use super::{MIB, ask_for_manifests, handing_on, until_closed};
use crate::stage::Stage;
use crate::world::World;

const READERS: usize = 500;

/// How long each waits before the next piece, and for how many of them: after those it takes the rest.
const PAUSE: Duration = Duration::from_millis(250);
const SLOWLY: usize = 24;

/// Five hundred take a blob each, slowly, all at once, and then five hundred more: each has its own to the last byte, the registry waits
/// for them, and not the Worker's memory, and nobody else waits.
pub async fn readers(stage: &Stage) {
    let source = Source::new();
    let world = stage.world(source.hosts(), &[]).await;
    let ours = [take_turns(&world, &source).await, take_turns(&world, &source).await];
    drop(world);
    let least = take_turns(&handing_on(stage, &source).await, &source).await;
    println!(
        "{READERS} slow readers of {} MiB each: workerd had at most {} MiB, and the next time {} MiB; handing on {} MiB",
        PIECES * PIECE / MIB as usize,
        ours[0] / MIB,
        ours[1] / MIB,
        least / MIB,
    );
    // workerd reads 2.5 MiB ahead for each, whatever the Worker. Beside that, this sees blobs that are held, and no less.
    assert!(ours[0] < least * 6 / 5, "more is held than for handing on");
    assert!(ours[1] < ours[0] * 6 / 5, "blobs of the first readers are held");
}

/// The most memory that workerd had.
async fn take_turns(world: &World, source: &Source) -> u64 {
    let process = &world.worker.process;
    ask_for_manifests(world, tokio::time::sleep(Duration::from_secs(1))).await; // warms up
    process.forget_peak();
    let handles = process.handles();
    let all = Barrier::new(READERS);
    let readers = join_all((0..READERS).map(async |number| {
        let mut reader = Reader::ask(world, &format!("churn/slow-{number}"), &digest_of("slow", number)).await;
        for _ in 0..SLOWLY {
            reader.take().await;
            tokio::time::sleep(PAUSE).await;
        }
        // All at once; and the registry has waited for them.
        if all.wait().await.is_leader() {
            assert!(source.under_way() > READERS * 9 / 10, "{} blobs are under way", source.under_way());
        }
        reader.finish().await;
    }));
    ask_for_manifests(world, readers.map(drop)).await;
    source.until_idle().await;
    until_closed(world, handles).await;
    process.peak_memory()
}
