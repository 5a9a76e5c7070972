//! The life of a request.

use std::cell::RefCell;
use std::rc::Rc;

use http::header::{ALLOW, AUTHORIZATION, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, StatusCode};
use url::Url;

use crate::access::{Access, Caller};
use crate::answer::{self, Answer};
use crate::auth::Authorization;
use crate::config::{Config, ConfigError};
use crate::exchange::Exchange;
use crate::gate;
use crate::headers::{self, CF_RAY, OCI_NAMESPACE, X_PIERHEAD_CACHE};
use crate::memory::Memory;
use crate::oci::{Code, Endpoint, OciError};
use crate::platform::{ClientRequest, Payload, Platform};
use crate::pull::Pull;
use crate::record::Record;
use crate::route::{Route, Site, no_such_path};

/// The proxy: what the operator set and what this isolate remembers.
pub struct Proxy<P: Platform> {
    config: Result<Rc<Config>, ConfigError>,
    memory: Rc<Memory<P::Bytes>>,
}

impl<P: Platform> Proxy<P> {
    /// A proxy with nothing remembered. With a configuration that cannot be read every request is told so.
    #[must_use]
    pub fn new(config: Result<Config, ConfigError>) -> Self {
        let bound = config.as_ref().map_or(0, |config| config.cache.memory_bytes);
        Self { config: config.map(Rc::new), memory: Rc::new(Memory::bounded(bound)) }
    }

    /// Serves one request, and writes its log line; also of one that is dropped, for its client is gone.
    ///
    /// The numbers are those of docs/request-handling.md.
    ///
    /// 1. The URL is read; the site (which host of ours) is known.
    /// 2. Who asks: anybody, somebody with a key (which leaves the address here), a user, or a stranger.
    /// 3. A page of our own: answered at once.
    /// 4. The token endpoint has its own door, since it is where users show who they are, and so has the search. Any other stranger
    ///    is turned away, and learns nothing.
    /// 5. The method: GET and HEAD. pierhead only pulls.
    /// 6. The route: which registry, and what is asked of it; or a path that is nobody's.
    /// 7. May they: the operator's rules and limits, before anything is fetched or the store is read.
    /// 8. The ping, or a pull from store and upstream.
    /// 9. Whatever went wrong becomes an OCI error; the log line is written. No key is in either.
    pub async fn serve(&self, platform: &P, request: ClientRequest<P::Body>) -> Answer<P> {
        let head = request.method == Method::HEAD;
        let record = Rc::new(RefCell::new(Record {
            request: headers::text(&request.headers, &CF_RAY).map(str::to_owned),
            method: request.method.to_string(),
            status: CLIENT_GONE,
            ..Record::default()
        }));
        let access = self.config.as_ref().ok().map(|config| &config.access);
        let _line = LogLine { platform, record: &record, access, began_ms: platform.now_ms() };
        let mut answer = match self.answer(platform, &record, request).await {
            Ok(answer) => answer,
            // 9. What went wrong before there was a route; later errors are answered under its names.
            Err(error) => {
                record.borrow_mut().fail(&error);
                answer::error(&error)
            }
        };
        if head {
            empty(&mut answer);
        }
        // What a registry does not call a page, no browser may take for one: it would be one of the operator's host.
        answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let mut record = record.borrow_mut();
        record.status = answer.status().as_u16();
        // A page tells whoever has shown a key the address that they go on with.
        if record.endpoint != Some("site")
            && let (Some(access), Payload::Text(text)) = (access, answer.body_mut())
        {
            access.hide(text);
        }
        answer
    }

