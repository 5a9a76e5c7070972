//! A registry whose answers are compressed, a thousandfold: it wants them to grow in the Worker's memory.

use std::io::Write as _;

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::case::{ASKED_BLOB, ASKED_MANIFEST, ASKED_TAGS, ASKED_TOKEN, BLOB, Case, MANIFEST, TAGS, case};
use super::script::{answer, script, with_tokens};

/// Compressed blanks: a thousandth of what they become.
fn bomb(mebibytes: usize) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..mebibytes {
        packed.write_all(&vec![b' '; 1 << 20]).expect("memory");
    }
    packed.finish().expect("memory")
}

pub fn cases() -> Vec<Case> {
    const OCI: &str = "content-type: application/vnd.oci.image.manifest.v1+json";
    const GZIP: &str = "content-encoding: gzip";
    let bomb = Bytes::from(bomb(16));
    let packed = bomb.len().to_string();
    let answers = |status: u16, kind: &'static str| {
        let bomb = bomb.clone();
        script(move |_, names| answer(names, status, [kind, GZIP], bomb.clone()))
    };
    let reply = bomb.clone();
    vec![
        case("token-reply-that-is-a-compressed-bomb")
            .registry(with_tokens(move |_, names| answer(names, 200, [GZIP], reply.clone())))
            .refused(502, "UNAVAILABLE")
            .asked([ASKED_MANIFEST, ASKED_TOKEN]),
        case("error-that-is-a-compressed-bomb")
            .registry(answers(500, "content-type: application/json"))
            .relayed(500, "UNAVAILABLE")
            .asked([ASKED_MANIFEST]),
        // Compressed content was not asked for; it passes as it is, and nobody unpacks it here.
        case("manifest-that-is-a-compressed-bomb")
            .get(MANIFEST)
            .registry(answers(200, OCI))
            .served(200)
            .asked([ASKED_MANIFEST])
            .tells(&packed),
        case("blob-that-is-a-compressed-bomb")
            .get(BLOB)
            .registry(answers(200, "content-type: application/octet-stream"))
            .served(200)
            .asked([ASKED_BLOB])
            .tells(&packed),
        case("tags-that-are-a-compressed-bomb")
            .get(TAGS)
            .registry(answers(200, "content-type: application/json"))
            .served(200)
            .asked([ASKED_TAGS])
            .tells(&packed),
        case("page-that-is-compressed")
            .get(MANIFEST)
            .registry(answers(200, "content-type: text/html"))
            .refused(502, "UNAVAILABLE")
            .asked([ASKED_MANIFEST]),
    ]
}
