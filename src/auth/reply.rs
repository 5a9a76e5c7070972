//! What a token server answers.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::secret::Secret;

/// The default of the token specification where a reply does not say, in seconds.
const DEFAULT_LIFE: u64 = 60;

/// No token is believed to last longer, in seconds; 43,200 is the longest a public registry grants (gcr.io).
const MAX_LIFE: u64 = 86_400;

/// A token server's answer, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenReply {
    /// The access token: visible ASCII, fit for a header.
    pub token: Secret,
    /// Its life in seconds from the exchange on.
    pub expires_in: u64,
    /// When it was issued, as the server wrote it.
    pub issued_at: Option<String>,
    /// A token to get more tokens with.
    pub refresh_token: Option<Secret>,
}

/// Why a token server's answer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyError(String);

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReplyError {}

#[derive(Deserialize)]
struct Wire {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<Value>,
    issued_at: Option<String>,
    refresh_token: Option<String>,
}

impl TokenReply {
    /// Reads a reply's body.
    ///
    /// `token` or `access_token` will do (ACR and Elastic send only the second); a missing or tiny `expires_in` is 60 s,
    /// as the specification says; the content type is not looked at, some servers send `text/plain`.
    ///
    /// # Errors
    ///
    /// The body is not JSON (an HTML page), holds no usable token, or an `expires_in` that is no duration.
    pub fn parse(body: &[u8]) -> Result<Self, ReplyError> {
        let wire: Wire = serde_json::from_slice(body).map_err(|e| {
            let html = body.trim_ascii_start().starts_with(b"<");
            let what = if html { "an HTML page" } else { "no token reply" };
            // serde's own message may quote a piece of the token.
            ReplyError(format!("{what} (line {}, column {})", e.line(), e.column()))
        })?;
        let token = [wire.token, wire.access_token].into_iter().flatten().find(|token| !token.is_empty());
        let token = token.ok_or_else(|| ReplyError("a reply with neither `token` nor `access_token`".to_owned()))?;
        let visible = |token: &str| token.bytes().all(|b| b.is_ascii_graphic());
        if !visible(&token) || !wire.refresh_token.as_deref().is_none_or(visible) {
            return Err(ReplyError("a token that cannot stand in a header".to_owned()));
        }
        let expires_in = wire.expires_in.map_or(Ok(DEFAULT_LIFE), |value| life(&value))?;
        Ok(Self {
            token: Secret::new(token),
            expires_in,
            issued_at: wire.issued_at.filter(|text| text.len() <= 64),
            refresh_token: wire.refresh_token.filter(|token| !token.is_empty()).map(Secret::new),
        })
    }
}

/// A life in seconds, as a number or, from some servers, as text. A fraction is cut off.
fn life(value: &Value) -> Result<u64, ReplyError> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    };
    let whole = text.split('.').next().and_then(|whole| whole.parse::<u64>().ok());
    whole.map(|seconds| seconds.clamp(DEFAULT_LIFE, MAX_LIFE)).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        ReplyError(format!("not usable: `expires_in` is `{shown}`; expected a number of seconds"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(String, u64), String> {
        TokenReply::parse(body.as_bytes()).map(|r| (r.token.expose().to_owned(), r.expires_in)).map_err(|e| e.to_string())
    }

    #[test]
    fn reads_what_token_servers_send() {
        for (body, token, life) in [
            // Docker Hub, quay.io, ACR, gcr.io
            (r#"{"token":"a","access_token":"a","expires_in":300,"issued_at":"2024-01-01T00:00:00.1Z"}"#, "a", 300),
            (r#"{"token":"b"}"#, "b", 60),
            (r#"{"access_token":"c"}"#, "c", 60),
            (r#"{"expires_in":43200,"issued_at":"2020-01-01T00:00:00-07:00","token":"d"}"#, "d", 43_200),
            (r#"{"token":"","access_token":"e","expires_in":0,"scope":"x","refresh_token":"r"}"#, "e", 60),
            (r#"{"token":"f","expires_in":99999999}"#, "f", 86_400),
            (r#"{"token":"g","expires_in":300.5}"#, "g", 300),
            (r#"{"token":"h","expires_in":"300"}"#, "h", 300),
        ] {
            assert_eq!(read(body), Ok((token.to_owned(), life)), "{body}");
        }
    }

    #[test]
    fn refuses_the_rest_without_repeating_it() {
        for (body, start) in [
            ("<!DOCTYPE html>", "an HTML page"),
            ("", "no token reply"),
            (r#"{"token":"hunter2"#, "no token reply"),
            (r#"{"token":["hunter2"]}"#, "no token reply"),
            ("{}", "a reply with neither"),
            (r#"{"token":"hunter2\r\nx: y"}"#, "a token that cannot"),
            (r#"{"token":"hunter2","expires_in":-1}"#, "not usable: `expires_in` is `-1`"),
            (r#"{"token":"hunter2","expires_in":"soon"}"#, "not usable: `expires_in` is `soon`"),
            (r#"{"token":"hunter2","expires_in":{}}"#, "not usable"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.starts_with(start) && !error.contains("hunter2"), "{body}: {error}");
        }
    }
}
