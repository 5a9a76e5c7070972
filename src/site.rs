//! What is no registry's: the page, and a few short texts.

mod page;
mod pull_sh;
mod status;

use http::header::{ACCEPT, CACHE_CONTROL};
use http::{HeaderMap, StatusCode};

use crate::access::Caller;
use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::headers;
use crate::platform::Platform;

impl<P: Platform> Exchange<P> {
    /// The answer to a path outside `/v2/` and `/token/`, where there is one. No upstream is asked. Strangers learn no more than
    /// that somebody is here.
    #[must_use]
    pub fn page(&self, path: &str, client: &HeaderMap) -> Option<Answer<P>> {
        const TEXT: &str = "text/plain; charset=utf-8";
        let is_browser = || headers::text(client, &ACCEPT).is_some_and(|types| types.contains("text/html"));
        let body = match path {
            "/healthz" => "ok\n",
            // Proxies that were indexed have been flagged as phishing.
            "/robots.txt" => "User-agent: *\nDisallow: /\n",
            _ if matches!(self.caller, Caller::Stranger(_)) => return None,
            "/" if is_browser() => return Some(self.web_page()),
            "/" => "pierhead: a pull proxy for container registries. Ask /v2/.\n",
            "/pull.sh" => {
                let script = pull_sh::script(&self.config, &self.site);
                let mut answer = answer::text(StatusCode::OK, pull_sh::SHELL, script);
                answer::set(answer.headers_mut(), CACHE_CONTROL, "no-store");
                return Some(answer);
            }
            "/status" => return Some(self.status()),
            _ => return None,
        };
        Some(answer::text(StatusCode::OK, TEXT, body))
    }
}
