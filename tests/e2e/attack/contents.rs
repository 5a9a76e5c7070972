//! A registry that sends something else than it was asked for: it wants a client to run, or the store to keep, what nobody
//! signed; or the Worker's memory. What can be verified is; what cannot be is named for what it is.

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::header;

use super::case::{
    ASKED_BLOB, ASKED_MANIFEST, ASKED_REFERRERS, ASKED_TAGS, BLOB, BY_DIGEST, Case, MANIFEST, REFERRERS, TAGS, case,
};
use super::script::{IMAGE, IMAGE_TYPE, Script, always, answer, content, script};
use crate::upstream;

const INDEX: &str = "content-type: application/vnd.oci.image.index.v1+json";
const OCI: &str = "content-type: application/vnd.oci.image.manifest.v1+json";
const PAGE: &str = "<html><script>alert('pwned')</script></html>";
const ASKED_BY_DIGEST: &str = "GET https://{registry}/v2/team/app/manifests/{digest}";
/// A digest of nothing that is here.
const OTHER: &str = "docker-content-digest: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A body of so many mebibytes; with its length announced, or not.
fn endless(lines: &'static [&'static str], mebibytes: usize, announced: bool) -> Script {
    script(move |_, names| {
        let piece = Bytes::from(vec![b' '; 1 << 20]);
        let pieces = stream::iter((0..mebibytes).map(move |_| Ok::<_, std::convert::Infallible>(piece.clone())));
        let mut answer = answer(names, 200, lines.iter().copied(), Body::from_stream(pieces));
        if announced {
            answer.headers_mut().insert(header::CONTENT_LENGTH, (mebibytes << 20).into());
        }
        answer
    })
}

