//! Golden transcripts through [`pierhead::proxy::Proxy::serve`], natively: no wasm, no network.
//!
//! Each `tests/flows/*.flow` shows one property and is named for it. Its lines, by their first characters:
//!
//! ```text
//! #     what it shows
//! set   a setting: `set ROUTES {"hub.example.com": "docker.io"}`. One called PATH_SECRET must be in no log and no answer
//!       but in a realm and in the address of pull.sh
//! limit how many requests of one user or address are let through from here on
//! at    the time from here on, Unix seconds; the first is 1000
//! tier  a tier that is there from here on: `tier cache`, `tier bucket`; without, there is the isolate's memory alone
//! new   another isolate serves from here on: what is in the tiers stays, what is remembered does not
//! >     the client's request: `> GET <url>`, its headers, `>`, its body
//! =>    an upstream request that must follow, in order: method and URL, headers, `=>`, its form
//! <=    what that upstream answers: the status (or `timeout`, `refused`), headers, `<=`, its body
//! <     what the client must get: status, headers, `<`, its body
//! ```
//!
//! In what is expected `*` stands for any text and a header with the value `-` must be absent; headers not named do not
//! matter, except that an upstream request bears an `authorization` only where the flow says so. An upstream request that is
//! not in the flow fails it, and so does a secret in the log.
//! What goes on after the answer (`waitUntil`) is done, its upstream requests among the others, before the next request comes.
//! Anywhere, `$(anonymous R)`, `$(upstream R T)` and `$(refresh R T)` are tokens of ours for registry R (made at `at`),
//! `$(basic U:P)` is base64, `$(digest)` is a sound digest, `$(sha256 TEXT)` is the digest of TEXT, `$(index X)` is a small index
//! that differs by X, `$(digest-of X)` is its digest, `$(size-of X)` its length; `$(signing-key)` is a key for SIGNING_KEYS, and
//! `$(user HOST R NAME TOKEN)` a pass that it signed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests stop at the first surprise"
)]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write as _;
use std::future::Future;
use std::ops::Deref;
use std::path::Path;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use base64::Engine;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use pierhead::access::{SigningKeys, Users};
use pierhead::auth::{Pass, PassKind};
use pierhead::config::Config;
use pierhead::headers::{FROM_CLIENT, FROM_UPSTREAM};
use pierhead::oci::Digest;
use pierhead::platform::{
    ClientRequest, Content, Found, Held, Inbound, KeepError, Kept, Outbound, Payload, Platform, ReadError, SendError, Tier,
};
use pierhead::proxy::Proxy;
use pierhead::range::Span;
use pierhead::secret::Secret;

/// First line, headers and body of a message in a flow.
#[derive(Clone, Debug, Default)]
struct Message {
    first: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

#[derive(Debug)]
enum Step {
    At(u64),
    Tier(Tier),
    NewIsolate,
    Limit(u32),
    Set(String, String),
    /// The client's request, the upstream's part, the answer.
    Exchange {
        request: Message,
        upstream: Vec<(Message, Message)>,
        answer: Message,
    },
}

#[test]
fn flows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flows");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut failures = String::new();
    let mut count = 0;
    for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "flow")) {
        count += 1;
        let text = std::fs::read_to_string(path).unwrap();
        if let Err(problem) = play(&text) {
            writeln!(failures, "--- {}\n{problem}", path.file_name().unwrap().to_string_lossy()).unwrap();
        }
    }
    println!("{count} flows");
    assert!(count > 0, "no flows found");
    assert!(failures.is_empty(), "\n{failures}");
}

fn play(text: &str) -> Result<(), String> {
    let mut variables = BTreeMap::new();
    let mut proxy = None;
    let mut now = 1000;
    let tiers = Tiers::default();
    let limits = Rc::new(RefCell::new(Limits::default()));
    for step in parse(text) {
        match step {
            Step::At(time) => now = time,
            Step::Tier(tier) => tiers.borrow_mut().push((tier, HashMap::new())),
            Step::NewIsolate => proxy = None,
            Step::Limit(limit) => *limits.borrow_mut() = Limits { limit: Some(limit), ..Limits::default() },
            Step::Set(key, value) => {
                let value = expand(&value, now);
                let value = serde_json::from_str(&value).unwrap_or(serde_json::Value::String(value));
                variables.insert(key, value);
            }
            Step::Exchange { request, upstream, answer } => {
                let proxy = proxy.get_or_insert_with(|| Proxy::new(Config::read(&variables)));
                let key = variables.get("PATH_SECRET").and_then(serde_json::Value::as_str);
                let world = World { now, tiers: &tiers, limits: &limits, key };
                exchange(proxy, &world, &request, upstream, &answer)?;
            }
        }
    }
    Ok(())
}

