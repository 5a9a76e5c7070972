//! A real registry (Debian's `docker-registry`) dressed as a public one: its host, its token server, its CDN.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{Method, StatusCode, header};
use serde_json::json;
use tempfile::TempDir;
use tower_http::services::ServeFile;

use crate::image::{Blob, Hash, Image, LargeLayer};
use crate::process::{self, Process};
use crate::token_server::TokenServer;
use crate::upstream::{self, Answer, Asked, Host, Hosts};

/// How a public registry looks from outside.
pub struct Dress {
    pub origin: &'static str,
    pub realm: &'static str,
    pub service: &'static str,
    pub cdn: &'static str,
}

/// Docker Hub: token server and CDN on hosts of their own.
pub const DOCKER_HUB: Dress = Dress {
    origin: "registry-1.docker.io",
    realm: "https://auth.docker.io/token",
    service: "registry.docker.io",
    cdn: "production.cloudflare.docker.com",
};

/// GitHub's: the token server is the registry's own host.
pub const GITHUB: Dress = Dress {
    origin: "ghcr.io",
    realm: "https://ghcr.io/token",
    service: "ghcr.io",
    cdn: "pkg-containers.githubusercontent.com",
};

/// What makes a CDN's URL good. It has percent-encoded bytes: a Location must be kept as it is.
pub const SIGNATURE: &str = "verify=1700000000-a%2Fb%3D";

/// A running docker-registry.
pub struct Registry {
    dress: Dress,
    tokens: Arc<TokenServer>,
    client: reqwest::Client,
    storage: PathBuf,
    _process: Process,
    _folder: TempDir,
}

impl Registry {
    pub async fn start(program: &Path, dress: Dress) -> Registry {
        let folder = tempfile::Builder::new().prefix("pierhead-e2e-registry-").tempdir().expect("a folder");
        let (storage, socket) = (folder.path().join("storage"), folder.path().join("socket"));
        let tokens = TokenServer::new(dress.service);
        // JSON is YAML. A unix socket needs no port.
        let config = json!({
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": storage}},
            "http": {"net": "unix", "addr": socket, "relativeurls": true, "secret": "of no use to anyone"},
            "auth": tokens.registry_section(dress.realm, &folder.path().join("certificate.pem")),
        });
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config.to_string()).expect("writing the configuration");
        let mut command = Command::new(program);
        command.arg("serve").arg(file).env_clear();
        let mut process = Process::start(command, folder.path().join("log"));
        process.until("docker-registry", async |_| tokio::net::UnixStream::connect(&socket).await.is_ok()).await;
        let client = reqwest::Client::builder().unix_socket(socket).redirect(reqwest::redirect::Policy::none());
        Registry {
            dress,
            tokens: Arc::new(tokens),
            client: client.build().expect("a client"),
            storage,
            _process: process,
            _folder: folder,
        }
    }

    /// Where the program is, if it is installed.
    pub fn program() -> Option<PathBuf> {
        process::find("docker-registry")
    }

    /// The hosts this registry plays.
    pub fn hosts(&self) -> Hosts {
        let realm = url::Url::parse(self.dress.realm).expect("a realm");
        let realm_host = realm.host_str().expect("a realm with a host").to_owned();
        let is_realm = {
            let (host, path) = (realm_host.clone(), realm.path().to_owned());
            move |asked: &Asked| host_of(asked) == host && asked.uri().path() == path
        };
        let (tokens, client) = (self.tokens.clone(), self.client.clone());
        let cdn = self.dress.cdn;
        let registry = Host::new(move |asked| {
            let (tokens, client, at_realm) = (tokens.clone(), client.clone(), is_realm(&asked));
            async move { if at_realm { tokens.answer(&asked) } else { pass_through(&client, asked, cdn).await } }
        });
        let storage = self.storage.clone();
        let cdn = Host::new(move |asked| serve_stored(storage.clone(), asked)).without_credentials();
        Hosts::from([
            (self.dress.origin.to_owned(), registry.clone()),
            (realm_host, registry),
            (self.dress.cdn.to_owned(), cdn),
        ])
    }

    pub async fn push(&self, image: &Image) {
        for platform in &image.platforms {
            for blob in platform.layers.iter().chain([&platform.config]) {
                self.push_blob(&image.name, blob).await;
            }
            let manifest = &platform.manifest;
            self.push_manifest(&image.name, &manifest.digest, image.format.manifest(), manifest).await;
        }
        self.push_manifest(&image.name, &image.tag, image.format.index(), &image.index).await;
    }

    /// Pushes a one-layer image, and gives the layer's digest.
    pub async fn push_large(&self, name: &str, tag: &str, layer: LargeLayer) -> String {
        let upload = self.start_upload(name).await;
        let (sender, receiver) = std::sync::mpsc::channel();
        let body = stream::unfold((layer.blocks(), Hash::default(), sender), async |(mut blocks, mut hash, sender)| {
            let Some(block) = blocks.next() else {
                let _ = sender.send(hash.finish());
                return None;
            };
            hash.update(&block);
            Some((Ok::<Bytes, std::io::Error>(block), (blocks, hash, sender)))
        });
        let patch = self.ask(name, Method::PATCH, &upload).body(reqwest::Body::wrap_stream(body));
        let patched = patch.send().await.expect("sending a large layer");
        assert_eq!(patched.status(), StatusCode::ACCEPTED);
        let digest = receiver.recv().expect("the whole layer was sent");
        let upload = location(&patched);
        self.finish_upload(name, &upload, &digest, Bytes::new()).await;
        let (manifest, config) = layer.image(&digest);
        self.push_blob(name, &config).await;
        self.push_manifest(name, tag, "application/vnd.oci.image.manifest.v1+json", &manifest).await;
        digest
    }

    async fn push_blob(&self, name: &str, blob: &Blob) {
        let upload = self.start_upload(name).await;
        self.finish_upload(name, &upload, &blob.digest, blob.bytes.clone()).await;
    }

    async fn start_upload(&self, name: &str) -> String {
        let uploads = format!("/v2/{name}/blobs/uploads/");
        let started = self.ask(name, Method::POST, &uploads).send().await.expect("starting an upload");
        assert_eq!(started.status(), StatusCode::ACCEPTED, "an upload to {name}");
        location(&started)
    }

    async fn finish_upload(&self, name: &str, upload: &str, digest: &str, body: Bytes) {
        let separator = if upload.contains('?') { '&' } else { '?' };
        let target = format!("{upload}{separator}digest={digest}");
        let request = self.ask(name, Method::PUT, &target).header(header::CONTENT_TYPE, "application/octet-stream");
        let stored = request.body(body).send().await.expect("finishing an upload");
        assert_eq!(stored.status(), StatusCode::CREATED, "the blob {digest} of {name}");
    }

    async fn push_manifest(&self, name: &str, reference: &str, media: &str, manifest: &Blob) {
        let target = format!("/v2/{name}/manifests/{reference}");
        let request = self.ask(name, Method::PUT, &target).header(header::CONTENT_TYPE, media);
        let stored = request.body(manifest.bytes.clone()).send().await.expect("pushing a manifest");
        assert_eq!(stored.status(), StatusCode::CREATED, "the manifest {reference} of {name}");
    }

    fn ask(&self, name: &str, method: Method, target: &str) -> reqwest::RequestBuilder {
        let token = self.tokens.sign("pusher", &[(name.to_owned(), vec!["pull", "push"])]);
        self.client.request(method, format!("http://registry{target}")).bearer_auth(token)
    }
}

