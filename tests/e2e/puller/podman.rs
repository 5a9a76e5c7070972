//! podman, with storage of its own.

use super::{Style, Wanted, docker, skopeo};
use crate::room::{Finished, Room};
use crate::world::World;

pub async fn podman(room: &Room, arguments: &[&str], input: &str) -> Finished {
    let options = options(room);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    room.run_with("podman", &[&options, arguments].concat(), input).await
}

/// What keeps it to the room, before every command of its own.
pub fn options(room: &Room) -> Vec<String> {
    let (root, run, tmp) = (room.arg("podman"), room.arg("podman-run"), room.arg("podman-tmp"));
    let places = [["--root", &root], ["--runroot", &run], ["--tmpdir", &tmp]];
    let others = ["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=none"];
    places.as_flattened().iter().chain(&others).map(|&option| option.to_owned()).collect()
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
