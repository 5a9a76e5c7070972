//! A client that forges, mangles or carries away the tokens that the Worker hands out, or shows something that is no credential:
//! it wants what the token's owner may read, or its own text in an upstream's header.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::case::{ASKED_MANIFEST, Case, case};
use super::script::{honest, script};
use crate::upstream;

const DOCKER: &str = "docker.pierhead.test";

fn pass(kind: &str, registry: &str, payload: &str) -> String {
    format!("Authorization: Bearer ph1.{kind}.{registry}.{}", URL_SAFE_NO_PAD.encode(payload))
}

fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(pair))
}

pub fn cases() -> Vec<Case> {
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    let refused = [
        ("pass-without-a-kind", bearer("ph1.")),
        ("pass-without-a-registry", bearer("ph1.anonymous")),
        ("pass-without-a-payload", bearer("ph1.anonymous.docker.io")),
        ("pass-with-an-empty-payload", bearer("ph1.anonymous.docker.io.")),
        ("pass-that-is-not-base64", bearer("ph1.anonymous.docker.io.!!")),
        ("pass-with-padding", bearer("ph1.upstream.docker.io.YQ==")),
        ("pass-in-the-other-alphabet", bearer("ph1.upstream.docker.io.a+/b")),
        ("pass-of-an-unknown-kind", pass("operator", "docker.io", "1")),
        ("pass-of-a-kind-in-capitals", pass("UPSTREAM", "docker.io", "hunter2")),
        ("pass-of-no-kind", pass("", "docker.io", "hunter2")),
        ("pass-with-a-longer-mark", bearer("ph1.ph1.anonymous.docker.io.MTI")),
        ("pass-that-expired-in-1970", pass("anonymous", "docker.io", "12")),
        ("pass-that-expired-at-nought", pass("anonymous", "docker.io", "0")),
        ("pass-with-a-negative-time", pass("anonymous", "docker.io", "-5")),
        ("pass-with-a-time-beyond-all-numbers", pass("anonymous", "docker.io", "99999999999999999999999")),
        ("pass-with-a-fraction-of-time", pass("anonymous", "docker.io", "9999999999.5")),
        ("pass-with-time-in-words", pass("anonymous", "docker.io", "never")),
        ("pass-with-time-as-an-exponent", pass("anonymous", "docker.io", "1e99")),
        ("pass-with-a-line-break-within", pass("upstream", "docker.io", "a\r\nX-Pwned: 1")),
        ("pass-with-a-nul-within", pass("upstream", "docker.io", "a\0b")),
        ("pass-with-a-space-within", pass("upstream", "docker.io", "a b")),
        ("pass-with-unicode-within", pass("upstream", "docker.io", "\u{e4}")),
        ("pass-of-another-registry", pass("upstream", "quay.io", "hunter2")),
        ("pass-of-an-unknown-registry", pass("upstream", "evil.test", "hunter2")),
        ("pass-of-an-address", pass("upstream", "127.0.0.1", "hunter2")),
        ("pass-of-a-registrys-alias", pass("upstream", "index.docker.io", "hunter2")),
        ("pass-of-a-registry-in-capitals", pass("upstream", "DOCKER.IO", "hunter2")),
        ("pass-of-a-registry-with-a-trailing-dot", pass("upstream", "docker.io.", "hunter2")),
        ("pass-of-a-registry-with-a-path", pass("upstream", "docker.io/library", "hunter2")),
        ("pass-for-the-token-endpoint-alone", pass("refresh", "docker.io", "hunter2")),
        ("anonymous-pass-of-another-registry", pass("anonymous", "quay.io", "9999999999")),
        ("pass-and-another-in-one-line", bearer("ph1.anonymous.docker.io.MTI, Bearer hunter2")),
        ("pass-of-30-kilobytes", bearer(&format!("ph1.upstream.docker.io.{}", "a".repeat(30_000)))),
        ("bearer-without-a-token", "Authorization: Bearer".to_owned()),
        ("bearer-of-two-words", bearer("hunter2 hunter2")),
        ("bearer-with-a-comma", bearer("hunter2,hunter2")),
        ("bearer-with-unicode", bearer("hunter2\u{e9}")),
        ("two-bearers-on-two-lines", "Authorization: Bearer hunter2\r\nAuthorization: Bearer hunter2".to_owned()),
        ("bearer-and-basic-on-two-lines", format!("Authorization: Bearer hunter2\r\n{}", basic("alice:hunter2"))),
        ("two-basics-on-two-lines", format!("{}\r\n{}", basic("alice:hunter2"), basic("bob:hunter2"))),
        ("basic-that-is-not-base64", "Authorization: Basic %%%".to_owned()),
        ("basic-without-a-colon", basic("alice")),
        ("basic-without-a-user", basic(":hunter2")),
        ("basic-without-a-password", basic("alice:")),
        ("basic-with-a-line-break-in-the-user", basic("ali\r\nX-Pwned: 1\r\nce:hunter2")),
        ("basic-with-a-nul-in-the-user", basic("ali\0ce:hunter2")),
        ("basic-of-another-registrys-user", basic("quay.io/alice:hunter2")),
        ("basic-of-24-kilobytes-without-a-colon", format!("Authorization: Basic {}", "YWFh".repeat(6000))),
        ("scheme-that-is-negotiate", "Authorization: Negotiate YWJj".to_owned()),
        ("scheme-that-is-digest", "Authorization: Digest username=\"alice\", realm=\"pwned\"".to_owned()),
        ("scheme-that-is-a-signature", "Authorization: AWS4-HMAC-SHA256 Credential=hunter2".to_owned()),
        ("scheme-alone", "Authorization: x".to_owned()),
        ("scheme-with-an-equals-sign", "Authorization: Bearer=hunter2".to_owned()),
    ];
    let refused = refused.map(|(name, line)| {
        case(name).get("/v2/hello/manifests/1").host(DOCKER).header(line).refused(401, "UNAUTHORIZED").tells("invalid_token")
    });
    // The ping tells no more than a pull.
    let pings = [
        ("ping-with-a-mangled-pass", bearer("ph1.anonymous.docker.io.!!")),
        ("ping-with-another-registrys-pass", pass("upstream", "quay.io", "hunter2")),
        ("ping-with-an-expired-pass", pass("anonymous", "docker.io", "12")),
        ("ping-with-two-credentials", "Authorization: Bearer hunter2\r\nAuthorization: Bearer hunter2".to_owned()),
    ];
    let pings = pings
        .map(|(name, line)| case(name).get("/v2/").host(DOCKER).header(line).refused(401, "UNAUTHORIZED").tells("realm"));
    let others = [
        // It confers nothing: whoever writes it has what anybody gets.
        case("pass-that-never-ends")
            .header(
                pass("anonymous", "{registry}", &u64::MAX.to_string())
                    .replace("{registry}", "pass-that-never-ends.attack.test"),
            )
            .registry(honest())
            .served(200)
            .asked([ASKED_MANIFEST]),
        case("login-of-the-default-registry-shown-to-another")
            .header(basic("alice:hunter2"))
            .registry(honest())
            .refused(401, "UNAUTHORIZED"),
        case("login-of-one-registry-shown-to-another")
            .header(basic("ghcr.io/alice:hunter2"))
            .registry(honest())
            .refused(401, "UNAUTHORIZED"),
        // Mark and all it is what the client wrapped; it opens nothing there.
        case("pass-within-a-pass")
            .header(pass("upstream", "pass-within-a-pass.attack.test", "ph1.anonymous.quay.io.MTI"))
            .registry(script(|_, _| {
                upstream::unauthorized(r#"Bearer realm="https://pass-within-a-pass.attack.test/token""#)
            }))
            .relayed(401, "UNAUTHORIZED")
            .asked([&*format!("{ASKED_MANIFEST} (Bearer)")]),
    ];
    refused.into_iter().chain(pings).chain(others).collect()
}
