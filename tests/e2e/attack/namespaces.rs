//! A client that names a registry that is not served, by `ns` or by a prefix, so that the Worker asks a host of the client's
//! choice. What is not in the table is asked by nobody, however it is spelled.

use super::case::{ASKED_MANIFEST, Case, case};
use super::script::honest;

pub fn cases() -> Vec<Case> {
    let unknown = [
        ("ns-is-a-foreign-name", "evil.test"),
        ("ns-is-empty", ""),
        ("ns-is-an-address", "127.0.0.1"),
        ("ns-is-an-address-with-a-port", "127.0.0.1:5000"),
        ("ns-is-a-decimal-address", "2130706433"),
        ("ns-is-a-hexadecimal-address", "0x7f000001"),
        ("ns-is-a-short-address", "127.1"),
        ("ns-is-an-ipv6-address", "[::1]"),
        ("ns-is-a-mapped-address", "[::ffff:127.0.0.1]"),
        ("ns-is-cloud-metadata", "169.254.169.254"),
        ("ns-is-a-metadata-name", "metadata.google.internal"),
        ("ns-is-localhost", "localhost:8787"),
        ("ns-is-a-url", "https://docker.io/"),
        ("ns-with-a-port", "docker.io:443"),
        ("ns-with-a-path", "docker.io/library"),
        ("ns-with-a-trailing-slash", "docker.io/"),
        ("ns-with-a-trailing-dot", "docker.io."),
        ("ns-with-a-user", "docker.io@evil.test"),
        ("ns-with-an-encoded-user", "docker.io%40evil.test"),
        ("ns-with-a-nul", "docker.io%00.evil.test"),
        ("ns-with-a-line-break", "docker.io%0d%0aX-Pwned:%201"),
        ("ns-with-a-space", "docker.io%20"),
        ("ns-with-a-backslash", "docker.io%5c.evil.test"),
        ("ns-with-a-suffix", "docker.io.evil.test"),
        ("ns-with-a-prefix", "evil-docker.io"),
        ("ns-with-an-encoded-dot-and-suffix", "docker%2eio%2eevil.test"),
        ("ns-in-capitals", "DOCKER.IO"),
        ("ns-in-cyrillic", "d%D0%BEcker.io"),
        ("ns-in-full-width-letters", "docker%EF%BC%8Eio"),
        ("ns-in-punycode", "xn--dcker-2ve.io"),
        ("ns-encoded-twice", "docker%252eio"),
        ("ns-that-is-no-text", "%ff"),
        ("ns-is-a-label", "docker"),
        ("ns-is-a-wildcard", "*.docker.io"),
        ("ns-is-a-region-that-climbs", "..-docker.pkg.dev"),
        ("ns-is-a-region-with-a-dot", "evil.test%2fx-docker.pkg.dev"),
        ("ns-is-a-region-with-a-suffix", "us-docker.pkg.dev.evil.test"),
        ("ns-is-a-script", "%3Cscript%3Epwned%3C/script%3E"),
        ("ns-with-semicolons", "quay.io;ns=evil.test"),
    ];
    let unknown = unknown
        .map(|(name, ns)| case(name).get(&format!("/v2/hello/manifests/1?ns={ns}")).refused(404, "NAME_UNKNOWN").says("ns"));
    let rows = [
        ("ns-of-8000-letters", format!("/v2/hello/manifests/1?ns={}", "a".repeat(8000)), 404, "NAME_UNKNOWN"),
        ("ns-twice", "/v2/hello/manifests/1?ns=docker.io&ns=quay.io".to_owned(), 400, "NAME_INVALID"),
        ("ns-twice-the-same", "/v2/hello/manifests/1?ns=docker.io&ns=docker.io".to_owned(), 400, "NAME_INVALID"),
        ("ns-twice-once-encoded", "/v2/hello/manifests/1?ns=docker.io&%6es=evil.test".to_owned(), 400, "NAME_INVALID"),
        ("ns-spelled-in-escapes", "/v2/hello/manifests/1?%6e%73=evil.test".to_owned(), 404, "NAME_UNKNOWN"),
        ("ns-against-a-prefix-behind-v2", "/v2/quay.io/team/app/manifests/1?ns=docker.io".to_owned(), 400, "NAME_INVALID"),
        ("ns-of-nobody-for-the-ping", "/v2/?ns=evil.test".to_owned(), 404, "NAME_UNKNOWN"),
        ("ns-of-nobody-for-tags", "/v2/hello/tags/list?ns=evil.test".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-before-v2-is-nobodys", "/evil.test/v2/hello/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-before-v2-is-no-label", "/nobody/v2/hello/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-before-v2-is-an-address", "/127.0.0.1/v2/hello/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-before-v2-has-a-port", "/quay.io:8443/v2/hello/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-before-v2-has-a-user", "/quay.io@evil.test/v2/hello/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-before-v2-in-capitals", "/QUAY.IO/v2/hello/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-before-v2-has-an-encoded-dot", "/quay%2eio/v2/hello/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-before-v2-has-an-encoded-slash", "/quay.io%2fevil/v2/hello/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-before-v2-has-a-suffix", "/quay.io.evil.test/v2/hello/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-before-v2-is-a-scheme", "/https:/v2/hello/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-before-v2-of-two-parts", "/quay.io/team/v2/hello/manifests/1".to_owned(), 404, "UNSUPPORTED"),
        ("prefix-behind-v2-is-nobodys", "/v2/evil.test/hello/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-behind-v2-is-an-address", "/v2/127.0.0.1/hello/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-behind-v2-is-metadata", "/v2/169.254.169.254/latest/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-behind-v2-has-a-port", "/v2/quay.io:8443/team/app/manifests/1".to_owned(), 400, "NAME_INVALID"),
        ("prefix-behind-v2-has-a-suffix", "/v2/quay.io.evil.test/app/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-behind-v2-in-capitals", "/v2/QUAY.IO/app/manifests/1".to_owned(), 400, "NAME_INVALID"),
        ("prefix-behind-v2-looks-alike-in-punycode", "/v2/xn--qay-8cd.io/app/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("prefix-behind-v2-twice", "/quay.io/v2/ghcr.io/team/app/manifests/1".to_owned(), 400, "NAME_INVALID"),
        ("prefix-behind-v2-alone", "/v2/evil.test/".to_owned(), 404, "UNSUPPORTED"),
    ];
    let rows = rows.map(|(name, target, status, code)| case(name).get(&target).refused(status, code));
    // These are no `ns`: other parsers' spellings of it mean nothing here, and go nowhere.
    let other =
        [("ns-as-a-list", "ns[]=evil.test"), ("ns-in-capital-letters", "NS=evil.test"), ("ns-with-a-dot", "ns.x=evil.test")];
    let other = other.map(|(name, query)| {
        case(name)
            .get(&format!("/{{registry}}/v2/team/app/manifests/1?{query}"))
            .registry(honest())
            .served(200)
            .asked([ASKED_MANIFEST])
    });
    unknown.into_iter().chain(rows).chain(other).collect()
}
