//! The operator's rules, as clients print them.

use serde_json::json;

use super::{GITHUB, HUB, Mode, assert_turned_away};
use crate::puller::docker::Engine;
use crate::puller::podman;
use crate::room::Room;
use crate::stage::Stage;

const REASON: &str = "ask the platform team at https://wiki.example.com/images";

pub async fn docker(stage: &Stage) {
    docker_is_told_why(stage, Engine::Classic).await;
}

pub async fn newer_docker(stage: &Stage) {
    docker_is_told_why(stage, Engine::NewerClassic).await;
    docker_is_told_why(stage, Engine::NewerContainerd).await;
}

async fn docker_is_told_why(stage: &Stage, engine: Engine) {
    let real = stage.real().await;
    let rules = json!({"docker.io": {"allow": ["library/.*"], "tags": ["1"], "reason": REASON}});
    let world = stage.world(real.hosts(), &Mode::Public.variables(&[("RULES", rules)])).await;
    let docker = world.docker(engine, &[]).await;
    let host = world.authority("docker.localhost");
    for (image, words) in [
        ("team/app/sub/img:v1.0", "`team/app/sub/img` is not among the repositories of `docker.io` that are served here"),
        ("library/hello:2", "the tag `2` is not among those of `docker.io` that are served here"),
    ] {
        let refused = docker.pull(&format!("{host}/{image}"), "").await.expect_err("a rule");
        // The store of containerd asks by HEAD, whose answer has no body.
        let words = if engine == Engine::NewerContainerd { "403 Forbidden" } else { &format!("{words}: {REASON}") };
        assert_turned_away(&world, &refused, words);
    }
    world.docker_pulls(&docker, &format!("{host}/library/hello"), HUB, &real.hello).await;
    world.docker_pulls(&docker, &world.ported("ghcr.localhost/team/tool"), GITHUB, &real.tool).await;
}

pub async fn podman(stage: &Stage) {
    let real = stage.real().await;
    let rules = json!({"*": {"deny": ["team/.*"], "reason": REASON}});
    let world = stage.world(real.hosts(), &Mode::Public.variables(&[("RULES", rules)])).await;
    let pull = ["pull", "--tls-verify=false", &world.ported("ghcr.localhost/team/tool:1")];
    let refused = podman::podman(&Room::new(), &pull, "").await.failure();
    assert_turned_away(&world, &refused, REASON);
}
