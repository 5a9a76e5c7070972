//! `GET /pull.sh`, run: by dash and by busybox's shell with busybox's tools, over real clients.
//!
//! Programs find nothing but what a test puts into one folder: the shell, the tools that the script needs, and clients. Those
//! are wrappers over real ones, or ones that write down what they are told.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::hub::Hub;
use crate::image::{Format, Image};
use crate::personality::ALL;
use crate::play::Play;
use crate::process::{self, NEWER};
use crate::puller::containerd::{Containerd, Release};
use crate::puller::docker::{Docker, Engine};
use crate::puller::podman;
use crate::room::{Finished, Room};
use crate::stage::Stage;
use crate::upstream::{Host, Hosts};
use crate::world::World;

/// The shells, and whose tools each has.
const SHELLS: [&str; 2] = ["dash", "busybox"];

/// What the script uses of a system, and what fetches it.
const TOOLS: [&str; 9] = ["cat", "grep", "mkdir", "mktemp", "rm", "sed", "tail", "tee", "tr"];

/// What the registries hold: registry, repository, tag; and how a user calls it.
const HELD: [(&str, &str, &str, &str); 10] = [
    ("docker.io", "library/nginx", "latest", "nginx"),
    ("docker.io", "library/redis", "7", "redis:7"),
    ("docker.io", "library/busybox", "1.36", "docker.io/library/busybox:1.36"),
    ("docker.io", "grafana/grafana", "8.3.1", "grafana/grafana:8.3.1"),
    ("quay.io", "prometheus/prometheus", "v2.1", "quay.io/prometheus/prometheus:v2.1"),
    ("quay.io", "coreos/etcd", "v3.5", "quay.io/coreos/etcd:v3.5"),
    ("registry.k8s.io", "pause", "3.9", "registry.k8s.io/pause:3.9"),
    ("registry.k8s.io", "coredns/coredns", "v1", "registry.k8s.io/coredns/coredns:v1"),
    ("ghcr.io", "owner/image", "1", "ghcr.io/owner/image:1"),
    ("registry.gitlab.com", "group/app", "2", "registry.gitlab.com/group/app:2"),
];

/// What they do not hold.
const MISSING: [&str; 2] = ["quay.io/coreos/nothing:1", "ghcr.io/owner/image:missing"];

/// An image of [`HELD`].
fn image(index: usize) -> Image {
    let (_, repository, tag, _) = HELD[index];
    Image::new(repository, tag, if index.is_multiple_of(2) { Format::Oci } else { Format::Docker })
}

/// The Worker before registries that hold [`HELD`].
async fn world(stage: &Stage, settings: &[(&str, Value)]) -> World {
    let hub = Hub::bare();
    let others = ["quay.io", "registry.k8s.io", "ghcr.io", "registry.gitlab.com"];
    let others = others.map(|name| Play::bare(ALL.into_iter().find(|manners| manners.registry == name).expect(name)));
    for (index, (registry, repository, tag, _)) in HELD.into_iter().enumerate() {
        let play = others.iter().find(|play| play.manners.registry == registry).unwrap_or(&hub.origin);
        play.hold(repository, tag, &image(index));
    }
    let mut hosts = hub.hosts();
    hosts.extend(others.iter().flat_map(Play::hosts));
    // Whoever pulls from there waits.
    hosts.insert("codeberg.org".to_owned(), Host::new(|_| std::future::pending()));
    stage.world(hosts, settings).await
}

/// A folder that is all of PATH: the tools of one kind, and a client over another program of its name.
fn equip(folder: &Path, shell: &str, clients: &[(&str, String)]) {
    std::fs::create_dir_all(folder).expect("making a folder");
    for tool in TOOLS {
        let program = process::find(if shell == "busybox" { shell } else { tool }).expect("a tool of every system");
        symlink(program, folder.join(tool)).expect("a link");
    }
    for tool in [shell, "curl"] {
        if let Some(program) = process::find(tool) {
            symlink(program, folder.join(tool)).expect("a link");
        }
    }
    for (name, script) in clients {
        let file = folder.join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("writing a client");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("making it run");
    }
}

/// What runs a script in a shell.
fn interpreter(shell: &str) -> &'static str {
    if shell == "busybox" { "busybox sh" } else { "dash" }
}

/// A real client in its room, and how it lists what it has.
struct Machine<'a> {
    room: &'a Room,
    client: String,
    list: &'a [&'a str],
    /// It finds an image by a digest that the image was not tagged with.
    finds_digests: bool,
}

