//! `path`: a key in the address or in a header, for whoever cannot log in.

use serde_json::json;

use super::{GITHUB, HUB, KEY, Mode, NO_KEY, assert_turned_away, containerd};
use crate::clients::assert_came_through;

use crate::puller::containerd::Release;
use crate::puller::docker::{Docker, Engine};
use crate::puller::mirror::{hosts_toml, hosts_toml_with, registries_conf};
use crate::puller::podman;
use crate::puller::skopeo;
use crate::room::Room;
use crate::stage::Stage;
use crate::token_server::{USER, basic};
use crate::world::World;

pub async fn docker(stage: &Stage) {
    let world = Mode::Path.world(stage).await;
    // It knows mirrors without a path alone: they need a host that is a registry's, and no key.
    let mirror = world.url("mirror.localhost", &format!("/{KEY}"));
    let refused = Docker::refused(Engine::Classic, &Room::new(), &["--registry-mirror", &mirror]).await;
    assert_turned_away(&world, &refused, "invalid mirror: path, query, or fragment at end of the URI");
    docker_has_the_key(stage, Engine::Classic).await;
}

pub async fn newer_docker(stage: &Stage) {
    let real = stage.real().await;
    for engine in [Engine::NewerClassic, Engine::NewerContainerd] {
        let world = Mode::Path.world(stage).await;
        let mirror = world.url("mirror.localhost", &format!("/{KEY}"));
        let room = Room::new();
        let account = account(&room, "https://index.docker.io/v1/");
        let docker = world.docker_in(room, engine, &["--registry-mirror", &mirror]).await;
        world.docker_pulls(&docker, "docker.io/library/hello", HUB, &real.hello).await;
        // An account at Docker Hub is shown to its mirrors, but not by containerd's store.
        world.upstream.forget();
        let pull = ["--config", &account, "pull", "docker.io/private/secret:1"];
        let pulled = docker.cli(&pull, "").await;
        if engine == Engine::NewerClassic {
            pulled.success();
            assert_came_through(&world, HUB, &real.private);
        } else {
            pulled.failure();
        }
        drop(docker);
        world.upstream.forget();
        let docker = world.docker(engine, &["--registry-mirror", &world.url("mirror.localhost", "")]).await;
        let refused = docker.pull("docker.io/library/hello:1", &real.hello.index.digest).await.expect_err("no key");
        // Hub itself is asked next, which cannot be reached from here; the classic store tells of that alone.
        let words = if engine == Engine::NewerClassic { "https://registry-1.docker.io/v2/" } else { NO_KEY };
        assert_turned_away(&world, &refused, words);
        drop(docker);
        docker_has_the_key(stage, engine).await;
    }
}

/// The key in the name of the image.
async fn docker_has_the_key(stage: &Stage, engine: Engine) {
    let (real, world) = (stage.real().await, Mode::Path.world(stage).await);
    let host = world.authority("mirror.localhost");
    let room = Room::new();
    // An account at the registry. `docker login` cannot write this: it asks for a token that is for no image.
    let account = account(&room, &host);
    let docker = world.docker_in(room, engine, &[]).await;

    let refused = docker.log_in(&host, USER.0, USER.1).await.expect_err("there is nobody to log in");
    assert_turned_away(&world, &refused, NO_KEY);
    let refused = docker.log_in(&format!("{host}/{KEY}"), USER.0, USER.1).await.expect_err("docker cuts the path");
    assert_turned_away(&world, &refused, NO_KEY);
    let wrong = KEY.replace('0', "1");
    for name in ["library/hello", &format!("{wrong}/library/hello")] {
        let refused = docker.pull(&format!("{host}/{name}:1"), "").await.expect_err("not the key");
        assert_turned_away(&world, &refused, NO_KEY);
    }
    world.docker_pulls(&docker, &format!("{host}/{KEY}/library/hello"), HUB, &real.hello).await;
    world.docker_pulls(&docker, &format!("{host}/{KEY}/ghcr.io/team/tool"), GITHUB, &real.tool).await;

    world.upstream.forget();
    let reference = format!("{host}/{KEY}/private/secret:1");
    docker.cli(&["pull", &reference], "").await.failure();
    docker.cli(&["--config", &account, "pull", &reference], "").await.success();
    assert_came_through(&world, HUB, &real.private);
}

/// A folder in the room with a configuration of docker's that knows the user at this host.
fn account(room: &Room, host: &str) -> String {
    let auth = basic(USER);
    let auths = json!({"auths": {host: {"auth": auth.trim_start_matches("Basic ")}}});
    room.write("account/config.json", &auths.to_string());
    room.arg("account")
}

