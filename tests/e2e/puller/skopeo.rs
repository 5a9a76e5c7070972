//! skopeo: every platform of an image, byte for byte, into a folder.

use super::{Style, Wanted, mirror};
use crate::image::sha256;
use crate::room::Room;
use crate::world::World;

/// Where a room has its `registries.conf`.
const CONF: &str = "home/.config/containers/registries.conf";

/// A room whose `registries.conf` knows the mirror, where the style wants one. podman reads the same file.
pub fn room(world: &World, style: Style, wanted: &Wanted<'_>) -> Room {
    let room = wanted.room();
    if style != Style::RegistriesConf {
        return room;
    }
    let mirror = world.ported(&format!("mirror.localhost/{}", wanted.registry));
    room.write(CONF, &mirror::registries_conf(wanted.registry, &mirror));
    // Root's clients read the system's file, unless they are told.
    room.with("CONTAINERS_REGISTRIES_CONF", CONF)
}

pub async fn pull(world: &World, style: Style, wanted: &Wanted<'_>) -> Result<(), String> {
    let room = room(world, style, wanted);
    if let Some((user, password)) = style.login(wanted) {
        let host = world.authority(&style.host(wanted));
        let login = ["login", "--tls-verify=false", "--username", &user, "--password-stdin", &host];
        room.run_with("skopeo", &login, password).await.result()?;
    }
    fetch(&room, &style.reference(world, wanted), wanted.digest, &[]).await
}

/// Copies `reference`; it must be what that digest names.
pub async fn fetch(room: &Room, reference: &str, digest: &str, options: &[&str]) -> Result<(), String> {
    let source = format!("docker://{reference}");
    let target = format!("dir:{}", room.arg("copy"));
    let copy = ["copy", "--all", "--src-tls-verify=false"];
    room.run("skopeo", &[&copy, options, &[&source, &target]].concat()).await.result()?;
    let manifest = std::fs::read(room.path("copy/manifest.json")).map_err(|error| error.to_string())?;
    let got = sha256(&manifest);
    if got == digest { Ok(()) } else { Err(format!("copied {got}, not {digest}")) }
}
