//! The internet as the Worker sees it: one plain-http server that plays every host.
//!
//! workerd's `globalOutbound` sends `https://registry-1.docker.io/v2/` here with `Host: registry-1.docker.io`, so the
//! Worker runs with its production configuration. Every request is recorded. Three things are offences that fail any
//! test: asking a host the test has not set up, showing a credential to a host that must not see one, and showing to any host what
//! is between the Worker and its clients.

mod line;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Method, StatusCode, header};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use crate::gated;

pub use line::Break;
use line::Lines;

/// A request as a host receives it.
pub type Asked = http::Request<Bytes>;
/// What a host answers.
pub type Answer = http::Response<Body>;

/// An answer on its way.
type Pending = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// One host of the played internet.
#[derive(Clone)]
pub struct Host {
    answer: Arc<dyn Fn(Asked) -> Pending + Send + Sync>,
    credentials: Credentials,
}

/// Whether a host may be shown `Authorization` or `Cookie`.
#[derive(Clone, Copy, PartialEq)]
enum Credentials {
    Welcome,
    Offence,
}

impl Host {
    /// A host that may see credentials: a registry or its token server.
    pub fn new<F: Future<Output = Answer> + Send + 'static>(answer: impl Fn(Asked) -> F + Send + Sync + 'static) -> Host {
        Host { answer: Arc::new(move |asked| Box::pin(answer(asked))), credentials: Credentials::Welcome }
    }

    /// The same for an answer that needs no waiting.
    pub fn scripted(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Host {
        Host::new(move |asked| std::future::ready(answer(&asked)))
    }

    /// This host, but `interrupt` sees each request first, and may give an answer in its place.
    pub fn interrupted<F>(self, interrupt: impl Fn(Asked, Host) -> F + Send + Sync + 'static) -> Host
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let credentials = self.credentials;
        let answer = move |asked| -> Pending { Box::pin(interrupt(asked, self.clone())) };
        Host { answer: Arc::new(answer), credentials }
    }

    /// What it answers.
    pub async fn answer(&self, asked: Asked) -> Answer {
        (self.answer)(asked).await
    }

    /// This host, but a credential that reaches it is an offence.
    pub fn without_credentials(self) -> Host {
        Host { credentials: Credentials::Offence, ..self }
    }
}

/// The header in which workerd tells the scheme of the URL that the Worker asked for.
pub const SCHEME: &str = "x-scheme-asked";

/// Host name → what it answers.
pub type Hosts = BTreeMap<String, Host>;

/// One request the Worker made.
#[derive(Clone, Debug)]
pub struct Seen {
    pub host: String,
    pub method: Method,
    /// Path and query, byte for byte.
    pub target: String,
    pub headers: HeaderMap,
}

/// The running server.
pub struct Upstream {
    pub address: SocketAddr,
    record: Arc<Mutex<Record>>,
    server: JoinHandle<()>,
}

/// How much is sent before the other side has read it, in bytes.
const SENT_AHEAD: u32 = 128 * 1024;

/// How many connections may wait to be taken.
const BACKLOG: u32 = 1024;

#[derive(Default)]
struct Record {
    seen: Vec<Seen>,
    offences: Vec<String>,
}

impl Upstream {
    pub async fn start(hosts: Hosts) -> Upstream {
        let socket = TcpSocket::new_v4().expect("a socket");
        // The kernel would take some MiB for whoever does not read: a host could not tell that it is to wait, or that nobody is there.
        socket.set_send_buffer_size(SENT_AHEAD).expect("a small buffer");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let listener = socket.listen(BACKLOG).expect("listening");
        let address = listener.local_addr().expect("the port it got");
        let record = Arc::new(Mutex::new(Record::default()));
        let service = {
            let (hosts, record) = (Arc::new(hosts), record.clone());
            axum::Router::new().fallback(move |request| answer(hosts.clone(), record.clone(), request))
        };
        let server = tokio::spawn(async move { axum::serve(Lines(listener), service).await.expect("serving") });
        Upstream { address, record, server }
    }

