//! A plain HTTP client, and a small registry client over it that checks every digest.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::image::sha256;
use crate::world::World;

/// Every type of manifest, as docker asks for them.
pub const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// One client for all tests: no redirects, no proxy, and every name is this machine.
pub static HTTP: LazyLock<reqwest::Client> = LazyLock::new(|| {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(Arc::new(Loopback))
        .timeout(Duration::from_secs(60))
        // workerd closes a connection after five seconds, and a request might be on its way by then.
        .pool_idle_timeout(Duration::from_secs(3))
        .build()
        .expect("a client")
});

struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, _: Name) -> Resolving {
        let here: Addrs = Box::new(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0))));
        Box::pin(std::future::ready(Ok(here)))
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub async fn to(request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.expect("an answer of the Worker");
        let (status, headers) = (response.status(), response.headers().clone());
        Reply { status, headers, body: response.bytes().await.expect("a whole body") }
    }

    /// A header's value, "" when it is missing.
    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("not JSON ({error}): {text:?}"))
    }

    pub fn expect(self, status: StatusCode) -> Reply {
        assert_eq!(self.status, status, "{:?}", String::from_utf8_lossy(&self.body));
        self
    }

    /// A 401 that says how to do better.
    pub fn expect_challenge(self) -> Reply {
        let reply = self.expect(StatusCode::UNAUTHORIZED);
        assert!(reply.headers.contains_key(header::WWW_AUTHENTICATE), "a 401 without a challenge");
        reply
    }

    /// The code of the OCI error that `what` must be answered with.
    pub fn error_code(&self, what: &str) -> String {
        let shown = format!("{what}: {} {:?}", self.status, String::from_utf8_lossy(&self.body));
        assert!(self.status.is_client_error() || self.status.is_server_error(), "not refused: {shown}");
        assert!(self.header(header::CONTENT_TYPE).starts_with("application/json"), "not JSON: {shown}");
        let error = &self.json()["errors"][0];
        let (code, message) = (error["code"].as_str().unwrap_or(""), error["message"].as_str().unwrap_or(""));
        assert!(OCI_CODES.contains(&code), "not a code of the specification: {shown}");
        assert!(!message.is_empty(), "no message: {shown}");
        code.to_owned()
    }

    /// The same for an error of the Worker's own making, which says so.
    pub fn refusal_code(&self, what: &str) -> String {
        let code = self.error_code(what);
        assert_eq!(self.header("x-pierhead-error"), code, "{what}: does not say who refused: {self:?}");
        code
    }
}

/// The codes of the distribution specification, and the registries' own UNAVAILABLE.
const OCI_CODES: [&str; 15] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DENIED",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "TOOMANYREQUESTS",
    "UNAUTHORIZED",
    "UNAVAILABLE",
    "UNSUPPORTED",
];

impl World {
    pub fn ask(&self, method: Method, host: &str, target: &str) -> reqwest::RequestBuilder {
        HTTP.request(method, self.url(host, target)).header(header::ACCEPT, MANIFESTS)
    }

    pub async fn get(&self, host: &str, target: &str) -> Reply {
        Reply::to(self.ask(Method::GET, host, target)).await
    }

    pub async fn head(&self, host: &str, target: &str) -> Reply {
        Reply::to(self.ask(Method::HEAD, host, target)).await
    }

    /// Sends `request` as it is and reads the answer's head and body up to the end of the connection; `None` when the
    /// runtime closed the connection without a word.
    pub async fn raw(&self, request: &[u8]) -> Option<Reply> {
        let exchange = async {
            let mut connection = TcpStream::connect(self.worker.address).await.expect("connecting");
            // The other side may close before it has read everything: its answer still counts.
            let _ = connection.write_all(request).await;
            let mut answer = Vec::new();
            let _ = connection.read_to_end(&mut answer).await;
            answer
        };
        let answer = tokio::time::timeout(Duration::from_secs(20), exchange).await.expect("an answer in time");
        let (head, body) = split(&answer, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(head);
        let (status, lines) = head.split_once("\r\n")?;
        let status = status.split(' ').nth(1)?.parse().ok()?;
        let headers: HeaderMap = lines
            .split("\r\n")
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.parse::<header::HeaderName>(), value.parse()))
            .filter_map(|(name, value)| Some((name.ok()?, value.ok()?)))
            .collect();
        Some(Reply { status, headers, body: Bytes::copy_from_slice(body) })
    }

    /// Pulls an image as podman does (`/v2/`, token, manifests, blobs), of an index the first platform, and gives the digest
    /// of what the tag named. `name` is the path behind `/v2/`.
    pub async fn pull(&self, host: &str, name: &str, tag: &str, user: Option<(&str, &str)>) -> Pulled {
        let bearer = self.log_in(host, name, user).await;
        let top = self.fetch(host, &format!("/v2/{name}/manifests/{tag}"), &bearer).await;
        let mut content = top.json();
        if let Some(child) = content["manifests"][0]["digest"].as_str() {
            let manifest = self.fetch(host, &format!("/v2/{name}/manifests/{child}"), &bearer).await;
            assert_eq!(sha256(&manifest.body), child);
            content = manifest.json();
        }
        let layers = content["layers"].as_array().expect("layers").iter();
        let mut blobs = 0;
        for descriptor in layers.chain([&content["config"]]) {
            let digest = descriptor["digest"].as_str().expect("a digest");
            let blob = self.fetch(host, &format!("/v2/{name}/blobs/{digest}"), &bearer).await;
            assert_eq!(sha256(&blob.body), digest);
            assert_eq!(blob.header(header::CONTENT_LENGTH), descriptor["size"].to_string());
            blobs += 1;
        }
        Pulled { digest: sha256(&top.body), blobs }
    }

    async fn fetch(&self, host: &str, target: &str, bearer: &str) -> Reply {
        let request = self.ask(Method::GET, host, target).header(header::AUTHORIZATION, bearer);
        Reply::to(request).await.expect(StatusCode::OK)
    }

    /// The `Authorization` a client gets from following the Worker's challenge.
    pub async fn log_in(&self, host: &str, name: &str, user: Option<(&str, &str)>) -> String {
        let ping = self.get(host, "/v2/").await.expect(StatusCode::UNAUTHORIZED);
        let challenge = ping.header(header::WWW_AUTHENTICATE).to_owned();
        let realm = parameter(&challenge, "realm");
        assert!(realm.starts_with(&self.url(host, "/token/")), "a foreign realm: {challenge}");
        let target = format!("{realm}?service={}&scope=repository:{name}:pull", parameter(&challenge, "service"));
        let mut request = HTTP.get(target);
        if let Some((user, password)) = user {
            request = request.basic_auth(user, Some(password));
        }
        let token = Reply::to(request).await.expect(StatusCode::OK).json();
        format!("Bearer {}", token["token"].as_str().expect("a token"))
    }
}

/// What [`World::pull`] brought.
#[derive(Debug, PartialEq)]
pub struct Pulled {
    pub digest: String,
    pub blobs: usize,
}

/// A quoted parameter of a challenge.
pub fn parameter<'a>(challenge: &'a str, name: &str) -> &'a str {
    let (_, rest) = challenge.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in {challenge:?}"));
    rest.split_once('"').map_or(rest, |(value, _)| value)
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let position = bytes.windows(at.len()).position(|window| window == at)?;
    Some((&bytes[..position], &bytes[position + at.len()..]))
}
