//! The configurations of `src/site/snippets.js`, as they stand on the page and in docs/clients/, in the files they name, before the
//! clients they are for: each pulls through the running Worker, in every way in which a host can be addressed.

use serde_json::{Value, json};

use crate::clients::assert_came_through;
use crate::image::Image;
use crate::process::find;
use crate::puller::containerd::{Containerd, Release};
use crate::puller::docker::{Docker, Engine, has_digest};
use crate::puller::podman::podman as run_podman;
use crate::room::Room;
use crate::stage::{Real, Stage};
use crate::world::World;

/// What opens the gate in an address.
const KEY: &str = "a0key0in0the0address";

/// A host of the Worker's, and how it is asked.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Site {
    /// For all registries.
    Gateway,
    /// For Docker Hub.
    Hub,
    /// For ghcr.io.
    Github,
}

use Site::{Gateway, Github, Hub};

/// Every way in which a snippet can be made: the host, and whether a key is in its address.
const ALL: [(Site, bool); 6] =
    [(Gateway, false), (Hub, false), (Github, false), (Gateway, true), (Hub, true), (Github, true)];

impl Site {
    const fn host(self) -> &'static str {
        match self {
            Gateway => "mirror.localhost",
            Hub => "docker.localhost",
            Github => "ghcr.localhost",
        }
    }

    /// The images that its mirror is for: what their users type, who has them, and what they are.
    fn images(self, real: &Real) -> Vec<(&'static str, &'static str, &Image)> {
        let hello = ("docker.io/library/hello", "registry-1.docker.io", &real.hello);
        let tool = ("ghcr.io/team/tool", "ghcr.io", &real.tool);
        match self {
            Gateway => vec![hello, tool],
            Hub => vec![hello],
            Github => vec![tool],
        }
    }
}

/// A running Worker and what its page would say.
struct Page {
    world: World,
    site: Site,
    path: String,
    snippets: Vec<Value>,
}

impl Page {
    async fn of(stage: &Stage, (site, key): (Site, bool)) -> Page {
        let gate = if key { vec![("ACCESS", json!("path")), ("PATH_SECRET", KEY.into())] } else { Vec::new() };
        // Without the store: each pull is to meet the registry itself.
        let variables = [gate, vec![("CACHE", "off".into())]].concat();
        let world = stage.world(stage.real().await.hosts(), &variables).await;
        let path = if key { format!("/{KEY}") } else { String::new() };
        let about = json!({
            "authority": world.authority(site.host()), "secure": false, "path": path, "gateway": site == Gateway,
            "registry": if site == Github { "ghcr.io" } else { "docker.io" },
        });
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/docs.mjs");
        let mut node = tokio::process::Command::new(find("node").expect("this test asks for it"));
        let printed = node.args([script, "--print", &about.to_string()]).output().await.expect("running node");
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        let snippets = serde_json::from_slice(&printed.stdout).expect("a list of snippets");
        Page { world, site, path, snippets }
    }

    /// Where a snippet belongs, and what it is.
    fn snippet(&self, id: &str) -> (&str, &str) {
        let snippet = self.snippets.iter().find(|snippet| snippet["id"] == id).expect(id);
        (snippet["file"].as_str().expect("a file"), snippet["text"].as_str().expect("a text"))
    }

    /// A room in which the snippet is where it says.
    fn room(&self, id: &str) -> Room {
        let (file, text) = self.snippet(id);
        let room = Room::new();
        room.write(file.trim_start_matches('/'), text);
        room
    }

    /// An image without a mirror: the host, and where it is a gateway the registry, in its name.
    fn direct(&self, name: &str) -> String {
        let (_, below) = name.split_once('/').expect("a registry and a name");
        let name = if self.site == Gateway { name } else { below };
        format!("{}{}/{name}", self.world.authority(self.site.host()), self.path)
    }

    /// A pull came to its end, through the Worker.
    fn pulled(&self, result: Result<(), String>, origin: &str, image: &Image) {
        result.unwrap_or_else(|problem| panic!("{:?}{}: {problem}", self.site, self.path));
        assert_came_through(&self.world, origin, image);
        self.world.upstream.forget();
    }
}

// --- docker

/// A daemon whose `daemon.json` is the snippet's. Only what chooses its store is added.
async fn dockerd(page: &Page, engine: Engine, room: Room) -> Docker {
    let (file, text) = page.snippet("docker");
    let mut settings: Value = serde_json::from_str(text).expect("JSON");
    settings["features"] = json!({"containerd-snapshotter": engine == Engine::NewerContainerd});
    let config = room.write(file.trim_start_matches('/'), &settings.to_string());
    Docker::start(engine, room, &["--config-file", config.to_str().expect("UTF-8")]).await
}

async fn docker_pulls(docker: &Docker, reference: &str, digest: &str) -> Result<(), String> {
    docker.cli(&["pull", reference], "").await.result()?;
    let inspected = docker.cli(&["image", "inspect", reference], "").await.result()?;
    docker.cli(&["image", "rm", reference], "").await.result()?;
    has_digest(&inspected, digest)
}