impl Machine<'_> {
    /// `program` is a client in the room, by the environment and options that keep it there.
    fn new<'a>(room: &'a Room, program: &str, list: &'a [&'a str], environment: &str, options: &str) -> Machine<'a> {
        let client = program.trim_start_matches(NEWER);
        let program = process::find(program).expect("a test names the programs it needs");
        // A client may itself want tools of the system.
        let script =
            format!("export PATH=/usr/sbin:/usr/bin:/sbin:/bin {environment}\nexec {} {options} \"$@\"", program.display());
        for shell in SHELLS {
            equip(&room.path(shell), shell, &[(client, script.clone())]);
        }
        Machine { room, client: client.to_owned(), list, finds_digests: false }
    }

    /// `curl URL | sh -s -- arguments`, as it is told to users.
    async fn run(&self, shell: &str, url: &str, arguments: &[&str]) -> Finished {
        const PIPE: &str = r#"export PATH=$1; fetch=$2; shell=$3; shift 3; curl -fsSL $fetch | $shell -s -- "$@""#;
        let command = ["-c", PIPE, "sh", &self.room.arg(shell), url, interpreter(shell)];
        self.room.run("sh", &[&command, arguments].concat()).await
    }

    async fn client(&self, arguments: &[&str]) -> Finished {
        let wrapper = self.room.arg(&format!("{}/{}", SHELLS[0], self.client));
        self.room.run("sh", &[&[wrapper.as_str()], arguments].concat()).await
    }

    /// All names that the client knows, in order.
    async fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.client(self.list).await.success().lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    async fn clear(&self) {
        let names = self.names().await;
        let remove: &[&str] = if self.client == "ctr" { &["images", "rm"] } else { &["rmi", "--force"] };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if !names.is_empty() {
            self.client(&[remove, &names].concat()).await.success();
        }
        assert!(self.names().await.is_empty());
    }
}

