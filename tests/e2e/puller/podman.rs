//! podman, with storage of its own.

use super::{Style, Wanted, docker, skopeo};
use crate::room::{Finished, Room};
use crate::world::World;

pub async fn podman(room: &Room, arguments: &[&str], input: &str) -> Finished {
    let (root, run, tmp) = (room.arg("podman"), room.arg("podman-run"), room.arg("podman-tmp"));
    let global = ["--root", &root, "--runroot", &run, "--tmpdir", &tmp, "--storage-driver=vfs"];
    let local = ["--cgroup-manager=cgroupfs", "--events-backend=none"];
    room.run_with("podman", &[&global[..], &local, arguments].concat(), input).await
}

pub async fn pull(world: &World, style: Style, wanted: &Wanted<'_>) -> Result<(), String> {
    let room = skopeo::room(world, style, wanted);
    if let Some((user, password)) = style.login(wanted) {
        let host = world.authority(&style.host(wanted));
        let login = ["login", "--tls-verify=false", "--username", &user, "--password-stdin", &host];
        podman(&room, &login, password).await.result()?;
    }
    fetch(&room, &style.reference(world, wanted), wanted.digest, &[]).await
}

/// Pulls `reference`; it must become the image of that digest.
pub async fn fetch(room: &Room, reference: &str, digest: &str, options: &[&str]) -> Result<(), String> {
    podman(room, &[&["pull", "--tls-verify=false"], options, &[reference]].concat(), "").await.result()?;
    let inspected = podman(room, &["image", "inspect", reference], "").await.result()?;
    docker::has_digest(&inspected, digest)
}
