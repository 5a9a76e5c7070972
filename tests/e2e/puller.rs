//! Whoever pulls: each client, and each way in which it can be told of the Worker.
//!
//! A pull starts with clean storage in a [`Room`] of its own. The client itself verifies what it gets; the digest of
//! what it then has is compared with what was wanted. [`proven`] tries the drivers themselves.

pub mod containerd;
mod crane;
pub mod docker;
mod layout;
pub mod mirror;
mod oci;
mod oras;
pub mod podman;
pub mod skopeo;

use containerd::Release;
use docker::Engine;

use crate::clients::assert_came_through;
use crate::process::NEWER;
use crate::room::Room;
use crate::stage::Stage;
use crate::token_server::USER;
use crate::world::World;

/// A client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Puller {
    /// The system's dockerd, with its own store.
    DockerClassic,
    /// A later dockerd, with the same kind of store.
    Docker28Classic,
    /// A later dockerd, with containerd's store.
    DockerContainerd,
    /// The system's containerd and `ctr`.
    Ctr,
    /// A later containerd and `ctr`.
    Ctr2,
    Podman,
    Skopeo,
    /// The `oci-client` crate.
    Oci,
    Oras,
    Crane,
}

/// How a client addresses an image through the Worker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Style {
    /// The host's label names the registry: `docker.localhost`.
    Host,
    /// containerd's `?ns=` on a gateway.
    Ns,
    /// `/v2/<registry>/<name>` on a gateway.
    Behind,
    /// `/<registry>/v2/<name>` on a gateway. docker, from 26 on, has this for mirrors of Docker Hub alone.
    Before,
    /// dockerd's `--registry-mirror`, for Docker Hub alone.
    RegistryMirror,
    /// A mirror with a path in podman's and skopeo's `registries.conf`.
    RegistriesConf,
}

/// An image to pull.
pub struct Wanted<'a> {
    /// Its registry's canonical name: `docker.io`.
    pub registry: &'a str,
    /// The registry's host label, if it has one: `docker`.
    pub label: Option<&'a str>,
    pub repository: &'a str,
    pub tag: &'a str,
    /// Of what the tag names, be it an index or a manifest.
    pub digest: &'a str,
    /// The registry's user and password.
    pub login: Option<(&'a str, &'a str)>,
}

impl Puller {
    pub fn all() -> &'static [Puller] {
        use Puller::{Crane, Ctr, Ctr2, Docker28Classic, DockerClassic, DockerContainerd, Oci, Oras, Podman, Skopeo};
        &[DockerClassic, Docker28Classic, DockerContainerd, Ctr, Ctr2, Podman, Skopeo, Oci, Oras, Crane]
    }

    /// What a reader calls it.
    pub fn name(self) -> &'static str {
        match self {
            Puller::DockerClassic => "docker 20",
            Puller::Docker28Classic => "docker 28",
            Puller::DockerContainerd => "docker 28, containerd store",
            Puller::Ctr => "containerd 1.6",
            Puller::Ctr2 => "containerd 2.1",
            Puller::Podman => "podman",
            Puller::Skopeo => "skopeo",
            Puller::Oci => "oci-client",
            Puller::Oras => "oras",
            Puller::Crane => "crane",
        }
    }

    /// Those that can run here. Others are named; where all are promised, that is a failure.
    pub fn present() -> Vec<Puller> {
        let missing = |puller: &Puller| -> Vec<&str> {
            puller.needs().iter().copied().filter(|need| !crate::is_there(need)).collect()
        };
        let (here, absent): (Vec<Puller>, Vec<Puller>) = Puller::all().iter().partition(|puller| missing(puller).is_empty());
        for puller in absent {
            let missing = missing(&puller);
            // Those of a later release are there for the full run alone.
            let promised = crate::is_there(crate::FULL) || missing.iter().any(|need| !need.starts_with(NEWER));
            assert!(!(crate::in_ci() && promised), "{}: not found: {}", puller.name(), missing.join(", "));
            println!("  {}: not found: {}", puller.name(), missing.join(", "));
        }
        here
    }

    /// The programs and rights without which it cannot run.
    pub fn needs(self) -> &'static [&'static str] {
        match self {
            Puller::DockerClassic => &["dockerd", "docker", "containerd", "runc", "root"],
            Puller::Docker28Classic | Puller::DockerContainerd => {
                &["newer/dockerd", "newer/docker", "newer/containerd", "runc", "root"]
            }
            Puller::Ctr => &["containerd", "ctr", "root"],
            Puller::Ctr2 => &["newer/containerd", "newer/ctr", "root"],
            Puller::Podman => &["podman", "root"],
            Puller::Skopeo => &["skopeo", "root"],
            Puller::Oci => &[],
            Puller::Oras => &["newer/oras", "root"],
            Puller::Crane => &["newer/crane", "root"],
        }
    }

    pub fn styles(self) -> &'static [Style] {
        match self {
            Puller::DockerClassic => &[Style::Host, Style::Behind, Style::RegistryMirror],
            Puller::Docker28Classic | Puller::DockerContainerd => {
                &[Style::Host, Style::Behind, Style::Before, Style::RegistryMirror]
            }
            Puller::Ctr | Puller::Ctr2 => &[Style::Host, Style::Ns, Style::Behind, Style::Before],
            Puller::Podman | Puller::Skopeo => &[Style::Host, Style::Behind, Style::RegistriesConf],
            Puller::Oci | Puller::Oras | Puller::Crane => &[Style::Host, Style::Behind],
        }
    }

    /// Why this client cannot pull this image in that style at all, whatever the Worker does.
    pub fn obstacle(self, style: Style, wanted: &Wanted<'_>) -> Option<&'static str> {
        let docker = matches!(self, Puller::DockerClassic | Puller::Docker28Classic | Puller::DockerContainerd);
        let mirror = docker && matches!(style, Style::RegistryMirror | Style::Before);
        if !self.styles().contains(&style) {
            return Some("the client does not know this style");
        }
        if style == Style::Host && wanted.label.is_none() {
            return Some("the registry has no host label");
        }
        if mirror && wanted.registry != "docker.io" {
            return Some("docker's mirrors are for Docker Hub alone");
        }
        if mirror && self == Puller::DockerContainerd && wanted.login.is_some() {
            return Some("docker's containerd store shows a mirror no login");
        }
        None
    }

    /// Pulls the image with clean storage; the error is in the client's own words.
    pub async fn pull(self, world: &World, style: Style, wanted: &Wanted<'_>) -> Result<(), String> {
        if let Some(obstacle) = self.obstacle(style, wanted) {
            return Err(obstacle.to_owned());
        }
        match self {
            Puller::DockerClassic => docker::pull(Engine::Classic, world, style, wanted).await,
            Puller::Docker28Classic => docker::pull(Engine::NewerClassic, world, style, wanted).await,
            Puller::DockerContainerd => docker::pull(Engine::NewerContainerd, world, style, wanted).await,
            Puller::Ctr => containerd::pull(Release::System, world, style, wanted).await,
            Puller::Ctr2 => containerd::pull(Release::Newer, world, style, wanted).await,
            Puller::Podman => podman::pull(world, style, wanted).await,
            Puller::Skopeo => skopeo::pull(world, style, wanted).await,
            Puller::Oci => oci::pull(world, style, wanted).await,
            Puller::Oras => oras::pull(world, style, wanted).await,
            Puller::Crane => crane::pull(world, style, wanted).await,
        }
    }
}