/// The names under which a client shows these images of [`HELD`].
fn shown(client: &str, indices: impl IntoIterator<Item = usize>) -> Vec<String> {
    let names = indices.into_iter().map(|index| {
        let (registry, repository, tag, _) = HELD[index];
        let full = format!("{registry}/{repository}:{tag}");
        if client == "docker" {
            full.trim_start_matches("docker.io/").trim_start_matches("library/").to_owned()
        } else {
            full
        }
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Asserts an exit code, with all that was printed.
fn ended(finished: &Finished, code: i32) -> String {
    let text = finished.text();
    assert_eq!(finished.code(), Some(code), "{text}");
    text
}

fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
}

/// Everything that every client must do, with every shell.
async fn through(machine: &Machine<'_>, world: &World) {
    let url = world.url("mirror.localhost", "/pull.sh");
    let client = machine.client.as_str();
    let list: Vec<&str> = HELD.iter().map(|held| held.3).chain(MISSING).collect();
    // As somebody writes it who has a Windows editor; the last line has no end.
    let (top, bottom) = list.split_at(6);
    let list = format!("# images\r\n\r\n{}\r\n  # more\r\n\t\r\n{} # why", top.join("\r\n"), bottom.join("\r\n"));
    machine.room.write("images.txt", &list);
    for shell in SHELLS {
        println!("  {client}, {shell}");
        world.upstream.forget();
        let told = ended(&machine.run(shell, &url, &["--dry-run", "images.txt"]).await, 0);
        let name = format!("{}/quay.io/coreos/etcd:v3.5", world.authority("mirror.localhost"));
        has(&told, &["[12/12]", &format!("pull{} {name}", plain(client)), &format!("{name} quay.io/coreos/etcd:v3.5")]);
        assert!(machine.names().await.is_empty() && world.upstream.seen().is_empty(), "a dry run: {told}");

        for jobs in [&["images.txt"][..], &["--jobs", "3", "images.txt"]] {
            let told = ended(&machine.run(shell, &url, jobs).await, 1);
            has(
                &told,
                &["[1/12] docker.io/library/nginx:latest ...", "10 of 12 are here", "quay.io/coreos/nothing:1 failed"],
            );
            has(&told, &["quay.io/coreos/nothing:1: not here", "ghcr.io/owner/image:missing: not here"]);
            assert_eq!(machine.names().await, shown(client, 0..HELD.len()), "{told}");
            // Once more, with all of them there.
            let told = ended(&machine.run(shell, &url, &["--client", client, "nginx", "nginx:latest"]).await, 0);
            has(&told, &["1 of 1 are here"]);
            assert_eq!(machine.names().await, shown(client, 0..HELD.len()), "{told}");
            machine.clear().await;
        }

        let told = ended(&machine.run(shell, &url, &["--platform=linux/arm64", HELD[0].3, HELD[4].3]).await, 0);
        assert_eq!(machine.names().await, shown(client, [0, 4]), "{told}");
        if shell == SHELLS[0] {
            let asked = world.upstream.targets(&Method::GET, "quay.io");
            let layer = &image(4).platforms[1].layers[1].digest;
            assert!(asked.iter().any(|target| target.ends_with(layer)), "{layer} is not in {asked:?}");
        }
        if client != "ctr" {
            let inspected = machine.client(&["image", "inspect", HELD[4].3]).await.success();
            has(&inspected, &["\"Architecture\": \"arm64\""]);
        }
        machine.clear().await;

        // Only what is somebody's, and only what is a name.
        let hostile = "$(touch x)\n; touch x\n-rf\n`touch x`\n'; touch x; '\n\"$(touch x)\"\n*\n../x\nnginx;touch\n$IFS\n--client\n\
                       localhost/x\nevil.example/x:1\n\u{1b}[31mred\nquay.io/coreos/etcd:v3.5\n";
        machine.room.write("hostile.txt", hostile);
        world.upstream.forget();
        let told = ended(&machine.run(shell, &url, &["hostile.txt"]).await, 1);
        has(&told, &["`evil.example` is no registry of this proxy", "localhost/x: refused", "1 of 15 are here"]);
        assert!(!told.contains('\u{1b}') && !machine.room.path("x").exists(), "{told}");
        assert_eq!(machine.names().await, shown(client, [5]), "{told}");
        machine.clear().await;

        by_digest(machine, &url, shell).await;
        interrupted_for_real(machine, &url, shell).await;
    }
}

/// A client that waits for an answer ends when it is told to.
async fn interrupted_for_real(machine: &Machine<'_>, url: &str, shell: &str) {
    const STOP: &str = r#"export PATH=$1; fetch=$2; shell=$3; shift 3; curl -fsSL $fetch | $shell -s -- "$@" &
        /bin/sleep 3; kill $!; wait $!; echo "ended by $?""#;
    let command =
        ["-c", STOP, "sh", &machine.room.arg(shell), url, interpreter(shell), "codeberg.org/slow/image:1", HELD[0].3];
    let since = Instant::now();
    let told = machine.room.run("sh", &command).await.text();
    has(&told, &["[1/2] codeberg.org/slow/image:1 ...", "interrupted", "0 of 2 are here", "ended by 143"]);
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}: {told}", since.elapsed());
    assert!(machine.names().await.is_empty());
}

fn plain(client: &str) -> &'static str {
    match client {
        "podman" => " --tls-verify=false",
        "ctr" => " --plain-http",
        _ => "",
    }
}

/// What a digest names cannot be called by it everywhere.
async fn by_digest(machine: &Machine<'_>, url: &str, shell: &str) {
    let digest = image(8).index.digest;
    let name = format!("ghcr.io/owner/image@{digest}");
    let told = ended(&machine.run(shell, url, &[&name]).await, 0);
    let short = format!("ghcr.io/owner/image:sha256-{}", &digest["sha256:".len()..][..12]);
    if machine.client == "ctr" {
        assert_eq!(machine.names().await, std::slice::from_ref(&name), "{told}");
    } else {
        has(&told, &[&format!("is here, as {short}")]);
        assert_eq!(machine.names().await, [short], "{told}");
    }
    if machine.client != "ctr" {
        let found = machine.client(&["image", "inspect", &name]).await.result();
        assert_eq!(found.is_ok(), machine.finds_digests, "{found:?}");
    }
    machine.clear().await;
    let both = format!("ghcr.io/owner/image:1@{digest}");
    let told = ended(&machine.run(shell, url, &[&both]).await, 0);
    let expected = if machine.client == "ctr" { vec![name] } else { shown(&machine.client, [8]) };
    assert_eq!(machine.names().await, expected, "{told}");
    machine.clear().await;
}

const LIST: [&str; 4] = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"];

