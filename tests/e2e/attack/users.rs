//! Strangers, and users who want more than is theirs, before a Worker with `ACCESS = "users"`: they guess, forge, carry passes to
//! other places, and hope that what they show travels on.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pierhead::access::{SigningKeys, Users};
use pierhead::auth::{Pass, PassKind, Sealed};
use pierhead::oci::Digest;
use pierhead::secret::Secret;
use serde_json::{Value, json};

use super::case::{ASKED_MANIFEST, Case, GATEWAY, MANIFEST, case};
use super::script::{always, honest, script};
use crate::image::sha256;
use crate::upstream;

const SIGNING_KEY: &str = "hunter2-the-key-that-signs-0123456789";
const OLD_KEY: &str = "hunter2-the-key-that-signed-012345678";
/// Users, and what they log in with.
const ALICE: (&str, &str) = ("alice", "hunter2-of-alice");
const BOB: (&str, &str) = ("bob", "hunter2-of-bob");

/// What the operator has set.
pub fn settings() -> Vec<(&'static str, Value)> {
    let users = json!({ALICE.0: sha256(ALICE.1.as_bytes()), BOB.0: sha256(BOB.1.as_bytes())});
    vec![
        ("ACCESS", json!("users")),
        ("USERS", users.to_string().into()),
        ("SIGNING_KEYS", json!([SIGNING_KEY, OLD_KEY]).to_string().into()),
    ]
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

fn basic((user, password): (&str, &str)) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// A pass as the Worker makes it: signed with a key, for a user who logs in with a token.
fn pass(key: &str, (name, token): (&str, &str), registry: &str, host: &str, at: u64) -> Pass {
    let sum = sha256(token.as_bytes()).parse::<Digest>().expect("a digest").sha256().expect("a SHA-256");
    let keys = SigningKeys::new(vec![Secret::new(key)]).expect("a long key");
    Users::new(vec![(name.to_owned(), sum)], keys).pass(name, registry, host, at)
}

fn bearer(pass: &Pass) -> String {
    format!("Authorization: Bearer {}", pass.to_token().expose())
}

/// A good pass with something changed.
fn forged(change: impl FnOnce(&mut Sealed)) -> String {
    let mut pass = pass(SIGNING_KEY, ALICE, "docker.io", GATEWAY, now());
    if let PassKind::User(sealed) = &mut pass.kind {
        change(sealed);
    }
    bearer(&pass)
}

pub fn cases() -> Vec<Case> {
    [strangers(), at_the_token_endpoint(), credentials(), insiders()].concat()
}

/// Nothing is shown: whatever is asked for, the answer is one.
fn strangers() -> Vec<Case> {
    let asked_for = [
        ("stranger-pings", "GET", "/v2/"),
        ("stranger-pings-without-a-slash", "GET", "/v2"),
        ("stranger-wants-a-tag", "GET", "/v2/library/hello/manifests/1"),
        ("stranger-looks-at-a-tag", "HEAD", "/v2/library/hello/manifests/1"),
        ("stranger-wants-a-digest", "GET", "/v2/library/hello/manifests/{digest}"),
        ("stranger-wants-a-blob", "GET", "/v2/library/hello/blobs/{digest}"),
        ("stranger-wants-tags", "GET", "/v2/library/hello/tags/list"),
        ("stranger-wants-referrers", "GET", "/v2/library/hello/referrers/{digest}"),
        ("stranger-wants-the-catalog", "GET", "/v2/_catalog"),
        ("stranger-begins-an-upload", "POST", "/v2/library/hello/blobs/uploads/"),
        ("stranger-puts-a-manifest", "PUT", "/v2/library/hello/manifests/1"),
        ("stranger-deletes-a-manifest", "DELETE", "/v2/library/hello/manifests/1"),
        ("stranger-asks-for-options", "OPTIONS", "/v2/library/hello/manifests/1"),
        ("stranger-names-a-registry-behind", "GET", "/v2/quay.io/team/app/manifests/1"),
        ("stranger-names-a-registry-before", "GET", "/quay.io/v2/team/app/manifests/1"),
        ("stranger-names-a-label-before", "GET", "/quay/v2/team/app/manifests/1"),
        ("stranger-names-a-known-ns", "GET", "/v2/team/app/manifests/1?ns=quay.io"),
        ("stranger-names-the-operators-own-ns", "GET", "/v2/team/app/manifests/1?ns={registry}"),
        ("stranger-names-an-unknown-ns", "GET", "/v2/team/app/manifests/1?ns=nobody.test"),
        ("stranger-names-two-ns", "GET", "/v2/team/app/manifests/1?ns=quay.io&ns=ghcr.io"),
        ("stranger-names-an-unknown-prefix", "GET", "/nobody.test/v2/team/app/manifests/1"),
        ("stranger-writes-a-broken-name", "GET", "/v2/Team/App/manifests/1"),
        ("stranger-writes-a-broken-digest", "GET", "/v2/team/app/blobs/sha256:zz"),
        ("stranger-injects-by-ns", "GET", "/v2/?ns=%22%0d%0aX-Pwned:%201"),
        ("stranger-injects-a-quote-by-prefix", "GET", "/pwned%22,x=%22/v2/"),
        ("stranger-names-a-long-ns", "GET", "/v2/?ns={long}"),
    ];
    let turned = asked_for.map(|(name, method, target)| {
        let target = target.replace("{long}", &"pwned".repeat(100));
        case(name).send(method, &target).refused(401, "UNAUTHORIZED").tells("Bearer realm=")
    });
    // The same answer, but for what the stranger wrote.
    let same = case("stranger-cannot-tell-known-from-unknown")
        .get("/v2/team/app/manifests/1?ns=nobody.test")
        .refused(401, "UNAUTHORIZED")
        .tells(r#"realm="https://mirror.pierhead.test/token/nobody.test""#);
    let pages = [
        ("stranger-looks-at-the-page", "/"),
        ("stranger-wants-the-script", "/pull.sh"),
        ("stranger-looks-elsewhere", "/admin"),
        ("stranger-tries-v1", "/v1/"),
    ];
    let pages = pages.map(|(name, target)| case(name).get(target).refused(404, "UNSUPPORTED"));
    let headers = [
        ("stranger-says-who-they-are", "X-Forwarded-User: alice"),
        ("stranger-shows-it-to-a-proxy", "Proxy-Authorization: Basic YWxpY2U6aHVudGVyMi1vZi1hbGljZQ=="),
        ("stranger-has-a-cookie", "Cookie: user=alice; token=hunter2-of-alice"),
        ("stranger-has-a-key-where-there-are-none", "X-Pierhead-Key: hunter2-of-alice"),
        ("stranger-comes-from-the-loopback", "CF-Connecting-IP: 127.0.0.1"),
        ("stranger-names-another-address", "X-Original-URL: /healthz"),
        ("stranger-names-another-method", "X-HTTP-Method-Override: OPTIONS"),
    ];
    let headers = headers
        .map(|(name, line)| case(name).get("/v2/library/hello/manifests/1").header(line).refused(401, "UNAUTHORIZED"));
    [turned.to_vec(), vec![same], pages.to_vec(), headers.to_vec()].concat()
}

fn at_the_token_endpoint() -> Vec<Case> {
    let wrong = (ALICE.0, "hunter2-guessed");
    let form = |rest: &str| format!("client_id=docker&service=x&scope=repository:library/hello:pull&{rest}");
    let refused = |case: Case| case.refused(401, "UNAUTHORIZED").tells("Basic realm=\"mirror.pierhead.test\"");
    let get =
        |name, line: String| refused(case(name).get("/token/docker.io?scope=repository:library/hello:pull").header(line));
    let post = |name, rest: &str| refused(case(name).post("/token/docker.io", form(rest)));
    vec![
        refused(case("token-for-nobody").get("/token/docker.io?scope=repository:library/hello:pull")),
        refused(case("token-for-nobody-of-an-unknown-registry").get("/token/nobody.test")),
        refused(case("token-for-nobody-of-the-operators-own").get("/token/{registry}")),
        refused(case("token-for-nobody-of-a-strange-path").get("/token/a/b/c")),
        get("token-by-a-guess", basic(wrong)),
        get("token-by-anothers-token", basic((BOB.0, ALICE.1))),
        get("token-by-an-unknown-name", basic(("mallory", ALICE.1))),
        get("token-by-a-name-in-capitals", basic(("ALICE", ALICE.1))),
        get("token-by-the-sum-of-a-token", basic((ALICE.0, &sha256(ALICE.1.as_bytes())))),
        get("token-by-a-registrys-user-name", basic(("docker.io/alice", ALICE.1))),
        get("token-by-a-longer-token", basic((ALICE.0, &format!("{}x", ALICE.1)))),
        get("token-by-a-shorter-token", basic((ALICE.0, "hunter2-of-alic"))),
        post("token-by-a-form-with-a-guess", "grant_type=password&username=alice&password=hunter2-guessed"),
        post("token-by-a-form-for-another", "grant_type=password&username=bob&password=hunter2-of-alice"),
        post("token-by-a-refresh-token", "grant_type=refresh_token&refresh_token=hunter2-refresh"),
        post("token-by-a-token-as-refresh-token", "grant_type=refresh_token&refresh_token=hunter2-of-alice"),
        case("token-by-a-form-without-anything").post("/token/docker.io", "grant_type=password").refused(400, "UNSUPPORTED"),
        refused(case("token-by-a-query").get("/token/docker.io?username=alice&password=hunter2-of-alice")),
        case("token-by-a-pass")
            .get("/token/docker.io")
            .header(bearer(&pass(SIGNING_KEY, ALICE, "docker.io", GATEWAY, now())))
            .refused(400, "UNSUPPORTED"),
        case("token-for-an-unknown-registry").get("/token/nobody.test").header(basic(ALICE)).refused(404, "NAME_UNKNOWN"),
        case("token-for-two-registries")
            .get("/token/docker.io?scope=repository:quay.io/a/b:pull&scope=repository:ghcr.io/a/b:pull")
            .header(basic(ALICE))
            .refused(400, "UNSUPPORTED"),
        case("token-by-put").send("PUT", "/token/docker.io").header(basic(ALICE)).refused(405, "UNSUPPORTED"),
        // To push is nobody's here, and the token does not say it is.
        case("token-to-push")
            .get("/token/docker.io?scope=repository:library/hello:pull,push")
            .header(basic(ALICE))
            .served(200)
            .says("ph1.user.docker.io."),
    ]
}

/// Something is shown with a pull that is not what it should be.
fn credentials() -> Vec<Case> {
    let at = now();
    let good = |registry: &str| bearer(&pass(SIGNING_KEY, ALICE, registry, GATEWAY, at));
    let raw = |text: &str| format!("Authorization: Bearer {text}");
    let sealed = |text: &str| raw(&format!("ph1.user.docker.io.{}", URL_SAFE_NO_PAD.encode(text)));
    let lines = [
        ("guess-with-a-pull", basic((ALICE.0, "hunter2-guessed"))),
        ("anothers-token-with-a-pull", basic((ALICE.0, BOB.1))),
        ("sum-of-a-token-with-a-pull", basic((ALICE.0, &sha256(ALICE.1.as_bytes())))),
        ("token-as-a-bearer", raw(ALICE.1)),
        ("name-and-token-as-a-bearer", raw("alice:hunter2-of-alice")),
        ("registrys-static-token", raw("hunter2-static")),
        ("registrys-jwt", raw("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.")),
        ("anonymous-pass", raw(&format!("ph1.anonymous.docker.io.{}", URL_SAFE_NO_PAD.encode("9999999999")))),
        ("upstream-pass", raw(&format!("ph1.upstream.docker.io.{}", URL_SAFE_NO_PAD.encode("hunter2")))),
        ("refresh-pass", raw(&format!("ph1.refresh.docker.io.{}", URL_SAFE_NO_PAD.encode("hunter2")))),
        ("pass-without-a-seal", sealed("9999999999::alice")),
        ("pass-with-a-seal-of-nought", sealed(&format!("9999999999:{}:alice", "A".repeat(43)))),
        ("pass-with-words-for-a-seal", sealed("9999999999:hunter2:alice")),
        ("pass-without-a-name", sealed("9999999999:AAAA:")),
        ("pass-without-parts", sealed("alice")),
        ("pass-with-a-time-of-nought", sealed("0:AAAA:alice")),
        ("pass-with-a-time-beyond-numbers", sealed("99999999999999999999:AAAA:alice")),
        ("pass-with-the-longest-time", forged(|sealed| sealed.expires = u64::MAX)),
        ("pass-that-lasts-longer", forged(|sealed| sealed.expires += 1)),
        ("pass-of-a-renamed-user", forged(|sealed| sealed.name = BOB.0.to_owned())),
        ("pass-of-an-invented-user", forged(|sealed| sealed.name = "mallory".to_owned())),
        ("pass-of-a-user-with-a-tail", forged(|sealed| sealed.name += "\n")),
        ("pass-with-a-shorter-seal", forged(|sealed| sealed.seal.truncate(42))),
        ("pass-with-a-longer-seal", forged(|sealed| sealed.seal += "AA")),
        ("pass-with-a-seal-in-capitals", forged(|sealed| sealed.seal = sealed.seal.to_uppercase())),
        ("pass-with-a-seal-of-half-a-megabyte", raw(&format!("ph1.user.docker.io.{}", "A".repeat(20_000)))),
        ("pass-signed-by-another-key", bearer(&pass(&"x".repeat(40), ALICE, "docker.io", GATEWAY, at))),
        ("pass-of-another-host", bearer(&pass(SIGNING_KEY, ALICE, "docker.io", "other.pierhead.test", at))),
        ("pass-of-a-host-with-a-port", bearer(&pass(SIGNING_KEY, ALICE, "docker.io", "mirror.pierhead.test:8443", at))),
        ("pass-of-another-registry-of-users", good("quay.io")),
        (
            "pass-of-a-registry-renamed",
            raw(&good("quay.io").trim_start_matches("Authorization: Bearer ").replace("quay.io", "docker.io")),
        ),
        ("pass-of-an-alias", good("index.docker.io")),
        ("pass-that-has-expired", bearer(&pass(SIGNING_KEY, ALICE, "docker.io", GATEWAY, at - 2000))),
        ("pass-from-the-future", bearer(&pass(SIGNING_KEY, ALICE, "docker.io", GATEWAY, at + 5000))),
        ("pass-from-before-a-new-token", bearer(&pass(SIGNING_KEY, (ALICE.0, "hunter2-older"), "docker.io", GATEWAY, at))),
        ("pass-of-a-user-who-is-gone", bearer(&pass(SIGNING_KEY, ("carol", "hunter2-of-carol"), "docker.io", GATEWAY, at))),
        ("two-passes", format!("{}\r\n{}", good("docker.io"), good("docker.io"))),
        ("pass-and-basic", format!("{}\r\n{}", good("docker.io"), basic(ALICE))),
        ("scheme-of-its-own", "Authorization: Pierhead hunter2-of-alice".to_owned()),
    ];
    let refused = lines.map(|(name, line)| {
        let name = format!("users-{name}").leak();
        case(name).get("/v2/library/hello/manifests/1").header(line).refused(401, "UNAUTHORIZED").tells("invalid_token")
    });
    // What is good opens, with no more than itself. The registry's name is part of what is signed.
    let signed = |name: &str, key, at| bearer(&pass(key, ALICE, &format!("{name}.attack.test"), GATEWAY, at));
    let opens = [
        ("users-good-pass-opens", signed("users-good-pass-opens", SIGNING_KEY, at)),
        ("users-pass-of-the-key-before-opens", signed("users-pass-of-the-key-before-opens", OLD_KEY, at)),
        ("users-pass-within-the-skew-opens", signed("users-pass-within-the-skew-opens", SIGNING_KEY, at + 20)),
        ("users-token-as-a-password-opens", basic(BOB)),
    ];
    let opens = opens
        .map(|(name, line)| case(name).get(MANIFEST).header(line).registry(honest()).asked([ASKED_MANIFEST]).served(200));
    [refused.to_vec(), opens.to_vec()].concat()
}

/// A user has logged in, and the registry wants to see with what.
fn insiders() -> Vec<Case> {
    let challenged = |challenge: &'static str| script(move |_, names| upstream::unauthorized(&names.fill(challenge)));
    let rows = [
        ("users-registry-asks-for-basic", r#"Basic realm="x""#, 403, "DENIED", true),
        ("users-registry-asks-for-nothing-known", "Negotiate", 403, "DENIED", true),
        (
            "users-registry-names-a-foreign-realm",
            r#"Bearer realm="https://{elsewhere}/token",service="x""#,
            502,
            "UNAVAILABLE",
            false,
        ),
        (
            "users-registry-names-us-as-realm",
            r#"Bearer realm="https://mirror.pierhead.test/token/docker.io",service="x""#,
            502,
            "UNAVAILABLE",
            false,
        ),
    ];
    let rows = rows.map(|(name, challenge, status, code, relayed)| {
        let case = case(name).get(MANIFEST).header(basic(ALICE)).registry(challenged(challenge)).asked([ASKED_MANIFEST]);
        if relayed { case.relayed(status, code) } else { case.refused(status, code) }
    });
    let forbidden = case("users-registry-forbids")
        .get(MANIFEST)
        .header(basic(ALICE))
        .registry(always(403, &["content-type: application/json"], r#"{"errors":[{"code":"DENIED","message":"no"}]}"#))
        .asked([ASKED_MANIFEST])
        .relayed(403, "DENIED");
    let pushes = case("users-may-not-push").send("PUT", MANIFEST).header(basic(ALICE)).refused(405, "UNSUPPORTED");
    let unknown = case("users-may-not-name-hosts").get("/v2/a/b/manifests/1?ns=nobody.test").header(basic(ALICE));
    [rows.to_vec(), vec![forbidden, pushes, unknown.refused(404, "NAME_UNKNOWN")]].concat()
}
