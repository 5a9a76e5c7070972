//! A registry that is none's friend: broken, slow, or up to something. It serves no image, so no client pulls from it.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{StatusCode, header};
use serde_json::json;

use crate::image::Blob;
use crate::upstream::{self, Answer, Asked, Host};

/// What a client must get to see.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// An error it can read, of this code.
    Error(&'static str),
    /// The answer as it is.
    Passed,
}

/// Repository → what `manifests/1` gives there.
pub const TRICKS: &[(&str, Outcome)] = &[
    ("team/wrong-digest", Outcome::Error("UNAVAILABLE")),
    ("team/truncated", Outcome::Error("UNAVAILABLE")),
    ("team/slow", Outcome::Passed),
    ("team/loop", Outcome::Error("UNAVAILABLE")),
    ("team/private-address", Outcome::Error("UNAVAILABLE")),
    ("team/metadata", Outcome::Error("UNAVAILABLE")),
    ("team/downgrade", Outcome::Error("UNAVAILABLE")),
    ("team/page", Outcome::Error("UNAVAILABLE")),
    ("team/error-500", Outcome::Error("UNAVAILABLE")),
    ("team/error-502", Outcome::Error("UNAVAILABLE")),
    ("team/error-503", Outcome::Error("UNAVAILABLE")),
];

/// What a manifest holds here, where one comes at all.
pub fn manifest() -> Blob {
    Blob::new(r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#)
}

/// quay.io, gone bad.
pub fn host() -> Host {
    Host::new(async |asked: Asked| {
        let path = asked.uri().path();
        if path.ends_with("/tags/list") {
            return upstream::json(StatusCode::OK, &json!({"name": "team/app", "tags": null}));
        }
        match path.trim_start_matches("/v2/team/").split('/').next().unwrap_or("") {
            "wrong-digest" => {
                let mut answer = good();
                let digest = format!("sha256:{}", "0".repeat(64));
                answer.headers_mut().insert("docker-content-digest", digest.parse().expect("a digest"));
                answer
            }
            "truncated" => truncated(),
            "slow" => {
                tokio::time::sleep(Duration::from_secs(2)).await;
                good()
            }
            "loop" => upstream::redirect(path),
            "private-address" => upstream::redirect("https://10.0.0.1/v2/team/app/manifests/1"),
            "metadata" => upstream::redirect("https://169.254.169.254/latest/meta-data/"),
            "downgrade" => upstream::redirect("http://quay.io/v2/team/app/manifests/1"),
            "page" => upstream::reply(StatusCode::OK, "text/html", "<html>Hello</html>"),
            "error-500" => upstream::text(StatusCode::INTERNAL_SERVER_ERROR, "panic: nil"),
            "error-502" => upstream::reply(StatusCode::BAD_GATEWAY, "text/html", "<html>502</html>"),
            _ => upstream::text(StatusCode::SERVICE_UNAVAILABLE, ""),
        }
    })
}

fn good() -> Answer {
    upstream::reply(StatusCode::OK, "application/vnd.oci.image.index.v1+json", manifest().bytes)
}

/// Promises the whole manifest, sends the half of it, and hangs up.
fn truncated() -> Answer {
    let bytes = manifest().bytes;
    let (size, half) = (bytes.len(), bytes.slice(..bytes.len() / 2));
    let body = stream::unfold(Some(half), async |half: Option<Bytes>| {
        tokio::time::sleep(Duration::from_millis(50)).await; // the server sends what it has so far
        match half {
            Some(half) => Some((Ok(half), None)),
            None => Some((Err(std::io::Error::other("cut")), None)),
        }
    });
    let mut answer = good();
    *answer.body_mut() = Body::from_stream(body);
    answer.headers_mut().insert(header::CONTENT_LENGTH, size.into());
    answer
}
