//! What stands in the place of a proxy, or between one and its clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use futures_util::stream;
use http::{Method, StatusCode, header};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::client::{HTTP, Reply};
use crate::upstream::{Answer, Asked, reply};
use crate::world::World;

/// A server on this machine; it ends with its owner.
pub struct Middlebox {
    pub address: SocketAddr,
    server: JoinHandle<()>,
}

impl Middlebox {
    /// A server that answers by itself.
    pub async fn alone(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Middlebox {
        let answer = Arc::new(answer);
        Middlebox::serve(move |asked| std::future::ready(answer(&asked))).await
    }

    /// One before a Worker, which may change what is asked, and what is answered.
    pub async fn before(
        world: &World,
        ask: impl Fn(&mut Asked) + Send + Sync + 'static,
        answer: impl Fn(&Asked, http::Response<Bytes>) -> Answer + Send + Sync + 'static,
    ) -> Middlebox {
        let worker = world.worker.address;
        let between = Arc::new((ask, answer));
        Middlebox::serve(move |mut asked| {
            let between = between.clone();
            async move {
                (between.0)(&mut asked);
                let url = format!("http://{worker}{}", asked.uri());
                // With its `Host`: that is what the Worker calls itself.
                let request = HTTP.request(asked.method().clone(), url).headers(asked.headers().clone());
                let Reply { status, mut headers, body } = Reply::to(request).await;
                headers.remove(header::TRANSFER_ENCODING);
                let mut told = http::Response::new(body);
                (*told.status_mut(), *told.headers_mut()) = (status, headers);
                (between.1)(&asked, told)
            }
        })
        .await
    }

    async fn serve<F: Future<Output = Answer> + Send + 'static>(
        answer: impl Fn(Asked) -> F + Clone + Send + Sync + 'static,
    ) -> Middlebox {
        let service = axum::Router::new().fallback(move |request: http::Request<Body>| {
            let answer = answer.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, 1 << 20).await.expect("a short question");
                answer(Asked::from_parts(parts, body)).await
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port it got");
        Middlebox { address, server: tokio::spawn(async move { axum::serve(listener, service).await.expect("serving") }) }
    }

    /// One that takes connections and does this with each.
    pub async fn raw<F: Future<Output = ()> + Send + 'static>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Middlebox {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port it got");
        let server = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket));
            }
        });
        Middlebox { address, server }
    }

    /// One that ends TLS before another server.
    pub async fn tls(papers: &Papers, behind: SocketAddr) -> Middlebox {
        let acceptor = TlsAcceptor::from(papers.config.clone());
        Middlebox::raw(move |socket| {
            let acceptor = acceptor.clone();
            async move {
                // Whoever does not like the certificate goes away.
                let Ok(mut outer) = acceptor.accept(socket).await else { return };
                let mut inner = TcpStream::connect(behind).await.expect("the server behind");
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            }
        })
        .await
    }

    /// `host:port` under one of its names.
    pub fn authority(&self, host: &str) -> String {
        format!("{host}:{}", self.address.port())
    }
}

impl Drop for Middlebox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A certificate and its key.
pub struct Papers {
    config: Arc<ServerConfig>,
    /// The authority's certificate, for those who trust it.
    pub authority: String,
}

/// Which years a certificate is good for.
pub type Years = (i32, i32);

/// The present.
pub const NOW: Years = (2020, 2100);

/// Who has signed it.
pub const AUTHORITY: &str = "Somebody's Firewall";

impl Papers {
    /// For this name, by an authority of its own or by itself.
    pub fn new(name: &str, (from, until): Years, by_itself: bool) -> Papers {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let mut of_authority = CertificateParams::default();
        // Of the same name as what it signs, it would be that itself.
        of_authority.distinguished_name.push(DnType::CommonName, AUTHORITY);
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(of_authority, KeyPair::generate().expect("a key")).expect("an authority");
        let certificate = if by_itself { params.self_signed(&key) } else { params.signed_by(&key, &issuer) };
        let chain = vec![certificate.expect("a certificate").der().clone()];
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("a matching key");
        Papers { config: Arc::new(config), authority: issuer.pem() }
    }
}

/// An answer as it is.
pub fn as_it_is(_: &Asked, told: http::Response<Bytes>) -> Answer {
    told.map(Body::from)
}

/// A page of HTML.
pub fn page(status: StatusCode, title: &str) -> Answer {
    reply(status, "text/html; charset=UTF-8", format!("<!DOCTYPE html><html><title>{title}</title><h1>{title}</h1></html>"))
}

/// Whether a GET of a layer's or configuration's bytes is asked.
pub fn is_blob(asked: &Asked) -> bool {
    *asked.method() == Method::GET && asked.uri().path().contains("/blobs/")
}

/// An answer that takes its time: so many bytes at once, and then nothing for so long.
pub fn trickle(told: http::Response<Bytes>, at_once: usize, pause: Duration) -> Answer {
    let (mut parts, bytes) = told.into_parts();
    parts.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    let body = stream::unfold((bytes, false), move |(mut rest, begun)| async move {
        if rest.is_empty() {
            return None;
        }
        if begun {
            tokio::time::sleep(pause).await;
        }
        let piece = rest.split_to(at_once.min(rest.len()));
        Some((Ok::<_, std::io::Error>(piece), (rest, true)))
    });
    Answer::from_parts(parts, Body::from_stream(body))
}
