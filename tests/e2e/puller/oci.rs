//! The `oci-client` crate, in this process. It compares each part with its digest as it reads it.

use axum::body::Body;
use http::{StatusCode, header};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use tokio::net::TcpListener;

use super::{Style, Wanted};
use crate::client::HTTP;
use crate::upstream::{self, Answer};
use crate::world::World;

pub async fn pull(world: &World, style: Style, wanted: &Wanted<'_>) -> Result<(), String> {
    let names = Names::start().await;
    let config = ClientConfig { protocol: ClientProtocol::Http, http_proxy: Some(names.url.clone()), ..Default::default() };
    let client = Client::try_from(config).map_err(|error| error.to_string())?;
    let login = style.login(wanted);
    let login = login.map_or(RegistryAuth::Anonymous, |(user, password)| RegistryAuth::Basic(user, password.to_owned()));
    let reference: Reference = style.reference(world, wanted).parse().map_err(|error| format!("{error}"))?;
    fetch(&client, &reference, &login, wanted.digest).await.map_err(|error| format!("{error}"))?
}

/// The outer error is the client's, the inner one is ours: it pulled something else.
async fn fetch(
    client: &Client,
    image: &Reference,
    login: &RegistryAuth,
    digest: &str,
) -> oci_client::errors::Result<Result<(), String>> {
    // By itself it would go on without a token when the login fails.
    client.auth(image, login, RegistryOperation::Pull).await?;
    let (manifest, of_manifest, _config, of_list) = client.pull_manifest_and_config_and_list_digest(image, login).await?;
    for layer in &manifest.layers {
        client.pull_blob(image, layer, &mut Vec::new()).await?;
    }
    let got = of_list.unwrap_or(of_manifest);
    Ok(if got == digest { Ok(()) } else { Err(format!("pulled {got}, not {digest}")) })
}

/// The client cannot be given a hosts file or a resolver, but an HTTP proxy: one to which every name is this machine.
struct Names {
    url: String,
    server: tokio::task::JoinHandle<()>,
}

impl Names {
    async fn start() -> Names {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("the port it got"));
        let service = axum::Router::new().fallback(hand_on);
        let server = tokio::spawn(async move { axum::serve(listener, service).await.expect("serving") });
        Names { url, server }
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A proxy is asked for whole URLs. The hosts of the played internet have no port: nobody answers for them here.
async fn hand_on(asked: http::Request<Body>) -> Answer {
    let mut request = HTTP.request(asked.method().clone(), asked.uri().to_string());
    for (name, value) in asked.headers().iter().filter(|(name, _)| *name != header::HOST) {
        request = request.header(name, value);
    }
    let Ok(response) = request.send().await else {
        return upstream::text(StatusCode::BAD_GATEWAY, "nobody answers");
    };
    let mut answer = http::Response::builder().status(response.status());
    for (name, value) in response.headers().iter().filter(|(name, _)| *name != header::TRANSFER_ENCODING) {
        answer = answer.header(name, value);
    }
    answer.body(Body::from_stream(response.bytes_stream())).expect("the Worker's own headers")
}
