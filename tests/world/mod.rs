//! A world without wasm and without a network, for whoever drives [`pierhead::proxy::Proxy::serve`] natively; and the language of
//! flows ([`flow`]).

pub mod flow;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pierhead::config::Config;
use pierhead::oci::Digest;
use pierhead::platform::{
    Content, Found, Held, Inbound, KeepError, Kept, Outbound, Payload, Platform, ReadError, SendError, Tier,
};
use pierhead::proxy::Proxy;
use pierhead::range::Span;
use sha2::Digest as _;

use flow::{Exchange, Step};

/// A body. `(breaks off)`, `(endless)` and `(stands still)` are what they say.
pub type Body = Option<Vec<u8>>;

/// What is in the tiers that are there: under a key, a media type and bytes.
pub type Tiers = Vec<(Tier, HashMap<String, (String, Vec<u8>)>)>;

/// What outlives an exchange.
pub struct Stage {
    /// The settings.
    pub variables: BTreeMap<String, serde_json::Value>,
    /// Unix seconds.
    pub now: u64,
    /// What is kept.
    pub tiers: Rc<RefCell<Tiers>>,
    limits: Rc<RefCell<Limits>>,
    proxy: Option<Proxy<World>>,
}

impl Default for Stage {
    fn default() -> Self {
        Self { variables: BTreeMap::new(), now: 1000, tiers: Rc::default(), limits: Rc::default(), proxy: None }
    }
}

impl Stage {
    /// Does what a step says, and hands back the exchange that it is else.
    pub fn take(&mut self, step: Step) -> Option<Exchange> {
        match step {
            Step::At(time) => self.now = time,
            Step::Tier(tier) => self.tiers.borrow_mut().push((tier, HashMap::new())),
            Step::NewIsolate => self.proxy = None,
            Step::Limit(limit) => *self.limits.borrow_mut() = Limits { limit: Some(limit), ..Limits::default() },
            Step::Set(key, value) => {
                let value = flow::expand(&value, self.now);
                let value = serde_json::from_str(&value).unwrap_or(serde_json::Value::String(value));
                self.variables.insert(key, value);
            }
            Step::Exchange(exchange) => return Some(exchange),
        }
        None
    }

    /// The proxy, with the settings that stood when it was first asked for.
    pub fn proxy(&mut self) -> &Proxy<World> {
        self.proxy.get_or_insert_with(|| Proxy::new(Config::read(&self.variables)))
    }

    /// The world of one exchange.
    pub fn world(&self, upstream: impl Fn(Outbound) -> Result<Inbound<Body>, SendError> + 'static) -> World {
        World(Rc::new(Scene {
            now: self.now,
            upstream: Box::new(upstream),
            tiers: Rc::clone(&self.tiers),
            limits: Rc::clone(&self.limits),
            later: RefCell::default(),
            log: RefCell::default(),
        }))
    }
}

/// What the limiter has counted.
#[derive(Default)]
struct Limits {
    limit: Option<u32>,
    counts: HashMap<String, u32>,
}

/// The world of one exchange.
#[derive(Clone)]
pub struct World(Rc<Scene>);

/// What is in it.
pub struct Scene {
    now: u64,
    upstream: Box<dyn Fn(Outbound) -> Result<Inbound<Body>, SendError>>,
    tiers: Rc<RefCell<Tiers>>,
    limits: Rc<RefCell<Limits>>,
    later: RefCell<Vec<Pin<Box<dyn Future<Output = ()>>>>>,
    /// Every line that was logged.
    pub log: RefCell<String>,
}

impl Deref for World {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.0
    }
}

impl World {
    /// Does what goes on after the answer, which may itself let more go on.
    pub fn settle(&self) {
        loop {
            let later = std::mem::take(&mut *self.later.borrow_mut());
            if later.is_empty() {
                return;
            }
            later.into_iter().for_each(ready);
        }
    }
}

impl Platform for World {
    type Body = Body;
    type Bytes = Vec<u8>;

    async fn send(&self, request: Outbound) -> Result<Inbound<Body>, SendError> {
        (self.upstream)(request)
    }

    async fn read(&self, body: Body, limit: usize) -> Result<Vec<u8>, ReadError> {
        let body = body.unwrap_or_default();
        match body.as_slice() {
            b"(breaks off)" => Err(ReadError::Failed("connection reset".to_owned())),
            b"(endless)" => Err(ReadError::TooLong),
            b"(stands still)" => std::future::pending().await,
            body if body.len() > limit => Err(ReadError::TooLong),
            _ => Ok(body),
        }
    }

    async fn hold(&self, body: Body, length: Option<u64>, limit: usize) -> Result<Held<Vec<u8>>, ReadError> {
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

    async fn find(&self, tier: Tier, key: &str, span: Option<Span>) -> Option<Found<Body>> {
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

    async fn keep(&self, tier: Tier, key: &str, kept: Kept<Body, Vec<u8>>) -> Result<(), KeepError> {
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
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the world answers at once: nothing can be pending"),
    }
}

/// What a client gets of a body.
pub fn bytes(body: Payload<World>) -> Vec<u8> {
    match body {
        Payload::Empty => Vec::new(),
        Payload::Text(text) => text.into_bytes(),
        Payload::Stream(bytes) => bytes.unwrap_or_default(),
        Payload::Held(held, None) => held.bytes,
        Payload::Held(held, Some(part)) => held.bytes[*part.start() as usize..=*part.end() as usize].to_vec(),
    }
}

fn held(bytes: Vec<u8>) -> Held<Vec<u8>> {
    let length = bytes.len() as u64;
    Held { bytes, length }
}

/// The SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// The digest of a text.
pub fn digest(text: &str) -> String {
    Digest::of_sha256(&sha256(text.as_bytes())).to_string()
}
