//! A dockerd with its own data and no network set-up, and the command line over it.

use serde_json::{Value, json};

use super::{Style, Wanted};
use crate::process::Process;
use crate::room::{Finished, Room};
use crate::token_server::basic;
use crate::world::World;

/// Which dockerd, and where it keeps images.
#[derive(Clone, Copy, PartialEq)]
pub enum Engine {
    /// The system's, with its own store.
    Classic,
    /// A later release's, with the same kind of store.
    NewerClassic,
    /// A later release's, with containerd's store.
    NewerContainerd,
}

impl Engine {
    /// The daemon and the command line.
    const fn programs(self) -> (&'static str, &'static str) {
        match self {
            Engine::Classic => ("dockerd", "docker"),
            Engine::NewerClassic | Engine::NewerContainerd => ("newer/dockerd", "newer/docker"),
        }
    }
}

/// A running dockerd.
pub struct Docker {
    engine: Engine,
    pub room: Room,
    _daemon: Process,
}

impl Docker {
    pub async fn start(engine: Engine, room: Room, options: &[&str]) -> Docker {
        let arguments = Docker::arguments(engine, &room, options);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let daemon = room.daemon(engine.programs().0, &arguments, &room.path("docker.sock")).await;
        Docker { engine, room, _daemon: daemon }
    }

    /// What a dockerd prints that does not start with these options.
    pub async fn refused(engine: Engine, room: &Room, options: &[&str]) -> String {
        let arguments = Docker::arguments(engine, room, options);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        room.run(engine.programs().0, &arguments).await.failure()
    }

    fn arguments(engine: Engine, room: &Room, options: &[&str]) -> Vec<String> {
        let containerd = engine == Engine::NewerContainerd;
        let config = room.write("daemon.json", &json!({"features": {"containerd-snapshotter": containerd}}).to_string());
        let (data, exec, pid) = (room.arg("data"), room.arg("exec"), room.arg("pid"));
        let host = format!("unix://{}", room.arg("docker.sock"));
        let places = ["--config-file", config.to_str().expect("UTF-8"), "-H", &host];
        let folders = ["--data-root", &data, "--exec-root", &exec, "-p", &pid];
        let no_network = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false"];
        // The plain stores: they work on every file system.
        let store = if containerd { "--storage-driver=native" } else { "--storage-driver=vfs" };
        let arguments = [&places[..], &folders, &no_network, &["--userland-proxy=false", store], options].concat();
        arguments.into_iter().map(str::to_owned).collect()
    }

    pub async fn cli(&self, arguments: &[&str], input: &str) -> Finished {
        let host = format!("unix://{}", self.room.arg("docker.sock"));
        self.room.run_with(self.engine.programs().1, &[&["-H", &host], arguments].concat(), input).await
    }

    /// Pulls `reference`; it must become the image of that digest.
    pub async fn pull(&self, reference: &str, digest: &str) -> Result<(), String> {
        self.cli(&["pull", reference], "").await.result()?;
        let inspected = self.cli(&["image", "inspect", reference], "").await.result()?;
        has_digest(&inspected, digest)
    }

    pub async fn log_in(&self, registry: &str, user: &str, password: &str) -> Result<(), String> {
        let login = ["login", "--username", user, "--password-stdin", registry];
        self.cli(&login, password).await.result().map(drop)
    }
}

pub async fn pull(engine: Engine, world: &World, style: Style, wanted: &Wanted<'_>) -> Result<(), String> {
    let room = wanted.room();
    let mirror = match style {
        Style::RegistryMirror => Some(world.url(&style.host(wanted), "")),
        Style::Before => Some(world.url("mirror.localhost", &format!("/{}", wanted.registry))),
        _ => None,
    };
    // A mirror is asked with the credentials of Docker Hub, where nobody can log in here.
    if let (Some(_), Some((user, password))) = (&mirror, wanted.login) {
        let basic = basic((user, password));
        let auths = json!({"auths": {"https://index.docker.io/v1/": {"auth": basic.trim_start_matches("Basic ")}}});
        room.write("home/.docker/config.json", &auths.to_string());
    }
    let host = world.authority(&style.host(wanted));
    let option = mirror.as_ref().map_or(["--insecure-registry", &host], |mirror| ["--registry-mirror", mirror]);
    // The classic store needs no word about http: every name that leads to this machine is insecure to it.
    let told = mirror.is_some() || engine == Engine::NewerContainerd;
    let docker = Docker::start(engine, room, if told { &option } else { &[] }).await;
    if let (None, Some((user, password))) = (&mirror, style.login(wanted)) {
        docker.log_in(&host, &user, password).await?;
    }
    docker.pull(&style.reference(world, wanted), wanted.digest).await
}

/// Whether what `docker image inspect` and `podman image inspect` print is the image of that digest.
pub fn has_digest(inspected: &str, digest: &str) -> Result<(), String> {
    let inspected: Value = serde_json::from_str(inspected).map_err(|error| format!("{error}: {inspected}"))?;
    let names = inspected[0]["RepoDigests"].as_array().cloned().unwrap_or_default();
    let is_it = |name: &Value| name.as_str().and_then(|name| name.rsplit_once('@')).is_some_and(|(_, got)| got == digest);
    if names.iter().any(is_it) { Ok(()) } else { Err(format!("{digest} is not in {names:?}")) }
}