fn location(response: &reqwest::Response) -> String {
    let location = response.headers().get(header::LOCATION).expect("a Location");
    location.to_str().expect("an ASCII Location").to_owned()
}

fn host_of(asked: &Asked) -> &str {
    asked.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("")
}

/// Hands a request to the docker-registry as it is. A blob it would serve is answered with a redirect to the CDN,
/// as public registries do, HEAD too.
async fn pass_through(client: &reqwest::Client, asked: Asked, cdn: &str) -> Answer {
    let blob = asked.uri().path().split_once("/blobs/sha256:").map(|(_, hex)| hex.to_owned());
    let (mut parts, body) = asked.into_parts();
    if blob.is_some() {
        parts.headers.remove(header::RANGE); // the CDN's business
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request = client.request(parts.method.clone(), format!("http://registry{target}"));
    for (name, value) in &parts.headers {
        if ![header::HOST, header::CONNECTION, header::CONTENT_LENGTH].contains(name) {
            request = request.header(name, value);
        }
    }
    let response = match request.body(body).send().await {
        Ok(response) => response,
        Err(_) => return upstream::text(StatusCode::BAD_GATEWAY, "the registry does not answer"),
    };
    if let (Some(hex), StatusCode::OK) = (blob, response.status()) {
        let folder = hex.get(..2).unwrap_or("");
        return upstream::redirect(&format!(
            "https://{cdn}/registry-v2/docker/registry/v2/blobs/sha256/{folder}/{hex}/data?{SIGNATURE}"
        ));
    }
    let mut answer = http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        if ![header::CONNECTION, header::TRANSFER_ENCODING].contains(name) {
            answer = answer.header(name, value);
        }
    }
    answer.body(Body::from_stream(response.bytes_stream())).expect("the registry's own headers")
}

/// The CDN: the registry's storage folder. Like a store of presigned URLs it knows GET only, refuses Authorization
/// in the words of Cloudflare's R2, and wants its query as it was signed.
async fn serve_stored(storage: PathBuf, asked: Asked) -> Answer {
    let xml = |status, code: &str, message: &str| {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        upstream::reply(status, "application/xml", body)
    };
    if asked.headers().contains_key(header::AUTHORIZATION) {
        return xml(StatusCode::BAD_REQUEST, "InvalidRequest", "Missing x-amz-content-sha256");
    }
    if *asked.method() != Method::GET || asked.uri().query() != Some(SIGNATURE) {
        return xml(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", "The request signature does not match");
    }
    let Some(file) = asked.uri().path().strip_prefix("/registry-v2/").filter(|path| !path.contains("..")) else {
        return xml(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.");
    };
    let media = "application/octet-stream".parse().expect("a media type");
    let mut file = ServeFile::new_with_mime(storage.join(file), &media);
    let (parts, _) = asked.into_parts();
    let served = file.try_call(http::Request::from_parts(parts, Body::empty())).await;
    served.expect("reading the registry's storage").map(Body::new)
}
