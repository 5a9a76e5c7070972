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
    let source = format!("docker://{}", style.reference(world, wanted));
    let target = format!("dir:{}", room.arg("copy"));
    room.run("skopeo", &["copy", "--all", "--src-tls-verify=false", &source, &target]).await.result()?;
    let manifest = std::fs::read(room.path("copy/manifest.json")).map_err(|error| error.to_string())?;
    let got = sha256(&manifest);
    if got == wanted.digest { Ok(()) } else { Err(format!("copied {got}, not {}", wanted.digest)) }
}