/// What outlives an exchange.
struct World<'a> {
    now: u64,
    tiers: &'a Tiers,
    limits: &'a Rc<RefCell<Limits>>,
    key: Option<&'a str>,
}

/// What the limiter has counted.
#[derive(Default)]
struct Limits {
    limit: Option<u32>,
    counts: HashMap<String, u32>,
}

fn exchange(
    proxy: &Proxy<Script>,
    world: &World<'_>,
    request: &Message,
    upstream: Vec<(Message, Message)>,
    expected: &Message,
) -> Result<(), String> {
    let now = world.now;
    let (method, url) = request.first.split_once(' ').ok_or("a request line is a method and a URL")?;
    let script = Script(Rc::new(Scene {
        now,
        steps: RefCell::new(upstream.into()),
        problems: RefCell::default(),
        log: RefCell::default(),
        secrets: RefCell::default(),
        tiers: world.tiers.clone(),
        limits: world.limits.clone(),
        later: RefCell::default(),
    }));
    let headers = header_map(&request.headers, &FROM_CLIENT, now);
    if let Some(secret) = headers.get("authorization").and_then(|value| value.to_str().ok()) {
        script.secrets.borrow_mut().push(secret.to_owned());
    }
    let request = ClientRequest {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        url: expand(url, now),
        headers,
        body: request.body.as_ref().map(|body| Some(expand(body, now).into_bytes())),
    };
    let answer = ready(proxy.serve(&script, request));
    let log = script.log.take();
    // What goes on may itself let more go on.
    loop {
        let later = std::mem::take(&mut *script.later.borrow_mut());
        if later.is_empty() {
            break;
        }
        later.into_iter().for_each(ready);
    }
    let mut problems = script.problems.take();
    for (left, _) in script.steps.borrow().iter() {
        problems.push(format!("never asked: {}", left.first));
    }
    let (parts, body) = answer.into_parts();
    let body = match body {
        Payload::Empty => String::new(),
        Payload::Text(text) => text,
        Payload::Stream(bytes) => String::from_utf8(bytes.unwrap_or_default()).unwrap(),
        Payload::Held(held, None) => String::from_utf8(held.bytes).unwrap(),
        Payload::Held(held, Some(part)) => {
            let (start, end) = (*part.start() as usize, *part.end() as usize);
            String::from_utf8(held.bytes[start..=end].to_vec()).unwrap()
        }
    };
    compare("status", &expected.first, parts.status.as_str(), now, &mut problems);
    compare_headers(expected, &parts.headers, now, &mut problems);
    if let Some(text) = &expected.body {
        compare("body", text, &body, now, &mut problems);
    }
    if log.lines().count() != 1 || serde_json::from_str::<serde_json::Value>(&log).is_err() {
        problems.push(format!("expected one line of JSON in the log, got: {log}"));
    }
    let all = format!("{log}{}", script.log.borrow());
    for secret in script.secrets.borrow().iter() {
        let bare = secret.split_once(' ').map_or(secret.as_str(), |(_, bare)| bare);
        // Shorter ones are parts of words.
        if bare.len() >= 8 && all.contains(bare) {
            problems.push(format!("the log holds a secret: {all}"));
        }
    }
    if let Some(key) = world.key {
        let mut told = parts.headers.iter().filter(|(name, _)| *name != "www-authenticate");
        // A script of ours is what such a client goes on with.
        let of_script = parts.headers.get("content-type").is_some_and(|media| media == "text/x-shellscript; charset=utf-8");
        let text =
            if of_script { body.replacen(&format!("BASE='https://mirror.example.com/{key}'"), "", 1) } else { body.clone() };
        if told.any(|(_, value)| value.to_str().unwrap().contains(key)) || format!("{all}{text}").contains(key) {
            problems.push("the key is in the log or the answer".to_owned());
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(format!("{method} {url}\n  {}\ngot {} {:#?}\n{body}\nlog {log}", problems.join("\n  "), parts.status, parts.headers))
}

/// What is in the tiers that are there: under a key, a media type and bytes.
type Tiers = Rc<RefCell<Vec<(Tier, HashMap<String, (String, Vec<u8>)>)>>>;

/// The world of one exchange.
#[derive(Clone)]
struct Script(Rc<Scene>);

/// The upstream requests that must come, with their answers, and what is kept.
struct Scene {
    now: u64,
    tiers: Tiers,
    limits: Rc<RefCell<Limits>>,
    later: RefCell<Vec<Pin<Box<dyn Future<Output = ()>>>>>,
    steps: RefCell<VecDeque<(Message, Message)>>,
    problems: RefCell<Vec<String>>,
    log: RefCell<String>,
    secrets: RefCell<Vec<String>>,
}

impl Deref for Script {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.0
    }
}

impl Platform for Script {
    type Body = Option<Vec<u8>>;
    type Bytes = Vec<u8>;

    async fn send(&self, request: Outbound) -> Result<Inbound<Self::Body>, SendError> {
        let line = format!("{} {}", request.method, request.url);
        let Some((expected, answer)) = self.steps.borrow_mut().pop_front() else {
            self.problems.borrow_mut().push(format!("not in the flow: {line}"));
            return Err(SendError::Failed("not in the flow".to_owned()));
        };
        let mut problems = self.problems.borrow_mut();
        compare("upstream request", &expected.first, &line, self.now, &mut problems);
        let mut headers = request.headers.clone();
        if let Some(secret) = &request.authorization {
            headers.insert("authorization", HeaderValue::from_str(secret.expose()).unwrap());
            self.secrets.borrow_mut().push(secret.expose().to_owned());
        }
        compare_headers(&expected, &headers, self.now, &mut problems);
        if request.authorization.is_some() && !expected.headers.iter().any(|(name, _)| name == "authorization") {
            problems.push(format!("{line}: bears an Authorization the flow does not name"));
        }
        if !request.headers.contains_key("user-agent") {
            problems.push(format!("{line}: no User-Agent"));
        }
        let form = request.form.as_ref().map(|form| form.expose().to_owned()).unwrap_or_default();
        compare("form", expected.body.as_deref().unwrap_or_default(), &form, self.now, &mut problems);
        match answer.first.as_str() {
            "timeout" => return Err(SendError::TimedOut),
            "refused" => return Err(SendError::Failed("connection refused".to_owned())),
            _ => {}
        }
        Ok(Inbound {
            status: StatusCode::from_bytes(answer.first.as_bytes()).unwrap(),
            headers: header_map(&answer.headers, &FROM_UPSTREAM, self.now),
            body: answer.body.map(|body| expand(&body, self.now).into_bytes()),
        })
    }

    async fn read(&self, body: Self::Body, limit: usize) -> Result<Vec<u8>, ReadError> {
        let body = body.unwrap_or_default();
        match body.as_slice() {
            b"(breaks off)" => Err(ReadError::Failed("connection reset".to_owned())),
            b"(endless)" => Err(ReadError::TooLong),
            body if body.len() > limit => Err(ReadError::TooLong),
            _ => Ok(body),
        }
    }

    async fn hold(&self, body: Self::Body, length: Option<u64>, limit: usize) -> Result<Held<Vec<u8>>, ReadError> {
        if length.is_some_and(|length| length > limit as u64) {
            return Err(ReadError::TooLong);
        }
        self.read(body, limit).await.map(held)
    }

    fn bring_out(&self, bytes: &[u8]) -> Held<Vec<u8>> {
        held(bytes.to_vec())
    }

    fn bring_in(&self, held: &Held<Vec<u8>>) -> Vec<u8> {
        held.bytes.clone()
    }

    async fn sha256(&self, held: &Held<Vec<u8>>) -> Option<[u8; 32]> {
        Some(sha256(&held.bytes))
    }

    fn has(&self, tier: Tier) -> bool {
        self.tiers.borrow().iter().any(|(there, _)| *there == tier)
    }

    async fn find(&self, tier: Tier, key: &str, span: Option<Span>) -> Option<Found<Self::Body>> {
        let tiers = self.tiers.borrow();
        let (_, kept) = tiers.iter().find(|(there, _)| *there == tier)?;
        let (media_type, bytes) = kept.get(key)?.clone();
        let size = bytes.len() as u64;
        let part = match span {
            None => bytes,
            Some(span) => match pierhead::range::bytes(span, size) {
                Some(part) => bytes[*part.start() as usize..=*part.end() as usize].to_vec(),
                None => Vec::new(),
            },
        };
        Some(Found { media_type, size, body: Some(part) })
    }

    async fn keep(&self, tier: Tier, key: &str, kept: Kept<Self::Body, Vec<u8>>) -> Result<(), KeepError> {
        let bytes = match kept.content {
            Content::Held(held) => held.bytes,
            Content::Stream(body, digest) => {
                let bytes = body.unwrap_or_default();
                if Some(sha256(&bytes)) != digest.sha256() {
                    return Err(KeepError("the SHA-256 checksum you specified did not match".to_owned()));
                }
                bytes
            }
        };
        let mut tiers = self.tiers.borrow_mut();
        let (_, there) = tiers.iter_mut().find(|(there, _)| *there == tier).expect("asked whether it is there");
        there.insert(key.to_owned(), (kept.media_type, bytes));
        Ok(())
    }

    async fn forget(&self, tier: Tier, key: &str) {
        for (_, kept) in self.tiers.borrow_mut().iter_mut().filter(|(there, _)| *there == tier) {
            kept.remove(key);
        }
    }

    async fn admits(&self, who: &str) -> bool {
        let mut left = self.limits.borrow_mut();
        let Some(limit) = left.limit else { return true };
        let count = left.counts.entry(who.to_owned()).or_default();
        *count += 1;
        *count <= limit
    }

    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        self.later.borrow_mut().push(Box::pin(work));
    }

    async fn sleep(&self, _: Duration) {
        panic!("nothing is under way that could be waited for");
    }

    fn now_ms(&self) -> u64 {
        self.now * 1000
    }

    fn log(&self, line: &str) {
        self.log.borrow_mut().push_str(&format!("{line}\n"));
    }
}

