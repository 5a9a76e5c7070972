//! crane: every platform of an image into an OCI layout.

use super::{Style, Wanted, layout};
use crate::world::World;

const CRANE: &str = "newer/crane";

pub async fn pull(world: &World, style: Style, wanted: &Wanted<'_>) -> Result<(), String> {
    let room = wanted.room();
    if let Some((user, password)) = style.login(wanted) {
        let host = world.authority(&style.host(wanted));
        let login = ["auth", "login", "--insecure", "--username", &user, "--password-stdin", &host];
        room.run_with(CRANE, &login, password).await.result()?;
    }
    let reference = style.reference(world, wanted);
    let pull = ["pull", "--insecure", "--format=oci", &reference, &room.arg("layout")];
    room.run(CRANE, &pull).await.result()?;
    layout::check(&room.path("layout"), wanted.digest)
}