async fn dockerd() -> Docker {
    let names = ["quay.localhost", "registry.k8s.io", "registry.gitlab.com"];
    Docker::start(Engine::Classic, Room::knowing(&names), &[]).await
}

fn of_docker<'a>(docker: &'a Docker, program: &str) -> Machine<'a> {
    let host = format!("DOCKER_HOST=unix://{}", docker.room.arg("docker.sock"));
    Machine::new(&docker.room, program, &LIST, &host, "")
}

pub async fn docker(stage: &Stage) {
    let world = world(stage, &[]).await;
    let docker = dockerd().await;
    let machine = of_docker(&docker, "docker");
    through(&machine, &world).await;
    // A container of an image that is pulled again stays what it is.
    let url = world.url("mirror.localhost", "/pull.sh");
    ended(&machine.run("dash", &url, &["nginx"]).await, 0);
    let container = machine.client(&["create", "nginx"]).await.success();
    ended(&machine.run("dash", &url, &["nginx"]).await, 0);
    assert_eq!(machine.client(&["ps", "--all", "--quiet", "--no-trunc"]).await.success(), container);
}

pub async fn docker_of_one_registry(stage: &Stage) {
    let world = world(stage, &[]).await;
    let docker = dockerd().await;
    let machine = of_docker(&docker, "docker");
    let told = ended(&machine.run("dash", &world.url("docker.localhost", "/pull.sh"), &["redis:7", HELD[5].3]).await, 1);
    let (host, other) = (world.authority("docker.localhost"), world.authority("quay.localhost"));
    has(&told, &[&format!("{host} is for docker.io alone; try {other}"), "1 of 2 are here"]);
    let told = ended(&machine.run("dash", &world.url("quay.localhost", "/pull.sh"), &[HELD[5].3]).await, 0);
    assert_eq!(machine.names().await, shown("docker", [1, 5]), "{told}");
    assert_eq!(
        world.upstream.targets(&Method::GET, "quay.io").iter().filter(|target| target.contains("etcd/blobs")).count(),
        4
    );
}

pub async fn docker_with_a_key(stage: &Stage) {
    const KEY: &str = "k0k1k2k3k4k5k6k7k8k9k0k1";
    let world = world(stage, &[("ACCESS", json!("path")), ("PATH_SECRET", KEY.into())]).await;
    let docker = dockerd().await;
    let machine = of_docker(&docker, "docker");
    for shell in SHELLS {
        // Without the key curl has nothing to hand on, and a shell with an empty script has nothing to do.
        has(&ended(&machine.run(shell, &world.url("mirror.localhost", "/pull.sh"), &["nginx"]).await, 0), &["404"]);
        assert!(machine.names().await.is_empty());
        let told = ended(
            &machine.run(shell, &world.url("mirror.localhost", &format!("/{KEY}/pull.sh")), &["nginx", HELD[8].3]).await,
            0,
        );
        assert_eq!(machine.names().await, shown("docker", [0, 8]), "{told}");
        let told =
            ended(&machine.run(shell, &world.url("quay.localhost", &format!("/{KEY}/pull.sh")), &[HELD[4].3]).await, 0);
        assert_eq!(machine.names().await, shown("docker", [0, 4, 8]), "{told}");
        machine.clear().await;
    }
    assert!(!world.worker.process.output().contains(KEY));
}

pub async fn docker_of_a_user(stage: &Stage) {
    const TOKEN: &str = "alices-long-token";
    let users = json!({"alice": crate::image::sha256(TOKEN.as_bytes())}).to_string();
    let settings = [
        ("ACCESS", json!("users")),
        ("USERS", users.into()),
        ("SIGNING_KEYS", json!(["0123456789abcdef".repeat(4)]).to_string().into()),
    ];
    let world = world(stage, &settings).await;
    let docker = dockerd().await;
    let machine = of_docker(&docker, "docker");
    let host = world.authority("mirror.localhost");
    let url = format!("-u alice:{TOKEN} {}", world.url("mirror.localhost", "/pull.sh"));
    let told = ended(&machine.run("dash", &url, &["nginx"]).await, 1);
    has(&told, &[&format!("(to log in: docker login {host})"), "0 of 1 are here"]);
    docker.log_in(&host, "alice", TOKEN).await.expect("a login");
    let told = ended(&machine.run("dash", &url, &["nginx", HELD[6].3]).await, 0);
    assert_eq!(machine.names().await, shown("docker", [0, 6]), "{told}");
}

