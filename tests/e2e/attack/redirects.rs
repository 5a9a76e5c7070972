//! A registry, or a host behind it, that leads the Worker about: it wants the client's token or password shown to another host,
//! or requests without end. A credential stays at the registry's own origin.

use super::case::{
    ASKED_BLOB, ASKED_MANIFEST, ASKED_REFERRERS, ASKED_TAGS, ASKED_TOKEN, BLOB, BY_DIGEST, Case, MANIFEST, REFERRERS, TAGS,
    case,
};
use super::script::{Script, always, answer, content, good_token, honest, leads_to, refusal, script, with_tokens};

const AWAY: &str = "https://{elsewhere}/x";
const ASKED_AWAY: &str = "GET https://{elsewhere}/x";

/// A registry that wants a token, and leads whoever shows one away.
fn leads_whoever_has_a_token() -> Script {
    let tokens = with_tokens(good_token());
    script(move |asked, names| {
        if asked.headers().contains_key("authorization") {
            return answer(names, 307, [format!("location: {AWAY}").as_str()], "");
        }
        tokens(asked, names)
    })
}

/// A registry that leads away, and has everything at `/back`.
fn with_a_way_back() -> Script {
    script(|asked, names| match asked.uri().path() {
        "/back" => content(asked),
        _ => answer(names, 307, [format!("location: {AWAY}").as_str()], ""),
    })
}