/// Runs a future that never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the script answers at once: nothing can be pending"),
    }
}

/// Only what the edge would let through; lines of one name joined as the runtime joins them.
fn header_map(lines: &[(String, String)], names: &[HeaderName], now: u64) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let Some(name) = names.iter().find(|known| known.as_str() == name) else { continue };
        let value = expand(value, now);
        let joined = match map.get(name).and_then(|old: &HeaderValue| old.to_str().ok()) {
            Some(old) => format!("{old}, {value}"),
            None => value,
        };
        map.insert(name.clone(), HeaderValue::from_bytes(joined.as_bytes()).unwrap());
    }
    map
}

fn compare_headers(expected: &Message, headers: &HeaderMap, now: u64, problems: &mut Vec<String>) {
    for (name, value) in &expected.headers {
        match (headers.get(name.as_str()), value.as_str()) {
            (None, "-") => {}
            (Some(found), "-") => problems.push(format!("{}: {name} is there: {found:?}", expected.first)),
            (None, _) => problems.push(format!("{}: {name} is not there", expected.first)),
            (Some(found), value) => compare(name, value, &String::from_utf8_lossy(found.as_bytes()), now, problems),
        }
    }
}

fn compare(what: &str, expected: &str, found: &str, now: u64, problems: &mut Vec<String>) {
    let expected = expand(expected, now);
    if !matches(&expected, found) {
        problems.push(format!("{what}:\n    expected {expected}\n    got      {found}"));
    }
}