    async fn answer(
        &self,
        platform: &P,
        record: &Rc<RefCell<Record>>,
        request: ClientRequest<P::Body>,
    ) -> Result<Answer<P>, OciError> {
        // 1. The URL.
        let mut url = read_url(&request.url)?;
        record.borrow_mut().host = url.host_str().unwrap_or_default().to_owned();
        let config = self.config.as_ref().map_err(|error| {
            // What is wrong with it is the operator's to read: the value may be a secret, and the table is nobody else's.
            let message = format!("this proxy is not configured right: see `{}`, and its log", error.key());
            OciError::new(Code::Unavailable, message)
                .with_status(StatusCode::INTERNAL_SERVER_ERROR)
                .with_cause(error.to_string())
        })?;

        // 2. Who asks. From here on no key is in the address.
        let key = config.access.keys.as_ref().and_then(|keys| keys.take(&mut url, &request.headers));
        let site = Site::of(config, &url)?.with_key(key);
        let caller = config.access.caller(&site, &request.headers, platform.now_ms() / 1000);
        if let Caller::User { name, .. } = &caller {
            record.borrow_mut().user = Some(name.clone());
        }
        let exchange = Exchange {
            platform: platform.clone(),
            config: Rc::clone(config),
            memory: Rc::clone(&self.memory),
            site: Rc::new(site),
            caller,
            address: gate::address(&request.headers),
            record: Rc::clone(record),
        };

        // 3. A page of our own.
        let readable = request.method == Method::GET || request.method == Method::HEAD;
        if readable && let Some(page) = exchange.page(url.path(), &request.headers) {
            record.borrow_mut().endpoint = Some("site");
            return Ok(page);
        }

        // 4. The token endpoint, and the gate.
        if let Some(registry) = url.path().strip_prefix("/token/") {
            record.borrow_mut().endpoint = Some("token");
            if request.method != Method::GET && request.method != Method::POST {
                return Ok(not_allowed(&request.method, "GET, POST", record));
            }
            return exchange.token_endpoint(registry, &url, request).await;
        }
        if let Some(behind) = url.path().strip_prefix("/v1/").filter(|_| readable) {
            record.borrow_mut().endpoint = Some("v1");
            return exchange.v1(behind, &url).await;
        }
        if let Caller::Stranger(why) = &exchange.caller {
            return exchange.turn_away(&url, why, request.headers.contains_key(AUTHORIZATION));
        }

        // 5. The method.
        if !readable {
            return Ok(not_allowed(&request.method, "GET, HEAD", record));
        }

        // 6. The route.
        let (route, endpoint) = Route::find(config, &exchange.site, &url).ok_or_else(no_such_path)??;
        record.borrow_mut().registry = Some(route.registry.name.clone());
        if let Endpoint::Repository(name, resource) = &endpoint {
            let mut record = record.borrow_mut();
            record.endpoint = Some(resource.kind());
            record.name = Some(route.registry.upstream_name(name.as_str()));
            record.reference = resource.reference();
        }

        // 7. May they, and 8. the work.
        let answer = match exchange.admit(&route, &endpoint).await {
            Ok(()) => exchange.work(&route, &endpoint, &url, &request).await,
            Err(denied) => Err(denied),
        };
        let mut answer = answer.unwrap_or_else(|error| exchange.fail(&error));
        if let Some(outcome) = record.borrow().store {
            answer::set(answer.headers_mut(), X_PIERHEAD_CACHE, outcome.as_str());
        }
        // A client that sent `?ns=` is told that it was heeded (distribution spec, "Registry Proxying").
        if let Some(ns) = &route.ns {
            answer::set(answer.headers_mut(), OCI_NAMESPACE, ns);
        }
        Ok(answer)
    }
}

/// What the log calls the end of a request whose client hung up before its answer, as nginx and Cloudflare do.
const CLIENT_GONE: u16 = 499;

/// A request's log line. It is written at the end, whichever that is.
struct LogLine<'a, P: Platform> {
    platform: &'a P,
    record: &'a RefCell<Record>,
    access: Option<&'a Access>,
    began_ms: u64,
}

impl<P: Platform> Drop for LogLine<'_, P> {
    fn drop(&mut self) {
        // Nobody else has it any more. Were it otherwise, a line less would be better than a panic.
        let Ok(mut record) = self.record.try_borrow_mut() else { return };
        record.duration_ms = self.platform.now_ms().saturating_sub(self.began_ms);
        self.platform.log(&record.to_line(self.access));
    }
}

impl<P: Platform> Exchange<P> {
    /// The ping, or a pull.
    async fn work(
        &self,
        route: &Route,
        endpoint: &Endpoint,
        url: &Url,
        request: &ClientRequest<P::Body>,
    ) -> Result<Answer<P>, OciError> {
        let (method, client) = (&request.method, &request.headers);
        match endpoint {
            Endpoint::Ping => {
                self.record.borrow_mut().endpoint = Some("ping");
                self.ping(route, method, Authorization::read(client)).await
            }
            Endpoint::Repository(name, resource) => self.pull(Pull { route, name, resource, method, url, client }).await,
        }
    }
}

/// Parses a URL whose path is in its normal form.
///
/// The parser would resolve `..` and `%2e%2e` and escape the rest: a path that it has to change is not one that a
/// registry client writes, and guessing what was meant is how two parsers come to disagree.
fn read_url(text: &str) -> Result<Url, OciError> {
    let invalid =
        || OciError::new(Code::NameInvalid, "the path is not in its normal form (`..`, `\\` or unescaped characters)");
    let url = Url::parse(text).map_err(|_| invalid())?;
    let rest = text.split_once("://").map(|(_, rest)| rest).ok_or_else(invalid)?;
    let path = rest.split(['?', '#']).next().and_then(|rest| rest.split_once('/')).map_or("", |(_, path)| path);
    if url.path().strip_prefix('/') != Some(path) {
        return Err(invalid());
    }
    Ok(url)
}

fn not_allowed<P: Platform>(method: &Method, allow: &'static str, record: &RefCell<Record>) -> Answer<P> {
    let error = OciError::new(Code::Unsupported, format!("`{method}` is not allowed here ({allow}): pierhead only pulls"));
    record.borrow_mut().fail(&error);
    let mut answer = answer::error(&error);
    answer::set(answer.headers_mut(), ALLOW, allow);
    answer
}

/// A HEAD's answer has the headers of a GET and no body.
fn empty<P: Platform>(answer: &mut Answer<P>) {
    *answer.body_mut() = Payload::Empty;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_in_normal_form() {
        for good in ["https://a.example/", "https://a.example/v2/a/b/manifests/1?n=..#x", "https://a.example"] {
            assert!(read_url(good).is_ok(), "{good}");
        }
        for bad in [
            "https://a.example/v2/../x",
            "https://a.example/v2/%2e%2E/x",
            "https://a.example/v2/./x",
            "https://a.example/v2\\x",
            "https://a.example/v2/ä",
            "https://a.example/v2/a b",
            "v2",
        ] {
            assert!(read_url(bad).is_err(), "{bad}");
        }
    }
}
