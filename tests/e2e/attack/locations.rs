//! A registry whose redirects lead where no public content lives: it wants the Worker to fetch from a private network, from
//! itself, or from a place that the client cannot see through. None of it is followed.

use http::StatusCode;

use super::case::{
    ASKED_BLOB, ASKED_MANIFEST, ASKED_REFERRERS, ASKED_TAGS, BLOB, BY_DIGEST, Case, MANIFEST, REFERRERS, TAGS, case,
};
use super::script::{answer, leads_to, script};

pub fn cases() -> Vec<Case> {
    let private = [
        ("location-is-ipv4", "https://127.0.0.1/x"),
        ("location-is-ipv4-with-a-trailing-dot", "https://127.0.0.1./x"),
        ("location-is-short-ipv4", "https://127.1/x"),
        ("location-is-decimal-ipv4", "https://2130706433/x"),
        ("location-is-octal-ipv4", "https://0177.0.0.01/x"),
        ("location-is-hexadecimal-ipv4", "https://0x7f.0.0.1/x"),
        ("location-is-ipv4-in-one-hexadecimal", "https://0x7f000001/x"),
        ("location-is-ipv4-in-escapes", "https://%31%32%37%2e0.0.1/x"),
        ("location-is-ipv4-with-a-tab-within", "https://127.0\t.0.1/x"),
        ("location-is-ipv4-of-too-many-parts", "https://127.0.0.0.1/x"),
        ("location-is-ipv4-beyond-its-numbers", "https://256.256.256.256/x"),
        ("location-is-nought", "https://0/x"),
        ("location-is-all-noughts", "https://0.0.0.0/x"),
        ("location-is-public-ipv4", "https://1.1.1.1/x"),
        ("location-is-a-private-network", "https://10.0.0.1/x"),
        ("location-is-a-private-network-in-hexadecimal", "https://0xac100001/x"),
        ("location-is-ipv6", "https://[::1]/x"),
        ("location-is-mapped-ipv4", "https://[::ffff:127.0.0.1]/x"),
        ("location-is-compatible-ipv4", "https://[::127.0.0.1]/x"),
        ("location-is-nat64", "https://[64:ff9b::a00:1]/x"),
        ("location-is-6to4", "https://[2002:7f00:1::]/x"),
        ("location-is-link-local-ipv6", "https://[fe80::1]/x"),
        ("location-is-unique-local-ipv6", "https://[fd00:ec2::254]/latest/"),
        ("location-has-a-zone", "https://[fe80::1%25eth0]/x"),
        ("location-is-cloud-metadata", "https://169.254.169.254/latest/meta-data/"),
        ("location-is-cloud-metadata-in-decimal", "https://2852039166/latest/meta-data/"),
        ("location-is-cloud-metadata-without-tls", "http://169.254.169.254/latest/meta-data/"),
        ("location-is-a-metadata-name", "https://metadata.google.internal/computeMetadata/v1/"),
        ("location-is-a-metadata-name-in-capitals", "https://METADATA.Google.INTERNAL/computeMetadata/v1/"),
        ("location-is-a-metadata-name-with-a-dot", "https://metadata.google.internal./computeMetadata/v1/"),
        ("location-is-a-metadata-name-without-dots", "https://metadata/computeMetadata/v1/"),
        ("location-is-another-clouds-metadata", "https://100.100.100.200/latest/meta-data/"),
        ("location-is-localhost", "https://localhost/x"),
        ("location-is-localhost-with-a-dot", "https://localhost./x"),
        ("location-is-localhost-with-an-encoded-letter", "https://%6cocalhost/x"),
        ("location-is-below-localhost", "https://any.localhost/x"),
        ("location-is-a-printer", "https://printer.local/x"),
        ("location-is-a-cluster", "https://kubernetes.default.svc.cluster.local/api"),
        ("location-is-a-router", "https://router.home.arpa/x"),
        ("location-is-a-host-without-dots", "https://vault/v1/secret"),
        ("location-is-a-full-width-address", "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/x"),
        ("location-is-an-address-with-full-width-dots", "https://127\u{3002}0\u{3002}0\u{3002}1/x"),
        ("location-has-a-user", "https://root@{elsewhere}/x"),
        ("location-has-a-password", "https://:x@{elsewhere}/x"),
        ("location-has-a-user-at-the-registry", "https://root@{registry}/x"),
        ("location-has-the-registry-as-its-user", "https://{registry}@127.0.0.1/x"),
        ("location-hides-an-address-behind-a-backslash", "https://127.0.0.1\\@{elsewhere}/x"),
        ("location-hides-an-address-behind-a-hash", "https://127.0.0.1#@{elsewhere}/x"),
        ("location-hides-an-address-behind-a-question-mark", "https://127.0.0.1?@{elsewhere}/x"),
        ("location-without-a-scheme", "//127.0.0.1/x"),
        ("location-of-backslashes", "\\\\127.0.0.1\\x"),
        ("location-of-slash-and-backslash", "/\\127.0.0.1/x"),
        ("location-of-many-slashes", "https://///127.0.0.1/x"),
        ("location-has-another-port", "https://{elsewhere}:8443/x"),
        ("location-has-the-port-of-ssh", "https://{elsewhere}:22/x"),
        ("location-has-port-nought", "https://{elsewhere}:0/x"),
        ("location-has-a-port-beyond-all", "https://{elsewhere}:99999/x"),
        ("location-has-another-port-at-the-registry", "https://{registry}:8443/x"),
        ("location-is-without-tls", "http://{elsewhere}/x"),
        ("location-is-without-tls-on-the-port-of-tls", "http://{elsewhere}:443/x"),
        ("location-is-the-registry-without-tls", "http://{registry}/v2/team/app/manifests/1"),
        ("location-is-a-websocket", "wss://{elsewhere}/x"),
        ("location-is-ftp", "ftp://{elsewhere}/x"),
        ("location-is-gopher", "gopher://127.0.0.1:6379/_FLUSHALL"),
        ("location-is-a-file", "file:///etc/passwd"),
        ("location-is-a-script", "javascript:alert(1)"),
        ("location-is-data", "data:application/json,{}"),
        ("location-is-a-blob", "blob:https://{elsewhere}/x"),
        ("location-is-a-scheme-alone", "https://"),
        ("location-is-in-raw-unicode", "https://d\u{43e}cker.io/x"),
        ("location-has-a-space-in-its-host", "https://{elsewhere} .evil.test/x"),
        ("location-has-quotes-in-its-host", "https://a\"b.evil.test/x"),
        ("location-has-an-encoded-slash-in-its-host", "https://127.0.0.1%2f.evil.test/x"),
        ("location-has-an-encoded-nul-in-its-host", "https://127.0.0.1%00.evil.test/x"),
        ("location-is-the-proxy", "https://mirror.pierhead.test/v2/"),
        ("location-is-the-proxy-in-capitals", "https://MIRROR.Pierhead.TEST/v2/"),
        ("location-is-the-proxy-with-a-dot", "https://mirror.pierhead.test./v2/"),
        ("location-is-the-proxy-in-escapes", "https://mirror%2epierhead.test/v2/"),
        ("location-is-a-label-of-the-proxy", "https://quay.pierhead.test/v2/team/app/manifests/1"),
        ("location-is-a-route-of-the-proxy", "https://routed.example.test/v2/team/app/manifests/1"),
    ];
    let private = private.map(|(name, location)| {
        case(name).get(MANIFEST).registry(leads_to(location)).refused(502, "UNAVAILABLE").asked([ASKED_MANIFEST])
    });
    let asked_by_digest = "GET https://{registry}/v2/team/app/manifests/{digest}";
    let of_others = [
        ("blob-at-an-address", "GET", BLOB, ASKED_BLOB),
        ("blob-probed-at-an-address", "HEAD", BLOB, "HEAD https://{registry}/v2/team/app/blobs/{digest}"),
        ("manifest-by-digest-at-an-address", "GET", BY_DIGEST, asked_by_digest),
        ("manifest-probed-at-an-address", "HEAD", MANIFEST, "HEAD https://{registry}/v2/team/app/manifests/1"),
        ("tags-at-an-address", "GET", TAGS, ASKED_TAGS),
        ("referrers-at-an-address", "GET", REFERRERS, ASKED_REFERRERS),
    ];
    let of_others = of_others.map(|(name, method, target, asked)| {
        let registry = leads_to("https://169.254.169.254/latest/");
        case(name).send(method, target).registry(registry).refused(502, "UNAVAILABLE").asked([asked])
    });
    let own_dot = case("location-is-the-proxy-that-was-asked-with-a-dot")
        .host("mirror.pierhead.test.")
        .registry(leads_to("https://mirror.pierhead.test/v2/"))
        .refused(502, "UNAVAILABLE")
        .asked([ASKED_MANIFEST]);
    let missing = [301, 302, 303, 307, 308].into_iter().zip([
        "moved-without-saying-where",
        "found-without-saying-where",
        "see-other-without-saying-where",
        "temporary-redirect-without-saying-where",
        "permanent-redirect-without-saying-where",
    ]);
    let missing = missing.map(|(status, name)| {
        let registry = script(move |_, names| answer(names, status, [], ""));
        case(name).registry(registry).refused(502, "UNAVAILABLE").asked([ASKED_MANIFEST])
    });
    let huge = case("location-of-100-kilobytes")
        .registry(leads_to(format!("https://127.0.0.1/{}", "a".repeat(100_000))))
        .refused(502, "UNAVAILABLE")
        .asked([ASKED_MANIFEST]);
    let handed = case("location-handed-on-is-checked-too")
        .get(BLOB)
        .row(serde_json::json!({"blobs": "redirect"}))
        .registry(leads_to("https://127.0.0.1/x"))
        .refused(502, "UNAVAILABLE")
        .asked([ASKED_BLOB]);
    // A Location that does not belong to a redirect is not the client's to follow.
    let beside = case("location-beside-nothing-new")
        .get(TAGS)
        .header("If-None-Match: \"x\"")
        .registry(script(|_, names| answer(names, 304, ["location: https://evil.test/pwned"], "")))
        .served(304)
        .asked([ASKED_TAGS])
        .hides("evil.test");
    let unchecked = case("location-of-many-places-handed-on")
        .get(BLOB)
        .row(serde_json::json!({"blobs": "redirect"}))
        .registry(script(|_, names| answer(names, 300, ["location: https://127.0.0.1/pwned"], "")))
        .refused(502, "UNAVAILABLE")
        .asked([ASKED_BLOB])
        .hides("127.0.0.1");
    // They are no redirects that anybody follows, and no answer either.
    let others = [
        ("choice-of-many-places", StatusCode::MULTIPLE_CHOICES),
        ("use-of-another-proxy", StatusCode::USE_PROXY),
        ("redirect-of-a-status-nobody-uses", StatusCode::from_u16(306).expect("a status")),
        ("redirect-of-a-status-nobody-knows", StatusCode::from_u16(399).expect("a status")),
    ];
    let others = others.map(|(name, status)| {
        let registry = script(move |_, names| answer(names, status.as_u16(), ["location: https://evil.test/pwned"], ""));
        case(name).registry(registry).refused(502, "UNAVAILABLE").asked([ASKED_MANIFEST])
    });
    private
        .into_iter()
        .chain(of_others)
        .chain([own_dot, huge, handed, beside, unchecked])
        .chain(missing)
        .chain(others)
        .collect()
}
