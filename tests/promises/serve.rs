//! The Worker as a whole: whatever clients and upstreams send, each request ends, in an answer that a client can read, and no
//! credential or client is led where it does not belong.
//!
//! An input is a flow, of which what is expected does not count; an upstream that has nothing more to say repeats itself.

mod answers;
mod credentials;
mod kept;
mod upstreams;
mod words;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use http::{HeaderMap, Method};
use pierhead::config::Config;
use pierhead::platform::{Inbound, Outbound, Payload, SendError};
use pierhead::route::Site;
use serde_json::Value;
use url::Url;

use super::Promise;
use crate::world::flow::{self, Exchange, Message};
use crate::world::{Body, Stage, World, bytes, ready};
use credentials::Credentials;

pub const PROMISE: Promise = Promise {
    name: "serve",
    check,
    pieces: &[
        "> GET https://docker.example.com/v2/library/nginx/manifests/latest\n",
        "> HEAD https://mirror.example.com/v2/quay.io/a/b/blobs/$(digest)\n",
        "> GET https://mirror.example.com/v2/a/b/manifests/$(digest-of a)?ns=ghcr.io\n",
        "> GET https://mirror.example.com/ecr/v2/a/b/tags/list?n=2\n",
        "> GET https://ghcr.example.com/token/ghcr.io?scope=repository:a/b:pull\n",
        "> POST https://mirror.example.com/token/docker.io\n",
        "> GET https://mirror.example.com/v2/\n",
        "> GET https://mirror.example.com/v1/search?q=nginx\n",
        "> GET https://docker.example.com/v2/a/b/blobs/$(sha256 blob)\n",
        "> GET https://nvcr.example.com/v2/a/b/referrers/$(digest)\n",
        "> authorization: Basic $(basic alice:hunter2hunter2)\n",
        "> authorization: Bearer $(anonymous docker.io)\n",
        "> authorization: Bearer $(upstream ghcr.io opaque0token1)\n",
        "> content-type: application/x-www-form-urlencoded\n",
        "> authorization: Basic $(basic ghcr.io/alice:hunter2hunter2)\n",
        "> authorization: Bearer static0token1\n",
        "> \n> grant_type=password&username=alice&password=hunter2hunter2&scope=repository:a/b:pull\n",
        "> range: bytes=0-3\n",
        "> if-none-match: \"$(digest-of a)\"\n",
        "> accept: application/vnd.oci.image.index.v1+json\n",
        "=> GET x\n<= 200\n",
        "=> GET x\n<= 401\n",
        "=> GET x\n<= 307\n",
        "=> GET x\n<= 429\n",
        "=> GET x\n<= 404\n",
        "=> GET x\n<= 503\n",
        "=> GET x\n<= timeout\n",
        "=> GET x\n<= 206\n",
        "=> GET x\n<= 304\n",
        "=> GET x\n<= 400\n",
        "=> GET x\n<= 403\n",
        "<= content-type: application/vnd.oci.image.index.v1+json\n",
        "<= content-type: text/html\n",
        "<= content-length: 4\n",
        "<= docker-content-digest: $(digest-of a)\n",
        "<= www-authenticate: Bearer realm=\"https://auth.docker.io/token\",service=\"s\"\n",
        "<= www-authenticate: Bearer realm=\"https://evil.example/token\"\n",
        "<= www-authenticate: Basic realm=\"x\"\n",
        "<= location: https://evil.example/x\n",
        "<= location: https://registry-1.docker.io/v2/a/b/blobs/x\n",
        "<= location: /v2/x\n",
        "<= location: http://127.0.0.1/\n",
        "<= location: https://mirror.example.com/v2/\n",
        "<= link: <https://evil.example/v2/a/b/tags/list?last=x>; rel=\"next\"\n",
        "<= retry-after: soon\n",
        "<= content-range: bytes 0-0/9\n",
        "<= content-encoding: gzip\n",
        "<= \n<= $(index a)\n",
        "<= \n<= blob\n",
        "<= \n<= {\"token\":\"opaque0token2\",\"expires_in\":300}\n",
        "<= \n<= {\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\"}]}\n",
        "<= \n<= <html>\n",
        "<= \n<= (endless)\n",
        "<= \n<= (breaks off)\n",
        "tier cache\n",
        "tier bucket\n",
        "new\n",
        "at 2000\n",
        "limit 1\n",
        "set ACCESS public\n",
        "set CREDENTIALS {\"docker.io\": \"operator:hunter2operator\"}\n",
        "set CACHE off\n",
        "set ACCESS path\nset PATH_SECRET abcdefghij0123456789\n",
        "set REGISTRIES {\"docker.io\": {\"blobs\": \"redirect\"}}\n",
        "set ACCESS users\nset USERS {\"alice\": \"$(sha256 pierhead_long)\"}\nset SIGNING_KEYS $(signing-key)\n",
        "set RULES {\"*\": {\"allow\": [\"a/.*\"]}}\n",
        "set LIMITS {\"blob_mib\": 1}\n",
        "set ROUTES {\"hub.example.com\": \"docker.io\"}\n",
    ],
};

/// How many upstream requests one of a client may cost, for each registry that could be asked.
const MOST: usize = 40;

