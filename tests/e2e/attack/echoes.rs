//! A registry that speaks through the Worker to the client: it wants a cookie, a script, a page or a redirect on the proxy's own
//! host. Headers cross by name, errors as JSON, and links lead back to where the client came from.

use super::case::{ASKED_BLOB, ASKED_MANIFEST, ASKED_TAGS, BLOB, Case, MANIFEST, TAGS, case};
use super::script::{IMAGE, answer, script};

const TAGS_BODY: &str = r#"{"name":"team/app","tags":["1"]}"#;
const JSON: &str = "content-type: application/json";
const ASKED_HEAD: &str = "HEAD https://{registry}/v2/team/app/manifests/1";

/// Headers that mean something to a browser, a proxy or a client, and are the registry's to send to nobody.
const UNWANTED: [(&str, &str, &str); 24] = [
    ("cookie-for-a-manifest", "cookie-for-tags", "set-cookie: pwned=1; Domain=pierhead.test"),
    ("origins-for-a-manifest", "origins-for-tags", "access-control-allow-origin: https://pwned.test"),
    ("credentials-for-a-manifest", "credentials-for-tags", "access-control-allow-credentials: pwned"),
    ("policy-for-a-manifest", "policy-for-tags", "content-security-policy: default-src pwned"),
    ("refresh-for-a-manifest", "refresh-for-tags", "refresh: 0; url=https://pwned.test"),
    ("location-for-a-manifest", "location-for-tags", "location: https://pwned.test/"),
    ("content-location-for-a-manifest", "content-location-for-tags", "content-location: https://pwned.test/"),
    ("transport-security-for-a-manifest", "transport-security-for-tags", "strict-transport-security: max-age=0; pwned"),
    ("alternative-service-for-a-manifest", "alternative-service-for-tags", "alt-svc: h2=\"pwned.test:443\""),
    ("clearing-of-data-for-a-manifest", "clearing-of-data-for-tags", "clear-site-data: \"pwned\""),
    ("disposition-for-a-manifest", "disposition-for-tags", "content-disposition: attachment; filename=pwned.exe"),
    ("challenge-for-a-manifest", "challenge-for-tags", "www-authenticate: Basic realm=\"pwned\""),
    ("proxy-challenge-for-a-manifest", "proxy-challenge-for-tags", "proxy-authenticate: Basic realm=\"pwned\""),
    ("authentication-info-for-a-manifest", "authentication-info-for-tags", "authentication-info: nextnonce=\"pwned\""),
    ("server-for-a-manifest", "server-for-tags", "server: pwned/1.0"),
    ("powered-by-for-a-manifest", "powered-by-for-tags", "x-powered-by: pwned"),
    ("via-for-a-manifest", "via-for-tags", "via: 1.1 pwned"),
    ("source-map-for-a-manifest", "source-map-for-tags", "sourcemap: /pwned.js"),
    ("reporting-for-a-manifest", "reporting-for-tags", "report-to: {\"endpoints\":[{\"url\":\"https://pwned.test\"}]}"),
    ("service-worker-for-a-manifest", "service-worker-for-tags", "service-worker-allowed: /pwned"),
    ("expiry-for-a-manifest", "expiry-for-tags", "cache-control: public, max-age=31536000, pwned"),
    ("surrogate-expiry-for-a-manifest", "surrogate-expiry-for-tags", "cdn-cache-control: max-age=31536000, pwned"),
    ("own-error-for-a-manifest", "own-error-for-tags", "x-pierhead-error: pwned"),
    ("trailer-for-a-manifest", "trailer-for-tags", "trailer: x-pwned"),
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (with_manifest, with_tags, line) in UNWANTED {
        let manifest = script(move |_, names| {
            answer(names, 200, ["content-type: application/vnd.oci.image.manifest.v1+json", line], IMAGE)
        });
        cases.push(case(with_manifest).get(MANIFEST).registry(manifest).served(200).asked([ASKED_MANIFEST]));
        let tags = script(move |_, names| answer(names, 200, ["content-type: application/json", line], TAGS_BODY));
        cases.push(case(with_tags).get(TAGS).registry(tags).served(200).asked([ASKED_TAGS]));
    }
    let links = [
        ("link-to-another-path", r#"link: </v2/other/private/tags/pwned>; rel="next""#),
        ("link-to-a-script", r#"link: <javascript:pwned>; rel="next""#),
        ("link-to-a-preload", "link: <https://pwned.test/x.js>; rel=preload; as=script"),
        ("link-to-a-stylesheet", "link: </v2/team/app/tags/list?pwned>; rel=stylesheet"),
        ("link-without-an-end", "link: <https://pwned.test/v2/team/app/tags/list"),
        ("link-that-climbs", r#"link: </v2/team/app/tags/list/../../../../pwned>; rel="next""#),
        ("link-that-is-no-url", r#"link: <https://[pwned/v2/team/app/tags/list>; rel="next""#),
        ("link-that-is-no-text", "link: </v2/team/app/tags/list?pwned=\u{e9}>; rel=\"next\""),
        ("link-beside-a-manifest", r#"link: <https://pwned.test/>; rel="next""#),
    ];
    cases.extend(links.map(|(name, line)| {
        let tags = script(move |_, names| answer(names, 200, ["content-type: application/json", line], TAGS_BODY));
        case(name).get(TAGS).registry(tags).served(200).asked([ASKED_TAGS])
    }));
    // Only the query is the registry's.
    let led_back = [
        ("link-to-another-host", r#"link: <https://pwned.test/v2/team/app/tags/list?last=1>; rel="next""#),
        ("link-to-an-address", r#"link: <https://127.0.0.1/v2/team/app/tags/list?last=1>; rel="next""#),
        ("link-to-another-repository", r#"link: </v2/pwned/tags/list?last=1>; rel="next""#),
        ("link-without-tls", r#"link: <http://user:pwned@{registry}/v2/team/app/tags/list?last=1#pwned>; rel="next""#),
        ("link-with-another-registry", r#"link: </v2/team/app/tags/list?ns=pwned.test&last=1>; rel="next""#),
    ];
    cases.extend(led_back.map(|(name, line)| {
        let tags = script(move |_, names| answer(names, 200, ["content-type: application/json", line], TAGS_BODY));
        let served = case(name).get(TAGS).registry(tags).served(200).asked([ASKED_TAGS]);
        served.tells(r#"</{registry}/v2/team/app/tags/list?last=1>; rel="next""#)
    }));

    let page = "<html><script src=https://pwned.test></script>Go <b>away</b></html>";
    let statuses = [
        ("error-page-400", 400, 400, "UNSUPPORTED"),
        ("error-page-402", 402, 402, "UNSUPPORTED"),
        ("error-page-403", 403, 401, "UNAUTHORIZED"),
        ("error-page-404", 404, 404, "MANIFEST_UNKNOWN"),
        ("error-page-405", 405, 405, "UNSUPPORTED"),
        ("error-page-407", 407, 407, "UNSUPPORTED"),
        ("error-page-410", 410, 410, "MANIFEST_UNKNOWN"),
        ("error-page-418", 418, 418, "UNSUPPORTED"),
        ("error-page-421", 421, 421, "UNSUPPORTED"),
        ("error-page-451", 451, 451, "DENIED"),
        ("error-page-499", 499, 499, "UNSUPPORTED"),
        ("error-page-500", 500, 500, "UNAVAILABLE"),
        ("error-page-502", 502, 502, "UNAVAILABLE"),
        ("error-page-511", 511, 511, "UNAVAILABLE"),
        ("error-page-599", 599, 599, "UNAVAILABLE"),
    ];
    cases.extend(statuses.map(|(name, sent, status, code)| {
        let lines = ["content-type: text/html", "set-cookie: pwned=1", "location: https://pwned.test/"];
        let registry = script(move |_, names| answer(names, sent, lines, page));
        case(name).registry(registry).relayed(status, code).asked([ASKED_MANIFEST]).hides("<script").hides("pwned.test")
    }));
    let errors = [
        ("error-that-is-empty", "", "no error"),
        ("error-without-errors", r#"{"errors":[]}"#, "no error"),
        ("error-that-is-a-text", r#""<script>""#, "<script>"),
        ("error-of-control-characters", "\u{1b}[31mpwned\u{7}\0", "\u{1b}"),
        ("error-with-errors-that-are-none", r#"{"errors":["<script>"]}"#, "<script>"),
        ("error-nested-without-end", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "no error"),
    ];
    cases.extend(errors.map(|(name, body, hidden)| {
        let registry = script(move |_, names| answer(names, 500, [JSON], body));
        case(name).registry(registry).relayed(500, "UNAVAILABLE").asked([ASKED_MANIFEST]).hides(hidden)
    }));
    cases.extend([
        // Its words are the registry's; that they are JSON, and no page, is the proxy's.
        case("error-in-json-that-calls-itself-a-page")
            .registry(script(|_, names| {
                let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"<script>alert(1)</script>"}]}"#;
                answer(names, 404, ["content-type: text/html"], body)
            }))
            .relayed(404, "MANIFEST_UNKNOWN")
            .asked([ASKED_MANIFEST])
            .hides("text/html"),
        case("error-with-a-line-break-in-its-message")
            .registry(script(|_, names| {
                let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"a\r\nX-Pwned: 1\r\n\r\n<html>"}]}"#;
                answer(names, 401, [JSON], body)
            }))
            .relayed(401, "UNAUTHORIZED")
            .asked([ASKED_MANIFEST]),
        case("error-of-10-megabytes")
            .registry(script(|_, names| answer(names, 500, ["content-type: text/plain"], "x".repeat(10 << 20))))
            .relayed(500, "UNAVAILABLE")
            .asked([ASKED_MANIFEST]),
        case("limit-with-a-page")
            .registry(script(|_, names| {
                answer(names, 429, ["content-type: text/html", "retry-after: 5"], "<script>pwned</script>")
            }))
            .relayed(401, "UNAUTHORIZED")
            .asked([ASKED_MANIFEST, ASKED_HEAD])
            .hides("<script>"),
        case("limit-on-a-blob-that-never-ends")
            .get(BLOB)
            .registry(script(|_, names| answer(names, 429, ["retry-after: 99999999999999999999"], "")))
            .relayed(401, "UNAUTHORIZED")
            .asked([ASKED_BLOB]),
        case("status-of-600")
            .registry(script(|_, names| answer(names, 600, [], "pwned")))
            .refused(502, "UNAVAILABLE")
            .asked([ASKED_MANIFEST]),
        case("status-of-999")
            .registry(script(|_, names| answer(names, 999, [], "pwned")))
            .refused(502, "UNAVAILABLE")
            .asked([ASKED_MANIFEST]),
    ]);
    cases
}