pub async fn podman(stage: &Stage) {
    let world = world(stage, &[]).await;
    let room = Room::knowing(&["registry.k8s.io", "registry.gitlab.com"]);
    let machine = Machine::new(&room, "podman", &LIST, "", &podman::options(&room).join(" "));
    through(&Machine { finds_digests: true, ..machine }, &world).await;
}

pub async fn ctr(stage: &Stage) {
    through_ctr(stage, Release::System, "ctr").await;
}

async fn through_ctr(stage: &Stage, release: Release, program: &str) {
    let world = world(stage, &[]).await;
    let room = Room::knowing(&["registry.k8s.io", "registry.gitlab.com"]);
    let containerd = Containerd::start(release, room, &[]).await;
    let environment = format!("CONTAINERD_ADDRESS={} CONTAINERD_SNAPSHOTTER=native", containerd.room.arg("containerd.sock"));
    through(&Machine::new(&containerd.room, program, &["images", "ls", "-q"], &environment, ""), &world).await;
}

// --- later releases

pub async fn docker_with_containerds_store(stage: &Stage) {
    let world = world(stage, &[]).await;
    let host = world.authority("mirror.localhost");
    let room = Room::knowing(&["registry.k8s.io", "registry.gitlab.com"]);
    // This store has to be told of http. A proxy that users know by https needs no such word.
    let docker = Docker::start(Engine::NewerContainerd, room, &["--insecure-registry", &host]).await;
    through(&Machine { finds_digests: true, ..of_docker(&docker, "newer/docker") }, &world).await;
}

pub async fn ctr_of_containerd_2(stage: &Stage) {
    through_ctr(stage, Release::Newer, "newer/ctr").await;
}

// --- without a client, or with one that only writes down what it is told

/// What a client is that writes down its name and arguments, and fails for what is `missing`.
const SCRIBE: &str =
    r#"printf '%s\n' "${0##*/} $*" >>"${0%/*}/../calls"; case $* in *missing*) echo 'not found' >&2; exit 1 ;; esac"#;

/// A folder with shells, tools and clients, and the script.
struct Desk {
    folder: tempfile::TempDir,
    script: String,
}

impl Desk {
    async fn new(stage: &Stage, clients: &[(&str, &str)]) -> Desk {
        let world = stage.world(Hosts::new(), &[]).await;
        let page = world.get("mirror.localhost", "/pull.sh").await.expect(StatusCode::OK);
        assert_eq!(page.header(header::CONTENT_TYPE), "text/x-shellscript; charset=utf-8");
        assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
        let script = String::from_utf8(page.body.to_vec()).expect("a text");
        let folder = tempfile::Builder::new().prefix("pierhead-e2e-").tempdir().expect("a folder");
        let clients: Vec<_> = clients.iter().map(|(name, script)| (*name, (*script).to_owned())).collect();
        for shell in SHELLS {
            equip(&folder.path().join(shell), shell, &clients);
        }
        Desk { folder, script }
    }

    /// The address that was filled in.
    fn host(&self) -> &str {
        let base = self.script.split("BASE='http://").nth(1).and_then(|rest| rest.split('\'').next());
        base.expect("an address")
    }

