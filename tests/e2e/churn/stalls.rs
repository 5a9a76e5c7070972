//! Answers that begin and then stand still, while others wait for the same.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;

use super::source::{HOST, manifest_of, whole};
use super::{BOUND, until_closed};
use crate::client::{HTTP, Reply};
use crate::stage::Stage;
use crate::upstream::{self, Asked, Host, Hosts};

/// How many images there are, and how many ask for each.
const IMAGES: usize = 10;
const CLIENTS: usize = 10;

/// Of each image the first answer stands still in the middle. Its client alone waits for it: the others ask for themselves before long.
/// In the end it is an error, and nothing is left.
pub async fn leaders(stage: &Stage) {
    let world = stage.world(Hosts::from([("quay.io".to_owned(), registry())]), &[]).await;
    let handles = world.worker.process.handles();
    let asked = (0..IMAGES * CLIENTS).map(async |number| {
        let path = format!("/v2/churn/stalled-{}/manifests/1", number % IMAGES);
        let client = HTTP.get(world.url(HOST, &path)).timeout(Duration::from_secs(100));
        let began = Instant::now();
        let reply = Reply::to(client).await;
        if reply.status == StatusCode::OK {
            assert!(began.elapsed() < BOUND, "{path}: answered after {:?}", began.elapsed());
            assert_eq!(reply.body, manifest_of(&path).bytes, "another's manifest");
            return true;
        }
        reply.refusal_code(&path);
        false
    });
    let answered = join_all(asked).await.into_iter().filter(|whole| *whole).count();
    assert_eq!(answered, IMAGES * (CLIENTS - 1), "all but the first of each");
    until_closed(&world, handles).await;
}

/// Stands still in the middle of the first answer about each image.
fn registry() -> Host {
    let begun = Arc::new(Mutex::new(BTreeSet::new()));
    Host::new(move |asked: Asked| {
        let first = begun.lock().expect("no one panics while holding this").insert(asked.uri().path().to_owned());
        async move {
            tokio::time::sleep(Duration::from_millis(200)).await; // until all have come
            let answer = whole(&manifest_of(asked.uri().path()));
            if first { upstream::stalled(answer).await } else { answer }
        }
    })
}