pub fn cases() -> Vec<Case> {
    let asked_by_digest = "GET https://{registry}/v2/team/app/manifests/{digest}";
    let mut cases = Vec::new();
    let things = [
        (["manifest-led-away-from-a-token", "manifest-led-away-from-a-password"], MANIFEST, ASKED_MANIFEST),
        (["digest-led-away-from-a-token", "digest-led-away-from-a-password"], BY_DIGEST, asked_by_digest),
        (["blob-led-away-from-a-token", "blob-led-away-from-a-password"], BLOB, ASKED_BLOB),
        (["tags-led-away-from-a-token", "tags-led-away-from-a-password"], TAGS, ASKED_TAGS),
        (["referrers-led-away-from-a-token", "referrers-led-away-from-a-password"], REFERRERS, ASKED_REFERRERS),
    ];
    for ([by_token, by_password], target, asked) in things {
        let ask = |name, scheme: &str| {
            let target_there = if target == REFERRERS { "https://{elsewhere}/referrers/x" } else { AWAY };
            let there = format!("GET {target_there}");
            let led = case(name).get(target).registry(leads_to(target_there)).elsewhere(honest()).served(200);
            led.asked([&*format!("{asked} ({scheme})"), &*there])
        };
        cases.push(ask(by_token, "Bearer").with_token());
        cases.push(ask(by_password, "Basic").logged_in());
    }
    let shown = |asked: &str| format!("{asked} (Bearer)");
    cases.extend([
        case("token-of-the-server-side-led-away")
            .registry(leads_whoever_has_a_token())
            .elsewhere(honest())
            .served(200)
            .asked([ASKED_MANIFEST, ASKED_TOKEN, &*shown(ASKED_MANIFEST), ASKED_AWAY]),
        case("token-led-to-a-subdomain-of-the-registry")
            .with_token()
            .registry(leads_to("https://cdn.{registry}/x"))
            .at("cdn.{registry}", honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), "GET https://cdn.{registry}/x"]),
        case("token-led-to-a-name-that-begins-like-the-registry")
            .with_token()
            .registry(leads_to("https://{registry}.evil.test/x"))
            .at("{registry}.evil.test", honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), "GET https://{registry}.evil.test/x"]),
        case("token-led-to-a-name-that-ends-like-the-registry")
            .with_token()
            .registry(leads_to("https://evil-{registry}/x"))
            .at("evil-{registry}", honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), "GET https://evil-{registry}/x"]),
        case("token-led-to-the-registry-with-a-dot")
            .with_token()
            .registry(leads_to("https://{registry}./x"))
            .at("{registry}.", honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), "GET https://{registry}./x"]),
        case("token-led-to-an-encoded-dot-and-suffix")
            .with_token()
            .registry(leads_to("https://{registry}%2eevil.test/x"))
            .at("{registry}.evil.test", honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), "GET https://{registry}.evil.test/x"]),
        case("token-led-away-behind-a-hash")
            .with_token()
            .registry(leads_to("https://{elsewhere}#@{registry}/x"))
            .elsewhere(honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), "GET https://{elsewhere}/"]),
        case("token-led-away-behind-a-backslash")
            .with_token()
            .registry(leads_to("https://{elsewhere}\\@{registry}/x"))
            .elsewhere(honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), "GET https://{elsewhere}/@{registry}/x"]),
        case("token-led-away-over-many-slashes")
            .with_token()
            .registry(leads_to("https:////{elsewhere}/x"))
            .elsewhere(honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), ASKED_AWAY]),
        case("token-led-away-without-a-scheme")
            .with_token()
            .registry(leads_to("//{elsewhere}/x"))
            .elsewhere(honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), ASKED_AWAY]),
        // Without slashes it is a path, and the registry's own.
        case("token-kept-by-a-scheme-without-slashes")
            .with_token()
            .registry(script(|asked, names| match asked.uri().path() {
                "/v2/team/app/manifests/1" => answer(names, 307, ["location: https:{elsewhere}/x"], ""),
                _ => content(asked),
            }))
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), "GET https://{registry}/v2/team/app/manifests/{elsewhere}/x (Bearer)"]),
        case("token-led-away-and-back")
            .with_token()
            .registry(with_a_way_back())
            .elsewhere(leads_to("https://{registry}/back"))
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), ASKED_AWAY, "GET https://{registry}/back"]),
        case("token-of-the-server-side-led-away-and-back")
            .get(BLOB)
            .registry(script(|asked, names| match (asked.uri().path(), asked.headers().contains_key("authorization")) {
                ("/back", true) => answer(names, 200, [], "a token came back"),
                ("/back", false) => content(asked),
                ("/token", _) => good_token()(asked, names),
                (_, true) => answer(names, 307, [format!("location: {AWAY}").as_str()], ""),
                (_, false) => refusal(names, r#"Bearer realm="https://{registry}/token",service="{registry}""#),
            }))
            .elsewhere(leads_to("https://{registry}/back"))
            .served(200)
            .asked([ASKED_BLOB, ASKED_TOKEN, &*shown(ASKED_BLOB), ASKED_AWAY, "GET https://{registry}/back"])
            .hides("a token came back"),
        case("login-wanted-by-a-host-behind-a-redirect")
            .with_token()
            .registry(leads_to(AWAY))
            .elsewhere(script(|_, names| refusal(names, r#"Basic realm="pwned""#)))
            .refused(502, "UNAVAILABLE")
            .asked([&*shown(ASKED_MANIFEST), ASKED_AWAY]),
        case("token-wanted-by-a-host-behind-a-redirect")
            .registry(leads_to(AWAY))
            .elsewhere(script(|_, names| refusal(names, r#"Bearer realm="https://{elsewhere}/token""#)))
            .refused(502, "UNAVAILABLE")
            .asked([ASKED_MANIFEST, ASKED_AWAY]),
        case("redirect-behind-a-redirect-to-an-address")
            .registry(leads_to(AWAY))
            .elsewhere(leads_to("https://127.0.0.1/x"))
            .refused(502, "UNAVAILABLE")
            .asked([ASKED_MANIFEST, ASKED_AWAY]),
        case("redirect-behind-a-redirect-without-tls")
            .registry(leads_to(AWAY))
            .elsewhere(leads_to("http://{elsewhere}/x"))
            .refused(502, "UNAVAILABLE")
            .asked([ASKED_MANIFEST, ASKED_AWAY]),
        case("redirect-behind-a-redirect-to-the-proxy")
            .registry(leads_to(AWAY))
            .elsewhere(leads_to("https://ghcr.pierhead.test/v2/"))
            .refused(502, "UNAVAILABLE")
            .asked([ASKED_MANIFEST, ASKED_AWAY]),
        case("redirect-to-itself").registry(leads_to("#")).refused(502, "UNAVAILABLE").asked([ASKED_MANIFEST; 6]),
        case("redirect-to-nothing").registry(leads_to("")).refused(502, "UNAVAILABLE").asked([ASKED_MANIFEST]),
        case("redirects-of-a-blob-to-itself")
            .get(BLOB)
            .registry(leads_to("?"))
            .refused(502, "UNAVAILABLE")
            .asked([ASKED_BLOB].into_iter().chain(["GET https://{registry}/v2/team/app/blobs/{digest}?"; 5])),
        case("redirects-to-and-fro")
            .with_token()
            .registry(leads_to(AWAY))
            .elsewhere(leads_to("https://{registry}/y"))
            .refused(502, "UNAVAILABLE")
            .asked([
                &*shown(ASKED_MANIFEST),
                ASKED_AWAY,
                "GET https://{registry}/y",
                ASKED_AWAY,
                "GET https://{registry}/y",
                ASKED_AWAY,
            ]),
        case("redirects-that-grow")
            .registry(script(|asked, names| {
                answer(names, 302, [format!("location: {}/a", asked.uri().path()).as_str()], "")
            }))
            .refused(502, "UNAVAILABLE")
            .asked([
                ASKED_MANIFEST,
                "GET https://{registry}/v2/team/app/manifests/1/a",
                "GET https://{registry}/v2/team/app/manifests/1/a/a",
                "GET https://{registry}/v2/team/app/manifests/1/a/a/a",
                "GET https://{registry}/v2/team/app/manifests/1/a/a/a/a",
                "GET https://{registry}/v2/team/app/manifests/1/a/a/a/a/a",
            ]),
        // Two lines are one value to the runtime: what comes of it is one odd address, and one request.
        case("two-locations")
            .with_token()
            .registry(always(307, &["location: https://{elsewhere}/x", "location: https://127.0.0.1/y"], ""))
            .elsewhere(honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), "GET https://{elsewhere}/x,%20https://127.0.0.1/y"]),
        case("location-with-the-port-of-tls")
            .with_token()
            .registry(leads_to("https://{elsewhere}:443/x"))
            .elsewhere(honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), ASKED_AWAY]),
        case("location-that-climbs")
            .with_token()
            .registry(leads_to("https://{elsewhere}/a/../../../x"))
            .elsewhere(honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), ASKED_AWAY]),
        case("location-with-a-line-break-in-escapes")
            .with_token()
            .registry(leads_to("https://{elsewhere}/x%0d%0aX-Pwned:1"))
            .elsewhere(honest())
            .served(200)
            .asked([&*shown(ASKED_MANIFEST), "GET https://{elsewhere}/x%0d%0aX-Pwned:1"]),
        case("redirect-with-a-cookie")
            .registry(always(307, &["location: https://{elsewhere}/x", "set-cookie: pwned=1; Domain=test"], ""))
            .elsewhere(honest())
            .served(200)
            .asked([ASKED_MANIFEST, ASKED_AWAY]),
    ]);
    // Names that look like a registry's are strangers like any other: content may come from there, a credential does not
    // go there.
    let alike = [
        ("token-led-to-docker-hub-with-a-suffix", "docker.io.evil.test"),
        ("token-led-to-docker-hub-with-a-prefix", "evil-docker.io"),
        ("token-led-to-docker-hub-in-punycode", "xn--dcker-zkc.evil.test"),
        ("token-led-to-docker-hubs-own-token-server", "auth.docker.io"),
        ("token-led-to-an-address-in-a-name", "169.254.169.254.evil.test"),
    ];
    cases.extend(alike.map(|(name, host)| {
        let location = format!("https://{host}/x");
        let led = case(name).with_token().registry(leads_to(location.clone())).at(host, honest()).served(200);
        led.asked([&*shown(ASKED_MANIFEST), &*format!("GET {location}")])
    }));
    cases
}
