//! A registry that has whatever is asked for, made as it is sent: no two answers are alike, so whoever gets another's sees it. It
//! counts the answers that are under way.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{StatusCode, header};
use serde_json::json;

use crate::image::{Blob, Format, sha256};
use crate::upstream::{self, Answer, Asked, Host, Hosts};

/// Where it is asked.
pub const HOST: &str = "quay.localhost";

/// A blob in pieces of this size.
pub const PIECE: usize = 64 * 1024;

/// How long a blob is: too long to be held by the Worker, or to lie in the kernel's buffers on both sides of workerd (6 MiB here).
pub const PIECES: usize = 192;

/// How long it takes to answer: long enough for others to come meanwhile.
const THINKS: Duration = Duration::from_millis(20);

/// The registry.
#[derive(Default)]
pub struct Source {
    under_way: Arc<AtomicUsize>,
    asked: AtomicUsize,
    sent: Arc<AtomicUsize>,
}

/// A body under way: it ends when this is dropped, with its last byte or with its connection.
struct UnderWay(Arc<AtomicUsize>);

impl Source {
    pub fn new() -> Arc<Source> {
        Arc::default()
    }

    /// How many blobs it is sending.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// How many requests it has had.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// How many blobs it has sent to the end.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    /// Waits until none is under way.
    ///
    /// # Panics
    ///
    /// When that takes more than half a minute.
    pub async fn until_idle(&self) {
        for _ in 0..1200 {
            if self.under_way() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{} blobs are under way, of {} requests", self.under_way(), self.asked());
    }

    pub fn hosts(self: &Arc<Source>) -> Hosts {
        let source = Arc::clone(self);
        let host = Host::new(move |asked| {
            let source = Arc::clone(&source);
            async move {
                tokio::time::sleep(THINKS).await;
                source.answer(&asked)
            }
        });
        let host = host.without_credentials();
        Hosts::from([("quay.io".to_owned(), host)])
    }

    fn answer(&self, asked: &Asked) -> Answer {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let path = asked.uri().path();
        match path.rsplit('/').collect::<Vec<_>>()[..] {
            [digest, "blobs", ..] => self.blob(digest, path.contains("stalls")),
            [_, "manifests", ..] => whole(&manifest_of(path)),
            _ => upstream::text(StatusCode::NOT_FOUND, "nothing"),
        }
    }

    /// All of it, or half of it and silence.
    fn blob(&self, digest: &str, stalls: bool) -> Answer {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let guard = UnderWay(Arc::clone(&self.under_way));
        let until = if stalls { PIECES / 2 } else { PIECES };
        let (digest, sent) = (digest.to_owned(), Arc::clone(&self.sent));
        let pieces = stream::unfold((0, guard), move |(index, guard)| {
            let piece = (index < until).then(|| piece(&digest, index));
            let last = index + 1 == PIECES;
            sent.fetch_add(usize::from(last), Ordering::SeqCst);
            async move {
                if piece.is_none() && stalls {
                    std::future::pending::<()>().await;
                }
                Some((Ok::<_, Infallible>(piece?), (index + 1, guard)))
            }
        });
        let mut answer = upstream::reply(StatusCode::OK, "application/octet-stream", Body::from_stream(pieces));
        answer.headers_mut().insert(header::CONTENT_LENGTH, (PIECE * PIECES).into());
        answer
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A manifest that says where it was asked for.
pub fn manifest_of(path: &str) -> Blob {
    let config = Blob::new(json!({"architecture": "amd64", "os": "linux"}).to_string());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": Format::Oci.manifest(),
        "config": config.descriptor(Format::Oci.config()),
        "layers": [],
        "annotations": {"asked.for": path},
    });
    Blob::new(manifest.to_string())
}

/// An answer with a manifest.
pub fn whole(manifest: &Blob) -> Answer {
    let mut answer = upstream::reply(StatusCode::OK, Format::Oci.manifest(), manifest.bytes.clone());
    answer.headers_mut().insert("docker-content-digest", manifest.digest.parse().expect("a header's value"));
    answer
}

/// The digest that a test asks for: what comes is told apart by it, and too long for the Worker to verify.
pub fn digest_of(word: &str, number: usize) -> String {
    sha256(format!("{word}-{number}").as_bytes())
}

/// A part of a blob: a line with its name and the part's number, again and again.
pub fn piece(digest: &str, index: usize) -> Bytes {
    let line = format!("{digest} {index:>7}\n"); // 80 bytes
    let mut piece = line.repeat(PIECE / line.len() + 1);
    piece.truncate(PIECE);
    Bytes::from(piece)
}
