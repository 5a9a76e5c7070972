//! What a played host answers.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::names::Names;
use crate::upstream::{self, Answer, Asked};

/// An answer to a request, under the names of the case.
pub type Script = Arc<dyn Fn(&Asked, &Names) -> Answer + Send + Sync>;

/// An image of one layer, which honest registries serve under every name.
pub const IMAGE: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;

/// The type of [`IMAGE`].
pub const IMAGE_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A script of any kind.
pub fn script(answer: impl Fn(&Asked, &Names) -> Answer + Send + Sync + 'static) -> Script {
    Arc::new(answer)
}

/// A registry that has everything, and is open to everybody.
pub fn honest() -> Script {
    script(|asked, _| content(asked))
}

/// What an honest registry has at a path.
pub fn content(asked: &Asked) -> Answer {
    let path = asked.uri().path();
    if path.ends_with("/tags/list") {
        return upstream::json(StatusCode::OK, &json!({"name": "team/app", "tags": ["1"]}));
    }
    if path.contains("/referrers/") {
        return upstream::reply(StatusCode::OK, "application/vnd.oci.image.index.v1+json", r#"{"manifests":[]}"#);
    }
    if path.ends_with("/v2/") {
        return upstream::json(StatusCode::OK, &json!({}));
    }
    upstream::reply(StatusCode::OK, IMAGE_TYPE, IMAGE)
}

/// The same answer to everything: a status, header lines `name: value`, a body.
pub fn always(status: u16, lines: &'static [&'static str], body: &'static str) -> Script {
    script(move |_, names| answer(names, status, lines.iter().copied(), body))
}

/// An answer with these headers and no other.
pub fn answer<'a>(names: &Names, status: u16, lines: impl IntoIterator<Item = &'a str>, body: impl Into<Body>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status that can be sent");
    for line in lines {
        let line = names.fill(line);
        let (name, value) = line.split_once(": ").expect("`name: value`");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value that can be sent");
        answer.headers_mut().append(name.parse::<HeaderName>().expect("a header's name"), value);
    }
    answer
}

/// A registry that leads all requests to a place.
pub fn leads_to(location: impl Into<String>) -> Script {
    let location = location.into();
    script(move |_, names| answer(names, 307, [format!("location: {location}").as_str()], ""))
}

/// A registry that wants a login from everybody, whatever they show, with this challenge.
pub fn challenges(challenge: impl Into<String>) -> Script {
    let challenge = challenge.into();
    script(move |_, names| refusal(names, &challenge))
}

/// A 401.
pub fn refusal(names: &Names, challenge: &str) -> Answer {
    let body = json!({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}).to_string();
    let lines = ["content-type: application/json".to_owned(), format!("www-authenticate: {challenge}")];
    answer(names, 401, lines.iter().map(String::as_str), body)
}

/// A registry with a token server of its own, which answers so; whoever shows a token gets everything.
pub fn with_tokens(token: impl Fn(&Asked, &Names) -> Answer + Send + Sync + 'static) -> Script {
    with_tokens_at(r#"Bearer realm="https://{registry}/token",service="{registry}""#, token)
}

/// The same with a challenge of one's own.
pub fn with_tokens_at(challenge: &'static str, token: impl Fn(&Asked, &Names) -> Answer + Send + Sync + 'static) -> Script {
    script(move |asked, names| {
        let shown = asked.headers().contains_key(header::AUTHORIZATION);
        match asked.uri().path() {
            "/token" => token(asked, names),
            _ if shown => content(asked),
            _ => refusal(names, challenge),
        }
    })
}

/// A token server's reply.
pub fn token(reply: Value) -> impl Fn(&Asked, &Names) -> Answer + Send + Sync + 'static {
    move |_, _| upstream::json(StatusCode::OK, &reply)
}

/// A good one.
pub fn good_token() -> impl Fn(&Asked, &Names) -> Answer + Send + Sync + 'static {
    token(json!({"token": "good-token", "expires_in": 300}))
}