pub async fn podman(stage: &Stage) {
    let (real, world) = (stage.real().await, Mode::Path.world(stage).await);
    let host = world.authority("mirror.localhost");
    let room = Room::new();
    for host in [&host, &format!("{host}/{KEY}")] {
        let login = ["login", "--tls-verify=false", "--username", USER.0, "--password-stdin", host];
        let refused = podman::podman(&room, &login, USER.1).await.failure();
        assert_turned_away(&world, &refused, "invalid username/password");
    }
    let pull = ["pull", "--tls-verify=false", &format!("{host}/docker.io/library/hello:1")];
    let refused = podman::podman(&room, &pull, "").await.failure();
    assert_turned_away(&world, &refused, NO_KEY);

    let reference = format!("{host}/{KEY}/ghcr.io/team/tool:1");
    podman::fetch(&room, &reference, &real.tool.index.digest, &[]).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_came_through(&world, GITHUB, &real.tool);
    // An account at the registry.
    let account = ["--creds", &format!("{}:{}", USER.0, USER.1)];
    let reference = format!("{host}/{KEY}/docker.io/private/secret:1");
    let digest = &real.private.index.digest;
    podman::fetch(&room, &reference, digest, &account).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_came_through(&world, HUB, &real.private);

    let room = mirrored(&world, KEY);
    world.upstream.forget();
    let digest = &real.hello.index.digest;
    let pulled = podman::fetch(&room, "docker.io/library/hello:1", digest, &[]).await;
    pulled.unwrap_or_else(|problem| panic!("{problem}"));
    assert_came_through(&world, HUB, &real.hello);

    let room = mirrored(&world, &KEY.replace('0', "1"));
    world.upstream.forget();
    let refused = podman::fetch(&room, "docker.io/library/hello:1", digest, &[]).await.expect_err("not the key");
    assert_turned_away(&world, &refused, NO_KEY);
}

/// A room with a mirror for Docker Hub behind a key.
fn mirrored(world: &World, key: &str) -> Room {
    const CONF: &str = "home/.config/containers/registries.conf";
    let room = Room::new();
    room.write(CONF, &registries_conf("docker.io", &world.ported(&format!("mirror.localhost/{key}/docker.io"))));
    room.with("CONTAINERS_REGISTRIES_CONF", CONF)
}

pub async fn skopeo(stage: &Stage) {
    let (real, world) = (stage.real().await, Mode::Path.world(stage).await);
    let digest = &real.hello.index.digest;
    let host = world.authority("mirror.localhost");
    let refused = skopeo::fetch(&Room::new(), &format!("{host}/library/hello:1"), digest, &[]).await.expect_err("no key");
    assert_turned_away(&world, &refused, NO_KEY);
    let account = ["--src-creds", &format!("{}:{}", USER.0, USER.1)];
    for (reference, image, options) in [
        (format!("{host}/{KEY}/library/hello:1"), &real.hello, &[][..]),
        (format!("{host}/{KEY}/private/secret:1"), &real.private, &account),
        (format!("{}/{KEY}/private/secret:1", world.authority("docker.localhost")), &real.private, &account),
    ] {
        world.upstream.forget();
        let copied = skopeo::fetch(&Room::new(), &reference, &image.index.digest, options).await;
        copied.unwrap_or_else(|problem| panic!("{problem}"));
        assert_came_through(&world, HUB, image);
    }
    world.upstream.forget();
    let copied = skopeo::fetch(&mirrored(&world, KEY), "docker.io/library/hello:1", digest, &[]).await;
    copied.unwrap_or_else(|problem| panic!("{problem}"));
    assert_came_through(&world, HUB, &real.hello);
}

pub async fn ctr(stage: &Stage) {
    containerd_has_it(stage, Release::System).await;
}

pub async fn newer_ctr(stage: &Stage) {
    containerd_has_it(stage, Release::Newer).await;
}

async fn containerd_has_it(stage: &Stage, release: Release) {
    let (real, world) = (stage.real().await, Mode::Path.world(stage).await);
    let (hello, private) = (&real.hello, &real.private);
    let gateway = |path: &str| world.url("mirror.localhost", path);
    let account = ["--user", &format!("{}:{}", USER.0, USER.1)];
    let header = ("X-Pierhead-Key", KEY);
    let behind = format!("/v2/{KEY}/docker.io");
    for mirror in [
        hosts_toml(&gateway(&format!("/{KEY}")), ""),
        hosts_toml(&gateway(&behind), "override_path = true"),
        hosts_toml_with(&gateway(""), "", header),
        hosts_toml_with(&world.url("docker.localhost", ""), "", header),
    ] {
        let containerd = containerd(release, &[("docker.io", mirror)]).await;
        world.ctr_pulls(&containerd, "docker.io/library/hello", HUB, hello, &[]).await;
        // Neither a key nor its realm stands between a client and its account at the registry.
        world.ctr_pulls(&containerd, "docker.io/private/secret", HUB, private, &account).await;
    }
    let direct = containerd(release, &[]).await;
    let name = world.ported(&format!("mirror.localhost/{KEY}/ghcr.io/team/tool"));
    world.ctr_pulls(&direct, &name, GITHUB, &real.tool, &["--plain-http"]).await;
    world.upstream.forget();
    let name = world.ported("mirror.localhost/ghcr.io/team/tool:1");
    let refused = direct.pull(&name, "", &["--plain-http"]).await.expect_err("no key");
    assert_turned_away(&world, &refused, "401 Unauthorized");
    drop(direct);

    // The registry itself would be asked next; it cannot be reached from here.
    let wrong = (header.0, &*KEY.replace('0', "1"));
    for mirror in [hosts_toml(&gateway(""), ""), hosts_toml_with(&gateway(""), "", wrong)] {
        let containerd = containerd(release, &[("docker.io", mirror)]).await;
        let refused = containerd.pull("docker.io/library/hello:1", &hello.index.digest, &[]).await.expect_err("no key");
        assert_turned_away(&world, &refused, "401 Unauthorized");
    }
}
