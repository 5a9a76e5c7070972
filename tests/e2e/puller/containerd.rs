//! A containerd of its own, and its `ctr`.

use super::{Style, Wanted, mirror};
use crate::process::Process;
use crate::room::{Finished, Room};
use crate::world::World;

/// Which containerd.
#[derive(Clone, Copy, PartialEq)]
pub enum Release {
    /// The system's, 1.x: `ctr` itself fetches.
    System,
    /// A later one, 2.x: the daemon fetches, by its transfer service.
    Newer,
}

impl Release {
    /// The daemon and the command line.
    const fn programs(self) -> (&'static str, &'static str) {
        match self {
            Release::System => ("containerd", "ctr"),
            Release::Newer => ("newer/containerd", "newer/ctr"),
        }
    }
}

/// A running containerd.
pub struct Containerd {
    release: Release,
    pub room: Room,
    _daemon: Process,
}

/// containerd 2 has its Kubernetes side in three plugins. The transfer service must be told of each snapshotter.
const NEWER_PLUGINS: &str = r#"disabled_plugins = [
  "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri",
]
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
platform = "linux"
snapshotter = "native"
"#;

impl Containerd {
    /// `hosts` are the `hosts.toml` files by registry.
    pub async fn start(release: Release, room: Room, hosts: &[(&str, String)]) -> Containerd {
        for (registry, content) in hosts {
            room.write(&format!("certs.d/{registry}/hosts.toml"), content);
        }
        let (root, state, address) = (room.arg("root"), room.arg("state"), room.arg("containerd.sock"));
        let (version, plugins) = match release {
            Release::System => (2, "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"),
            Release::Newer => (3, NEWER_PLUGINS),
        };
        let config =
            format!("version = {version}\nroot = {root:?}\nstate = {state:?}\n{plugins}[grpc]\naddress = {address:?}\n");
        let config = room.write("containerd.toml", &config);
        let arguments = ["--config", config.to_str().expect("UTF-8")];
        let daemon = room.daemon(release.programs().0, &arguments, &room.path("containerd.sock")).await;
        Containerd { release, room, _daemon: daemon }
    }

    pub async fn ctr(&self, arguments: &[&str]) -> Finished {
        let address = self.room.arg("containerd.sock");
        self.room.run(self.release.programs().1, &[&["--address", &address, "images"], arguments].concat()).await
    }

    /// Pulls `reference`; it must become the image of that digest, with all its parts.
    pub async fn pull(&self, reference: &str, digest: &str, options: &[&str]) -> Result<(), String> {
        let certs = self.room.arg("certs.d");
        let pull = ["pull", "--hosts-dir", &certs, "--snapshotter=native"];
        self.ctr(&[&pull, options, &[reference]].concat()).await.result()?;
        let filter = format!("name=={reference}");
        let list = self.ctr(&["list", &filter]).await.result()?;
        if !list.contains(digest) {
            return Err(format!("{digest} is not in {list}"));
        }
        let check = self.ctr(&["check", "--snapshotter=native", &filter]).await.result()?;
        if check.contains("complete (") { Ok(()) } else { Err(check) }
    }
}

pub async fn pull(release: Release, world: &World, style: Style, wanted: &Wanted<'_>) -> Result<(), String> {
    let registry = wanted.registry;
    let gateway = |path: &str| world.url("mirror.localhost", path);
    let hosts = match style {
        Style::Ns => mirror::hosts_toml(&gateway(""), ""),
        Style::Behind => mirror::hosts_toml(&gateway(&format!("/v2/{registry}")), "override_path = true"),
        Style::Before => mirror::hosts_toml(&gateway(&format!("/{registry}")), ""),
        _ => String::new(),
    };
    let (hosts, mut options) =
        if hosts.is_empty() { (vec![], vec!["--plain-http"]) } else { (vec![(registry, hosts)], vec![]) };
    let user = style.login(wanted).map(|(user, password)| format!("{user}:{password}"));
    options.extend(user.iter().flat_map(|user| ["--user", user]));
    let containerd = Containerd::start(release, wanted.room(), &hosts).await;
    let reference = match style {
        Style::Host => style.reference(world, wanted),
        _ => format!("{registry}/{}:{}", wanted.repository, wanted.tag),
    };
    containerd.pull(&reference, wanted.digest, &options).await
}
