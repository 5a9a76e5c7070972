//! Somebody with an anonymous pass, who looks at how an answer was come by.

use std::time::Duration;

use axum::body::Bytes;
use http::{HeaderName, Method, StatusCode, header};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::{MANIFESTS, Reply};
use crate::image::{Plain, sha256};
use crate::worker::Object;
use crate::world::World;

/// Where a guest asks.
const HOST: &str = "docker.localhost";

/// The client of a test that is about one answer, not about a pull.
pub struct Guest<'a> {
    world: &'a World,
    bearer: String,
}

impl World {
    /// Somebody new. It costs no upstream request.
    pub async fn guest(&self) -> Guest<'_> {
        Guest { world: self, bearer: self.log_in(HOST, "library/any", None).await }
    }

    /// What the Worker has logged for one repository, line by line.
    pub fn lines_about(&self, name: &str) -> Vec<Value> {
        let log = self.worker.process.output();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["name"] == name).collect()
    }

    /// Waits until all of these are in the bucket: it is filled behind the answers.
    pub async fn until_stored(&self, hashes: &[&str]) -> Vec<Object> {
        for _ in 0..400 {
            let stored = self.worker.stored();
            if hashes.iter().all(|hash| stored.iter().any(|object| object.hash == *hash)) {
                return stored;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("not in the bucket: {hashes:?}, but {:#?}", self.worker.stored());
    }

    /// Nothing that is kept under a digest is something else, and none of it is of these bytes.
    pub async fn assert_honest(&self, lies: &[Bytes]) {
        let lies: Vec<String> = lies.iter().map(|bytes| sha256(bytes)).collect();
        for object in self.worker.stored().into_iter().chain(self.worker.cached().await) {
            assert!(!lies.contains(&object.hash), "a lie was kept: {object:?}");
            let named = digest_in(&object.key);
            assert!(named.is_none_or(|digest| digest == object.hash), "kept under another's digest: {object:?}");
        }
    }
}

impl Guest<'_> {
    pub async fn get(&self, resource: &str) -> Reply {
        self.ask(Method::GET, resource, &[]).await
    }

    pub async fn head(&self, resource: &str) -> Reply {
        self.ask(Method::HEAD, resource, &[]).await
    }

    /// Asks for `<name>/manifests/<reference>` and the like. A header replaces the one that is sent by default.
    pub async fn ask(&self, method: Method, resource: &str, headers: &[(HeaderName, &str)]) -> Reply {
        Reply::to(self.request(method, resource, headers)).await
    }

    pub fn request(&self, method: Method, resource: &str, headers: &[(HeaderName, &str)]) -> reqwest::RequestBuilder {
        let mut more = http::HeaderMap::new();
        for (name, value) in headers {
            more.insert(name, value.parse().expect("a header's value"));
        }
        let request = self.world.ask(method, HOST, &format!("/v2/{resource}")).headers(more);
        request.header(header::AUTHORIZATION, &self.bearer)
    }

    /// Asks, and hangs up when `gone` says so.
    pub async fn leave(&self, resource: &str, gone: impl Future<Output = ()>) {
        let authorization = format!("Authorization: {}\r\n", self.bearer);
        leave(self.world, HOST, &format!("/v2/{resource}"), &authorization, gone).await;
    }

    /// Takes all parts of an image, right in every byte.
    pub async fn pull(&self, name: &str, tag: &str, image: &Plain) {
        let manifest = self.get(&format!("{name}/manifests/{tag}")).await.expect(StatusCode::OK);
        assert_eq!(sha256(&manifest.body), image.manifest.digest, "{name}:{tag}");
        for blob in image.blobs() {
            let reply = self.get(&format!("{name}/blobs/{}", blob.digest)).await.expect(StatusCode::OK);
            assert_eq!(reply.body, blob.bytes, "a blob of {name}:{tag}");
        }
    }

    /// Asks until the answer comes from the store, which is filled behind the answers.
    pub async fn until_hit(&self, resource: &str) -> Reply {
        for _ in 0..400 {
            let reply = self.get(resource).await.expect(StatusCode::OK);
            if cached(&reply) == "hit" {
                return reply;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{resource} never came from the store");
    }
}

/// Asks for something with some more lines of a head, and hangs up when `gone` says so. The connection is reset: of one that is only
/// closed, workerd hears when it has something to say.
pub async fn leave(world: &World, host: &str, target: &str, lines: &str, gone: impl Future<Output = ()>) {
    let mut connection = TcpStream::connect(world.worker.address).await.expect("connecting");
    connection.set_zero_linger().expect("a socket that can be reset");
    let authority = world.authority(host);
    let request = format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\nAccept: {MANIFESTS}\r\n{lines}\r\n");
    connection.write_all(request.as_bytes()).await.expect("sending a request");
    gone.await;
}

/// What the Worker says of its store.
pub fn cached(reply: &Reply) -> &str {
    reply.header("x-pierhead-cache")
}

/// The digest that a key names, however it is written.
fn digest_in(key: &str) -> Option<String> {
    let mut words = key.split(|character: char| !character.is_ascii_hexdigit());
    words.rfind(|word| word.len() == 64).map(|hex| format!("sha256:{hex}"))
}