    /// From now on connections are refused. Those that there are stay.
    pub async fn close(&self) {
        self.server.abort();
        while !self.server.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Every request so far, in order of arrival.
    pub fn seen(&self) -> Vec<Seen> {
        self.record.lock().expect("no test panics while it holds the record").seen.clone()
    }

    /// The targets asked of `host` with `method`.
    pub fn targets(&self, method: &Method, host: &str) -> Vec<String> {
        let of_host = |seen: &Seen| seen.host == host && seen.method == *method;
        self.seen().into_iter().filter(of_host).map(|seen| seen.target).collect()
    }

    /// Forgets the requests (not the offences) seen so far.
    pub fn forget(&self) {
        self.record.lock().expect("no test panics while it holds the record").seen.clear();
    }

    pub fn offences(&self) -> Vec<String> {
        self.record.lock().expect("no test panics while it holds the record").offences.clone()
    }

    /// One line a request, for a failing test's output.
    pub fn transcript(&self) -> String {
        let mut text = String::new();
        for Seen { host, method, target, .. } in self.seen() {
            let _ = writeln!(text, "  {method} https://{host}{target}");
        }
        text
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(hosts: Arc<Hosts>, record: Arc<Mutex<Record>>, request: http::Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or("").to_owned();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let known = hosts.get(&host);
    let what = format!("{} https://{host}{target}", parts.method);
    {
        let mut record = record.lock().expect("no test panics while it holds the record");
        if known.is_none() {
            record.offences.push(format!("{what}: no such host in this test"));
        }
        if parts.headers.get(SCHEME).is_none_or(|scheme| scheme != "https") {
            record.offences.push(format!("{} {host}{target}: asked without https", parts.method));
        }
        if known.is_some_and(|host| host.credentials == Credentials::Offence) {
            for name in [header::AUTHORIZATION, header::COOKIE] {
                if parts.headers.contains_key(&name) {
                    record.offences.push(format!("{what}: was shown `{name}`"));
                }
            }
        }
        record.seen.push(Seen { host, method: parts.method.clone(), target, headers: parts.headers.clone() });
    }
    let Ok(body) = to_bytes(body, 1 << 20).await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "request body");
    };
    let asked = Asked::from_parts(parts, body);
    let told = private_words(&asked).into_iter().map(|word| format!("{what}: was told `{word}`"));
    record.lock().expect("no test panics while it holds the record").offences.extend(told);
    match known {
        Some(known) => known.answer(asked).await,
        None => text(StatusCode::BAD_GATEWAY, "no such host"),
    }
}

/// What stands in a request that is between the Worker and its clients: what the gate opens for, and the passes of its users. Other
/// passes may be an upstream's own tokens, for it may be a pierhead too.
fn private_words(asked: &Asked) -> Vec<String> {
    let headers = asked.headers().iter().map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let body = String::from_utf8_lossy(asked.body()).into_owned();
    let said: Vec<String> = headers.chain([asked.uri().to_string(), body]).collect();
    let private = gated::secrets().into_iter().chain(["ph1.user.".to_owned()]);
    private.filter(|word| said.iter().any(|text| text.contains(word))).collect()
}

/// An answer of `status` with a body of type `media`.
pub fn reply(status: StatusCode, media: &str, body: impl Into<Body>) -> Answer {
    let builder = http::Response::builder().status(status).header(header::CONTENT_TYPE, media);
    builder.body(body.into()).expect("a valid answer")
}

/// A plain-text answer.
pub fn text(status: StatusCode, body: &'static str) -> Answer {
    reply(status, "text/plain", body)
}

/// A JSON answer.
pub fn json(status: StatusCode, body: &serde_json::Value) -> Answer {
    reply(status, "application/json", body.to_string())
}

/// A redirect to `location`.
pub fn redirect(location: &str) -> Answer {
    let builder = http::Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
    builder.header(header::LOCATION, location).body(Body::empty()).expect("a valid location")
}

/// A 401 with `challenge`.
pub fn unauthorized(challenge: &str) -> Answer {
    let error = serde_json::json!({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]});
    let mut answer = json(StatusCode::UNAUTHORIZED, &error);
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.parse().expect("a valid challenge"));
    answer
}

/// No answer at all: the connection ends, for its task does. A body that fails would do for GET, but HEAD has none.
pub fn hang_up() -> Answer {
    std::panic::resume_unwind(Box::new("a played host hangs up")) // unlike `panic!`, without a word
}

/// An answer that promises all of `bytes`, sends the half of it, and hangs up.
pub fn cut(answer: &mut Answer, bytes: &Bytes) {
    let half = bytes.slice(..bytes.len() / 2);
    let body = stream::unfold(Some(half), async |half: Option<Bytes>| match half {
        Some(half) => Some((Ok(half), None)),
        None => {
            tokio::time::sleep(Duration::from_millis(50)).await; // the server sends what it has so far
            Some((Err(std::io::Error::other("cut")), None))
        }
    });
    *answer.body_mut() = Body::from_stream(body);
    answer.headers_mut().insert(header::CONTENT_LENGTH, bytes.len().into());
}

/// The answer with half of its body, and no end.
pub async fn stalled(answer: Answer) -> Answer {
    let (mut parts, body) = answer.into_parts();
    let bytes = to_bytes(body, 64 << 20).await.expect("a played body ends");
    let half: Result<Bytes, std::convert::Infallible> = Ok(bytes.slice(..bytes.len() / 2));
    parts.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    Answer::from_parts(parts, Body::from_stream(stream::iter([half]).chain(stream::pending())))
}
