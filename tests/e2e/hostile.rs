//! Upstreams that are slow or break off where no answer can say so any more; all other lies are in `attack`.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::StatusCode;

use crate::client::HTTP;
use crate::image::sha256;
use crate::stage::Stage;
use crate::upstream::{self, Asked, Host, Hosts};

const REGISTRY: &str = "quay.io";
const MANIFEST: &str = "/v2/team/app/manifests/1";

/// Of a blob that is too large to be held the client sees that it breaks off.
pub async fn truncated_blobs(stage: &Stage) {
    let host = Host::scripted(|_| {
        let mut answer = upstream::reply(StatusCode::OK, "application/octet-stream", Body::empty());
        upstream::cut(&mut answer, &Bytes::from(vec![0; 10 << 20]));
        answer
    });
    let world = stage.world(Hosts::from([(REGISTRY.to_owned(), host)]), &[]).await;
    let blob = world.url("quay.localhost", &format!("/v2/team/app/blobs/{}", sha256(b"any")));
    let request = HTTP.get(blob).timeout(Duration::from_secs(20));
    let whole = async { request.send().await?.bytes().await }.await;
    assert!(whole.is_err(), "a truncated blob looks whole: {:?}", whole.map(|bytes| bytes.len()));
}

/// The time limit is for an answer's headers: silence ends in a 504, a body that takes longer arrives whole.
pub async fn time_limits(stage: &Stage) {
    const LONGER_THAN_THE_LIMIT: Duration = Duration::from_secs(23);
    let host = Host::new(|asked: Asked| async move {
        if !asked.uri().path().contains("/blobs/") {
            std::future::pending::<()>().await;
        }
        let body = Body::from_stream(stream::unfold(0, async |piece| {
            match piece {
                0 => {}
                1 => tokio::time::sleep(LONGER_THAN_THE_LIMIT).await,
                _ => return None,
            }
            Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(b"half of it")), piece + 1))
        }));
        upstream::reply(StatusCode::OK, "application/octet-stream", body)
    });
    let world = stage.world(Hosts::from([(REGISTRY.to_owned(), host)]), &[]).await;
    let blob = format!("/v2/team/app/blobs/{}", sha256(b"any"));
    let (silent, slow) = tokio::join!(world.get("quay.localhost", MANIFEST), world.get("quay.localhost", &blob));
    assert_eq!(silent.status, StatusCode::GATEWAY_TIMEOUT);
    silent.error_code("silence");
    assert_eq!(&slow.expect(StatusCode::OK).body[..], b"half of ithalf of it");
}
