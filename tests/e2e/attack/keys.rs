//! Somebody without the key of a Worker with `ACCESS = "path"`, who tries to do without; and somebody with it, who is careless
//! with it or wants it told to others.

use serde_json::{Value, json};

use super::case::{ASKED_BLOB, ASKED_MANIFEST, ASKED_TAGS, Case, case};
use super::script::{always, honest, script};
use crate::upstream;

const KEY: &str = "k0k1k2k3k4k5k6k7k8k9k0k1";
const OLD: &str = "old1old2old3old4old5old6";

/// What the operator has set.
pub fn settings() -> Vec<(&'static str, Value)> {
    vec![("ACCESS", json!("path")), ("PATH_SECRET", json!([KEY, OLD]).to_string().into())]
}

/// What the log must not hold.
pub const SECRETS: [&str; 2] = [KEY, OLD];

fn with_key(text: &str) -> String {
    text.replace("{key}", KEY).replace("{old}", OLD)
}

pub fn cases() -> Vec<Case> {
    [without(), nearly(), careless(), told()].concat()
}

fn without() -> Vec<Case> {
    let rows = [
        ("keyless-ping", "GET", "/v2/", ""),
        ("keyless-pull", "GET", "/v2/library/hello/manifests/1", ""),
        ("keyless-head", "HEAD", "/v2/library/hello/manifests/1", ""),
        ("keyless-blob", "GET", "/v2/library/hello/blobs/{digest}", ""),
        ("keyless-tags", "GET", "/v2/library/hello/tags/list", ""),
        ("keyless-push", "PUT", "/v2/library/hello/manifests/1", ""),
        ("keyless-label", "GET", "/hub/v2/library/hello/manifests/1", ""),
        ("keyless-ns", "GET", "/v2/team/app/manifests/1?ns={registry}", ""),
        ("keyless-unknown-ns", "GET", "/v2/team/app/manifests/1?ns=nobody.test", ""),
        (
            "keyless-with-an-anonymous-pass",
            "GET",
            "/v2/library/hello/manifests/1",
            "Authorization: Bearer ph1.anonymous.docker.io.OTk5OTk5OTk5OQ",
        ),
        (
            "keyless-with-an-upstream-pass",
            "GET",
            "/v2/library/hello/manifests/1",
            "Authorization: Bearer ph1.upstream.docker.io.aHVudGVyMg",
        ),
        (
            "keyless-with-a-registrys-login",
            "GET",
            "/v2/library/hello/manifests/1",
            "Authorization: Basic YWxpY2U6aHVudGVyMg==",
        ),
        ("keyless-with-a-registrys-token", "GET", "/v2/library/hello/manifests/1", "Authorization: Bearer hunter2"),
    ];
    let rows = rows.map(|(name, method, target, line)| {
        let case = case(name).send(method, target).refused(401, "UNAUTHORIZED").tells("Bearer realm=");
        if line.is_empty() { case } else { case.header(line) }
    });
    let token = ["", "?scope=repository:library/hello:pull", "?scope=repository:nearly/library/hello:pull"];
    let tokens = ["keyless-token", "keyless-token-with-a-scope", "keyless-token-with-a-longer-scope"];
    let tokens = tokens.into_iter().zip(token).map(|(name, query)| {
        case(name)
            .get(&format!("/token/docker.io{query}"))
            .header("Authorization: Basic YWxpY2U6aHVudGVyMg==")
            .refused(401, "UNAUTHORIZED")
    });
    let form = case("keyless-form")
        .post("/token/docker.io", "grant_type=password&username=alice&password=hunter2&scope=repository:library/hello:pull")
        .refused(401, "UNAUTHORIZED");
    let page = case("keyless-page").get("/").refused(404, "UNSUPPORTED");
    let script = case("keyless-script").get("/pull.sh").refused(404, "UNSUPPORTED");
    rows.into_iter().chain(tokens).chain([form, page, script]).collect()
}

