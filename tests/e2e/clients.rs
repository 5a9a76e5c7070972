//! Real clients pull real images through the Worker.
//!
//! A client verifies every digest itself; a test adds that what it ended up with is what was pushed, and that the
//! Worker asked the right registry for every part of it.

use http::Method;
use serde_json::Value;

use crate::image::{Image, sha256};
use crate::puller::containerd::{Containerd, Release};
use crate::puller::docker::{Docker, Engine};
use crate::puller::mirror::{hosts_toml, registries_conf};
use crate::puller::podman::podman;
use crate::room::Room;
use crate::stage::Stage;
use crate::token_server::USER;
use crate::world::World;

const HUB: &str = "registry-1.docker.io";
const GITHUB: &str = "ghcr.io";

/// The Worker asked the registry at `origin` for every part of `image` that this machine's platform needs.
pub fn assert_came_through(world: &World, origin: &str, image: &Image) {
    let asked = world.upstream.targets(&Method::GET, origin);
    let platform = image.here();
    let manifest = format!("/v2/{}/manifests/{}", image.name, platform.manifest.digest);
    let blobs = platform.layers.iter().chain([&platform.config]);
    let blobs = blobs.map(|blob| format!("/v2/{}/blobs/{}", image.name, blob.digest));
    for target in blobs.chain([manifest]) {
        assert!(asked.contains(&target), "{origin} was not asked for {target} but for {asked:#?}");
    }
}

/// What `docker image inspect` and `podman image inspect` say is `image`, known to the client as `repository`.
fn assert_inspected(inspected: &str, repository: &str, image: &Image) {
    let inspected: Value = serde_json::from_str(inspected).expect("JSON");
    let inspected = &inspected[0];
    let id = inspected["Id"].as_str().expect("an Id");
    let digest = &image.here().config.digest;
    assert!(digest.ends_with(id), "the image is {id}, not {digest}");
    let name = format!("{repository}@{}", image.index.digest);
    let names = inspected["RepoDigests"].as_array().expect("a list of digests");
    assert!(names.contains(&Value::from(name.as_str())), "{name} is not in {names:?}");
}

// --- skopeo

/// Copies every platform of `repository`, and compares each byte.
async fn skopeo_copies(world: &World, origin: &str, repository: &str, image: &Image, options: &[&str]) {
    let room = Room::new();
    let source = format!("docker://{}:{}", world.ported(repository), image.tag);
    let target = format!("dir:{}", room.arg("copy"));
    let command = ["copy", "--all", "--src-tls-verify=false"];
    room.run("skopeo", &[&command, options, &[&source, &target]].concat()).await.success();
    let index = std::fs::read(room.path("copy/manifest.json")).expect("skopeo's copy");
    assert_eq!(sha256(&index), image.index.digest);
    for platform in &image.platforms {
        for blob in platform.layers.iter().chain([&platform.config]) {
            let hex = blob.digest.trim_start_matches("sha256:");
            assert_eq!(std::fs::read(room.path("copy").join(hex)).expect("a copied blob"), blob.bytes);
        }
    }
    assert_came_through(world, origin, image);
}

pub async fn skopeo_copies_from_a_host_label(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    skopeo_copies(&world, HUB, "docker.localhost/hello", &real.hello, &[]).await;
    skopeo_copies(&world, HUB, "docker.localhost/team/app/sub/img", &real.nested, &[]).await;
    skopeo_copies(&world, GITHUB, "ghcr.localhost/team/tool", &real.tool, &[]).await;
}

pub async fn skopeo_copies_from_a_gateway(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    skopeo_copies(&world, HUB, "localhost/docker.io/library/hello", &real.hello, &[]).await;
    skopeo_copies(&world, GITHUB, "localhost/ghcr.io/team/tool", &real.tool, &[]).await;
    skopeo_copies(&world, HUB, "localhost/team/manifests/blobs/img", &real.awkward, &[]).await;
}

pub async fn skopeo_copies_a_private_image(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let image = &real.private;
    skopeo_copies(&world, HUB, "docker.localhost/private/secret", image, &["--src-creds", "alice:open-sesame"]).await;

    let room = Room::new();
    let source = format!("docker://{}:1", world.ported("docker.localhost/private/secret"));
    let target = format!("dir:{}", room.arg("copy"));
    for options in [&["--src-creds", "alice:wrong"][..], &[]] {
        let command = [&["copy", "--src-tls-verify=false"], options, &[&source, &target]].concat();
        let refused = room.run("skopeo", &command).await.failure();
        assert!(refused.contains("unauthorized") || refused.contains("authentication required"), "{refused}");
    }
}

