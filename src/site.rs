//! The few pages that are no registry's.

mod status;

use http::StatusCode;

use crate::access::Caller;
use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::platform::Platform;

impl<P: Platform> Exchange<P> {
    /// The answer to a path outside `/v2/` and `/token/`, where there is one. No upstream is asked. Strangers learn no more than
    /// that somebody is here.
    #[must_use]
    pub fn page(&self, path: &str) -> Option<Answer<P>> {
        const TEXT: &str = "text/plain; charset=utf-8";
        let body = match path {
            "/healthz" => "ok\n",
            // Proxies that were indexed have been flagged as phishing.
            "/robots.txt" => "User-agent: *\nDisallow: /\n",
            _ if matches!(self.caller, Caller::Stranger(_)) => return None,
            "/" => "pierhead: a pull proxy for container registries. Ask /v2/.\n",
            "/status" => return Some(self.status()),
            _ => return None,
        };
        Some(answer::text(StatusCode::OK, TEXT, body))
    }
}
