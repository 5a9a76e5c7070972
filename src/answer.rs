//! Answers to the client: errors of ours, refusals, and what an upstream said made readable.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Response, StatusCode};

use crate::access::Caller;
use crate::exchange::Exchange;
use crate::headers::{self, DOCKER_DISTRIBUTION_API_VERSION, X_PIERHEAD_ERROR};
use crate::oci::{Code, ErrorBody, OciError};
use crate::platform::{Payload, Platform};
use crate::registry::Registry;
use crate::upstream::{Account, Reply, ReplyBody};

/// An answer on its way to the client.
pub type Answer<P> = Response<Payload<P>>;

/// How much of an upstream's error is read, in bytes.
const MAX_ERROR: usize = 16 * 1024;

/// How many characters of a page an upstream sent in place of an error go into `detail`.
const EXCERPT: usize = 200;

/// What a 429 of the limiter tells clients to wait: it counts by the minute.
const A_MINUTE: &str = "60";

/// The same where an upstream named no time, in seconds. podman and skopeo wait that long before each of up to twenty tries, and say
/// nothing meanwhile; of themselves they would wait 2 to 16 s.
const UNNAMED: &str = "5";

/// An answer with a text of ours.
pub fn text<P: Platform>(status: StatusCode, content_type: &'static str, body: impl Into<String>) -> Answer<P> {
    let mut answer = Response::new(Payload::Text(body.into()));
    *answer.status_mut() = status;
    set(answer.headers_mut(), CONTENT_TYPE, content_type);
    answer
}

/// The JSON of the registry API, which no cache may keep and no edge compress.
pub fn json<P: Platform>(status: StatusCode, body: impl Into<String>) -> Answer<P> {
    let mut answer = text(status, "application/json", body);
    set(answer.headers_mut(), DOCKER_DISTRIBUTION_API_VERSION, "registry/2.0");
    set(answer.headers_mut(), CACHE_CONTROL, "no-store, no-transform");
    answer
}

/// An error of ours. The header says that it was this proxy that refused.
pub fn error<P: Platform>(error: &OciError) -> Answer<P> {
    let mut answer = json(error.status, error.to_json());
    set(answer.headers_mut(), X_PIERHEAD_ERROR, error.code.as_str());
    if error.status == StatusCode::TOO_MANY_REQUESTS {
        set(answer.headers_mut(), RETRY_AFTER, A_MINUTE);
    }
    answer
}

/// Sets a header. A value that cannot stand in one is left out: all that get here were parsed.
pub fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

impl<P: Platform> Exchange<P> {
    /// A 401 of ours: the error, and where to get a token.
    pub fn unauthorized(
        &self,
        registry: &Registry,
        scope: Option<String>,
        error: Option<&'static str>,
        why: &OciError,
    ) -> Answer<P> {
        let mut answer = self.fail(why);
        let error = error.map(|error| (error, why.message.as_str()));
        set(answer.headers_mut(), WWW_AUTHENTICATE, &self.challenge(registry, scope, error));
        answer
    }

    /// An upstream's error, readable: an OCI body passes, anything else becomes one of the same status.
    ///
    /// `missing` is the code of a 404 that says nothing. The challenge of a 401 is for the caller to add.
    pub async fn relay_error(
        &self,
        registry: &Registry,
        method: &Method,
        missing: Code,
        reply: Reply<P::Body>,
    ) -> Answer<P> {
        let status = reply.status;
        if status == StatusCode::TOO_MANY_REQUESTS {
            return self.relay_limit(registry, method, reply).await;
        }
        let mut kept = headers::of_errors(&reply.headers);
        if reply.account == Account::Operator {
            headers::hide_account(&mut kept);
            // Registries name the account in their errors: not for others.
            let message = format!("`{}` answered {status} to this proxy's own account", registry.name);
            let error = OciError::new(Code::of_status(status, missing), message);
            self.record.borrow_mut().explain(&error.message);
            return with(json(status, error.to_json()), kept);
        }
        let host = reply.host;
        let said = self.read_error(method, reply.body).await;
        if let Some(body) = ErrorBody::parse(&said) {
            if let Some((code, message)) = body.first() {
                self.record.borrow_mut().explain(&format!("{code}: {message}"));
            }
            return with(json(status, String::from_utf8_lossy(&said)), kept);
        }
        // No registry's error: what it said goes into the message, for clients show nothing else.
        let code = Code::of_status(status, missing);
        let said = excerpt(&String::from_utf8_lossy(&said));
        let known = said.is_empty() || status.canonical_reason() == Some(said.as_str());
        let words = if known { String::new() } else { format!(" ({said})") };
        let error = OciError::new(code, format!("{} answered {status}{words}{}", registry.at(&host), advice(code)));
        self.record.borrow_mut().explain(&error.message);
        with(json(status, error.to_json()), kept)
    }

