//! Manifests by the thousand.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::source::{HOST, Source, manifest_of};
use super::{BOUND, Remains};
use crate::client::{HTTP, Reply};
use crate::guest::leave;
use crate::stage::Stage;
use crate::worker::Runtime;

/// How many a second.
const RATE: u64 = 1000;

/// How many images most of them ask for.
const FAVOURITES: u64 = 500;

pub async fn for_seconds(stage: &Stage) {
    by_the_thousand(stage, 6).await;
}

pub async fn for_a_minute(stage: &Stage) {
    by_the_thousand(stage, 60).await;
}

/// A thousand requests a second, of manifests that are in the store and of some that nobody has asked for yet. Every twentieth client is
/// gone at once, and another asks for the same: it gets its answer all the same, as all others get theirs.
async fn by_the_thousand(stage: &Stage, seconds: u64) {
    let source = Source::new();
    let world = stage.world_in(Runtime::Tidy, source.hosts(), &[("CACHE", json!({"memory_mib": 2}))]).await;
    let (began, total) = (Instant::now(), seconds * RATE);
    let requests = stream::iter(0..total).then(async |number| {
        sleep_until(began + Duration::from_secs(1) * u32::try_from(number).expect("a number") / RATE as u32).await;
        number
    });
    let answered = requests.for_each_concurrent(None, async |number| {
        let path = match number % 20 {
            // The same for both of two.
            0 | 1 | 10 | 11 => format!("/v2/churn/new-{}/manifests/1", number / 2),
            _ => format!("/v2/churn/known-{}/manifests/1", number * 7 % FAVOURITES),
        };
        if number % 20 == 0 {
            return leave(&world, HOST, &path, "", tokio::time::sleep(Duration::from_millis(5))).await;
        }
        let reply = tokio::time::timeout(BOUND, Reply::to(HTTP.get(world.url(HOST, &path)))).await;
        let reply = reply.unwrap_or_else(|_| panic!("no answer to {path} within {BOUND:?}"));
        assert_eq!(reply.expect(StatusCode::OK).body, manifest_of(&path).bytes, "another's manifest");
    });
    let mut remains = Remains::default();
    let watch = async {
        for part in 1..=6 {
            sleep_until(began + Duration::from_secs(seconds) * part / 6).await;
            remains.look(&world);
        }
    };
    tokio::join!(answered, watch);
    println!("{total} manifests in {:?}, {} of them asked of the registry; {remains}", began.elapsed(), source.asked());
    remains.assert_nothing_of(usize::try_from(total / 2).expect("a number"));
}
