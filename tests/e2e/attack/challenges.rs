//! A registry whose challenges cannot be read, contradict each other, or never end: it wants a password in place of a token, or
//! requests without end.

use serde_json::json;

use super::case::{ASKED_MANIFEST, ASKED_PING, ASKED_TOKEN, Case, MANIFEST, TOKEN, case};
use super::names::Names;
use super::script::{Script, answer, challenges, good_token, refusal, script};
use crate::upstream::{Answer, Asked};
use http::StatusCode;

const REALM: &str = r#"Bearer realm="https://{registry}/token",service="{registry}""#;

/// A registry that gives tokens and believes none of them.
fn insatiable(challenge: &'static str) -> Script {
    let token = good_token();
    script(move |asked: &Asked, names: &Names| -> Answer {
        if asked.uri().path() == "/token" { token(asked, names) } else { refusal(names, challenge) }
    })
}

pub fn cases() -> Vec<Case> {
    let unreadable = [
        ("challenge-is-empty", ""),
        ("challenge-is-a-word", "Bearer"),
        ("challenge-with-an-open-quote", r#"Bearer realm="https://{registry}/token"#),
        ("challenge-ends-in-an-escape", r#"Bearer realm="https://{registry}/token\"#),
        ("challenge-without-a-value", "Bearer realm="),
        ("challenge-of-commas", ",,,=,,"),
        ("challenge-of-an-unknown-scheme", r#"Digest realm="https://evil.test/""#),
        ("challenge-that-negotiates", "Negotiate TlRMTVNTUAAB"),
        ("challenge-in-ntlm", "NTLM"),
        ("challenge-without-a-scheme", r#"realm="https://{registry}/token""#),
        ("challenge-in-single-quotes", "Bearer realm='https://{registry}/token'"),
        ("challenge-that-is-no-text", "Bearer realm=\"https://{registry}/token\u{e9}\""),
        ("challenge-with-its-realm-in-another-scheme", r#"Digest realm="https://{registry}/token", Bearer service="x""#),
        ("challenge-that-is-json", r#"{"realm":"https://{registry}/token"}"#),
    ];
    let unreadable = unreadable.map(|(name, challenge)| {
        case(name).get(MANIFEST).registry(challenges(challenge)).relayed(401, "UNAUTHORIZED").asked([ASKED_MANIFEST])
    });
    let long = case("challenge-of-60-kilobytes")
        .registry(challenges(format!("Bearer {}realm=\"https://evil.test/\"", "a=\"b\",".repeat(10_000))))
        .refused(502, "UNAVAILABLE")
        .asked([ASKED_MANIFEST]);
    let many = case("a-thousand-challenges")
        .registry(challenges("Bearer realm=\"https://evil.test/\", ".repeat(1000)))
        .refused(502, "UNAVAILABLE")
        .asked([ASKED_MANIFEST]);

    // A token is got once, and shown once; a registry that refuses it is believed.
    const AGAIN: &str = "GET https://{registry}/v2/team/app/manifests/1 (Bearer)";
    let endless = [
        ("refused-for-ever", REALM),
        (
            "refused-for-insufficient-scope-for-ever",
            r#"Bearer realm="https://{registry}/token",service="{registry}",error="insufficient_scope""#,
        ),
        (
            "refused-for-an-invalid-token-for-ever",
            r#"Bearer realm="https://{registry}/token",service="{registry}",error="invalid_token""#,
        ),
        (
            "refused-with-an-error-of-its-own",
            r#"Bearer realm="https://{registry}/token",service="{registry}",error="pwned\"",x="y""#,
        ),
        (
            "foreign-realm-before-its-own",
            r#"Bearer realm="https://evil.test/",Bearer realm="https://{registry}/token",service="{registry}""#,
        ),
        (
            "foreign-realm-behind-its-own",
            r#"Bearer realm="https://{registry}/token",service="{registry}",Bearer realm="https://evil.test/""#,
        ),
        (
            "second-realm-in-one-challenge",
            r#"Bearer realm="https://{registry}/token",service="{registry}",realm="https://evil.test/""#,
        ),
        (
            "basic-before-its-own-realm",
            r#"Basic realm="pwned",Bearer realm="https://{registry}/token",service="{registry}""#,
        ),
        (
            "unknown-scheme-before-its-own-realm",
            r#"Mutual abc,Bearer realm="https://{registry}/token",service="{registry}""#,
        ),
    ];
    let endless = endless.map(|(name, challenge)| {
        case(name)
            .registry(insatiable(challenge))
            .relayed(401, "UNAUTHORIZED")
            .asked([ASKED_MANIFEST, ASKED_TOKEN, AGAIN])
            .hides("evil.test")
    });
    // Where there is a token server, no password is given to the registry itself.
    let downgraded = script(|asked, names| match asked.uri().path() {
        "/token" => good_token()(asked, names),
        _ if asked.headers().contains_key("authorization") => refusal(names, r#"Basic realm="pwned""#),
        _ => refusal(names, REALM),
    });
    let moving = script(|asked, names| match asked.uri().path() {
        "/token" => good_token()(asked, names),
        _ if asked.headers().contains_key("authorization") => refusal(names, r#"Bearer realm="https://evil.test/token""#),
        _ => refusal(names, REALM),
    });
    let basic = || challenges(r#"Basic realm="pwned""#);
    let others = [
        case("basic-offered-for-a-good-token")
            .registry(downgraded)
            .relayed(401, "UNAUTHORIZED")
            .asked([ASKED_MANIFEST, ASKED_TOKEN, AGAIN])
            .tells("Bearer realm="),
        case("realm-that-moves-once-a-token-is-shown")
            .registry(moving)
            .relayed(401, "UNAUTHORIZED")
            .asked([ASKED_MANIFEST, ASKED_TOKEN, AGAIN])
            .hides("evil.test"),
        // A registry that knows Basic alone: the client is asked by the Worker's own name, and a login is not sent for.
        case("basic-with-a-realm-of-its-own").registry(basic()).relayed(401, "UNAUTHORIZED").asked([ASKED_MANIFEST]),
        case("basic-at-the-token-endpoint")
            .get(TOKEN)
            .logged_in()
            .registry(basic())
            .refused(401, "UNAUTHORIZED")
            .asked([ASKED_PING]),
        case("basic-and-a-foreign-realm")
            .get(TOKEN)
            .logged_in()
            .registry(challenges(r#"Bearer realm="https://evil.test/token", Basic realm="pwned""#))
            .refused(401, "UNAUTHORIZED")
            .asked([ASKED_PING]),
        // It reads as a path of its own, where there is nothing.
        case("challenge-with-an-open-quote-and-more")
            .registry(challenges(r#"Bearer realm="https://{registry}/token,service="x""#))
            .relayed(401, "UNAUTHORIZED")
            .asked([ASKED_MANIFEST, "GET https://{registry}/token,service=?scope=repository%3Ateam%2Fapp%3Apull"]),
        case("no-challenge-with-the-refusal")
            .registry(script(|_, names| answer(names, 401, ["content-type: text/plain"], "go away")))
            .relayed(401, "UNAUTHORIZED")
            .asked([ASKED_MANIFEST]),
        case("challenge-with-a-success")
            .registry(script(|_, names| {
                let body = json!({"schemaVersion": 2, "manifests": []}).to_string();
                let lines =
                    ["content-type: application/vnd.oci.image.index.v1+json", "www-authenticate: Basic realm=\"pwned\""];
                answer(names, StatusCode::OK.as_u16(), lines, body)
            }))
            .served(200)
            .asked([ASKED_MANIFEST]),
        case("challenge-for-a-token-of-the-clients-own")
            .with_token()
            .registry(challenges(r#"Bearer realm="https://evil.test/token""#))
            .relayed(401, "UNAUTHORIZED")
            .asked([&*format!("{ASKED_MANIFEST} (Bearer)"), ASKED_PING])
            .hides("evil.test"),
        case("challenge-for-a-password-of-the-clients-own")
            .logged_in()
            .registry(challenges(r#"Bearer realm="https://{registry}.evil.test/token""#))
            .relayed(401, "UNAUTHORIZED")
            .asked([&*format!("{ASKED_MANIFEST} (Basic)"), ASKED_PING])
            .hides("evil.test"),
    ];
    unreadable.into_iter().chain([long, many]).chain(endless).chain(others).collect()
}
