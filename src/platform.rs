//! The one port: what the core needs of the world it runs in.
//!
//! [`crate::edge`] implements it on Cloudflare; the flows in `tests/` implement it as a script. A body is an opaque
//! thing of the platform's own that the core can move or ask to be read, never hold: blob bytes do not enter wasm.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::secret::Secret;
use crate::upstream::TIME_LIMIT;

/// The world: requests, bodies, the clock and the log. Each method is one crossing.
#[expect(async_fn_in_trait, reason = "one thread, one caller: no bound on the futures is wanted")]
pub trait Platform {
    /// A body that has not been read. Dropping it cancels its transfer.
    type Body;

    /// Sends one request. Redirects are never followed.
    async fn send(&self, request: Outbound) -> Result<Inbound<Self::Body>, SendError>;

    /// Reads a whole body of at most `limit` bytes.
    async fn read(&self, body: Self::Body, limit: usize) -> Result<Vec<u8>, ReadError>;

    /// Milliseconds since the Unix epoch. It may stand still between requests.
    fn now_ms(&self) -> u64;

    /// Writes one line of JSON to the operator's log.
    fn log(&self, line: &str);
}

/// A client's request.
#[derive(Debug)]
pub struct ClientRequest<B> {
    /// The method, as sent.
    pub method: Method,
    /// The whole URL, as sent.
    pub url: String,
    /// The headers of [`crate::headers::FROM_CLIENT`].
    pub headers: HeaderMap,
    /// The body, where there is one.
    pub body: Option<B>,
}

/// A request to an upstream.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// The method.
    pub method: Method,
    /// Where to; always https.
    pub url: Url,
    /// Every header it has, but for `Authorization`.
    pub headers: HeaderMap,
    /// The `Authorization` header, apart from the others so that no dump of them shows it.
    pub authorization: Option<Secret>,
    /// A form, for the token endpoint.
    pub form: Option<Secret>,
    /// How long its headers may take.
    pub time_limit: Duration,
}

impl Outbound {
    /// A request with nothing but its method and address, and the usual time limit.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), authorization: None, form: None, time_limit: TIME_LIMIT }
    }
}

/// An upstream's answer.
#[derive(Debug)]
pub struct Inbound<B> {
    /// The status.
    pub status: StatusCode,
    /// The headers of [`crate::headers::FROM_UPSTREAM`]. Lines of one name are joined by `, `.
    pub headers: HeaderMap,
    /// The body, not read.
    pub body: B,
}

/// The body of an answer to the client.
#[derive(Debug, PartialEq, Eq)]
pub enum Payload<B> {
    /// None.
    Empty,
    /// Text of our own.
    Text(String),
    /// An upstream's body, passed on untouched.
    Upstream(B),
}

/// Why no answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The time limit ran out.
    TimedOut,
    /// The connection failed, with the platform's own words.
    Failed(String),
}

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is longer than the limit.
    TooLong,
    /// The transfer broke off, with the platform's own words.
    Failed(String),
}
