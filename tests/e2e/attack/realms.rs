//! A registry whose challenge names a token server that is not its own: it wants a password, or a request to a place of its
//! choice. Nothing is asked there, and no login is taken along.

use super::case::{ASKED_MANIFEST, ASKED_PING, ASKED_TOKEN, Case, MANIFEST, TOKEN, case};
use super::script::{challenges, good_token, with_tokens_at};

pub fn cases() -> Vec<Case> {
    let foreign = [
        ("realm-is-a-stranger", "https://evil.test/token"),
        ("realm-has-the-registry-as-a-prefix", "https://{registry}.evil.test/token"),
        ("realm-has-the-registry-as-a-suffix", "https://evil-{registry}/token"),
        ("realm-has-the-registry-in-its-path", "https://evil.test/{registry}/token"),
        ("realm-has-the-registry-as-its-user", "https://{registry}@evil.test/token"),
        ("realm-has-the-registry-as-user-and-password", "https://{registry}:443@evil.test/token"),
        ("realm-has-the-registry-behind-a-hash", "https://evil.test#@{registry}/token"),
        ("realm-has-the-registry-behind-a-question-mark", "https://evil.test?@{registry}/token"),
        // A backslash escapes within quotes, and is a slash within a URL.
        ("realm-has-the-registry-behind-a-backslash", r"https://evil.test\\@{registry}/token"),
        ("realm-has-the-registry-behind-an-escaped-at", r"https://evil.test\@{registry}/token"),
        ("realm-has-a-user-at-the-registry", "https://root@{registry}/token"),
        ("realm-has-a-password-at-the-registry", "https://:x@{registry}/token"),
        ("realm-has-another-port", "https://{registry}:8443/token"),
        ("realm-has-port-nought", "https://{registry}:0/token"),
        ("realm-is-without-tls", "http://{registry}/token"),
        ("realm-is-without-tls-on-the-port-of-tls", "http://{registry}:443/token"),
        ("realm-is-a-websocket", "wss://{registry}/token"),
        ("realm-is-ftp", "ftp://{registry}/token"),
        ("realm-is-a-file", "file:///etc/passwd"),
        ("realm-is-a-script", "javascript:alert(1)"),
        ("realm-is-data", "data:application/json,{%22token%22:%22x%22}"),
        ("realm-is-a-subdomain-of-the-registry", "https://auth.{registry}/token"),
        ("realm-is-the-parent-of-the-registry", "https://attack.test/token"),
        ("realm-has-an-encoded-dot-and-suffix", "https://{registry}%2eevil.test/token"),
        ("realm-has-a-trailing-dot", "https://{registry}./token"),
        ("realm-has-a-tab-in-its-host", "https://{registry}\t.evil.test/token"),
        ("realm-is-another-registrys", "https://auth.docker.io/token"),
        ("realm-is-another-registry", "https://quay.io/v2/auth"),
        ("realm-is-the-proxy", "https://mirror.pierhead.test/token/{registry}"),
        ("realm-is-another-host-of-the-proxy", "https://quay.pierhead.test/token/quay.io"),
        ("realm-is-a-route-of-the-proxy", "https://routed.example.test/token/quay.io"),
        ("realm-is-ipv4", "https://127.0.0.1/token"),
        ("realm-is-ipv4-with-a-trailing-dot", "https://127.0.0.1./token"),
        ("realm-is-short-ipv4", "https://127.1/token"),
        ("realm-is-decimal-ipv4", "https://2130706433/token"),
        ("realm-is-octal-ipv4", "https://0177.0.0.01/token"),
        ("realm-is-hexadecimal-ipv4", "https://0x7f.0x0.0x0.0x1/token"),
        ("realm-is-ipv4-in-one-hexadecimal", "https://0x7f000001/token"),
        ("realm-is-ipv4-in-escapes", "https://%31%32%37.0.0.1/token"),
        ("realm-is-nought", "https://0/token"),
        ("realm-is-ipv6", "https://[::1]/token"),
        ("realm-is-ipv6-of-nothing", "https://[::]/token"),
        ("realm-is-mapped-ipv4", "https://[::ffff:127.0.0.1]/token"),
        ("realm-is-mapped-ipv4-in-hexadecimal", "https://[::ffff:7f00:1]/token"),
        ("realm-is-nat64", "https://[64:ff9b::7f00:1]/token"),
        ("realm-is-a-private-network", "https://10.0.0.1/token"),
        ("realm-is-cloud-metadata", "https://169.254.169.254/latest/meta-data/iam/"),
        ("realm-is-cloud-metadata-of-ipv6", "https://[fd00:ec2::254]/latest/meta-data/"),
        ("realm-is-a-metadata-name", "https://metadata.google.internal/computeMetadata/v1/"),
        ("realm-is-localhost", "https://localhost/token"),
        ("realm-is-a-host-without-dots", "https://vault/token"),
    ];
    let to_pull = foreign.map(|(name, realm)| {
        let challenge = format!(r#"Bearer realm="{realm}",service="{{registry}}""#);
        case(name).get(MANIFEST).registry(challenges(challenge)).refused(502, "UNAVAILABLE").asked([ASKED_MANIFEST])
    });
    let to_log_in = [
        ("login-for-a-stranger", "https://evil.test/token"),
        ("login-for-a-suffix", "https://{registry}.evil.test/token"),
        ("login-for-a-user-part", "https://{registry}@evil.test/token"),
        ("login-for-another-port", "https://{registry}:8443/token"),
        ("login-without-tls", "http://{registry}/token"),
        ("login-for-an-address", "https://2130706433/token"),
        ("login-for-the-proxy", "https://mirror.pierhead.test/token/{registry}"),
        ("login-for-another-registry", "https://auth.docker.io/token"),
    ];
    let to_log_in = to_log_in.map(|(name, realm)| {
        let challenge = format!(r#"Bearer realm="{realm}",service="{{registry}}""#);
        case(name).get(TOKEN).logged_in().registry(challenges(challenge)).refused(502, "UNAVAILABLE").asked([ASKED_PING])
    });
    // What is no URL names no token server: the registry has merely refused.
    let nowhere = [
        ("realm-is-empty", ""),
        ("realm-is-a-path", "/token"),
        ("realm-is-without-a-scheme", "//evil.test/token"),
        ("realm-is-a-word", "Registry"),
        ("realm-is-a-scheme-alone", "https://"),
        ("realm-has-a-port-beyond-all", "https://{registry}:99999/token"),
        ("realm-has-a-zone", "https://[fe80::1%25eth0]/token"),
        ("realm-is-half-an-address", "https://[::1/token"),
        ("realm-has-a-space-in-its-host", "https://{registry} .evil.test/token"),
        ("realm-is-in-raw-cyrillic", "https://d\u{43e}cker.io/token"),
        ("realm-is-in-full-width-digits", "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/token"),
        ("realm-has-a-full-width-dot", "https://evil\u{ff0e}test/token"),
    ];
    let nowhere = nowhere.map(|(name, realm)| {
        let challenge = format!(r#"Bearer realm="{realm}",service="{{registry}}""#);
        case(name).registry(challenges(challenge)).relayed(401, "UNAUTHORIZED").asked([ASKED_MANIFEST])
    });
    // Odd, but the registry's own token server however it is spelled.
    const AGAIN: &str = "GET https://{registry}/v2/team/app/manifests/1 (Bearer)";
    let own = [
        case("realm-names-the-port-of-tls")
            .registry(with_tokens_at(r#"Bearer realm="https://{registry}:443/token",service="{registry}""#, good_token())),
        case("realm-in-capitals")
            .registry(with_tokens_at(r#"Bearer realm="HTTPS://{REGISTRY}/token",service="{registry}""#, good_token())),
        case("realm-with-a-fragment").registry(with_tokens_at(
            r#"Bearer realm="https://{registry}/token#@evil.test",service="{registry}""#,
            good_token(),
        )),
        case("realm-with-backslashes-for-slashes")
            .registry(with_tokens_at(r#"Bearer realm="https:\\\\{registry}\\token",service="{registry}""#, good_token())),
        case("realm-that-climbs").registry(with_tokens_at(
            r#"Bearer realm="https://{registry}/a/../../token",service="{registry}""#,
            good_token(),
        )),
        case("realm-asks-for-more-in-its-query").registry(with_tokens_at(
            r#"Bearer realm="https://{registry}/token?scope=repository:other/private:push",service="{registry}""#,
            good_token(),
        )),
        case("challenge-asks-for-another-repository").registry(with_tokens_at(
            r#"Bearer realm="https://{registry}/token",service="{registry}",scope="repository:other/private:pull,push""#,
            good_token(),
        )),
        case("challenge-asks-for-the-catalog").registry(with_tokens_at(
            r#"Bearer realm="https://{registry}/token",service="{registry}",scope="registry:catalog:*""#,
            good_token(),
        )),
    ];
    let own = own.map(|case| case.served(200).asked([ASKED_MANIFEST, ASKED_TOKEN, AGAIN]).hides("good-token"));
    let service = case("service-breaks-out-of-its-parameter")
        .registry(with_tokens_at(
            r#"Bearer realm="https://{registry}/token",service="x&scope=repository:y:push""#,
            good_token(),
        ))
        .served(200)
        .asked([
            ASKED_MANIFEST,
            "GET https://{registry}/token?service=x%26scope%3Drepository%3Ay%3Apush&scope=repository%3Ateam%2Fapp%3Apull",
            AGAIN,
        ]);
    to_pull.into_iter().chain(to_log_in).chain(nowhere).chain(own).chain([service]).collect()
}
