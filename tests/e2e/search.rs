//! Docker Hub's search through the Worker: `docker search`, and what the NAS makers' packages send.

use http::{Method, StatusCode, header};
use serde_json::json;

use crate::client::Reply;
use crate::puller::docker::{Docker, Engine};
use crate::room::Room;
use crate::stage::Stage;
use crate::token_server::{USER, basic};
use crate::upstream::{self, Host, Hosts};
use crate::world::World;

const INDEX: &str = "index.docker.io";

/// A Docker Hub that finds something under every name.
async fn searchable(stage: &Stage) -> World {
    let host = Host::scripted(|asked| {
        let query = asked.uri().query().unwrap_or("");
        let found = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "q").map(|(_, q)| q.into_owned());
        let found = found.unwrap_or_default();
        let result = json!({
            "name": found, "description": "found <b>it</b>", "star_count": 7, "is_official": true, "is_automated": false,
        });
        upstream::json(
            StatusCode::OK,
            &json!({"query": found, "num_results": 1, "num_pages": 1, "page": 1, "page_size": 25, "results": [result]}),
        )
    });
    stage.world(Hosts::from([(INDEX.to_owned(), host.without_credentials())]), &[]).await
}

/// `docker search HOST/NAME`, on Docker Hub's host and on a gateway.
pub async fn docker_searches(stage: &Stage) {
    let world = searchable(stage).await;
    let docker = Docker::start(Engine::Classic, Room::new(), &[]).await;
    for host in ["docker.localhost", "localhost"] {
        let found = docker.cli(&["search", &format!("{}/redis", world.authority(host))], "").await.success();
        assert!(found.contains("redis") && found.contains("found") && found.contains('7'), "{found}");
    }
    let asked = world.upstream.targets(&Method::GET, INDEX);
    assert_eq!(asked, ["/v1/search?q=redis&n=25&page=1"; 2]);
}

/// Container Manager and Container Station ask so, with whatever login they have.
pub async fn nas_packages_search(stage: &Stage) {
    let world = searchable(stage).await;
    let target = "/v1/search?q=library%2Fnginx&page=2&n=50";
    let request = world.ask(Method::GET, "docker.localhost", target).header(header::AUTHORIZATION, basic(USER));
    let reply = Reply::to(request.header(header::USER_AGENT, "Synology/DSM")).await.expect(StatusCode::OK);
    assert!(reply.header(header::CONTENT_TYPE).starts_with("application/json"));
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.json()["results"][0]["name"], "nginx");
    assert_eq!(world.upstream.targets(&Method::GET, INDEX), ["/v1/search?q=nginx&n=50&page=2"]);

    let status = world.get("localhost", "/status").await.expect(StatusCode::OK).json();
    assert_eq!((&status["gateway"], &status["registry"]), (&json!(true), &json!("docker.io")));
    assert!(status["registries"].as_array().expect("registries").len() > 20);
}