/// What the mirror is for, by its own name, and all that the host has, by the host's.
async fn docker_has_all(stage: &Stage, addressing: (Site, bool), engine: Engine) {
    let (real, page) = (stage.real().await, Page::of(stage, addressing).await);
    for (name, origin, image) in page.site.images(real) {
        // A daemon for each: of what it has once had, the containerd store fetches less.
        if name.starts_with("docker.io/") {
            let docker = dockerd(&page, engine, Room::new()).await;
            let reference = format!("{name}:{}", image.tag);
            page.pulled(docker_pulls(&docker, &reference, &image.index.digest).await, origin, image);
        }
        let docker = dockerd(&page, engine, Room::new()).await;
        let reference = format!("{}:{}", page.direct(name), image.tag);
        page.pulled(docker_pulls(&docker, &reference, &image.index.digest).await, origin, image);
    }
}

pub async fn docker(stage: &Stage) {
    for addressing in [(Gateway, false), (Hub, false), (Github, false), (Github, true)] {
        docker_has_all(stage, addressing, Engine::Classic).await;
    }
    // What the note says: it knows no mirror with a path.
    let page = Page::of(stage, (Gateway, true)).await;
    let room = page.room("docker");
    let refused = room.run("dockerd", &["--config-file", &room.arg("etc/docker/daemon.json")]).await.failure();
    assert!(refused.contains("invalid mirror: path, query, or fragment at end of the URI"), "{refused}");
}

pub async fn newer_docker(stage: &Stage) {
    for engine in [Engine::NewerClassic, Engine::NewerContainerd] {
        for addressing in ALL {
            docker_has_all(stage, addressing, engine).await;
        }
    }
}

/// Debian's own docker, which asks BuildKit by itself; later ones want a plugin for it, and build without BuildKit where it is not.
pub const BUILDER: &str = "/usr/bin/docker";

/// The BuildKit in a later dockerd, which has its mirrors from `daemon.json`.
pub async fn buildkit_in_docker(stage: &Stage) {
    let real = stage.real().await;
    let image = &real.hello;
    for engine in [Engine::NewerClassic, Engine::NewerContainerd] {
        for addressing in [(Gateway, false), (Hub, false), (Gateway, true), (Hub, true)] {
            let page = Page::of(stage, addressing).await;
            let room = Room::new();
            let host = format!("unix://{}", room.arg("docker.sock"));
            let _docker = dockerd(&page, engine, room).await;
            let here = Room::new();
            let folder = here.arg("context");
            here.write("context/Dockerfile", "FROM docker.io/library/hello:1\nCOPY Dockerfile /\n");
            let built = here.run(BUILDER, &["-H", &host, "build", "--progress=plain", &folder]).await;
            assert!(built.text().contains("load metadata for docker.io/library/hello:1"), "not BuildKit: {}", built.text());
            page.pulled(built.result().map(drop), "registry-1.docker.io", image);
        }
    }
}

// --- containerd

async fn containerd_has_all(stage: &Stage, release: Release) {
    let real = stage.real().await;
    for addressing in ALL {
        let page = Page::of(stage, addressing).await;
        let (file, text) = page.snippet("containerd");
        let name = file.strip_prefix("/etc/containerd/certs.d/").and_then(|rest| rest.strip_suffix("/hosts.toml"));
        for (repository, origin, image) in page.site.images(real) {
            let hosts = [(name.expect("where containerd looks"), text.to_owned())];
            let containerd = Containerd::start(release, Room::new(), &hosts).await;
            let reference = format!("{repository}:{}", image.tag);
            page.pulled(containerd.pull(&reference, &image.index.digest, &[]).await, origin, image);
        }
    }
}

pub async fn containerd(stage: &Stage) {
    containerd_has_all(stage, Release::System).await;
}

pub async fn newer_containerd(stage: &Stage) {
    containerd_has_all(stage, Release::Newer).await;
}

// --- podman and skopeo, which read the same file

pub async fn podman(stage: &Stage) {
    let real = stage.real().await;
    for addressing in ALL {
        let page = Page::of(stage, addressing).await;
        for (repository, origin, image) in page.site.images(real) {
            let room = page.room("podman");
            let reference = format!("{repository}:{}", image.tag);
            run_podman(&room, &["pull", &reference], "").await.success();
            let inspected = run_podman(&room, &["image", "inspect", &reference], "").await.success();
            page.pulled(has_digest(&inspected, &image.index.digest), origin, image);
        }
    }
}

pub async fn skopeo(stage: &Stage) {
    let real = stage.real().await;
    for addressing in ALL {
        let page = Page::of(stage, addressing).await;
        for (repository, origin, image) in page.site.images(real) {
            let room = page.room("podman");
            let source = format!("docker://{repository}:{}", image.tag);
            let target = format!("dir:{}", room.arg("copy"));
            let copied = room.run("skopeo", &["copy", "--all", &source, &target]).await.result();
            page.pulled(copied.map(drop), origin, image);
        }
    }
}
