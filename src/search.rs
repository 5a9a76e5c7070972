//! `/v1/`: what is left of the first registry API. `docker search` and the container stations of NAS makers ask for images there.
//!
//! Docker Hub alone has it. What it says is passed on as JSON or not at all.

use http::{Method, StatusCode};
use serde::de::IgnoredAny;
use url::{Url, form_urlencoded};

use crate::access::Caller;
use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::oci::{Code, OciError};
use crate::platform::{Outbound, Platform};
use crate::route::no_such_path;

/// The largest list that is read, in bytes: a hundred results have some 50 KB.
const MAX_LIST: usize = 512 * 1024;

/// The longest question, in bytes.
const MAX_QUESTION: usize = 255;

/// How many results a page has, if the client does not say, and at the most. As docker has it.
const RESULTS: (u32, u32) = (25, 100);

impl<P: Platform> Exchange<P> {
    /// Answers a request for what is behind `/v1/`.
    ///
    /// # Errors
    ///
    /// `UNSUPPORTED` for anything but a search, and where the host's registry has none; `UNAVAILABLE` for an answer that is no list.
    pub async fn v1(&self, behind: &str, url: &Url) -> Result<Answer<P>, OciError> {
        let no = |why: &str| OciError::new(Code::Unsupported, why).with_status(StatusCode::NOT_FOUND);
        if let Caller::Stranger(why) = &self.caller {
            // The same at every host. Where nobody can log in, nobody is asked to.
            return match behind {
                _ if self.config.access.users.is_none() => Err(no_such_path()),
                "_ping" => Ok(pong()),
                "search" => Ok(self.ask_for_password(self.fail(why))),
                _ => Err(no_such_path()),
            };
        }
        let registry = &self.site.home;
        let search = registry.search.as_ref().ok_or_else(|| no(&format!("`{}` has no search", registry.name)))?;
        match behind {
            "_ping" => return Ok(pong()),
            "search" => {}
            _ => return Err(no("of the old API (`/v1/`) there is `search` alone")),
        }
        self.record.borrow_mut().registry = Some(registry.name.clone());
        self.config.rules.of(&registry.name).check_client(&registry.name, self.address)?;
        self.count(self.user()).await?;
        let mut to = search.clone();
        to.set_query(Some(&question(url)?));
        let found = self.send(registry, Outbound::new(Method::GET, to)).await?;
        if found.status != StatusCode::OK {
            let message = format!("`{}` answered {} to a search", registry.name, found.status);
            // A 401 has a challenge, and nobody logs in to a search.
            let status = if found.status == StatusCode::UNAUTHORIZED { StatusCode::FORBIDDEN } else { found.status };
            let error = OciError::new(Code::of_status(status, Code::Unsupported), message);
            return Err(if status.is_client_error() { error.with_status(status) } else { error });
        }
        let list = self.read(found.body, MAX_LIST, &format!("what `{}` has found", registry.name)).await?;
        let json = |text: &String| serde_json::from_str::<IgnoredAny>(text).is_ok();
        let list = String::from_utf8(list)
            .ok()
            .filter(json)
            .ok_or_else(|| OciError::new(Code::Unavailable, format!("what `{}` has found is no JSON", registry.name)))?;
        Ok(answer::json(StatusCode::OK, list))
    }
}

/// docker asks first whether anybody is there.
fn pong<P: Platform>() -> Answer<P> {
    answer::json(StatusCode::OK, r#"{"standalone":true}"#)
}

/// The query, of nothing but what a search has.
fn question(url: &Url) -> Result<String, OciError> {
    let bad = |why: &str| OciError::new(Code::Unsupported, why).with_status(StatusCode::BAD_REQUEST);
    let of = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let text = of("q").unwrap_or_default();
    // Docker Hub finds nothing under the name that it gives its official images itself.
    let text = text.trim().trim_start_matches("docker.io/").trim_start_matches("library/");
    if text.is_empty() || text.len() > MAX_QUESTION {
        return Err(bad("a search has a `q` of at most 255 bytes"));
    }
    let number = |name: &str, default: u32| match of(name) {
        Some(text) => text.parse::<u32>().map_err(|_| bad("`n` and `page` of a search are numbers")),
        None => Ok(default),
    };
    let results = number("n", RESULTS.0)?.clamp(1, RESULTS.1).to_string();
    let page = number("page", 1)?.max(1).to_string();
    let pairs = [("q", text), ("n", &results), ("page", &page)];
    Ok(form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_made_anew() {
        let ask = |query: &str| question(&Url::parse(&format!("https://m.example.com/v1/search?{query}")).unwrap());
        for (query, expected) in [
            ("q=nginx", "q=nginx&n=25&page=1"),
            ("q=library/nginx&n=5&page=2", "q=nginx&n=5&page=2"),
            ("q=docker.io%2Flibrary%2Fnginx&n=1000&page=0", "q=nginx&n=100&page=1"),
            ("q=a%26b%3Dc&x=y", "q=a%26b%3Dc&n=25&page=1"),
        ] {
            assert_eq!(ask(query).unwrap(), expected, "{query}");
        }
        for bad in ["", "q=", "q=library/", "q=a&n=many", "q=a&page=-1", &format!("q={}", "a".repeat(256))] {
            assert!(ask(bad).is_err(), "{bad}");
        }
    }
}
