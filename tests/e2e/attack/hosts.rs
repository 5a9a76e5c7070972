//! A client that lies about the host it asked: it wants a challenge, a registry or a page that another host has, and its own
//! text in what the Worker repeats of the name.

use super::case::{ASKED_MANIFEST, Case, GATEWAY, MANIFEST, case};
use super::script::honest;

/// A name that no registry may have: whoever is asked for it has been asked by mistake.
const REFUSED: &str = "/v2/Hello/manifests/1";

pub fn cases() -> Vec<Case> {
    let ignored = [
        ("forwarded-host-names-another", "X-Forwarded-Host: quay.pierhead.test"),
        ("forwarded-names-another-host", "Forwarded: for=1.2.3.4;host=quay.pierhead.test;proto=http"),
        ("forwarded-proto-is-http", "X-Forwarded-Proto: http"),
        ("forwarded-port-is-another", "X-Forwarded-Port: 8443"),
        ("forwarded-prefix-is-a-path", "X-Forwarded-Prefix: /evil"),
        ("original-url-is-another", "X-Original-URL: /v2/other/private/manifests/1"),
        ("rewrite-url-is-another", "X-Rewrite-URL: /v2/other/private/manifests/1"),
        ("method-override-is-delete", "X-HTTP-Method-Override: DELETE"),
        ("method-is-delete-by-another-name", "X-HTTP-Method: DELETE"),
        ("real-ip-is-this-machine", "X-Real-IP: 127.0.0.1"),
        ("connecting-ip-is-this-machine", "CF-Connecting-IP: 127.0.0.1"),
        ("forwarded-for-is-this-machine", "X-Forwarded-For: 127.0.0.1"),
        ("host-by-another-header", "X-Host: evil.test"),
        ("worker-of-another", "CF-Worker: evil.test"),
        ("cookie-of-a-browser", "Cookie: session=hunter2"),
        ("referer-of-another-site", "Referer: https://evil.test/"),
        ("origin-of-another-site", "Origin: https://evil.test"),
        ("upgrade-to-a-websocket", "Upgrade: h2c"),
        ("accept-encoding-is-everything", "Accept-Encoding: gzip, deflate, br, zstd"),
        ("user-agent-is-a-script", "User-Agent: <script>pwned</script>"),
        ("proxy-authorization-is-sent", "Proxy-Authorization: Basic YWxpY2U6aHVudGVyMg=="),
    ];
    let ignored = ignored.map(|(name, line)| {
        case(name).header(line).registry(honest()).served(200).asked([ASKED_MANIFEST]).hides("evil.test")
    });
    // A challenge names the host that was asked, and no other.
    let challenges = [
        ("challenge-in-spite-of-a-forwarded-host", "X-Forwarded-Host: evil.test"),
        ("challenge-in-spite-of-forwarded", "Forwarded: host=evil.test"),
        ("challenge-in-spite-of-forwarded-http", "X-Forwarded-Proto: http"),
    ];
    let challenges = challenges.map(|(name, line)| {
        let challenge = format!("https://{GATEWAY}/token/docker.io");
        let asked = case(name).get("/v2/").header(line).relayed(401, "UNAUTHORIZED");
        asked.tells(&challenge).hides("evil.test").hides("http://")
    });
    let rows = [
        ("host-with-a-port", "docker.pierhead.test:8443", 400, "NAME_INVALID"),
        ("host-in-capitals", "DOCKER.pierhead.test", 400, "NAME_INVALID"),
        ("host-with-a-trailing-dot", "docker.pierhead.test.", 400, "NAME_INVALID"),
        ("host-with-an-underscore", "docker.pier_head.test", 400, "NAME_INVALID"),
        ("host-is-an-address", "127.0.0.1", 400, "NAME_INVALID"),
        ("host-is-an-address-in-octal", "0177.0.0.1", 400, "NAME_INVALID"),
        ("host-is-an-ipv6-address", "[::1]", 400, "NAME_INVALID"),
        ("host-is-a-registrys-own", "registry-1.docker.io", 400, "NAME_INVALID"),
        ("host-is-a-cloud-metadata-service", "169.254.169.254", 400, "NAME_INVALID"),
        ("host-of-one-letter", "x", 400, "NAME_INVALID"),
        ("host-with-quotes", "docker.\"pwned\".test", 400, "NAME_INVALID"),
        ("host-with-a-comma", "docker.pierhead.test,evil.test", 400, "NAME_INVALID"),
        ("host-that-is-a-template", "{{7*7}}.pierhead.test", 400, "NAME_INVALID"),
    ];
    let rows =
        rows.map(|(name, host, status, code)| case(name).host(host).get(REFUSED).refused(status, code).hides("evil.test"));
    let line = |target: &str, host: &str| format!("GET {target} HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
    let no_hosts = [
        ("host-with-half-an-address", "[::1"),
        ("host-with-a-port-beyond-all", "docker.pierhead.test:99999"),
        ("host-with-a-user", "docker.pierhead.test@evil.test"),
        ("host-with-a-user-and-a-password", "docker:x@quay.pierhead.test"),
        ("host-with-a-path", "docker.pierhead.test/../x"),
        ("host-with-angles", "<script>.pierhead.test"),
        ("host-in-raw-unicode", "docker.pi\u{e9}rhead.test"),
        ("host-in-full-width-letters", "docker\u{ff0e}pierhead.test"),
        ("host-twice", "docker.pierhead.test\r\nHost: quay.pierhead.test"),
    ];
    // The very ping: none of these may be repeated in a challenge.
    let no_hosts = no_hosts.map(|(name, host)| {
        case(name).raw(line("/v2/", &format!("Host: {host}\r\n"))).refused(400, "NAME_INVALID").hides("evil.test")
    });
    let targets = [
        case("target-is-a-whole-url")
            .raw(line("https://evil.test/v2/Hello/manifests/1", "Host: docker.pierhead.test\r\n"))
            .refused(400, "NAME_INVALID"),
        case("target-is-a-star").raw(line("*", "Host: docker.pierhead.test\r\n")).refused(400, "NAME_INVALID"),
        // The runtime makes a page's address of it, and a page asks nobody.
        case("target-is-an-authority")
            .raw(line("evil.test:443", "Host: docker.pierhead.test\r\n"))
            .served(200)
            .hides("evil"),
        case("target-is-without-a-slash")
            .raw(line("v2/hello/manifests/1", "Host: docker.pierhead.test\r\n"))
            .turned_away(400),
        case("host-is-missing").raw(line(REFUSED, "")).turned_away(400),
        case("host-folded-over-two-lines")
            .raw(line(REFUSED, "Host: docker.pierhead.test\r\n .evil.test\r\n"))
            .turned_away(400),
    ];
    let kept = case("host-of-a-route-is-its-registrys")
        .host("routed.example.test")
        .get("/v2/docker.io/library/hello/manifests/1")
        .refused(400, "NAME_INVALID")
        .says("quay.io");
    let fragment =
        case("host-hidden-behind-a-fragment").get(&format!("{MANIFEST}#@evil.test")).registry(honest()).served(200);
    let fragment = fragment.asked([ASKED_MANIFEST]);
    ignored.into_iter().chain(challenges).chain(rows).chain(no_hosts).chain(targets).chain([kept, fragment]).collect()
}