    /// An upstream's 429: who has limited whom, and what can be done about it.
    async fn relay_limit(&self, registry: &Registry, method: &Method, reply: Reply<P::Body>) -> Answer<P> {
        let mut kept = headers::of_errors(&reply.headers);
        if !kept.contains_key(RETRY_AFTER) {
            set(&mut kept, RETRY_AFTER, UNNAMED);
        }
        let Reply { host, account, body, .. } = reply;
        let said = self.read_error(method, body).await;
        let name = &registry.name;
        // A user's login is for the gate: there is none of theirs that the registry would see.
        let log_in = if matches!(self.caller, Caller::User { .. }) { "" } else { ", or log in with yours" };
        let message = match account {
            Account::Client => format!("`{name}` limits the account that you use: wait, or use one with a higher limit"),
            Account::Operator => format!(
                "`{name}` limits this proxy's own account: wait{log_in}; the proxy's operator can set one with a higher limit in \
                 CREDENTIALS"
            ),
            Account::None => format!(
                "`{name}` limits this proxy, which asked without an account: wait{log_in}; the proxy's operator can set one in \
                 CREDENTIALS"
            ),
        };
        let mut error = OciError::new(Code::TooManyRequests, message);
        if account == Account::Operator {
            headers::hide_account(&mut kept);
        } else {
            // Registries name the account in their errors (Docker Hub: "your pull rate limit as '<user>'"): not for others.
            let words = ErrorBody::parse(&said).and_then(|body| body.first().map(|(_, message)| message.to_owned()));
            let words = words.unwrap_or_else(|| excerpt(&String::from_utf8_lossy(&said)));
            error.detail = Some(words.chars().take(EXCERPT).collect::<String>()).filter(|text| !text.is_empty());
        }
        self.record.borrow_mut().explain(&format!("429 of `{host}`: {}", error.detail.as_deref().unwrap_or_default()));
        with(json(error.status, error.to_json()), kept)
    }

    /// An error's body as far as there is one: a HEAD has none, and one that breaks off says nothing.
    pub async fn read_error(&self, method: &Method, body: ReplyBody<P::Body>) -> Vec<u8> {
        match body {
            _ if method == Method::HEAD => Vec::new(),
            ReplyBody::Read(body) => body,
            ReplyBody::Unread(body) => self.platform.read(body, MAX_ERROR).await.unwrap_or_default(),
        }
    }

    /// An error of ours, in the log and as an answer.
    pub fn fail(&self, why: &OciError) -> Answer<P> {
        self.record.borrow_mut().fail(why);
        error(why)
    }
}

/// The same answer with more headers.
fn with<P: Platform>(mut answer: Answer<P>, headers: HeaderMap) -> Answer<P> {
    answer.headers_mut().extend(headers);
    answer
}

/// What to do about an error that an upstream gave no reason for.
const fn advice(code: Code) -> &'static str {
    match code {
        Code::ManifestUnknown | Code::NameUnknown => "; check the image's name and tag",
        Code::BlobUnknown => "; the image may be gone or damaged there",
        Code::Unauthorized | Code::Denied => "; it may want a login for this, or refuse this proxy",
        Code::Unavailable => "; try again later",
        _ => "",
    }
}

/// The beginning of a text on one line, without markup.
fn excerpt(text: &str) -> String {
    let mut plain = String::new();
    let mut in_tag = false;
    for c in text.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                plain.push(' ');
            }
            _ if in_tag => {}
            c if c.is_control() => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(EXCERPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_plain_line() {
        for (text, expected) in [
            ("<html><body>\r\n<h1>403  Forbidden</h1></body></html>", "403 Forbidden"),
            ("Too Many Requests (HAP429).\n", "Too Many Requests (HAP429)."),
            ("a < b", "a"),
            ("\u{1b}[31mred\0", "[31mred"),
            ("", ""),
        ] {
            assert_eq!(excerpt(text), expected);
        }
        assert_eq!(excerpt(&"x".repeat(5000)).len(), EXCERPT);
    }
}