/// The key, but not where it counts, or not quite.
fn nearly() -> Vec<Case> {
    let rows = [
        ("key-too-short", "/k0k1k2k3k4k5k6k7k8k9k0k/v2/", ""),
        ("key-too-long", "/{key}0/v2/", ""),
        ("key-of-another-end", "/k0k1k2k3k4k5k6k7k8k9k0k2/v2/", ""),
        ("key-of-another-beginning", "/j0k1k2k3k4k5k6k7k8k9k0k1/v2/", ""),
        ("key-in-capitals", "/K0K1K2K3K4K5K6K7K8K9K0K1/v2/", ""),
        ("key-in-escapes", "/%6b0k1k2k3k4k5k6k7k8k9k0k1/v2/", ""),
        ("key-with-a-tail", "/{key}%20/v2/", ""),
        ("key-with-a-nul", "/{key}%00/v2/", ""),
        ("key-with-a-dot", "/{key}./v2/", ""),
        ("both-keys-in-one", "/{key}{old}/v2/", ""),
        ("key-as-a-query", "/v2/?key={key}", ""),
        ("key-as-an-ns", "/v2/?ns={key}", ""),
        ("key-after-the-name", "/v2/library/{key}/manifests/1", ""),
        ("key-as-a-tag", "/v2/library/hello/manifests/{key}", ""),
        ("key-in-the-header-too-long", "/v2/", "X-Pierhead-Key: {key}0"),
        ("key-in-the-header-in-capitals", "/v2/", "X-Pierhead-Key: K0K1K2K3K4K5K6K7K8K9K0K1"),
        ("key-in-the-header-as-a-list", "/v2/", "X-Pierhead-Key: x, {key}"),
        ("key-in-the-header-twice", "/v2/", "X-Pierhead-Key: {key}\r\nX-Pierhead-Key: {key}"),
        ("key-in-the-header-quoted", "/v2/", "X-Pierhead-Key: \"{key}\""),
        ("key-in-another-header", "/v2/", "X-Pierhead-Secret: {key}"),
        ("key-as-a-bearer", "/v2/", "Authorization: Bearer {key}"),
        ("key-as-a-cookie", "/v2/", "Cookie: X-Pierhead-Key={key}"),
        ("key-in-the-referer", "/v2/", "Referer: https://mirror.pierhead.test/{key}/v2/"),
        ("empty-header", "/v2/", "X-Pierhead-Key: "),
    ];
    let rows = rows.map(|(name, target, line)| {
        let case = case(name).get(&with_key(target)).refused(401, "UNAUTHORIZED");
        if line.is_empty() { case } else { case.header(with_key(line)) }
    });
    let outside = [
        ("key-behind-two-slashes", "//{key}/v2/", 404),
        ("key-before-two-slashes", "/{key}//v2/", 404),
        ("key-of-half-an-address", "/{key}/v1/", 404),
    ];
    let outside =
        outside.map(|(name, target, status)| case(name).get(&with_key(target)).refused(status, "UNSUPPORTED").hides(KEY));
    let climbs = case("key-climbs").get(&with_key("/{key}/%2e%2e/v2/")).refused(400, "NAME_INVALID").hides(KEY);
    [rows.to_vec(), outside.to_vec(), vec![climbs]].concat()
}

/// Somebody has the key, and it is nobody else's business.
fn careless() -> Vec<Case> {
    let refused =
        |name, target: &str, status, code| case(name).get(&with_key(target)).refused(status, code).hides(KEY).hides(OLD);
    vec![
        refused("key-in-a-registry-before", "/{key}/x-{key}/v2/a/b/manifests/1", 404, "NAME_UNKNOWN").says("[key]"),
        refused("other-key-in-a-registry-before", "/{key}/x-{old}/v2/a/b/manifests/1", 404, "NAME_UNKNOWN").says("[key]"),
        refused("key-and-ns", "/{key}/v2/a/b/manifests/1?ns={key}", 404, "NAME_UNKNOWN").says("[key]"),
        refused("key-in-a-broken-name", "/{key}/v2/A/{key}/manifests/1", 400, "NAME_INVALID").says("[key]"),
        refused("key-in-a-broken-digest", "/{key}/v2/a/blobs/{key}", 400, "DIGEST_INVALID").says("[key]"),
        refused("key-in-a-broken-tag", "/{key}/v2/a/manifests/.{key}", 404, "MANIFEST_UNKNOWN"),
        refused("key-and-a-strange-path", "/{key}/{key}/x/y", 404, "UNSUPPORTED"),
        refused("key-in-a-scope-that-is-none", "/{key}/token/docker.io?scope=repository:A/{key}:pull", 400, "UNSUPPORTED")
            .says("[key]"),
        refused("key-as-a-registry-of-tokens", "/{key}/token/{key}", 404, "NAME_UNKNOWN"),
        refused("key-and-a-push", "/{key}/v2/_catalog", 404, "UNSUPPORTED"),
        case("key-of-a-pusher").send("PUT", &with_key("/{key}/v2/a/b/manifests/1")).refused(405, "UNSUPPORTED").hides(KEY),
        case("key-and-an-unknown-registry")
            .get(&with_key("/{key}/v2/a/b/manifests/1?ns=nobody.test"))
            .refused(404, "NAME_UNKNOWN")
            .hides(KEY),
        case("key-and-two-registries")
            .get(&with_key("/{key}/quay/v2/ghcr.io/a/b/manifests/1"))
            .refused(400, "NAME_INVALID")
            .hides(KEY),
        case("key-and-a-broken-pass")
            .get(&with_key("/{key}/v2/a/b/manifests/1"))
            .header("Authorization: Bearer ph1.user.docker.io.OTk6QTphbGljZQ")
            .refused(401, "UNAUTHORIZED"),
    ]
}

