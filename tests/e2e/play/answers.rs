//! Answers as HTTP has them, and the texts of [`crate::personality`] filled in.

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::personality::{Hop, Said};
use crate::upstream::{Answer, Asked};

pub const WELCOME: Said = Said { status: 200, headers: &[("content-type", "application/json")], body: "{}" };
pub const NO_SUCH_PAGE: Said =
    Said { status: 404, headers: &[("content-type", "text/plain")], body: "404 page not found\n" };
pub const SCHEMA_1: Said = Said {
    status: 200,
    headers: &[("content-type", "application/vnd.docker.distribution.manifest.v1+prettyjws")],
    body: r#"{"schemaVersion":1,"name":"{name}","tag":"1","architecture":"amd64","fsLayers":[],"history":[],"signatures":[]}"#,
};
pub const SIGNATURE_DOES_NOT_MATCH: Said = Said {
    status: 403,
    headers: &[("content-type", "application/xml")],
    body: "<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature does not match</Message></Error>",
};

pub fn fields(form: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(form).into_owned().collect()
}

pub fn fill(text: &str, name: &str, digest: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap_or("");
    let ab = hex.get(..2).unwrap_or("");
    text.replace("{name}", name).replace("{digest}", digest).replace("{hex}", hex).replace("{ab}", ab)
}

pub fn say(said: &Said, name: &str) -> Answer {
    let status = StatusCode::from_u16(said.status).expect("a status");
    let mut answer = Answer::new(Body::from(fill(said.body, name, "")));
    *answer.status_mut() = status;
    add(&mut answer, said.headers, name, "");
    answer
}

pub fn follow(hop: &Hop, name: &str, digest: &str) -> Answer {
    let mut answer = redirect(hop.status, &fill(hop.location, name, digest), hop.body);
    add(&mut answer, hop.headers, name, digest);
    answer
}

pub fn redirect(status: u16, location: &str, body: &'static str) -> Answer {
    http::Response::builder()
        .status(status)
        .header(header::LOCATION, location)
        .body(Body::from(body))
        .expect("a valid location")
}

pub fn whole(media: &str, bytes: Bytes) -> Answer {
    http::Response::builder().header(header::CONTENT_TYPE, media).body(Body::from(bytes)).expect("a valid answer")
}

pub fn without_length(bytes: Bytes) -> Body {
    Body::from_stream(stream::once(async { Ok::<_, std::io::Error>(bytes) }))
}

/// The bytes, or the part of them that `Range` asks for.
pub fn ranged(media: &str, bytes: &Bytes, asked: &Asked) -> Answer {
    let size = bytes.len();
    let range = asked.headers().get(header::RANGE).and_then(|range| range.to_str().ok()?.strip_prefix("bytes="));
    let mut answer = match range.map(|range| part(range, size)) {
        None => whole(media, bytes.clone()),
        Some(Some((first, last))) => {
            let mut answer = whole(media, bytes.slice(first..=last));
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut answer, "content-range", &format!("bytes {first}-{last}/{size}"));
            answer
        }
        Some(None) => {
            let mut answer = Answer::new(Body::empty());
            *answer.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            set(&mut answer, "content-range", &format!("bytes */{size}"));
            answer
        }
    };
    set(&mut answer, "accept-ranges", "bytes");
    answer
}

/// First and last byte of `first-last`, `first-` or `-count`.
pub fn part(range: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = range.split_once('-')?;
    let end = size.checked_sub(1)?;
    let (first, last) = match (first.parse().ok(), last.parse().ok()) {
        (Some(first), last) => (first, last.unwrap_or(end).min(end)),
        (None, Some(count)) => (size.saturating_sub(count), end),
        (None, None) => return None,
    };
    (first <= last).then_some((first, last))
}

pub fn set(answer: &mut Answer, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).expect("a header's value");
    answer.headers_mut().insert(HeaderName::from_static(name), value);
}

/// Adds header lines: a name may come twice.
pub fn add(answer: &mut Answer, lines: &[(&'static str, &'static str)], name: &str, digest: &str) {
    for (header, value) in lines {
        let value = HeaderValue::from_str(&fill(value, name, digest)).expect("a header's value");
        answer.headers_mut().append(HeaderName::from_static(header), value);
    }
}
