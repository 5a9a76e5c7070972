//! Manifests by the thousand: some that are in the store, and some that nobody has asked for yet. Every twentieth client is gone at once,
//! and another asks for the same: it gets its answer all the same, as all others get theirs.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::source::{HOST, Source};
use super::{ABREAST, BOUND, Memory, take_manifest, until_closed};
use crate::guest::leave;
use crate::stage::Stage;
use crate::worker::Runtime;
use crate::world::World;

/// How many a second.
const RATE: u32 = 1000;

/// Of so many clients one is gone at once.
const EVERY: u32 = 20;

/// How many images most of them ask for.
const FAVOURITES: u32 = 500;

/// One after the other as fast as they are answered: nothing stays of them, and each has its line in the log.
pub async fn leave_nothing(stage: &Stage) {
    const WAVE: u32 = 2500;
    let world = world(stage, Runtime::Tidy, &Source::new()).await;
    let (handles, mut memory) = (world.worker.process.handles(), Memory::default());
    for wave in 0..6 {
        let requests = stream::iter(wave * WAVE..(wave + 1) * WAVE).map(|number| ask(&world, number));
        requests.buffer_unordered(ABREAST).for_each(async |()| ()).await;
        memory.look(&world);
    }
    println!("{WAVE} manifests a wave: {memory}");
    memory.assert_nothing_left_of(WAVE.into());
    until_closed(&world, handles).await;
    let log = world.worker.process.output();
    let lines = |status: &str| log.lines().filter(|line| line.contains(status)).count() as u32;
    assert_eq!(lines("\"status\":200"), 6 * WAVE / EVERY * (EVERY - 1), "a line for each answer");
    let (gone, noticed) = (6 * WAVE / EVERY, lines("\"status\":499"));
    assert!(noticed > gone / 2 && noticed <= gone, "{noticed} of {gone} were gone while the Worker was at work for them");
}

/// In the runtime as it is: how much of its memory is garbage of V8's, nobody can tell.
pub async fn for_seconds(stage: &Stage) {
    by_the_thousand(stage, Runtime::Plain, 6).await;
}

/// Where there is no garbage.
pub async fn for_a_minute(stage: &Stage) {
    by_the_thousand(stage, Runtime::Tidy, 60).await.assert_nothing_left_of(u64::from(10 * RATE));
}

/// A thousand a second, whether those before have been answered or not. Gives the memory after each sixth of the time, when those of it
/// have been answered.
async fn by_the_thousand(stage: &Stage, runtime: Runtime<'_>, seconds: u32) -> Memory {
    let source = Source::new();
    let world = world(stage, runtime, &source).await;
    let (handles, mut memory) = (world.worker.process.handles(), Memory::default());
    let (began, total) = (Instant::now(), seconds * RATE);
    for part in 0..6 {
        let requests = stream::iter(part * total / 6..(part + 1) * total / 6).then(async |number| {
            sleep_until(began + Duration::from_secs(1) * number / RATE).await;
            number
        });
        requests.for_each_concurrent(None, |number| ask(&world, number)).await;
        memory.look(&world);
    }
    let time = began.elapsed();
    println!(
        "{total} manifests in {time:?}, {} of them asked of the registry, for {:?} of processor time; {memory}",
        source.asked(),
        world.worker.process.cpu_time()
    );
    assert!(time < Duration::from_secs(seconds.into()) + BOUND, "{total} requests took {time:?}");
    assert!(source.asked() < total as usize / 2, "the registry was asked {} times", source.asked());
    until_closed(&world, handles).await;
    memory
}

async fn world(stage: &Stage, runtime: Runtime<'_>, source: &Arc<Source>) -> World {
    stage.world_in(runtime, source.hosts(), &[("CACHE", json!({"memory_mib": 2}))]).await
}

async fn ask(world: &World, number: u32) {
    let path = match number % EVERY {
        // The same for both of two.
        0 | 1 | 10 | 11 => format!("/v2/churn/new-{}/manifests/1", number / 2),
        _ => format!("/v2/churn/known-{}/manifests/1", number / 7 % FAVOURITES),
    };
    if number.is_multiple_of(EVERY) {
        return leave(world, HOST, &path, "", tokio::time::sleep(Duration::from_millis(5))).await;
    }
    take_manifest(world, &path).await;
}
