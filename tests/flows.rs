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

mod world;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use http::{HeaderMap, HeaderValue};
use pierhead::platform::{Inbound, Outbound, SendError};
use pierhead::proxy::Proxy;

use world::flow::{self, Exchange, Message, expand};
use world::{Body, Stage, World};

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

/// A request that is dropped as it waits, for its client is gone, has its log line, and no key is in it.
#[test]
fn a_client_that_hangs_up_is_logged() {
    const KEY: &str = "0123456789abcdefghijklmnopqrstuv";
    let mut stage = Stage::default();
    stage.variables.extend([("ACCESS", "path"), ("PATH_SECRET", KEY)].map(|(name, value)| (name.to_owned(), value.into())));
    let media = "application/vnd.oci.image.manifest.v1+json".to_owned();
    let manifest = Message {
        first: "200".to_owned(),
        headers: vec![("content-type".to_owned(), media.clone())],
        body: Some("(stands still)".to_owned()),
    };
    let world = stage.world(move |_| manifest.inbound(0));
    let request = Message {
        first: format!("GET https://mirror.example.com/{KEY}/v2/quay.io/{KEY}/app/manifests/1"),
        headers: vec![("accept".to_owned(), media)],
        body: None,
    };
    {
        let mut serving = pin!(stage.proxy().serve(&world, request.request(0).unwrap()));
        assert!(serving.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(*world.log.borrow(), "", "it is not over");
    }
    let log = world.log.take();
    let line: serde_json::Value = serde_json::from_str(&log).unwrap(); // one
    let told = ["status", "registry", "endpoint", "upstream", "upstream_status"].map(|field| line[field].to_string());
    assert_eq!(told, ["499", "\"quay.io\"", "\"manifest\"", "\"quay.io\"", "200"], "{line}");
    assert!(!log.contains(KEY), "{line}");
}

/// Panics on what cannot be read: the author is watching.
fn play(text: &str) -> Result<(), String> {
    let mut stage = Stage::default();
    for step in flow::parse(text).unwrap() {
        if let Some(exchange) = stage.take(step) {
            play_exchange(&mut stage, exchange)?;
        }
    }
    Ok(())
}

/// The upstream requests that must come, with their answers, and what is wrong with those that came.
struct Script {
    now: u64,
    steps: RefCell<VecDeque<(Message, Message)>>,
    problems: RefCell<Vec<String>>,
    secrets: RefCell<Vec<String>>,
}

impl Script {
    fn answer(&self, request: &Outbound) -> Result<Inbound<Body>, SendError> {
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
        answer.inbound(self.now)
    }
}

fn play_exchange(stage: &mut Stage, exchange: Exchange) -> Result<(), String> {
    let Exchange { request: message, upstream, answer: expected } = exchange;
    let now = stage.now;
    let request = message.request(now).ok_or("a request line is a method and a URL")?;
    let shown = request.headers.get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let script = Rc::new(Script {
        now,
        steps: RefCell::new(upstream.into()),
        problems: RefCell::default(),
        secrets: RefCell::new(shown.into_iter().collect()),
    });
    let upstream = Rc::clone(&script);
    let world = stage.world(move |request| upstream.answer(&request));
    let proxy: &Proxy<World> = stage.proxy();
    let answer = world::ready(proxy.serve(&world, request));
    let log = world.log.take();
    world.settle();
    let mut problems = script.problems.take();
    for (left, _) in script.steps.borrow().iter() {
        problems.push(format!("never asked: {}", left.first));
    }
    let (parts, body) = answer.into_parts();
    let body = String::from_utf8(world::bytes(body)).unwrap();
    compare("status", &expected.first, parts.status.as_str(), now, &mut problems);
    compare_headers(&expected, &parts.headers, now, &mut problems);
    if let Some(text) = &expected.body {
        compare("body", text, &body, now, &mut problems);
    }
    if log.lines().count() != 1 || serde_json::from_str::<serde_json::Value>(&log).is_err() {
        problems.push(format!("expected one line of JSON in the log, got: {log}"));
    }
    let all = format!("{log}{}", world.log.borrow());
    for secret in script.secrets.borrow().iter() {
        let bare = secret.split_once(' ').map_or(secret.as_str(), |(_, bare)| bare);
        // Shorter ones are parts of words.
        if bare.len() >= 8 && all.contains(bare) {
            problems.push(format!("the log holds a secret: {all}"));
        }
    }
    if let Some(key) = stage.variables.get("PATH_SECRET").and_then(serde_json::Value::as_str) {
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
    Err(format!(
        "{}\n  {}\ngot {} {:#?}\n{body}\nlog {log}",
        message.first,
        problems.join("\n  "),
        parts.status,
        parts.headers
    ))
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