/// `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap()) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

const SIGNING_KEY: &str = "the-signing-key-of-the-flows-0123";

fn expand(text: &str, now: u64) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(") {
        let (call, after) = after.split_once(')').expect("a `$(` has its `)`");
        out += before;
        let words: Vec<_> = call.split(' ').collect();
        let pass = |kind: PassKind| Pass { registry: words[1].to_owned(), kind }.to_token().expose().to_owned();
        out += &match words[0] {
            "anonymous" => Pass::anonymous(words[1], now).to_token().expose().to_owned(),
            "upstream" => pass(PassKind::Upstream(Secret::new(words[2]))),
            "refresh" => pass(PassKind::Refresh(Secret::new(words[2]))),
            "basic" => base64::engine::general_purpose::STANDARD.encode(words[1]),
            "digest" => format!("sha256:{}", "0123456789abcdef".repeat(4)),
            "sha256" => digest(call.split_once(' ').map_or("", |(_, text)| text)),
            "index" => index(words[1]),
            "digest-of" => digest(&index(words[1])),
            "size-of" => index(words[1]).len().to_string(),
            "signing-key" => SIGNING_KEY.to_owned(),
            "user" => {
                let sums = vec![(words[3].to_owned(), sha256(words[4].as_bytes()))];
                let users = Users::new(sums, SigningKeys::new(vec![Secret::new(SIGNING_KEY)]).unwrap());
                users.pass(words[3], words[2], words[1], now).to_token().expose().to_owned()
            }
            "long" => "x".repeat(words[1].parse().unwrap()),
            other => panic!("no such word: {other}"),
        };
        rest = after;
    }
    out + rest
}