    fn command(&self, shell: &str, arguments: &[&str]) -> tokio::process::Command {
        let mut words = interpreter(shell).split(' ');
        let path = self.folder.path().join(shell);
        let mut command = tokio::process::Command::new(path.join(words.next().expect("a shell")));
        command.args(words).args(arguments).env_clear().env("PATH", path).env("TMPDIR", self.folder.path());
        command.current_dir(self.folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs a script that comes by stdin: exit code, and all that was printed.
    async fn pipe(&self, shell: &str, script: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let input = self.folder.path().join("input");
        std::fs::write(&input, script).expect("writing a script");
        let mut command = self.command(shell, &[&["-s", "--"], arguments].concat());
        let output = command.stdin(std::fs::File::open(input).expect("the script")).output().await.expect("running a shell");
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    async fn told(&self, shell: &str, arguments: &[&str], code: i32) -> String {
        let (got, text) = self.pipe(shell, &self.script, arguments).await;
        assert_eq!(got, Some(code), "{shell} {arguments:?}: {text}");
        text
    }

    /// What clients were told since the last time.
    fn calls(&self) -> Vec<String> {
        let file = self.folder.path().join("calls");
        let calls = std::fs::read_to_string(&file).unwrap_or_default();
        let _ = std::fs::remove_file(file);
        calls.lines().map(str::to_owned).collect()
    }
}

/// However much of the script has come, it does nothing until all of it has.
pub async fn halves(stage: &Stage) {
    let desk = Desk::new(stage, &[("docker", SCRIBE)]).await;
    let whole = desk.script.len();
    let ends = (0..whole).step_by(97).chain(whole - 40..whole - 2);
    for end in ends {
        for shell in SHELLS {
            let (_, text) = desk.pipe(shell, &desk.script[..end], &["nginx", "--jobs", "1"]).await;
            assert!(desk.calls().is_empty(), "{shell}, {end} of {whole} bytes: {text}");
        }
    }
    desk.told("dash", &["nginx"], 0).await;
    assert!(!desk.calls().is_empty());
}

/// Wrong words, and no client.
pub async fn words(stage: &Stage) {
    let desk = Desk::new(stage, &[]).await;
    for shell in SHELLS {
        has(&desk.told(shell, &["nginx"], 3).await, &["there is no docker, podman, nerdctl, crictl or ctr here"]);
        has(&desk.told(shell, &["--client", "podman", "nginx"], 3).await, &["there is no podman here"]);
        has(&desk.told(shell, &["--help"], 0).await, &["/pull.sh | sh -s --", "--platform", "Exit code"]);
        for (arguments, word) in [
            (&[][..], "no image is named"),
            (&["--jobs"], "wants a value"),
            (&["--jobs", "x", "a"], "wants a number"),
            (&["--jobs", "0", "a"], "wants a number"),
            (&["--client", "rkt", "a"], "no such client"),
            (&["--force", "a"], "no such option"),
            (&["-"], "stdin is this script"),
        ] {
            has(&desk.told(shell, arguments, 2).await, &["pull.sh: ", word]);
        }
        let left: Vec<_> =
            std::fs::read_dir(desk.folder.path()).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("tmp.")), "{left:?}");
    }
    let unfilled = include_str!("../../src/site/pull.sh");
    let (code, text) = desk.pipe("dash", unfilled, &["nginx"]).await;
    assert_eq!(code, Some(2), "{text}");
    has(&text, &["is to come from a proxy"]);
}

/// The clients that are not there to be tried, by what they are told; lists on stdin and in YAML.
pub async fn others(stage: &Stage) {
    let list = format!("{SCRIBE}\ncase $* in *'ls -q') cat \"${{0%/*}}/../listed\" ;; esac");
    let asleep = format!("{SCRIBE}\n[ \"$1\" != version ]");
    for shell in SHELLS {
        let desk = Desk::new(stage, &[("docker", &asleep), ("nerdctl", SCRIBE)]).await;
        let host = desk.host();
        let name = format!("{host}/docker.io/library/nginx:latest");
        // The first that answers.
        desk.told(shell, &["nginx"], 0).await;
        let told = [
            "docker version".to_owned(),
            "nerdctl version".to_owned(),
            format!("nerdctl pull --insecure-registry {name}"),
            format!("nerdctl tag {name} docker.io/library/nginx:latest"),
            format!("nerdctl rmi {name}"),
        ];
        assert_eq!(desk.calls(), told);
        has(&desk.told(shell, &["--client", "docker", "nginx"], 3).await, &["no answer from: docker"]);
        desk.calls();

        // An https host needs no option.
        let https = desk.script.replace("BASE='http://", "BASE='https://");
        desk.pipe(shell, &https, &["--platform", "linux/arm64", "nginx"]).await;
        assert_eq!(desk.calls()[2], format!("nerdctl pull --platform linux/arm64 {name}"));

        let yaml = "services:\n  web:\n    image: \"nginx\"\n  db:\n    image: quay.io/coreos/etcd:v3.5 # the database\n    command: x\n\
                    containers:\n- image: 'ghcr.io/owner/image:missing'\n";
        std::fs::write(desk.folder.path().join("compose.yml"), yaml).expect("writing a list");
        has(&desk.told(shell, &["compose.yml"], 1).await, &["[3/3]", "2 of 3 are here", "failed: not found"]);
        desk.calls();

        // A list on stdin, where the script itself is an argument.
        let mut command = desk.command(shell, &["-c", &desk.script, "pull.sh", "-"]);
        std::fs::write(desk.folder.path().join("list"), "redis\n").expect("writing a list");
        command.stdin(std::fs::File::open(desk.folder.path().join("list")).expect("a list"));
        let output = command.output().await.expect("running a shell");
        assert_eq!(output.status.code(), Some(0));
        has(&desk.calls().join("\n"), &["nerdctl pull --insecure-registry", "library/redis:latest"]);

        // crictl cannot tag: the ctr of the same containerd does. CRI has named the image by its digest, too.
        let desk = Desk::new(stage, &[("crictl", SCRIBE), ("ctr", &list)]).await;
        let host = desk.host();
        let listed = format!(
            "{host}/docker.io/library/nginx@sha256:01\n{host}/docker.io/library/nginx-more@sha256:02\n\
             docker.io/library/nginx@sha256:01\ndocker.io/library/nginx:latest\nsha256:03\n"
        );
        std::fs::write(desk.folder.path().join("listed"), listed).expect("writing a list");
        let port = |text: &str| text.replace(&format!("{host}/"), "HOST/");
        has(&desk.told(shell, &["--platform", "linux/arm64", "nginx"], 2).await, &["crictl cannot choose a platform"]);
        desk.calls();
        desk.told(shell, &["nginx"], 0).await;
        let calls: Vec<_> = desk.calls().iter().map(|call| port(call)).collect();
        assert_eq!(
            calls,
            [
                "crictl version",
                "ctr -n k8s.io version",
                "crictl pull HOST/docker.io/library/nginx:latest",
                "ctr -n k8s.io images tag --force HOST/docker.io/library/nginx:latest docker.io/library/nginx:latest",
                "ctr -n k8s.io images ls -q",
                "ctr -n k8s.io images rm HOST/docker.io/library/nginx:latest",
                "ctr -n k8s.io images rm HOST/docker.io/library/nginx@sha256:01",
            ]
        );

        let desk = Desk::new(stage, &[("crictl", SCRIBE)]).await;
        has(&desk.told(shell, &["nginx"], 0).await, &["crictl cannot tag, and no ctr answers"]);
        assert_eq!(desk.calls().len(), 2);
    }
}

/// Ctrl-C ends what runs, and says how far it got.
pub async fn interrupted(stage: &Stage) {
    // The first two come at once, the others never.
    let slow = format!("{SCRIBE}\ncase $* in pull*slow*) echo $$ >>\"${{0%/*}}/../running\"; exec /bin/sleep 300 ;; esac");
    let desk = Desk::new(stage, &[("docker", &slow)]).await;
    for (shell, signal, code) in SHELLS.into_iter().flat_map(|shell| [(shell, "INT", 130), (shell, "TERM", 143)]) {
        let file = desk.folder.path().join("pull.sh");
        std::fs::write(&file, &desk.script).expect("writing the script");
        let running = desk.folder.path().join("running");
        let mut command =
            desk.command(shell, &["pull.sh", "--jobs", "3", "nginx", "redis", "slow/a", "slow/b", "slow/c", "slow/d"]);
        let child = command.stdin(Stdio::null()).spawn().expect("running a shell");
        let pids =
            || -> Vec<String> { std::fs::read_to_string(&running).unwrap_or_default().lines().map(str::to_owned).collect() };
        for _ in 0..500 {
            if pids().len() == 3 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let all = pids();
        assert_eq!(all.len(), 3, "{shell}");
        let pid = child.id().expect("it runs").to_string();
        let kill = std::process::Command::new("kill").args(["-s", signal, &pid]).status().expect("kill");
        assert!(kill.success());
        let output =
            tokio::time::timeout(Duration::from_secs(10), child.wait_with_output()).await.expect("an end").expect("output");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(code), "{shell}, {signal}: {text}");
        has(&text, &["interrupted", "2 of 6 are here", "docker.io/slow/d:latest: not here"]);
        for pid in all {
            assert!(!Path::new("/proc").join(&pid).exists(), "{shell}, {signal}: {pid} still runs");
        }
        std::fs::remove_file(&running).expect("removing a file");
    }
}

/// As it is in the sources, and as it is served.
pub async fn checked(stage: &Stage) {
    let desk = Desk::new(stage, &[]).await;
    let served = desk.folder.path().join("pull.sh");
    std::fs::write(&served, &desk.script).expect("writing the script");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/site/pull.sh");
    let shellcheck = process::find("shellcheck").expect("a test names the programs it needs");
    let output =
        std::process::Command::new(shellcheck).args(["--shell=sh"]).args([sources, served]).output().expect("shellcheck");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