fn check(text: &str) {
    let Ok(steps) = flow::parse(text) else { return };
    let (mut stage, mut story) = (Stage::default(), Story::default());
    for step in steps {
        if let flow::Step::NewIsolate = step {
            story = Story::default();
        }
        // Beyond the year 292 million milliseconds do not fit.
        if matches!(step, flow::Step::At(time) if time > u64::from(u32::MAX)) {
            return;
        }
        if let Some(exchange) = stage.take(step) {
            play(&mut stage, &mut story, exchange);
        }
    }
}

/// What is known of an isolate.
#[derive(Default)]
struct Story {
    /// The settings that it has read, and what it made of them.
    settings: Option<(Variables, Option<Config>)>,
    credentials: Credentials,
}

/// An upstream request, and what came of it.
struct Asked {
    request: Outbound,
    answer: Option<Inbound<Body>>,
}

/// An exchange that is over.
struct Played<'a> {
    config: &'a Config,
    url: &'a Url,
    site: &'a Site,
    method: &'a Method,
    /// The client's headers and body.
    headers: &'a HeaderMap,
    form: &'a str,
    now: u64,
    asked: &'a [Asked],
    status: u16,
    answer: &'a HeaderMap,
    /// The answer's body is text of our own.
    ours: bool,
    body: &'a [u8],
    /// The line that was logged, and all lines with what went on.
    line: &'a Value,
    log: &'a str,
}

impl Played<'_> {
    /// What the log calls something.
    fn noted(&self, key: &str) -> &str {
        self.line[key].as_str().unwrap_or_default()
    }

    /// A header of the answer.
    fn told(&self, name: &str) -> Option<&str> {
        self.answer.get(name).and_then(|value| value.to_str().ok())
    }
}

fn play(stage: &mut Stage, story: &mut Story, exchange: Exchange) {
    let now = stage.now;
    let Some(request) = exchange.request.request(now) else { return };
    // No other comes to a Worker.
    if !["http://", "https://"].iter().any(|scheme| request.url.starts_with(scheme)) {
        return;
    }
    let settings = || (stage.variables.clone(), Config::read(&stage.variables).ok());
    let (variables, config) = story.settings.get_or_insert_with(settings);
    let (method, headers) = (request.method.clone(), request.headers.clone());
    let form = request.body.clone().flatten().unwrap_or_default();
    let url = Url::parse(&request.url);
    let before = kept::names(stage);
    let script = Rc::new(Script::new(now, exchange.upstream));
    let upstream = Rc::clone(&script);
    let world = stage.world(move |request| upstream.answer(request));
    let answer = ready(stage.proxy().serve(&world, request));
    let line = world.log.borrow().clone();
    world.settle();
    let log = world.log.take();
    let line: Value = serde_json::from_str(&line).expect("one line of JSON is logged");
    let (parts, body) = answer.into_parts();
    assert!(kept::is_sound(&body), "what is held has another digest");
    let ours = matches!(body, Payload::Text(_));
    assert!(method != Method::HEAD || matches!(body, Payload::Empty), "a HEAD has a body");
    let body = bytes(body);
    let asked = script.asked.take();
    answers::check_form(&method, &parts, &body, &line, ours);
    kept::check(stage);
    let (Some(config), Ok(url)) = (config, url) else { return assert!(asked.is_empty()) };
    let mut bare = url.clone();
    let key = config.access.keys.as_ref().and_then(|keys| keys.take(&mut bare, &headers));
    let Ok(site) = Site::of(config, &bare) else { return assert!(asked.is_empty()) };
    let played = Played {
        config,
        url: &url,
        site: &site.with_key(key),
        method: &method,
        headers: &headers,
        form: &String::from_utf8_lossy(&form),
        now,
        asked: &asked,
        status: parts.status.as_u16(),
        answer: &parts.headers,
        ours,
        body: &body,
        line: &line,
        log: &log,
    };
    let mirrors = config.registries.iter().map(|registry| registry.mirrors.len()).max().unwrap_or_default();
    assert!(asked.len() <= MOST * (1 + mirrors), "{} upstream requests for one", asked.len());
    answers::check(&played);
    upstreams::check(&played);
    story.credentials.check(&played);
    words::check(&played, variables);
    if matches!(played.noted("presented"), "token" | "basic" | "bearer") && played.noted("endpoint") != "token" {
        assert_eq!(kept::names(stage), before, "what a client's own credentials brought is kept");
    }
}

/// The upstreams' answers in their order.
struct Script {
    now: u64,
    answers: Vec<Message>,
    asked: RefCell<Vec<Asked>>,
}

impl Script {
    fn new(now: u64, upstream: Vec<(Message, Message)>) -> Self {
        Self { now, answers: upstream.into_iter().map(|(_, answer)| answer).collect(), asked: RefCell::default() }
    }

    fn answer(&self, request: Outbound) -> Result<Inbound<Body>, SendError> {
        let mut asked = self.asked.borrow_mut();
        let answer = self.answers.get(asked.len()).or(self.answers.last());
        let answer = answer.map_or(Err(SendError::TimedOut), |answer| answer.inbound(self.now));
        let copy = answer.as_ref().ok().map(|answer| Inbound {
            status: answer.status,
            headers: answer.headers.clone(),
            body: answer.body.clone(),
        });
        asked.push(Asked { request, answer: copy });
        answer
    }
}

/// An answer's body.
type Sent = Payload<World>;

/// Settings, as they are written.
type Variables = BTreeMap<String, Value>;