fn held(bytes: Vec<u8>) -> Held<Vec<u8>> {
    let length = bytes.len() as u64;
    Held { bytes, length }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().try_into().unwrap()
}

fn digest(text: &str) -> String {
    Digest::of_sha256(&sha256(text.as_bytes())).to_string()
}

/// A small index that is told from others by one word.
fn index(word: &str) -> String {
    format!(r#"{{"schemaVersion":2,"manifests":[],"annotations":{{"word":"{word}"}}}}"#)
}

/// Reads a flow. Panics on what cannot be read: the author is watching.
fn parse(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let body = Cell::new(false);
    // Adds a line to a message: headers up to the first empty line, then the body.
    let add = |message: &mut Message, line: &str| {
        if body.get() {
            let old = message.body.take().filter(|old| !old.is_empty());
            message.body = Some(old.map_or_else(|| line.to_owned(), |old| format!("{old}\n{line}")));
        } else if line.is_empty() {
            body.set(true);
            message.body = Some(String::new());
        } else if message.first.is_empty() {
            message.first = line.to_owned();
        } else {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("not a header: {line}"));
            message.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    };
    let mut last = "";
    for line in text.lines() {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        if mark != last {
            body.set(false);
        }
        let begins = mark != last;
        last = mark;
        match mark {
            "" | "#" => {}
            "set" => {
                let (key, value) = rest.split_once(' ').expect("set KEY VALUE");
                steps.push(Step::Set(key.to_owned(), value.to_owned()));
            }
            "at" => steps.push(Step::At(rest.parse().expect("at SECONDS"))),
            "new" => steps.push(Step::NewIsolate),
            "limit" => steps.push(Step::Limit(rest.parse().expect("limit REQUESTS"))),
            "tier" => steps.push(Step::Tier(match rest {
                "cache" => Tier::Cache,
                "bucket" => Tier::Bucket,
                other => panic!("no such tier: {other}"),
            })),
            ">" => {
                if begins {
                    steps.push(Step::Exchange {
                        request: Message::default(),
                        upstream: Vec::new(),
                        answer: Message::default(),
                    });
                }
                let Some(Step::Exchange { request, .. }) = steps.last_mut() else { panic!("{line}") };
                add(request, rest);
            }
            "=>" | "<=" | "<" => {
                let Some(Step::Exchange { upstream, answer, .. }) = steps.last_mut() else {
                    panic!("{line} before any `>`")
                };
                match mark {
                    "=>" => {
                        if begins {
                            upstream.push(Default::default());
                        }
                        add(&mut upstream.last_mut().unwrap().0, rest);
                    }
                    "<=" => add(&mut upstream.last_mut().expect("`<=` follows `=>`").1, rest),
                    _ => add(answer, rest),
                }
            }
            _ => panic!("cannot read: {line}"),
        }
    }
    steps
}