pub async fn skopeo_inspects(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let image = format!("docker://{}:1", world.ported("docker.localhost/library/hello"));
    let inspected = Room::new().run("skopeo", &["inspect", "--tls-verify=false", &image]).await.success();
    let inspected: Value = serde_json::from_str(&inspected).expect("JSON");
    assert_eq!(inspected["Digest"], real.hello.index.digest);
    let mut tags: Vec<_> = inspected["RepoTags"].as_array().expect("tags").iter().map(Value::to_string).collect();
    tags.sort(); // docker-registry lists them as its folder does
    assert_eq!(tags, [r#""1""#, r#""2""#, r#""3""#, r#""4""#]);
}

// --- podman

/// Pulls with podman and compares. `repository` is what the user types, port included.
async fn podman_pulls(room: &Room, world: &World, origin: &str, repository: &str, image: &Image) {
    let reference = format!("{repository}:{}", image.tag);
    podman(room, &["pull", "--tls-verify=false", &reference], "").await.success();
    let inspected = podman(room, &["image", "inspect", &reference], "").await.success();
    assert_inspected(&inspected, repository, image);
    assert_came_through(world, origin, image);
}

pub async fn podman_pulls_from_a_host_label(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    podman_pulls(&Room::new(), &world, HUB, &world.ported("docker.localhost/library/hello"), &real.hello).await;
}

pub async fn podman_pulls_from_a_gateway(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    podman_pulls(&Room::new(), &world, GITHUB, &world.ported("localhost/ghcr.io/team/tool"), &real.tool).await;
}

pub async fn podman_pulls_through_a_mirror_with_a_path(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let room = Room::new();
    let mirror = world.ported("mirror.localhost/docker.io");
    let registries = registries_conf("docker.io", &mirror);
    room.write("home/.config/containers/registries.conf", &registries);
    // Root's podman reads the system's file, unless it is told.
    let room = room.with("CONTAINERS_REGISTRIES_CONF", "home/.config/containers/registries.conf");
    podman_pulls(&room, &world, HUB, "docker.io/library/hello", &real.hello).await;
}

// --- docker

impl Docker {
    async fn classic(options: &[&str]) -> Docker {
        Docker::start(Engine::Classic, Room::new(), options).await
    }

    async fn pulls(&self, world: &World, origin: &str, repository: &str, image: &Image) {
        let reference = format!("{repository}:{}", image.tag);
        self.cli(&["pull", &reference], "").await.success();
        let inspected = self.cli(&["image", "inspect", &reference], "").await.success();
        let repository = repository.trim_start_matches("docker.io/library/");
        assert_inspected(&inspected, repository, image);
        assert_came_through(world, origin, image);
    }
}

pub async fn docker_pulls_from_a_host_label(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let docker = Docker::classic(&[]).await;
    docker.pulls(&world, HUB, &world.ported("docker.localhost/library/hello"), &real.hello).await;
    docker.pulls(&world, HUB, &world.ported("docker.localhost/team/app/sub/img"), &real.nested).await;
}

pub async fn docker_pulls_from_a_gateway(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let docker = Docker::classic(&[]).await;
    docker.pulls(&world, GITHUB, &world.ported("localhost/ghcr.io/team/tool"), &real.tool).await;
    docker.pulls(&world, HUB, &world.ported("localhost/team/manifests/blobs/img"), &real.awkward).await;
}

pub async fn docker_pulls_through_a_registry_mirror(stage: &Stage) {
    let real = stage.real().await;
    for host in ["docker.localhost", "mirror.localhost"] {
        let world = stage.world(real.hosts(), &[]).await;
        let docker = Docker::classic(&["--registry-mirror", &world.url(host, "")]).await;
        docker.pulls(&world, HUB, "docker.io/library/hello", &real.hello).await;
    }
}

pub async fn docker_logs_in_and_pulls_a_private_image(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let docker = Docker::classic(&[]).await;
    let registry = world.authority("docker.localhost");
    let login = ["login", "--username", "alice", "--password-stdin", &registry];

    let refused = docker.cli(&login, "wrong").await.failure();
    assert!(refused.contains("incorrect username or password"), "{refused}");

    let reference = format!("{registry}/private/secret:1");
    let refused = docker.cli(&["pull", &reference], "").await.failure();
    assert!(refused.contains("pull access denied") || refused.contains("unauthorized"), "{refused}");

    docker.cli(&login, USER.1).await.success();
    docker.pulls(&world, HUB, &world.ported("docker.localhost/private/secret"), &real.private).await;
}

// --- containerd

impl Containerd {
    async fn of_the_system(hosts: &[(&str, String)]) -> Containerd {
        Containerd::start(Release::System, Room::new(), hosts).await
    }

    async fn pulls(&self, world: &World, origin: &str, repository: &str, image: &Image) {
        let reference = format!("{repository}:{}", image.tag);
        self.pull(&reference, &image.index.digest, &[]).await.expect(&reference);
        assert_came_through(world, origin, image);
    }
}

pub async fn containerd_pulls_through_a_mirror_by_ns(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let mirror = hosts_toml(&world.url("mirror.localhost", ""), "");
    let containerd = Containerd::of_the_system(&[("docker.io", mirror.clone()), ("ghcr.io", mirror)]).await;
    containerd.pulls(&world, HUB, "docker.io/library/hello", &real.hello).await;
    containerd.pulls(&world, GITHUB, "ghcr.io/team/tool", &real.tool).await;
}

pub async fn containerd_pulls_through_a_mirror_with_a_path(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let hub = hosts_toml(&world.url("mirror.localhost", "/v2/docker.io"), "override_path = true");
    let github = hosts_toml(&world.url("mirror.localhost", "/ghcr.io"), "");
    let containerd = Containerd::of_the_system(&[("docker.io", hub), ("ghcr.io", github)]).await;
    containerd.pulls(&world, HUB, "docker.io/library/hello", &real.hello).await;
    containerd.pulls(&world, GITHUB, "ghcr.io/team/tool", &real.tool).await;
}
