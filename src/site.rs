//! The few pages that are no registry's.

use http::StatusCode;

use crate::access::Caller;
use crate::answer::{self, Answer};
use crate::platform::Platform;

/// The answer to a path outside `/v2/` and `/token/`, where there is one. No upstream is asked. Strangers learn no more than that
/// somebody is here.
#[must_use]
pub fn page<P: Platform>(path: &str, caller: &Caller) -> Option<Answer<P>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    let body = match path {
        "/" if matches!(caller, Caller::Stranger(_)) => return None,
        "/" => "pierhead: a pull proxy for container registries. Ask /v2/.\n",
        "/healthz" => "ok\n",
        // Proxies that were indexed have been flagged as phishing.
        "/robots.txt" => "User-agent: *\nDisallow: /\n",
        _ => return None,
    };
    Some(answer::text(StatusCode::OK, TEXT, body))
}
