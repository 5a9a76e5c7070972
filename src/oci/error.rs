//! The one error table, and the JSON envelope every error leaves in.

use std::fmt;

use http::StatusCode;
use serde::Deserialize;

/// The error codes of the distribution spec ("Error Codes") that a pull can meet, and `UNAVAILABLE`.
///
/// `UNAVAILABLE` is distribution's own (docker and containerd know it): the fault is neither the client's nor
/// the content's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the spec's; `row` holds their text and status")]
pub enum Code {
    BlobUnknown,
    Denied,
    DigestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unsupported,
}

impl Code {
    /// The code as it stands on the wire, and the status it has unless an error says otherwise.
    const fn row(self) -> (&'static str, StatusCode) {
        match self {
            Self::BlobUnknown => ("BLOB_UNKNOWN", StatusCode::NOT_FOUND),
            Self::Denied => ("DENIED", StatusCode::FORBIDDEN),
            Self::DigestInvalid => ("DIGEST_INVALID", StatusCode::BAD_REQUEST),
            Self::ManifestUnknown => ("MANIFEST_UNKNOWN", StatusCode::NOT_FOUND),
            Self::NameInvalid => ("NAME_INVALID", StatusCode::BAD_REQUEST),
            Self::NameUnknown => ("NAME_UNKNOWN", StatusCode::NOT_FOUND),
            Self::SizeInvalid => ("SIZE_INVALID", StatusCode::RANGE_NOT_SATISFIABLE),
            Self::TooManyRequests => ("TOOMANYREQUESTS", StatusCode::TOO_MANY_REQUESTS),
            Self::Unauthorized => ("UNAUTHORIZED", StatusCode::UNAUTHORIZED),
            Self::Unavailable => ("UNAVAILABLE", StatusCode::BAD_GATEWAY),
            Self::Unsupported => ("UNSUPPORTED", StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    /// The code as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The status an error of this code has unless it says otherwise.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.row().1
    }

    /// The code that fits a status an upstream gave without saying why.
    ///
    /// `missing` is what a 404 means here: a manifest, a blob or a whole repository.
    #[must_use]
    pub const fn of_status(status: StatusCode, missing: Self) -> Self {
        match status.as_u16() {
            401 => Self::Unauthorized,
            403 | 451 => Self::Denied,
            404 | 410 => missing,
            416 => Self::SizeInvalid,
            429 => Self::TooManyRequests,
            400..=499 => Self::Unsupported,
            _ => Self::Unavailable,
        }
    }
}

/// An error of ours on its way to the client.
///
/// Messages are lower case, hold the offending value in backticks, say what was expected and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct OciError {
    /// What kind of error.
    pub code: Code,
    /// The HTTP status; the code's own unless changed by [`OciError::with_status`].
    pub status: StatusCode,
    /// For the person who reads the client's output.
    pub message: String,
    /// For machines and the curious: an excerpt of what an upstream said.
    pub detail: Option<String>,
    /// For the operator's log only; never sent.
    pub cause: Option<String>,
}

impl OciError {
    /// An error with its code's own status.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, status: code.status(), message: message.into(), detail: None, cause: None }
    }

    /// The same error with another status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same error with an excerpt of what an upstream said.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The same error with a line for the log.
    #[must_use]
    pub fn with_cause(self, cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// The JSON envelope of the spec.
    #[must_use]
    pub fn to_json(&self) -> String {
        let error = serde_json::json!({
            "code": self.code.as_str(), "message": self.message, "detail": self.detail,
        });
        serde_json::json!({ "errors": [error] }).to_string()
    }
}

impl fmt::Display for OciError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for OciError {}

/// The envelope as an upstream sends it, read as far as it is needed to know that clients can read it too.
#[derive(Debug, Deserialize)]
pub struct ErrorBody {
    errors: Vec<Diagnostic>,
}

/// One error of an envelope. Codes outside the spec occur (quay's `TAG_EXPIRED`), so the code is any text.
#[derive(Debug, Deserialize)]
struct Diagnostic {
    code: String,
    #[serde(default)]
    message: Option<String>,
}

impl ErrorBody {
    /// The envelope in `body`, where docker's parser would find one: a JSON object with a non-empty `errors`.
    ///
    /// Anything else makes docker print `error parsing HTTP 404 response body: no error details found`.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok().filter(|body: &Self| !body.errors.is_empty())
    }

    /// The first error's code and message, for the log and for messages that repeat them.
    #[must_use]
    pub fn first(&self) -> Option<(&str, &str)> {
        self.errors.first().map(|e| (e.code.as_str(), e.message.as_deref().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_the_envelope_of_the_spec() {
        let error = OciError::new(Code::NameUnknown, "no `x`").with_detail("why").with_cause("secret");
        assert_eq!(error.status, StatusCode::NOT_FOUND);
        assert_eq!(error.to_json(), r#"{"errors":[{"code":"NAME_UNKNOWN","detail":"why","message":"no `x`"}]}"#);
    }

    #[test]
    fn only_an_envelope_docker_can_read_counts() {
        let parsed = ErrorBody::parse(br#"{"errors":[{"code":"TAG_EXPIRED","message":"gone","detail":{"a":1}}]}"#);
        assert_eq!(parsed.as_ref().and_then(ErrorBody::first), Some(("TAG_EXPIRED", "gone")));
        for other in ["", "<html>", "true", "[]", r#"{"errors":[]}"#, r#"{"error":"x"}"#, r#"{"errors":["x"]}"#] {
            assert!(ErrorBody::parse(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn a_bare_status_gets_a_fitting_code() {
        for (status, code) in [
            (400, Code::Unsupported),
            (401, Code::Unauthorized),
            (403, Code::Denied),
            (404, Code::BlobUnknown),
            (416, Code::SizeInvalid),
            (429, Code::TooManyRequests),
            (500, Code::Unavailable),
            (503, Code::Unavailable),
        ] {
            assert_eq!(Code::of_status(StatusCode::from_u16(status).unwrap(), Code::BlobUnknown), code);
        }
    }
}
