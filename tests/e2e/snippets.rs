//! The configurations of `src/site/snippets.js`, as they stand on the page and in docs/clients/, in the files they name, before the
//! clients they are for: each pulls through the running Worker, in every way in which a host can be addressed.

use std::collections::BTreeMap;

use http::header;
use serde_json::{Value, json};

use crate::client::MANIFESTS;
use crate::clients::assert_came_through;
use crate::gated::{ALICE, KEY, SIGNING_KEY};
use crate::image::{Image, sha256};
use crate::process::{Process, find};
use crate::puller::containerd::{Containerd, Release};
use crate::puller::docker::{Docker, Engine, has_digest};
use crate::puller::podman::podman as run_podman;
use crate::room::Room;
use crate::stage::{Real, Stage};
use crate::token_server::{USER, basic};
use crate::world::World;

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
        let world = gated(stage, if key { "path" } else { "public" }).await;
        Page::on(world, site, if key { format!("/{KEY}") } else { String::new() }).await
    }

    /// The page of a Worker's host, in whose address there may be a key.
    async fn on(world: World, site: Site, path: String) -> Page {
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

/// What the mirror is for, by its own name, and all that the host has, by the host's.
async fn docker_has_all(stage: &Stage, addressing: (Site, bool), engine: Engine) {
    let (real, page) = (stage.real().await, Page::of(stage, addressing).await);
    for (name, origin, image) in page.site.images(real) {
        // A daemon for each: of what it has once had, the containerd store fetches less.
        if name.starts_with("docker.io/") {
            let docker = dockerd(&page, engine, Room::new()).await;
            let mirrors = docker.cli(&["info", "--format", "{{.RegistryConfig.Mirrors}}"], "").await.success();
            assert!(mirrors.contains(&page.world.url(page.site.host(), &page.path)), "{mirrors}");
            let reference = format!("{name}:{}", image.tag);
            page.pulled(docker.pull(&reference, &image.index.digest).await, origin, image);
        }
        let docker = dockerd(&page, engine, Room::new()).await;
        let reference = format!("{}:{}", page.direct(name), image.tag);
        page.pulled(docker.pull(&reference, &image.index.digest).await, origin, image);
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

/// It shows a mirror the login for the mirror's host: users of the proxy's own can build.
pub async fn buildkit_logs_in(stage: &Stage) {
    let image = &stage.real().await.hello;
    for engine in [Engine::NewerClassic, Engine::NewerContainerd] {
        let page = Page::on(gated(stage, "users").await, Gateway, String::new()).await;
        let room = Room::new();
        let host = format!("unix://{}", room.arg("docker.sock"));
        let _docker = dockerd(&page, engine, room).await;
        let here = Room::new();
        let folder = here.arg("context");
        here.write("context/Dockerfile", "FROM docker.io/library/hello:1\nCOPY Dockerfile /\n");
        let build = ["-H", &host, "build", "--progress=plain", &folder];
        here.run(BUILDER, &build).await.failure();
        page.world.upstream.forget();
        let alice = basic(ALICE);
        let auths = json!({"auths": {page.world.authority(Gateway.host()): {"auth": alice.trim_start_matches("Basic ")}}});
        here.write("home/.docker/config.json", &auths.to_string());
        page.pulled(here.run(BUILDER, &build).await.result().map(drop), "registry-1.docker.io", image);
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
            if page.site == Gateway {
                // The mirror is asked for its own images, too.
                let containerd = Containerd::start(release, Room::new(), &hosts).await;
                let reference = format!("{}:{}", page.direct(repository), image.tag);
                page.pulled(containerd.pull(&reference, &image.index.digest, &[]).await, origin, image);
            }
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

/// It shows a mirror the login for the mirror's host: users of the proxy's own have mirrors.
pub async fn podman_logs_in(stage: &Stage) {
    let image = &stage.real().await.hello;
    let page = Page::on(gated(stage, "users").await, Gateway, String::new()).await;
    let room = page.room("podman");
    let pull = ["pull", "docker.io/library/hello:1"];
    run_podman(&room, &pull, "").await.failure();
    let host = page.world.authority(Gateway.host());
    // The file says that only registries' mirrors are insecure, not the host itself.
    let login = ["login", "--tls-verify=false", "--username", ALICE.0, "--password-stdin", &host];
    run_podman(&room, &login, ALICE.1).await.success();
    page.world.upstream.forget();
    page.pulled(run_podman(&room, &pull, "").await.result().map(drop), "registry-1.docker.io", image);
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

// --- what stands in the pages beside the snippets, after `<!-- run: … -->`

/// The blocks of a page that are to be run, in their order, for this Worker.
fn shown(world: &World, page: &str, name: &str) -> Vec<String> {
    let file = format!("{}/docs/clients/{page}.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).expect("a page");
    let block = |rest: &str| {
        let (_, fenced) = rest.split_once("```").expect("a fence");
        let (_, fenced) = fenced.split_once('\n').expect("its language");
        fenced.split("```").next().expect("its end").to_owned()
    };
    let (marker, alice) = (format!("<!-- run: {name} -->"), basic(ALICE));
    text.split(&marker)
        .skip(1)
        .map(block)
        .map(|block| {
            let hosts = ["mirror", "docker"].iter().fold(block, |text, label| {
                let (host, here) = (format!("{label}.example.com"), format!("{label}.localhost"));
                text.replace(&format!("https://{host}"), &world.url(&here, "")).replace(&host, &world.authority(&here))
            });
            hosts.replace("Basic <alice:TOKEN in base64>", &alice).replace("<key>", KEY)
        })
        .collect()
}

/// A Worker that lets in everybody, or users, or those with a key. Without the store: each pull is to meet the registry itself.
async fn gated(stage: &Stage, mode: &str) -> World {
    let mut variables = vec![("ACCESS", json!(mode)), ("CACHE", "off".into())];
    match mode {
        "users" => {
            variables.extend([("USERS", json!({ALICE.0: sha256(ALICE.1.as_bytes())})), ("SIGNING_KEYS", SIGNING_KEY.into())])
        }
        "path" => variables.push(("PATH_SECRET", KEY.into())),
        _ => {}
    }
    stage.world(stage.real().await.hosts(), &variables).await
}

async fn containerd_page(stage: &Stage, release: Release) {
    let real = stage.real().await;
    let image = &real.hello;
    for (index, mode) in ["public", "users", "path"].into_iter().enumerate() {
        let world = gated(stage, mode).await;
        let text = shown(&world, "containerd", "containerd").get(index).expect("three blocks").clone();
        let containerd = Containerd::start(release, Room::new(), &[("_default", text)]).await;
        let pulled = containerd.pull("docker.io/library/hello:1", &image.index.digest, &[]).await;
        pulled.unwrap_or_else(|problem| panic!("{mode}: {problem}"));
        assert_came_through(&world, "registry-1.docker.io", image);
        if index == 0 {
            let refused = containerd.pull("docker.io/library/none:1", "", &[]).await.expect_err("there is none");
            assert!(!refused.contains("registry-1.docker.io"), "the registry itself was asked: {refused}");
        }
    }
}

pub async fn page_on_containerd(stage: &Stage) {
    containerd_page(stage, Release::System).await;
}

pub async fn page_on_newer_containerd(stage: &Stage) {
    containerd_page(stage, Release::Newer).await;
}

pub async fn page_on_podman(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let room = Room::new();
    room.write("etc/containers/registries.conf.d/pierhead.conf", &shown(&world, "podman", "podman")[0]);
    let pull = ["pull", "--tls-verify=false"];
    run_podman(&room, &[&pull[..], &["docker.io/library/hello:1"]].concat(), "").await.success();
    assert_came_through(&world, "registry-1.docker.io", &real.hello);
    let refused = run_podman(&room, &[&pull[..], &["docker.io/library/none:1"]].concat(), "").await.failure();
    assert!(!refused.contains("registry-1.docker.io"), "the registry itself was asked: {refused}");
}

// --- Kubernetes: containerd as the kubelet uses it

/// A containerd whose config.toml is the page's, in a room whose `/etc` has the mirror. What is added are places and the plain
/// snapshotter, which works on every file system; of that later releases have to be told twice.
async fn kubernetes(release: Release, config: &str, room: &Room) -> Process {
    let (program, snapshotter) = match release {
        Release::System => ("containerd", "[plugins.\"io.containerd.grpc.v1.cri\".containerd]\nsnapshotter = \"native\"\n"),
        Release::Newer => (
            "newer/containerd",
            "[plugins.\"io.containerd.cri.v1.images\"]\nsnapshotter = \"native\"\n\
             [[plugins.\"io.containerd.transfer.v1.local\".unpack_config]]\nplatform = \"linux\"\nsnapshotter = \"native\"\n",
        ),
    };
    let (root, state, address) = (room.arg("root"), room.arg("state"), room.arg("cri.sock"));
    let config = format!("root = {root:?}\nstate = {state:?}\n{config}\n[grpc]\naddress = {address:?}\n{snapshotter}");
    let file = room.write("etc/containerd/config.toml", &config);
    room.daemon(program, &["--config", file.to_str().expect("UTF-8")], &room.path("cri.sock")).await
}

/// What the kubelet asks of a runtime.
async fn pull_image(room: &Room, image: &str, secret: &[&str]) -> Result<String, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/kubelet.mjs");
    room.run("node", &[&[script, &room.arg("cri.sock"), image], secret].concat()).await.result()
}

async fn page_on_kubernetes_of(stage: &Stage, release: Release) {
    let real = stage.real().await;
    let name = if release == Release::System { "cri1" } else { "cri2" };
    for addressing in ALL {
        let page = Page::of(stage, addressing).await;
        let room = page.room("containerd");
        let _containerd = kubernetes(release, &shown(&page.world, "kubernetes", name)[0], &room).await;
        for (repository, origin, image) in page.site.images(real) {
            let pulled = pull_image(&room, &format!("{repository}:{}", image.tag), &[]).await;
            let digest = &image.here().config.digest;
            let checked = pulled.and_then(|id| if id == *digest { Ok(()) } else { Err(format!("{id} is not {digest}")) });
            page.pulled(checked, origin, image);
        }
        // A pull secret of the registry goes through the mirror.
        if page.site != Github {
            let image = "docker.io/private/secret:1";
            pull_image(&room, image, &[]).await.expect_err("it is private");
            page.world.upstream.forget();
            page.pulled(pull_image(&room, image, &[USER.0, USER.1]).await.map(drop), "registry-1.docker.io", &real.private);
        }
    }
    // Users: by the header, beside which a secret that is another registry's neither helps nor hinders.
    let page = Page::on(gated(stage, "users").await, Gateway, String::new()).await;
    let config = &shown(&page.world, "kubernetes", name)[0];
    let hello = "docker.io/library/hello";
    let room = Room::new();
    room.write("etc/containerd/certs.d/_default/hosts.toml", &shown(&page.world, "containerd", "containerd")[1]);
    let containerd = kubernetes(release, config, &room).await;
    for secret in [&[][..], &[USER.0, USER.1]] {
        pull_image(&room, &format!("{hello}:1"), secret).await.unwrap_or_else(|problem| panic!("{problem}"));
    }
    pull_image(&room, "docker.io/private/secret:1", &[USER.0, USER.1]).await.expect_err("the gate keeps the login");
    assert_came_through(&page.world, "registry-1.docker.io", &real.hello);
    page.world.upstream.forget();
    drop(containerd);

    // Without the header, by a secret for images that bear the proxy's name. The mirror's file tells that there is no TLS.
    let room = page.room("containerd");
    let _containerd = kubernetes(release, config, &room).await;
    let image = format!("{}:1", page.direct(hello));
    pull_image(&room, &image, &[]).await.expect_err("she has to log in");
    let pulled = pull_image(&room, &image, &[ALICE.0, ALICE.1]).await;
    page.pulled(pulled.map(drop), "registry-1.docker.io", &real.hello);
}

pub async fn page_on_kubernetes(stage: &Stage) {
    page_on_kubernetes_of(stage, Release::System).await;
}

pub async fn page_on_kubernetes_newer(stage: &Stage) {
    page_on_kubernetes_of(stage, Release::Newer).await;
}

// --- registries behind which the Worker is

/// Debian's docker-registry as a cache: everything of an image is there, byte for byte, and came through the Worker.
pub async fn page_on_registries(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let room = Room::new();
    let (storage, socket) = (json!({"filesystem": {"rootdirectory": room.path("storage")}}), room.path("socket"));
    let http = json!({"net": "unix", "addr": socket, "secret": "of no use to anyone"});
    let config =
        format!("version: 0.1\nstorage: {storage}\nhttp: {http}\n{}", shown(&world, "registries", "distribution")[0]);
    let config = room.write("config.yml", &config);
    let _cache = room.daemon("docker-registry", &["serve", config.to_str().expect("UTF-8")], &socket).await;
    let client = reqwest::Client::builder().unix_socket(socket).build().expect("a client");
    let platform = real.hello.here();
    let manifests =
        [("manifests/1", &real.hello.index), (&format!("manifests/{}", platform.manifest.digest), &platform.manifest)];
    let blobs = platform.layers.iter().chain([&platform.config]);
    let blobs: BTreeMap<String, _> = blobs.map(|blob| (format!("blobs/{}", blob.digest), blob)).collect();
    for (path, part) in manifests.into_iter().chain(blobs.iter().map(|(path, blob)| (path.as_str(), *blob))) {
        let request = client.get(format!("http://cache/v2/library/hello/{path}")).header(header::ACCEPT, MANIFESTS);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        assert_eq!(sha256(&answer.bytes().await.expect("a body")), part.digest, "{path}");
    }
    assert_came_through(&world, "registry-1.docker.io", &real.hello);
}