/// What is asked of a registry has no key in it, wherever it stood; and a registry cannot make us tell.
fn told() -> Vec<Case> {
    let opens = [
        ("key-before", "/{key}/{registry}/v2/team/app/manifests/1", ""),
        ("key-that-was", "/{old}/{registry}/v2/team/app/manifests/1", ""),
        ("key-behind", "/v2/{key}/{registry}/team/app/manifests/1", ""),
        ("key-behind-a-prefix", "/{registry}/v2/{key}/team/app/manifests/1", ""),
        ("key-before-and-behind", "/{key}/{registry}/v2/{key}/team/app/manifests/1", ""),
        ("key-in-the-header", "/{registry}/v2/team/app/manifests/1", "X-Pierhead-Key: {key}"),
        ("key-in-all-places", "/{key}/{registry}/v2/{old}/team/app/manifests/1", "X-Pierhead-Key: {key}"),
    ];
    let opens = opens.map(|(name, target, line)| {
        let case = case(name).get(&with_key(target)).registry(honest()).asked([ASKED_MANIFEST]).served(200);
        let case = if line.is_empty() { case } else { case.header(with_key(line)) };
        case.hides(KEY).hides(OLD)
    });
    let manifest =
        |name| case(name).get(&with_key("/{key}/{registry}/v2/team/app/manifests/1")).asked([ASKED_MANIFEST]).hides(KEY);
    let blob =
        |name| case(name).get(&with_key("/{key}/{registry}/v2/team/app/blobs/{digest}")).asked([ASKED_BLOB]).hides(KEY);
    let tags = |name| case(name).get(&with_key("/{key}/{registry}/v2/team/app/tags/list")).asked([ASKED_TAGS]).hides(KEY);
    let linked = |link: &'static str| {
        script(move |_, names| {
            let mut answer = upstream::json(http::StatusCode::OK, &json!({"name": "team/app", "tags": ["1"]}));
            answer.headers_mut().insert(http::header::LINK, names.fill(link).parse().expect("a link"));
            answer
        })
    };
    [
        opens.to_vec(),
        vec![
            tags("key-and-a-next-page")
                .registry(linked(r#"</v2/team/app/tags/list?last=1>; rel="next""#))
                .served(200)
                .tells("<?last=1>"),
            tags("key-and-a-next-page-elsewhere")
                .registry(linked(r#"<https://{elsewhere}/v2/team/app/tags/list?last=1>; rel="next""#))
                .served(200),
            manifest("key-and-a-redirect-home")
                .registry(script(|_, _| upstream::redirect("https://mirror.pierhead.test/v2/")))
                .refused(502, "UNAVAILABLE"),
            blob("key-and-a-storage-that-refuses")
                .registry(script(|_, names| upstream::redirect(&names.fill("https://{elsewhere}/x"))))
                .elsewhere(always(403, &["content-type: text/plain"], "expired"))
                .asked([ASKED_BLOB, "GET https://{elsewhere}/x"])
                .refused(502, "UNAVAILABLE"),
            manifest("key-and-a-broken-registry")
                .registry(always(500, &["content-type: text/html"], "<html>"))
                .relayed(500, "UNAVAILABLE"),
            manifest("key-and-a-missing-tag")
                .registry(always(404, &["content-type: text/html"], "<html>"))
                .relayed(404, "MANIFEST_UNKNOWN"),
        ],
    ]
    .concat()
}
