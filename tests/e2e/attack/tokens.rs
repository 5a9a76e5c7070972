//! A token server that answers with something else than a token: it wants its text in a header, a request to another host, or
//! the Worker's memory.

use axum::body::Bytes;
use serde_json::json;

use super::case::{ASKED_MANIFEST, ASKED_PING, ASKED_TOKEN, Case, TOKEN, case};
use super::script::{answer, token, with_tokens};
use crate::upstream;

/// What the token server is asked for [`TOKEN`] with a login.
const WITH_LOGIN: &str = "GET https://{registry}/token?service={registry}&scope=repository%3Ateam%2Fapp%3Apull (Basic)";
const AGAIN: &str = "GET https://{registry}/v2/team/app/manifests/1 (Bearer)";

pub fn cases() -> Vec<Case> {
    let said = |kind: &'static str, body: &'static str| {
        with_tokens(move |_, names| answer(names, 200, [format!("content-type: {kind}").as_str()], body))
    };
    let json = "application/json";
    let replies = [
        ("token-reply-is-a-page", said("text/html", "<html><script>pwned</script></html>")),
        ("token-reply-is-a-page-called-json", said(json, "<html>")),
        ("token-reply-is-empty", said(json, "")),
        ("token-reply-is-garbage", said("application/octet-stream", "\0\u{1}\u{2}")),
        ("token-reply-is-a-list", said(json, r#"["token"]"#)),
        ("token-reply-is-a-text", said(json, r#""token""#)),
        ("token-reply-is-nothing", said(json, "null")),
        ("token-reply-ends-early", said(json, r#"{"token":"abc"#)),
        ("token-reply-goes-on-behind-its-end", said(json, r#"{"token":"abc"}{"token":"def"}"#)),
        ("token-reply-names-token-twice", said(json, r#"{"token":"abc","token":"def"}"#)),
        (
            "token-reply-breaks-off",
            with_tokens(|_, names| {
                let mut answer = answer(names, 200, [], "");
                upstream::cut(&mut answer, &Bytes::from_static(br#"{"token":"abcdefgh","expires_in":300}"#));
                answer
            }),
        ),
        ("token-is-missing", with_tokens(token(json!({"expires_in": 300})))),
        ("token-is-empty", with_tokens(token(json!({"token": ""})))),
        ("token-is-a-number", with_tokens(token(json!({"token": 5})))),
        ("token-is-an-object", with_tokens(token(json!({"token": {"value": "x"}})))),
        ("token-has-a-line-break", with_tokens(token(json!({"token": "a\r\nX-Pwned: 1"})))),
        ("token-has-a-bare-line-feed", with_tokens(token(json!({"token": "a\nauthorization:Basic x"})))),
        ("token-has-a-nul", with_tokens(token(json!({"token": "a\0b"})))),
        ("token-has-a-space", with_tokens(token(json!({"token": "a b"})))),
        ("token-has-a-tab", with_tokens(token(json!({"token": "a\tb"})))),
        ("token-has-unicode", with_tokens(token(json!({"token": "\u{e4}"})))),
        ("token-has-a-full-width-line-break", with_tokens(token(json!({"token": "a\u{560d}\u{560a}X: y"})))),
        ("refresh-token-has-a-line-break", with_tokens(token(json!({"token": "a", "refresh_token": "a\r\nb"})))),
        ("life-is-negative", with_tokens(token(json!({"token": "a", "expires_in": -5})))),
        ("life-is-a-word", with_tokens(token(json!({"token": "a", "expires_in": "pwned"})))),
        ("life-is-a-list", with_tokens(token(json!({"token": "a", "expires_in": [300]})))),
        ("life-is-beyond-all-numbers", said(json, r#"{"token":"a","expires_in":1e400}"#)),
        (
            "token-reply-is-nested-without-end",
            with_tokens(|_, names| {
                answer(names, 200, ["content-type: application/json"], format!("{{\"x\":{}", "[".repeat(30_000)))
            }),
        ),
        ("token-of-100-kilobytes", with_tokens(token(json!({"token": "a".repeat(100_000)})))),
        ("token-reply-of-10-megabytes", with_tokens(|_, names| answer(names, 200, [], " ".repeat(10 << 20)))),
        ("token-server-redirects", with_tokens(|_, names| answer(names, 307, ["location: https://evil.test/token"], ""))),
        ("token-server-redirects-to-itself", with_tokens(|_, names| answer(names, 302, ["location: /token"], ""))),
        (
            "token-server-redirects-to-metadata",
            with_tokens(|_, names| answer(names, 301, ["location: https://169.254.169.254/latest/"], "")),
        ),
        ("token-server-has-nothing-to-say", with_tokens(|_, names| answer(names, 204, [], ""))),
        ("token-server-sends-a-part", with_tokens(|_, names| answer(names, 206, [], r#"{"token":"a"}"#))),
        (
            "token-server-is-busy",
            with_tokens(|_, names| answer(names, 503, ["content-type: text/html"], "<html>overrun</html>")),
        ),
    ];
    let replies = replies.map(|(name, registry)| {
        let refused = case(name).registry(registry).refused(502, "UNAVAILABLE").hides("<script>").hides("overrun");
        // A fault may be the wrong address: the registry's own 401 has just told that it is not.
        refused.asked([ASKED_MANIFEST, ASKED_TOKEN])
    });
    let with_login = [
        ("login-is-answered-with-a-page", said("text/html", "<html>hunter2</html>")),
        ("login-is-answered-with-a-line-break", with_tokens(token(json!({"token": "a\r\nX-Pwned: 1"})))),
        (
            "login-is-answered-with-a-redirect",
            with_tokens(|_, names| answer(names, 307, ["location: https://evil.test/"], "")),
        ),
        (
            "login-is-answered-with-a-redirect-that-keeps-the-method",
            with_tokens(|_, names| answer(names, 308, ["location: https://{registry}.evil.test/token"], "")),
        ),
    ];
    let with_login = with_login.map(|(name, registry)| {
        case(name).get(TOKEN).logged_in().registry(registry).refused(502, "UNAVAILABLE").asked([ASKED_PING, WITH_LOGIN])
    });
    let refusals = [
        case("login-is-refused-with-a-challenge-to-elsewhere")
            .get(TOKEN)
            .logged_in()
            .registry(with_tokens(|_, names| {
                answer(names, 401, ["www-authenticate: Basic realm=\"pwned\"", "set-cookie: pwned=1"], "<script>no</script>")
            }))
            .relayed(401, "UNAUTHORIZED")
            .asked([ASKED_PING, WITH_LOGIN])
            .hides("<script>"),
        case("anonymous-is-refused-with-a-page")
            .registry(with_tokens(|_, names| answer(names, 403, ["content-type: text/html"], "<script>pwned</script>")))
            .relayed(401, "UNAUTHORIZED")
            .asked([ASKED_MANIFEST, ASKED_TOKEN])
            .hides("<script>"),
    ];
    // Odd lives and odd company are no harm: what can be read is a token.
    let good = [
        ("life-is-huge", json!({"token": "good-token", "expires_in": u64::MAX})),
        ("life-is-nought", json!({"token": "good-token", "expires_in": 0})),
        ("life-is-a-fraction", json!({"token": "good-token", "expires_in": 0.001})),
        ("life-is-a-text", json!({"token": "good-token", "expires_in": "300"})),
        ("issued-in-the-future", json!({"token": "good-token", "issued_at": "9999-12-31T23:59:59Z"})),
        ("issued-at-a-line-break", json!({"token": "good-token", "issued_at": "\r\nX-Pwned: 1"})),
        ("token-looks-like-one-of-the-proxys", json!({"token": "ph1.anonymous.quay.io.MTI"})),
        (
            "token-says-it-is-for-more",
            json!({"token": "good-token", "scope": "repository:*:*", "realm": "https://evil.test"}),
        ),
    ];
    let good = good.map(|(name, reply)| {
        let served = case(name).registry(with_tokens(token(reply))).served(200).asked([ASKED_MANIFEST, ASKED_TOKEN, AGAIN]);
        served.hides("good-token").hides("evil.test")
    });
    replies.into_iter().chain(with_login).chain(refusals).chain(good).collect()
}
