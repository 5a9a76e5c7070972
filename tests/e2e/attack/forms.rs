//! A client of the token endpoint that wants its password, or somebody else's, to go where it does not belong; or a token for
//! more than one registry.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::case::{ASKED_PING, Case, TOKEN, case};
use super::script::{good_token, honest, with_tokens};

const DOCKER: &str = "docker.pierhead.test";
const GRANT: &str = "grant_type=password&username=alice&password=hunter2";

pub fn cases() -> Vec<Case> {
    let refresh = |kind: &str, registry: &str| {
        format!("grant_type=refresh_token&refresh_token=ph1.{kind}.{registry}.{}", URL_SAFE_NO_PAD.encode("hunter2"))
    };
    let paths = [
        ("token-path-of-nobody", "/token/evil.test", 404, "NAME_UNKNOWN"),
        ("token-path-is-an-address", "/token/127.0.0.1?scope=repository:x:pull", 404, "NAME_UNKNOWN"),
        ("token-path-is-a-mapped-address", "/token/[::ffff:127.0.0.1]", 404, "NAME_UNKNOWN"),
        ("token-path-is-empty", "/token/", 404, "NAME_UNKNOWN"),
        ("token-path-is-missing", "/token", 404, "UNSUPPORTED"),
        ("token-path-with-a-slash-behind", "/token/docker.io/", 404, "NAME_UNKNOWN"),
        ("token-path-with-two-slashes", "/token//docker.io", 404, "NAME_UNKNOWN"),
        ("token-path-with-an-encoded-slash", "/token/docker.io%2fevil", 404, "NAME_UNKNOWN"),
        ("token-path-with-an-encoded-dot", "/token/docker%2eio", 404, "NAME_UNKNOWN"),
        ("token-path-with-a-port", "/token/docker.io:443", 404, "NAME_UNKNOWN"),
        ("token-path-with-a-user", "/token/docker.io@evil.test", 404, "NAME_UNKNOWN"),
        ("token-path-in-capitals", "/token/DOCKER.IO", 404, "NAME_UNKNOWN"),
        ("token-path-is-a-url", "/token/https://evil.test/", 404, "NAME_UNKNOWN"),
        ("token-path-with-a-line-break", "/token/docker.io%0d%0aX-Pwned:1", 404, "NAME_UNKNOWN"),
        ("token-path-that-climbs", "/token/../v2/", 400, "NAME_INVALID"),
        ("scope-of-a-name-in-capitals", "/token/docker.io?scope=repository:UPPER:pull", 400, "UNSUPPORTED"),
        ("scope-of-a-name-that-climbs", "/token/docker.io?scope=repository:a/../b:pull", 400, "UNSUPPORTED"),
        ("scope-of-no-name", "/token/docker.io?scope=repository::pull", 400, "UNSUPPORTED"),
        ("scope-with-a-nul", "/token/docker.io?scope=repository:a%00b:pull", 400, "UNSUPPORTED"),
        ("scope-with-quotes", "/token/docker.io?scope=repository:a:pull%22,realm=%22https://evil.test", 400, "UNSUPPORTED"),
        ("scope-with-a-backslash", "/token/docker.io?scope=repository:a%5c:pull", 400, "UNSUPPORTED"),
        ("scope-with-unicode", "/token/docker.io?scope=repository:%D0%B0:pull", 400, "UNSUPPORTED"),
        ("scope-with-a-port", "/token/docker.io?scope=repository:localhost:5000/a:pull", 400, "UNSUPPORTED"),
        ("scope-of-another-registry", "/token/docker.io?scope=repository:quay.io/a/b:pull", 400, "UNSUPPORTED"),
    ];
    let paths = paths.map(|(name, target, status, code)| {
        case(name).get(target).host(DOCKER).header("Authorization: Basic YWxpY2U6aHVudGVyMg==").refused(status, code)
    });
    let scopes = [
        ("scopes-of-two-registries", "scope=repository:quay.io/a/b:pull&scope=repository:ghcr.io/a/b:pull"),
        ("scopes-of-two-registries-in-one", "scope=repository:quay.io/a/b:pull%20repository:ghcr.io/a/b:pull"),
    ];
    let scopes =
        scopes.map(|(name, query)| case(name).get(&format!("/token/docker.io?{query}")).refused(400, "UNSUPPORTED"));
    let long = case("scope-of-2000-letters")
        .get(&format!("/token/docker.io?scope=repository:{}:pull", "a".repeat(2000)))
        .refused(400, "UNSUPPORTED");
    // What stands in a query ends in logs: it is no credential, and goes nowhere.
    let ignored = [
        ("password-in-the-query", "username=alice&password=hunter2"),
        ("refresh-token-in-the-query", "refresh_token=hunter2&grant_type=refresh_token"),
        ("access-token-in-the-query", "access_token=hunter2&token=hunter2"),
        ("realm-in-the-query", "realm=https://evil.test/token&service=evil.test"),
        ("redirect-in-the-query", "redirect_uri=https://evil.test/&response_type=code"),
        ("line-break-in-the-client-id", "client_id=a%0d%0aX-Pwned:%201"),
        ("line-break-in-the-scope", "scope=repository:a:pull%0d%0aX-Pwned:1"),
        ("callback-in-the-query", "callback=alert"),
    ];
    let ignored = ignored
        .map(|(name, query)| case(name).get(&format!("/token/docker.io?{query}")).served(200).hides("evil").hides("alert"));
    let forms = [
        ("form-without-a-password", "grant_type=password&username=alice".to_owned(), 400, "UNSUPPORTED"),
        ("form-with-an-empty-password", "username=alice&password=".to_owned(), 400, "UNSUPPORTED"),
        ("form-with-a-colon-in-the-user", "username=a:b&password=hunter2".to_owned(), 400, "UNSUPPORTED"),
        ("form-with-a-line-break-in-the-user", "username=a%0d%0ab&password=hunter2".to_owned(), 400, "UNSUPPORTED"),
        ("form-of-garbage", "%%%&&&===".to_owned(), 400, "UNSUPPORTED"),
        ("form-of-40-kilobytes", format!("{GRANT}&x={}", "a".repeat(40_000)), 400, "UNSUPPORTED"),
        ("form-of-4-megabytes", format!("{GRANT}&x={}", "a".repeat(4 << 20)), 400, "UNSUPPORTED"),
        ("form-with-two-registries", format!("{GRANT}&scope=repository:quay.io/a/b:pull"), 400, "UNSUPPORTED"),
        ("form-with-a-refresh-token-of-nobody", refresh("refresh", "evil.test"), 401, "UNAUTHORIZED"),
        ("form-with-another-registrys-refresh-token", refresh("refresh", "quay.io"), 401, "UNAUTHORIZED"),
        ("form-with-an-access-token-to-refresh", refresh("upstream", "docker.io"), 401, "UNAUTHORIZED"),
        ("form-with-an-anonymous-pass-to-refresh", refresh("anonymous", "docker.io"), 401, "UNAUTHORIZED"),
        ("form-with-a-mangled-refresh-token", "refresh_token=ph1.refresh".to_owned(), 401, "UNAUTHORIZED"),
    ];
    let forms =
        forms.map(|(name, form, status, code)| case(name).post("/token/docker.io", form).host(DOCKER).refused(status, code));
    let kinds = [
        ("form-that-is-json", "application/json", r#"{"username":"alice","password":"hunter2"}"#),
        ("form-that-is-multipart", "multipart/form-data; boundary=x", "--x\r\n\r\nhunter2\r\n--x--"),
        ("form-that-is-text", "text/plain", GRANT),
        ("form-that-is-xml", "application/xml", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>"),
        ("form-of-a-type-with-a-suffix", "application/x-www-form-urlencoded-not", GRANT),
        ("form-of-two-types", "text/plain, application/x-www-form-urlencoded", GRANT),
    ];
    let kinds = kinds.map(|(name, kind, body)| {
        let request = case(name).post("/token/docker.io", body).host(DOCKER).without_headers();
        request.header(format!("Content-Type: {kind}")).refused(400, "UNSUPPORTED")
    });
    let posted =
        |lines: &str| format!("POST /token/docker.io HTTP/1.1\r\nHost: {DOCKER}\r\nConnection: close\r\n{lines}\r\n");
    let others = [
        case("form-without-a-type").raw(posted("Content-Length: 7\r\n") + "hunter2").refused(400, "UNSUPPORTED"),
        case("form-that-is-missing").raw(posted("Content-Length: 0\r\n")).refused(400, "UNSUPPORTED"),
        case("token-for-a-bearer").get(TOKEN).with_token().registry(honest()).refused(400, "UNSUPPORTED"),
        case("token-for-two-logins").get(TOKEN).logged_in().logged_in().registry(honest()).refused(400, "UNSUPPORTED"),
        case("login-for-another-registrys-token-server")
            .get("/token/quay.io?scope=repository:team/app:pull")
            .host(DOCKER)
            .header("Authorization: Basic YWxpY2U6aHVudGVyMg==")
            .refused(401, "UNAUTHORIZED"),
        // Service and account are the Worker's to name; what a client calls itself cannot leave its parameter.
        case("service-of-another-registry")
            .get(&format!(
                "{TOKEN}&service=quay.io&account=root&client_id=a%0d%0aX-Pwned:1%26scope=x&realm=https://evil.test"
            ))
            .logged_in()
            .registry(with_tokens(good_token()))
            .served(200)
            .asked([
                ASKED_PING,
                "GET https://{registry}/token?service={registry}&client_id=a%0D%0AX-Pwned%3A1%26scope%3Dx\
                 &scope=repository%3Ateam%2Fapp%3Apull&account=alice (Basic)",
            ])
            .hides("good-token"),
        case("service-of-another-registry-in-a-form")
            .post("/token/{registry}", "service=quay.io&grant_type=password&username={registry}/alice&password=hunter2")
            .registry(with_tokens(good_token()))
            .served(200)
            .asked([ASKED_PING, "POST https://{registry}/token"])
            .hides("good-token"),
    ];
    paths.into_iter().chain(scopes).chain([long]).chain(ignored).chain(forms).chain(kinds).chain(others).collect()
}
