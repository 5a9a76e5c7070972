//! What a registry can say of manifests and blobs that is not so.

use axum::body::{Bytes, to_bytes};
use http::header;

use super::Play;
use super::answers::{set, whole};
use crate::image::sha256;
use crate::upstream::{Answer, Asked, cut};

/// One way to lie.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Lie {
    /// One byte is another.
    Content,
    /// It is said to be of this type.
    Type(&'static str),
    /// `Docker-Content-Digest` is that of something else.
    Digest,
    /// Half of it, and the length of that half.
    Half,
    /// The length of it all, then half of it, and the connection ends.
    Cut,
}

impl Lie {
    /// What is sent in place of `bytes`, or begun to be sent.
    pub fn of(self, bytes: &Bytes) -> Bytes {
        match self {
            Lie::Content => bytes.iter().enumerate().map(|(at, &byte)| byte ^ u8::from(at == bytes.len() / 2)).collect(),
            Lie::Half | Lie::Cut => bytes.slice(..bytes.len() / 2),
            Lie::Type(_) | Lie::Digest => bytes.clone(),
        }
    }

    /// The lie in place of the truth. What is no content (a redirect, an error, a 304) stays as it is.
    pub async fn told(self, answer: Answer) -> Answer {
        if !matches!(answer.status().as_u16(), 200 | 206) {
            return answer;
        }
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(body, 64 << 20).await.expect("a played body ends");
        let mut answer = whole("", self.of(&bytes));
        (*answer.status_mut(), *answer.headers_mut()) = (parts.status, parts.headers);
        answer.headers_mut().remove(header::CONTENT_LENGTH); // the server counts for itself
        match self {
            Lie::Type(media) => set(&mut answer, "content-type", media),
            Lie::Digest => set(&mut answer, "docker-content-digest", &sha256(b"something else")),
            Lie::Cut => cut(&mut answer, &bytes),
            Lie::Content | Lie::Half => {}
        }
        answer
    }
}

impl Play {
    /// Whether a manifest or a blob is asked for, here or of storage.
    pub(super) fn is_content(&self, host: &str, asked: &Asked) -> bool {
        let target = asked.uri().path_and_query().map_or("/", |target| target.as_str());
        let stored = self.shelf.lock().expect("no one panics while holding this").stored(host, target);
        stored.is_some() || ["/manifests/", "/blobs/"].iter().any(|word| asked.uri().path().contains(word))
    }
}
