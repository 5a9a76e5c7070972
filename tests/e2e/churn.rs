//! Load and churn: many who take their time, many who are gone before they have what they asked for, and many requests a second. Each
//! gets its own or an error, nobody waits for anybody else, and in the end nothing is left of them: no upstream request under way, no
//! connection, no memory.

mod hang_ups;
mod manifests;
mod reader;
mod slow;
mod source;
mod stalls;
mod users;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use http::StatusCode;

pub use hang_ups::{mid_blob, mid_silence};
pub use manifests::{for_a_minute, for_seconds, leave_nothing};
pub use slow::readers;
pub use stalls::leaders;
pub use users::apart;

use crate::client::{HTTP, Reply};
use crate::stage::Stage;
use crate::worker::Runtime;
use crate::world::World;
use source::Source;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// What a request may leave behind, in bytes: what comes of the allocator's ways is less. One that the runtime forgets as it waits leaves
/// 18 KiB; here one in twenty is such a one.
const LEFT: u64 = 512;

/// How many of a crowd ask at the same time.
const ABREAST: usize = 40;

/// Nobody's answer may take longer, whatever others do.
const BOUND: Duration = Duration::from_secs(20);

/// The memory of workerd while requests come and go, looked at again and again. The first half of the looks is for warming up.
#[derive(Default)]
struct Memory(Vec<u64>);

impl Memory {
    fn look(&mut self, world: &World) {
        world.upstream.forget(); // this process need not grow either
        self.0.push(world.worker.process.memory());
    }

    /// Between two looks there were so many `requests`. What is kept of them is kept each time; the runtime takes some MiB for its own
    /// purposes once in a while. So it is the growth in the middle of several that counts.
    fn assert_nothing_left_of(&self, requests: u64) {
        let half = &self.0[self.0.len() / 2 - 1..];
        let mut grown: Vec<u64> = half.windows(2).map(|looks| looks[1].saturating_sub(looks[0])).collect();
        grown.sort_unstable();
        let middle = grown[grown.len() / 2];
        assert!(middle < LEFT * requests + MIB / 2, "{requests} requests leave {middle} bytes: {self}");
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib: Vec<u64> = self.0.iter().map(|bytes| bytes / KIB).collect();
        write!(formatter, "workerd had {kib:?} KiB")
    }
}

/// A Worker that does nothing but hand on what the registry has: what it all costs at least, on this machine and now.
async fn handing_on(stage: &Stage, source: &Arc<Source>) -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let script = stage.build.of_script(include_str!("worker/passing.js"), folder.path());
    World::start(&script, Runtime::Plain, source.hosts(), &[]).await
}

/// Asks for one manifest after the other, none of which is known, until something ends, and gives their number. None waits for long, the
/// last no longer than others, and each is the one that was asked for.
async fn ask_for_manifests(world: &World, end: impl Future<Output = ()>) -> usize {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let mut end = pin!(end);
    let mut answered = 0;
    loop {
        let path = format!("/v2/churn/beside/manifests/{}", ASKED.fetch_add(1, Ordering::Relaxed));
        let asked = async {
            take_manifest(world, &path).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        answered += 1;
        end = match select(pin!(asked), end).await {
            Either::Left(((), end)) => end,
            Either::Right(((), asked)) => {
                asked.await;
                return answered;
            }
        };
    }
}

/// Asks for a manifest and gets it, and no other.
async fn take_manifest(world: &World, path: &str) {
    let reply = in_time(HTTP.get(world.url(source::HOST, path)), path).await.expect(StatusCode::OK);
    assert_eq!(reply.body, source::manifest_of(path).bytes, "another's manifest");
}

async fn in_time(request: reqwest::RequestBuilder, what: &str) -> Reply {
    let reply = tokio::time::timeout(BOUND, Reply::to(request)).await;
    reply.unwrap_or_else(|_| panic!("{what}: no answer within {BOUND:?}"))
}

/// Waits until the runtime has no more files and connections open than it had before. Those that nobody uses it keeps for five seconds.
///
/// # Panics
///
/// When that takes more than half a minute.
async fn until_closed(world: &World, before: usize) {
    for _ in 0..300 {
        if world.worker.process.handles() <= before + 4 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("workerd keeps {} files and connections; before it had {before}", world.worker.process.handles());
}
