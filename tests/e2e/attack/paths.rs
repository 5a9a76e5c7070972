//! A client that writes paths so that two parsers read them differently: it wants to leave the repository it may read, or to
//! have something asked that no registry client asks. Nobody upstream hears of it.

use super::case::{Case, case};

const DOCKER: &str = "docker.pierhead.test";

pub fn cases() -> Vec<Case> {
    let hex = "0123456789abcdef".repeat(4);
    let long = |text: &str, times: usize| text.repeat(times);
    let names = [
        ("name-in-upper-case", "/v2/Library/Hello/manifests/1"),
        ("name-with-two-dots", "/v2/a..b/manifests/1"),
        ("name-with-mixed-separators", "/v2/a_-b/manifests/1"),
        ("name-with-three-underscores", "/v2/a___b/manifests/1"),
        ("name-begins-with-a-dash", "/v2/-a/manifests/1"),
        ("name-ends-with-a-dash", "/v2/a-/manifests/1"),
        ("name-with-an-empty-component", "/v2/a//b/manifests/1"),
        ("name-begins-with-a-slash", "/v2//etc/passwd/manifests/1"),
        ("name-with-an-at", "/v2/a@b/manifests/1"),
        ("name-with-a-port", "/v2/localhost:5000/a/manifests/1"),
        ("name-with-an-encoded-slash", "/v2/a%2fb/manifests/1"),
        ("name-with-an-encoded-slash-in-capitals", "/v2/a%2Fb/manifests/1"),
        ("name-with-a-slash-encoded-twice", "/v2/a%252fb/manifests/1"),
        ("name-with-an-encoded-nul", "/v2/a%00b/manifests/1"),
        ("name-with-a-byte-that-is-no-text", "/v2/a%ffb/manifests/1"),
        ("name-with-broken-unicode", "/v2/%c3%28/tags/list"),
        ("name-with-an-overlong-dot", "/v2/%c0%ae%c0%ae/manifests/1"),
        ("name-with-a-line-break", "/v2/a%0d%0aX-Pwned:%201/manifests/1"),
        ("name-with-an-encoded-question-mark", "/v2/a%3fb/manifests/1"),
        ("name-with-an-encoded-hash", "/v2/a%23b/manifests/1"),
        ("name-with-an-encoded-backslash", "/v2/a%5cb/manifests/1"),
        ("name-with-a-tab", "/v2/a%09b/manifests/1"),
        ("name-with-path-parameters", "/v2/team/app;jsessionid=1/manifests/1"),
        ("name-with-a-tilde", "/v2/~root/app/manifests/1"),
        ("name-with-a-pipe", "/v2/team|app/x/manifests/1"),
        ("name-with-encoded-cyrillic", "/v2/%D0%B0pp/x/manifests/1"),
    ];
    let rows = [
        ("tag-begins-with-a-dot", "/v2/hello/manifests/.1".to_owned(), 404, "MANIFEST_UNKNOWN"),
        ("tag-begins-with-a-dash", "/v2/hello/manifests/-1".to_owned(), 404, "MANIFEST_UNKNOWN"),
        ("tag-with-an-encoded-slash", "/v2/hello/manifests/a%2fb".to_owned(), 404, "MANIFEST_UNKNOWN"),
        ("tag-that-climbs-encoded", "/v2/hello/manifests/..%2f..%2fsecrets".to_owned(), 404, "MANIFEST_UNKNOWN"),
        ("tag-with-a-byte-that-is-no-text", "/v2/hello/manifests/%ff".to_owned(), 404, "MANIFEST_UNKNOWN"),
        ("tag-with-an-encoded-nul", "/v2/hello/manifests/1%00".to_owned(), 404, "MANIFEST_UNKNOWN"),
        ("tag-with-a-line-break", "/v2/hello/manifests/1%0d%0aX-Pwned:1".to_owned(), 400, "DIGEST_INVALID"),
        ("tag-with-a-plus", "/v2/hello/manifests/a+b".to_owned(), 404, "MANIFEST_UNKNOWN"),
        ("tag-with-parameters", "/v2/hello/manifests/1;x=y".to_owned(), 404, "MANIFEST_UNKNOWN"),
        ("tag-that-is-empty", "/v2/hello/manifests/".to_owned(), 404, "MANIFEST_UNKNOWN"),
        ("tag-of-129-letters", format!("/v2/hello/manifests/{}", long("a", 129)), 404, "MANIFEST_UNKNOWN"),
        ("tag-of-9000-letters", format!("/v2/hello/manifests/{}", long("a", 9000)), 404, "MANIFEST_UNKNOWN"),
        ("digest-without-digits", "/v2/hello/manifests/sha256:".to_owned(), 400, "DIGEST_INVALID"),
        ("digest-in-capitals", format!("/v2/hello/manifests/sha256:{}", hex.to_uppercase()), 400, "DIGEST_INVALID"),
        ("digest-a-digit-too-long", format!("/v2/hello/manifests/sha256:{hex}0"), 400, "DIGEST_INVALID"),
        ("digest-of-another-length", format!("/v2/hello/manifests/sha512:{hex}"), 400, "DIGEST_INVALID"),
        ("digest-behind-a-tag", format!("/v2/hello/manifests/1@sha256:{hex}"), 400, "DIGEST_INVALID"),
        ("digest-with-an-algorithm-that-climbs", format!("/v2/hello/blobs/..%2fsha256:{hex}"), 400, "DIGEST_INVALID"),
        ("blob-by-a-tag", "/v2/hello/blobs/latest".to_owned(), 400, "DIGEST_INVALID"),
        ("blob-by-a-short-digest", "/v2/hello/blobs/sha256:0123".to_owned(), 400, "DIGEST_INVALID"),
        ("blob-without-an-algorithm", format!("/v2/hello/blobs/{hex}"), 400, "DIGEST_INVALID"),
        ("blob-by-letters-that-are-no-digits", format!("/v2/hello/blobs/sha256:{}", long("g", 64)), 400, "DIGEST_INVALID"),
        ("blob-by-5000-digits", format!("/v2/hello/blobs/sha256:{}", long("a", 5000)), 400, "DIGEST_INVALID"),
        ("blob-by-an-encoded-slash", format!("/v2/hello/blobs/sha256%2f{hex}"), 400, "DIGEST_INVALID"),
        ("blob-by-a-colon-encoded-twice", format!("/v2/hello/blobs/sha256%253A{hex}"), 400, "DIGEST_INVALID"),
        ("blob-with-a-nul-behind-it", format!("/v2/hello/blobs/sha256:{hex}%00"), 400, "DIGEST_INVALID"),
        ("referrers-of-a-tag", "/v2/hello/referrers/latest".to_owned(), 400, "DIGEST_INVALID"),
        ("name-of-256-letters", format!("/v2/{}/manifests/1", long("a", 256)), 400, "NAME_INVALID"),
        ("name-of-3000-components", format!("/v2/{}a/tags/list", long("a/", 3000)), 400, "NAME_INVALID"),
        ("catalog", "/v2/_catalog".to_owned(), 404, "UNSUPPORTED"),
        ("catalog-of-a-million", "/v2/_catalog?n=1000000".to_owned(), 404, "UNSUPPORTED"),
        ("repository-alone", "/v2/hello".to_owned(), 404, "UNSUPPORTED"),
        ("manifests-without-a-reference", "/v2/hello/manifests".to_owned(), 404, "UNSUPPORTED"),
        ("endpoint-that-is-none", "/v2/hello/secrets/1".to_owned(), 404, "UNSUPPORTED"),
        ("tags-that-are-no-list", "/v2/hello/tags/list/".to_owned(), 404, "UNSUPPORTED"),
        ("manifest-of-no-repository", "/v2/manifests/1".to_owned(), 404, "UNSUPPORTED"),
        ("upload-begun-by-get", "/v2/hello/blobs/uploads/".to_owned(), 404, "UNSUPPORTED"),
        ("upload-that-somebody-began", "/v2/hello/blobs/uploads/6b2a".to_owned(), 404, "UNSUPPORTED"),
        ("repositories-of-version-1", "/v1/repositories/x/tags".to_owned(), 404, "UNSUPPORTED"),
        ("users-of-version-1", "/v1/users/".to_owned(), 404, "UNSUPPORTED"),
        ("version-in-capitals", "/V2/".to_owned(), 404, "UNSUPPORTED"),
        ("path-begins-with-two-slashes", "//v2/hello/manifests/1".to_owned(), 404, "UNSUPPORTED"),
        ("path-names-a-host-like-a-url", "//evil.test/v2/hello/manifests/1".to_owned(), 404, "UNSUPPORTED"),
        ("path-to-a-git-folder", "/.git/config".to_owned(), 404, "UNSUPPORTED"),
        ("path-to-the-cache-of-the-proxy", "/.pierhead/manifest/docker.io/x".to_owned(), 404, "UNSUPPORTED"),
        ("metrics-of-the-proxy", "/metrics".to_owned(), 404, "UNSUPPORTED"),
    ];
    let names = names.map(|(name, target)| case(name).get(target).host(DOCKER).refused(400, "NAME_INVALID"));
    let rows = rows.map(|(name, target, status, code)| case(name).get(&target).host(DOCKER).refused(status, code));
    // These the URL parser would change.
    let changed = [
        ("path-that-climbs", "/v2/team/../hello/manifests/1"),
        ("path-that-climbs-encoded", "/v2/team/%2e%2e/hello/manifests/1"),
        ("path-that-climbs-half-encoded", "/v2/team/.%2E/hello/manifests/1"),
        ("path-that-stays-in-place", "/v2/./hello/manifests/1"),
        ("path-with-backslashes", "/v2\\hello\\manifests\\1"),
        ("path-that-climbs-with-backslashes", "/v2/team\\..\\hello/manifests/1"),
        ("path-that-climbs-to-the-token-endpoint", "/v2/../token/docker.io"),
        ("path-with-raw-unicode", "/v2/h\u{e9}llo/manifests/1"),
        ("path-with-full-width-letters", "/v2/\u{ff41}\u{ff50}\u{ff50}/x/manifests/1"),
        ("path-with-raw-quotes", "/v2/he\"llo/manifests/1"),
    ];
    let changed = changed.map(|(name, target)| case(name).get(target).host(DOCKER).refused(400, "NAME_INVALID"));
    // These the runtime knows as no path.
    let raw = |target: &[u8]| {
        let after = format!(" HTTP/1.1\r\nHost: {DOCKER}\r\nConnection: close\r\n\r\n");
        [b"GET ", target, after.as_bytes()].concat()
    };
    let unreadable = [
        ("path-with-a-raw-byte-that-is-no-text", &b"/v2/a\xffb/manifests/1"[..]),
        ("path-with-raw-broken-unicode", b"/v2/hello/manifests/\xc3\x28"),
        ("path-with-raw-angles", b"/v2/<script>/manifests/1"),
    ];
    let unreadable = unreadable.map(|(name, target)| case(name).raw(raw(target)).turned_away(400));
    names.into_iter().chain(rows).chain(changed).chain(unreadable).collect()
}
