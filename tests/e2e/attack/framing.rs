//! A client that frames its requests so that a second one hides in the first, or sends headers that are too many, too long, or
//! mean nothing. Whatever the runtime makes of them, what is hidden is asked of nobody.

use super::case::{ASKED_BLOB, ASKED_MANIFEST, BLOB, Case, GATEWAY, MANIFEST, case};
use super::script::honest;

/// A request that must stay hidden.
const HIDDEN: &str = "GET /{registry}/v2/team/app/manifests/1 HTTP/1.1\r\nHost: mirror.pierhead.test\r\n\r\n";

pub fn cases() -> Vec<Case> {
    let begun =
        |method: &str| format!("{method} /v2/Hello/manifests/1 HTTP/1.1\r\nHost: {GATEWAY}\r\nConnection: close\r\n");
    let hidden = [
        ("hidden-by-two-lengths", format!("{}Content-Length: 0\r\nContent-Length: 90\r\n\r\n{HIDDEN}", begun("POST")), 400),
        ("hidden-by-a-negative-length", format!("{}Content-Length: -1\r\n\r\n{HIDDEN}", begun("POST")), 400),
        ("hidden-by-a-length-with-a-plus", format!("{}Content-Length: +0\r\n\r\n{HIDDEN}", begun("POST")), 400),
        ("hidden-by-a-hexadecimal-length", format!("{}Content-Length: 0x0\r\n\r\n{HIDDEN}", begun("POST")), 400),
        (
            "hidden-by-a-length-beyond-all-numbers",
            format!("{}Content-Length: 99999999999999999999\r\n\r\n{HIDDEN}", begun("POST")),
            400,
        ),
        ("hidden-by-an-unknown-encoding", format!("{}Transfer-Encoding: xchunked\r\n\r\n{HIDDEN}", begun("POST")), 400),
        (
            "hidden-by-two-encodings",
            format!("{}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{HIDDEN}", begun("POST")),
            400,
        ),
        ("hidden-by-a-space-before-the-colon", format!("{}Content-Length : 90\r\n\r\n{HIDDEN}", begun("GET")), 400),
        ("hidden-by-a-folded-header", format!("{}X: a\r\n Content-Length: 90\r\n\r\n{HIDDEN}", begun("GET")), 400),
        ("hidden-by-a-line-that-is-no-header", format!("{}no header\r\n\r\n{HIDDEN}", begun("GET")), 400),
        ("hidden-by-a-nul-in-a-header", format!("{}X: a\0b\r\n\r\n{HIDDEN}", begun("GET")), 400),
        ("hidden-by-a-bare-carriage-return", format!("{}X: a\rX-Pwned: 1\r\n\r\n{HIDDEN}", begun("GET")), 400),
        ("hidden-by-a-header-without-a-name", format!("{}: a\r\n\r\n{HIDDEN}", begun("GET")), 400),
    ];
    let hidden = hidden.map(|(name, bytes, status)| case(name).raw(bytes).turned_away(status));
    let harmless = [
        case("hidden-in-the-body-of-a-get")
            .raw(format!("{}Content-Length: 90\r\n\r\n{HIDDEN}", begun("GET")))
            .refused(400, "NAME_INVALID"),
        case("hidden-behind-the-end").raw(format!("{}\r\n{HIDDEN}", begun("GET"))).refused(400, "NAME_INVALID"),
        case("hidden-behind-the-last-chunk")
            .raw(format!("{}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}", begun("POST")))
            .refused(405, "UNSUPPORTED"),
        case("header-of-bytes-that-are-no-text")
            .raw([begun("GET").as_bytes(), b"X: \x7f\xff\xfe\r\n\r\n"].concat())
            .refused(400, "NAME_INVALID"),
        case("password-of-24-kilobytes")
            .raw(format!("{}Authorization: Basic {}\r\n\r\n", begun("GET"), "YWE6".repeat(8000)))
            .refused(400, "NAME_INVALID"),
        // Chunks win, as RFC 9112 has it, and the connection ends.
        case("hidden-by-length-and-chunks")
            .raw(format!("{}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}", begun("POST")))
            .refused(405, "UNSUPPORTED"),
        case("chunk-of-no-length")
            .raw(format!("{}Transfer-Encoding: chunked\r\n\r\nzz\r\n{HIDDEN}", begun("POST")))
            .refused(405, "UNSUPPORTED"),
        case("version-of-the-future").raw(begun("GET").replace("HTTP/1.1", "HTTP/9.9") + "\r\n").turned_away(400),
        case("two-thousand-headers")
            .raw(begun("GET") + &(0..2000).map(|n| format!("X-{n}: {n}\r\n")).collect::<String>() + "\r\n")
            .refused(400, "NAME_INVALID"),
        case("version-of-the-past").raw("GET /v2/Hello/manifests/1\r\n\r\n".to_owned()).turned_away(400),
    ];
    let bombs = [
        ("header-of-a-megabyte", format!("{}X: {}\r\n\r\n", begun("GET"), "a".repeat(1 << 20))),
        ("target-of-a-megabyte", begun("GET").replace("Hello", &"a/".repeat(1 << 19)) + "\r\n"),
    ];
    let bombs = bombs.map(|(name, bytes)| case(name).raw(bytes).turned_away(431));
    // What no honest client sends, and what is answered all the same: with the whole.
    let ranges = [
        ("range-that-goes-backwards", "Range: bytes=9-1".to_owned()),
        ("range-of-letters", "Range: bytes=a-z".to_owned()),
        ("range-of-another-unit", "Range: lines=0-1".to_owned()),
        ("range-of-nothing", "Range: bytes=".to_owned()),
        ("range-of-a-thousand-parts", format!("Range: bytes={}0-0", "0-0,".repeat(1000))),
        ("range-beyond-all-numbers", "Range: bytes=99999999999999999999-".to_owned()),
        ("range-on-two-lines", "Range: bytes=0-0\r\nRange: bytes=1-1".to_owned()),
        ("condition-of-another-thing", "If-Match: \"pwned\"".to_owned()),
        ("condition-of-no-time", "If-Modified-Since: never".to_owned()),
        ("condition-of-a-thousand-tags", format!("If-None-Match: {}\"x\"", "\"pwned\",".repeat(1000))),
        ("condition-that-is-no-tag", "If-None-Match: pwned\u{e9}".to_owned()),
    ];
    let ranges =
        ranges.map(|(name, line)| case(name).get(BLOB).header(line).registry(honest()).served(200).asked([ASKED_BLOB]));
    let accepts = [
        ("accept-of-32-kilobytes", format!("Accept: {}*/*", "a/b,".repeat(8000))),
        ("accept-on-a-thousand-lines", format!("{}Accept: */*", "Accept: a/b\r\n".repeat(1000))),
        ("accept-of-pages-first", "Accept: text/html, {accept}".to_owned()),
        ("accept-with-a-parameter-of-weight", "Accept: */*;q=99999999999999999999".to_owned()),
        ("accept-with-unicode", "Accept: */*, \u{e9}/\u{e9}".to_owned()),
    ];
    let accepts = accepts
        .map(|(name, line)| case(name).get(MANIFEST).header(line).registry(honest()).served(200).asked([ASKED_MANIFEST]));
    hidden.into_iter().chain(harmless).chain(bombs).chain(ranges).chain(accepts).collect()
}
