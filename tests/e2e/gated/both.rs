//! Both doors at once: one proof is enough.

use http::header;

use super::{ALICE, GITHUB, HUB, KEY, LOG_IN, Mode, assert_turned_away, containerd};
use crate::clients::assert_came_through;
use crate::puller::containerd::Release;
use crate::puller::docker::Engine;
use crate::puller::mirror::hosts_toml_with;
use crate::puller::podman;
use crate::room::Room;
use crate::stage::Stage;
use crate::token_server::USER;

pub async fn login_and_key(stage: &Stage) {
    let (real, world) = (stage.real().await, Mode::Both.world(stage).await);
    let host = world.authority("mirror.localhost");
    let docker = world.docker(Engine::Classic, &[]).await;
    let refused = docker.pull(&format!("{host}/library/hello:1"), "").await.expect_err("neither");
    assert_turned_away(&world, &refused, LOG_IN);
    docker.log_in(&host, ALICE.0, ALICE.1).await.unwrap_or_else(|problem| panic!("{problem}"));
    world.docker_pulls(&docker, &format!("{host}/library/hello"), HUB, &real.hello).await;
    // She has logged in, and the key is in the name all the same: what she shows goes to no registry.
    world.docker_pulls(&docker, &format!("{host}/{KEY}/ghcr.io/team/tool"), GITHUB, &real.tool).await;
    world.docker_pulls(&docker, &format!("{host}/{KEY}/team/app/sub/img"), HUB, &real.nested).await;

    world.upstream.forget();
    let reference = format!("{host}/{KEY}/ghcr.io/team/tool:1");
    let pulled = podman::fetch(&Room::new(), &reference, &real.tool.index.digest, &[]).await;
    pulled.unwrap_or_else(|problem| panic!("{problem}"));
    assert_came_through(&world, GITHUB, &real.tool);
}

pub async fn header_and_account(stage: &Stage) {
    let (real, world) = (stage.real().await, Mode::Both.world(stage).await);
    let mirror = hosts_toml_with(&world.url("mirror.localhost", ""), "", ("X-Pierhead-Key", KEY));
    let containerd = containerd(Release::System, &[("docker.io", mirror)]).await;
    let [account, user] = [USER, ALICE].map(|(name, password)| format!("{name}:{password}"));
    world.ctr_pulls(&containerd, "docker.io/private/secret", HUB, &real.private, &["--user", &account]).await;
    world.ctr_pulls(&containerd, "docker.io/library/hello", HUB, &real.hello, &["--user", &user]).await;
    // A login at the gate is none at the registry, which is asked in everybody's name.
    world.upstream.forget();
    let refused = containerd.pull("docker.io/private/secret:1", "", &["--user", &user]).await;
    refused.expect_err("she has no account there");
    let shown = world.upstream.seen().into_iter().filter(|seen| seen.headers.contains_key(header::AUTHORIZATION));
    assert!(shown.clone().all(|seen| !seen.headers[header::AUTHORIZATION].as_bytes().starts_with(b"Basic ")), "a password");
}