impl Style {
    /// The Worker's name that the client asks.
    fn host(self, wanted: &Wanted<'_>) -> String {
        let label = match self {
            Style::Host | Style::RegistryMirror => wanted.label.unwrap_or("mirror"),
            // The name that every client takes for a host without being told.
            Style::Behind => return "localhost".to_owned(),
            Style::Ns | Style::Before | Style::RegistriesConf => "mirror",
        };
        format!("{label}.localhost")
    }

    /// The image as the user types it.
    fn reference(self, world: &World, wanted: &Wanted<'_>) -> String {
        let Wanted { registry, repository, tag, .. } = wanted;
        let host = world.authority(&self.host(wanted));
        match self {
            Style::Host => format!("{host}/{repository}:{tag}"),
            Style::Behind => format!("{host}/{registry}/{repository}:{tag}"),
            _ => format!("{registry}/{repository}:{tag}"),
        }
    }

    /// Name and password as the user types them: on a gateway the name says whose it is, unless it is the default
    /// registry's.
    fn login<'a>(self, wanted: &Wanted<'a>) -> Option<(String, &'a str)> {
        let (user, password) = wanted.login?;
        let named = self == Style::Host || wanted.registry == "docker.io";
        Some((if named { user.to_owned() } else { format!("{}/{user}", wanted.registry) }, password))
    }
}

impl Wanted<'_> {
    /// A room for the pull: the registry itself cannot be reached from there.
    fn room(&self) -> Room {
        let label = self.label.map(|label| format!("{label}.localhost"));
        Room::knowing(&[self.registry, label.as_deref().unwrap_or("localhost")])
    }
}

/// Every style with two registries, with a private image, and what must not work.
pub async fn proven(stage: &Stage, puller: Puller) {
    let real = stage.real().await;
    // Without the store: each pull is to meet the registry itself.
    let world = stage.world(real.hosts(), &[("CACHE", "off".into())]).await;
    for (image, registry, label, origin, login) in [
        (&real.hello, "docker.io", "docker", "registry-1.docker.io", None),
        (&real.tool, "ghcr.io", "ghcr", "ghcr.io", None),
        (&real.private, "docker.io", "docker", "registry-1.docker.io", Some(USER)),
        (&real.tool, "ghcr.io", "ghcr", "ghcr.io", Some(USER)),
    ] {
        let (repository, tag, digest) = (image.name.as_str(), image.tag.as_str(), image.index.digest.as_str());
        let wanted = Wanted { registry, label: Some(label), repository, tag, digest, login };
        for &style in puller.styles().iter().filter(|style| puller.obstacle(**style, &wanted).is_none()) {
            world.upstream.forget();
            if let Err(problem) = puller.pull(&world, style, &wanted).await {
                panic!("{style:?}, {registry}/{repository}: {problem}");
            }
            assert_came_through(&world, origin, image);
        }
    }
    let (registry, label, repository) = ("docker.io", Some("docker"), "library/hello");
    let digest = real.hello.index.digest.as_str();
    let other = Wanted { registry, label, repository, tag: "2", digest, login: None };
    let problem = puller.pull(&world, Style::Host, &other).await.expect_err("tag 2 is another image");
    assert!(problem.contains(digest), "{problem}");

    let stranger = Wanted { repository: "private/secret", tag: "1", login: Some((USER.0, "wrong")), ..other };
    let problem = puller.pull(&world, Style::Host, &stranger).await.expect_err("a wrong password");
    let words = ["unauthorized", "UNAUTHORIZED", "401", "invalid username/password"];
    assert!(words.iter().any(|word| problem.contains(word)), "{problem}");
}
