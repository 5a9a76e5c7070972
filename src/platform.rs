//! The one port: what the core needs of the world it runs in.
//!
//! [`crate::edge`] implements it on Cloudflare; the flows in `tests/` implement it as a script. A body is an opaque
//! thing of the platform's own that the core can move or ask to be read or held, never see: blob bytes do not enter wasm.

use std::future::Future;
use std::ops::RangeInclusive;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::oci::Digest;
use crate::range::Span;
use crate::secret::Secret;
use crate::upstream::TIME_LIMIT;

/// The world: requests, bodies, what is kept, the clock and the log. Each method is one crossing or a few.
///
/// A value stands for one client request; clones of it are the same.
#[expect(async_fn_in_trait, reason = "one thread, one caller: no bound on the futures is wanted")]
pub trait Platform: Clone + 'static {
    /// A body that has not been read. It belongs to its request. Dropping it cancels its transfer.
    type Body;

    /// Bytes that are all there, outside of wasm. Plain data: they may outlive their request.
    type Bytes: Clone;

    /// Sends one request. Redirects are never followed.
    async fn send(&self, request: Outbound) -> Result<Inbound<Self::Body>, SendError>;

    /// Reads a whole body of at most `limit` bytes.
    async fn read(&self, body: Self::Body, limit: usize) -> Result<Vec<u8>, ReadError>;

    /// Waits for a whole body of at most `limit` bytes and holds it. `length` is what its sender announced.
    async fn hold(&self, body: Self::Body, length: Option<u64>, limit: usize) -> Result<Held<Self::Bytes>, ReadError>;

    /// Brings bytes of the core's own out.
    fn bring_out(&self, bytes: &[u8]) -> Held<Self::Bytes>;

    /// Brings held bytes into the core. For manifests and records, never for blobs.
    fn bring_in(&self, held: &Held<Self::Bytes>) -> Vec<u8>;

    /// The SHA-256 of held bytes. `None` where it cannot be computed: then nothing is known of them.
    async fn sha256(&self, held: &Held<Self::Bytes>) -> Option<[u8; 32]>;

    /// Whether a tier is there at all.
    fn has(&self, tier: Tier) -> bool;

    /// What a tier has under a key. Any trouble is a miss.
    async fn find(&self, tier: Tier, key: &str, span: Option<Span>) -> Option<Found<Self::Body>>;

    /// Keeps something in a tier. A stream is kept only if its bytes have the digest `sha256`.
    async fn keep(&self, tier: Tier, key: &str, kept: Kept<Self::Body, Self::Bytes>) -> Result<(), KeepError>;

    /// Drops what a tier has under a key.
    async fn forget(&self, tier: Tier, key: &str);

    /// Counts a request of somebody's, and tells whether that was still within the operator's limit. Without one, it is.
    async fn admits(&self, who: &str) -> bool;

    /// Lets work go on after the answer. It may be cut off at any point.
    fn spawn(&self, work: impl Future<Output = ()> + 'static);

    /// Waits.
    async fn sleep(&self, time: Duration);

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

/// Bytes that are all there.
#[derive(Clone, Debug)]
pub struct Held<T> {
    /// The platform's handle.
    pub bytes: T,
    /// How many they are.
    pub length: u64,
}

/// Where things are kept beside an isolate's own memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The Cache API: one data centre, whole objects, evicted at will. Its keys are URLs.
    Cache,
    /// An R2 bucket: one for all, and for blobs of any size.
    Bucket,
}

/// What a tier has under a key.
#[derive(Debug)]
pub struct Found<B> {
    /// The media type it was kept with.
    pub media_type: String,
    /// Its whole size in bytes, whatever part of it was asked for.
    pub size: u64,
    /// The part asked for.
    pub body: B,
}

/// What is to be kept.
#[derive(Debug)]
pub struct Kept<B, T> {
    /// Its media type.
    pub media_type: String,
    /// The thing itself.
    pub content: Content<B, T>,
    /// How long it may be kept, where the tier lets one say so.
    pub life: Duration,
}

/// Bytes, there or on their way.
#[derive(Debug)]
pub enum Content<B, T> {
    /// All there, and verified.
    Held(Held<T>),
    /// On their way; to be verified by the tier. For the bucket alone.
    Stream(B, Digest),
}

/// The body of an answer to the client.
pub enum Payload<P: Platform> {
    /// None.
    Empty,
    /// Text of our own.
    Text(String),
    /// An upstream's or a bucket's body, passed on untouched.
    Stream(P::Body),
    /// Bytes that are held, or the part of them that was asked for.
    Held(Held<P::Bytes>, Option<RangeInclusive<u64>>),
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

/// Why a tier did not keep something, with the platform's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepError(pub String);
