//! oras: an image or any other artifact, whole, into an OCI layout.

use super::{Style, Wanted, layout};
use crate::world::World;

const ORAS: &str = "newer/oras";

pub async fn pull(world: &World, style: Style, wanted: &Wanted<'_>) -> Result<(), String> {
    let room = wanted.room();
    if let Some((user, password)) = style.login(wanted) {
        let host = world.authority(&style.host(wanted));
        let login = ["login", "--plain-http", "--username", &user, "--password-stdin", &host];
        room.run_with(ORAS, &login, password).await.result()?;
    }
    let reference = style.reference(world, wanted);
    let target = format!("{}:{}", room.arg("layout"), wanted.tag);
    // `oras pull` leaves out the layers that have no file name: all of an image.
    let copy = ["copy", "--no-tty", "--from-plain-http", "--to-oci-layout", &reference, &target];
    room.run(ORAS, &copy).await.result()?;
    layout::check(&room.path("layout"), wanted.digest)
}