pub fn cases() -> Vec<Case> {
    let bomb = |depth: usize, closed: bool| {
        script(move |_, names| {
            let end = if closed { format!("{}}}", "]".repeat(depth)) } else { String::new() };
            let body = format!("{{\"mediaType\":\"{IMAGE_TYPE}\",\"config\":{{}},\"layers\":{}{end}", "[".repeat(depth));
            answer(names, 200, [OCI], body)
        })
    };
    let pages = [
        ("page-for-a-manifest", "content-type: text/html"),
        ("page-for-a-manifest-in-capitals", "content-type: TEXT/HTML; charset=utf-8"),
        ("page-for-a-manifest-behind-a-space", "content-type:  text/html"),
        ("page-for-a-manifest-in-xhtml", "content-type: application/xhtml+xml"),
        ("page-for-a-manifest-in-xml", "content-type: text/xml"),
        ("page-for-a-manifest-as-a-drawing", "content-type: image/svg+xml"),
    ];
    let pages = pages.map(|(name, kind)| {
        let registry = script(move |_, names| answer(names, 200, [kind], PAGE));
        case(name).get(MANIFEST).registry(registry).refused(502, "UNAVAILABLE").asked([ASKED_MANIFEST]).hides("<script>")
    });
    let lists = [
        ("page-for-tags", TAGS, ASKED_TAGS, "content-type: text/html", 502, "UNAVAILABLE"),
        ("page-for-tags-in-capitals", TAGS, ASKED_TAGS, "content-type: Text/Html", 502, "UNAVAILABLE"),
        ("page-for-tags-as-a-drawing", TAGS, ASKED_TAGS, "content-type: image/svg+xml", 502, "UNAVAILABLE"),
        ("page-for-referrers", REFERRERS, ASKED_REFERRERS, "content-type: text/html", 404, "UNSUPPORTED"),
        ("nothing-for-referrers", REFERRERS, ASKED_REFERRERS, "x: y", 404, "UNSUPPORTED"),
    ];
    let lists = lists.map(|(name, target, asked, kind, status, code)| {
        let registry = script(move |_, names| answer(names, 200, [kind], PAGE));
        case(name).get(target).registry(registry).refused(status, code).asked([asked]).hides("<script>")
    });
    let manifests = [
        ("manifest-under-another-digest", always(200, &[OCI, OTHER], IMAGE)),
        ("manifest-that-is-an-index-in-truth", always(200, &[OCI], r#"{"schemaVersion":2,"manifests":[]}"#)),
        ("index-that-is-a-manifest-in-truth", always(200, &[INDEX], IMAGE)),
        ("manifest-that-can-be-read-both-ways", always(200, &[INDEX], r#"{"manifests":[],"layers":[],"config":{}}"#)),
        (
            "manifest-that-says-it-is-an-index",
            always(200, &[OCI], r#"{"mediaType":"application/vnd.oci.image.index.v1+json","layers":[]}"#),
        ),
        (
            "manifest-that-names-its-type-twice",
            always(
                200,
                &[OCI],
                r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","mediaType":"application/vnd.oci.image.index.v1+json","layers":[]}"#,
            ),
        ),
        ("manifest-that-is-a-page-in-truth", always(200, &[OCI], PAGE)),
        ("manifest-that-is-empty", always(200, &[OCI], "")),
        ("manifest-that-is-a-number", always(200, &[OCI], "5")),
        ("manifest-that-ends-early", always(200, &[OCI], r#"{"schemaVersion":2,"config":{"#)),
        ("manifest-that-goes-on-behind-its-end", always(200, &[OCI], r#"{"config":{},"layers":[]}{"manifests":[]}"#)),
        ("manifest-that-is-no-text", script(|_, names| answer(names, 200, [OCI], &b"\xff\xfe{\0}\0"[..]))),
        ("manifest-nested-without-end", bomb(100_000, false)),
        ("manifest-of-100-megabytes", endless(&[OCI], 100, true)),
        ("manifest-of-6-megabytes-of-unknown-length", endless(&[OCI], 6, false)),
        (
            "manifest-that-breaks-off",
            script(|asked, _| {
                let mut answer = content(asked);
                upstream::cut(&mut answer, &Bytes::from_static(IMAGE.as_bytes()));
                answer
            }),
        ),
        ("manifest-that-is-no-content", always(204, &[], "")),
        ("manifest-that-is-reset", always(205, &[OCI], "")),
        ("manifest-in-part", always(206, &[OCI, "content-range: bytes 0-1/2"], IMAGE)),
        ("manifest-that-was-created", always(201, &[OCI, "location: https://evil.test/"], IMAGE)),
        ("manifest-that-has-not-changed", always(304, &["etag: \"pwned\""], "")),
    ];
    let manifests = manifests.map(|(name, registry)| {
        case(name).get(MANIFEST).registry(registry).refused(502, "UNAVAILABLE").asked([ASKED_MANIFEST]).hides("<script>")
    });
    let by_digest = [
        ("digest-of-another-manifest", always(200, &[OCI], r#"{"schemaVersion":2,"config":{},"layers":[]}"#)),
        (
            "digest-of-another-manifest-under-its-name",
            always(200, &[OCI, "docker-content-digest: {digest}"], r#"{"config":{},"layers":[]}"#),
        ),
        ("digest-of-the-same-under-another-name", always(200, &[OCI, OTHER], IMAGE)),
        ("digest-of-a-page", always(200, &["content-type: text/html"], PAGE)),
        ("digest-of-a-manifest-with-a-space-behind", script(|_, names| answer(names, 200, [OCI], format!("{IMAGE} ")))),
        ("digest-of-a-manifest-of-another-type", always(200, &[INDEX], IMAGE)),
    ];
    let by_digest = by_digest.map(|(name, registry)| {
        case(name).get(BY_DIGEST).registry(registry).refused(502, "UNAVAILABLE").asked([ASKED_BY_DIGEST]).hides("<script>")
    });
    let plain = "content-type: application/octet-stream";
    let blobs = [
        ("blob-of-other-bytes", always(200, &["content-type: application/octet-stream"], "other bytes")),
        ("blob-that-is-empty", always(200, &["content-type: application/octet-stream"], "")),
        ("blob-that-is-a-page-in-truth", always(200, &["content-type: text/html"], PAGE)),
        (
            "blob-that-breaks-off",
            script(|asked, _| {
                let mut answer = content(asked);
                upstream::cut(&mut answer, &Bytes::from_static(IMAGE.as_bytes()));
                answer
            }),
        ),
        ("blob-with-one-byte-more", script(move |_, names| answer(names, 200, [plain], format!("{IMAGE}\n")))),
        ("blob-that-is-no-content", always(204, &[], "")),
        ("blob-in-part-unasked", always(206, &["content-range: bytes 0-1/2"], "{}")),
        ("blob-that-has-not-changed-unasked", always(304, &[], "")),
    ];
    let blobs = blobs.map(|(name, registry)| {
        case(name).get(BLOB).registry(registry).refused(502, "UNAVAILABLE").asked([ASKED_BLOB]).hides("<script>")
    });
    let head = "HEAD https://{registry}/v2/team/app/manifests/{digest}";
    let harmless = [
        // What is no digest is as if it were not there: the bytes have one.
        case("manifest-under-a-digest-that-is-none")
            .registry(always(200, &[OCI, "docker-content-digest: pwned"], IMAGE))
            .served(200)
            .asked([ASKED_MANIFEST])
            .tells("{digest}"),
        case("manifest-under-a-digest-that-climbs")
            .registry(always(200, &[OCI, "docker-content-digest: sha256:../../pwned"], IMAGE))
            .served(200)
            .asked([ASKED_MANIFEST])
            .tells("{digest}"),
        case("manifest-under-two-digests")
            .registry(always(200, &[OCI, OTHER, OTHER], IMAGE))
            .served(200)
            .asked([ASKED_MANIFEST])
            .tells("{digest}")
            .hides("0123456789abcdef"),
        case("tags-under-a-digest-that-is-none")
            .get(TAGS)
            .registry(always(200, &["content-type: application/json", "docker-content-digest: pwned"], r#"{"tags":[]}"#))
            .served(200)
            .asked([ASKED_TAGS]),
        case("blob-under-another-digest")
            .get(BLOB)
            .registry(always(200, &[OTHER], IMAGE))
            .served(200)
            .asked([ASKED_BLOB])
            .tells("{digest}")
            .hides("0123456789abcdef"),
        case("probe-of-a-blob-under-another-digest")
            .head(BLOB)
            .registry(always(200, &[OTHER, "content-length: 5"], ""))
            .served(200)
            .asked(["HEAD https://{registry}/v2/team/app/blobs/{digest}"])
            .tells("{digest}")
            .hides("0123456789abcdef"),
        // The digest is all that a manifest promises: what is nested in it, its reader must bear.
        case("manifest-nested-and-closed").registry(bomb(20_000, true)).served(200).asked([ASKED_MANIFEST]),
        case("blob-that-calls-itself-a-page")
            .get(BLOB)
            .registry(always(200, &["content-type: text/html"], IMAGE))
            .served(200)
            .asked([ASKED_BLOB])
            .tells("application/octet-stream")
            .hides("text/html"),
        case("blob-that-calls-itself-a-script")
            .get(BLOB)
            .registry(always(200, &["content-type: text/javascript"], IMAGE))
            .served(200)
            .asked([ASKED_BLOB])
            .tells("application/octet-stream"),
        case("probe-tells-of-another-manifest")
            .head(BY_DIGEST)
            .registry(always(200, &[OCI, OTHER, "content-length: 5"], ""))
            .refused(502, "UNAVAILABLE")
            .asked([head]),
        case("probe-tells-of-a-page")
            .head(BY_DIGEST)
            .registry(always(200, &["content-type: text/html", "content-length: 5"], ""))
            .refused(502, "UNAVAILABLE")
            .asked([head]),
    ];
    pages.into_iter().chain(lists).chain(manifests).chain(by_digest).chain(blobs).chain(harmless).collect()
}
