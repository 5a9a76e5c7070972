//! Docker Hub as it is played, and the two mirrors of it: each holds what it is given, and fails when it is told to.

use std::sync::Arc;

use crate::image::{Format, Plain};
use crate::personality::ecrpublic::ECR_PUBLIC;
use crate::personality::hub::HUB;
use crate::personality::mirror_gcr::MIRROR_GCR;
use crate::play::{Parts, Play};
use crate::upstream::Hosts;
use crate::world::World;

/// The registry itself.
pub const ORIGIN: &str = "registry-1.docker.io";
/// Its token server.
pub const TOKENS: &str = "auth.docker.io";
/// The mirrors, in the order in which they are asked.
pub const MIRRORS: [&str; 2] = ["mirror.gcr.io", "public.ecr.aws"];

/// Everything about an image that the Worker asked Docker Hub proper for: method and target.
pub fn asked_of_the_origin(world: &World) -> Vec<String> {
    let seen = world.upstream.seen().into_iter().filter(|seen| seen.host == ORIGIN);
    seen.map(|seen| format!("{} {}", seen.method, seen.target)).collect()
}

/// The mirrors, with nothing in them, for a test that brings a Docker Hub of its own.
pub fn idle_mirrors() -> Hosts {
    [&MIRROR_GCR, &ECR_PUBLIC].into_iter().flat_map(|manners| Play::bare(manners).hosts()).collect()
}

/// Docker Hub and its mirrors.
pub struct Hub {
    pub origin: Arc<Play>,
    /// mirror.gcr.io: images have the same names.
    pub gcr: Arc<Play>,
    /// public.ecr.aws: images have `docker/` before their names.
    pub ecr: Arc<Play>,
}

impl Hub {
    /// Docker Hub with the repositories of its personality, and mirrors that hold nothing.
    pub fn new() -> Hub {
        Hub { origin: Play::new(&HUB), gcr: Play::bare(&MIRROR_GCR), ecr: Play::bare(&ECR_PUBLIC) }
    }

    /// Docker Hub with nothing, and mirrors with nothing.
    pub fn bare() -> Hub {
        Hub { origin: Play::bare(&HUB), ..Hub::new() }
    }

    pub fn hosts(&self) -> Hosts {
        [&self.origin, &self.gcr, &self.ecr].into_iter().flat_map(Play::hosts).collect()
    }

    /// Docker Hub and both mirrors have this image under this tag.
    pub fn hold_everywhere<'a, I>(&self, name: &str, tag: &str, image: &'a I)
    where
        Parts: From<&'a I>,
    {
        self.origin.hold(name, tag, image);
        self.mirror(name, tag, image);
    }

    /// Both mirrors have this image under this tag.
    pub fn mirror<'a, I>(&self, name: &str, tag: &str, image: &'a I)
    where
        Parts: From<&'a I>,
    {
        self.gcr.hold(name, tag, image);
        self.ecr.hold(&format!("docker/{name}"), tag, image);
    }

    /// So many images of one platform, `library/<word>-<number>:1` for `(word, number)`, at Docker Hub. Every other one is
    /// in Docker's own media types.
    pub fn hold_many(&self, word: &str, many: usize) -> Vec<(String, Plain)> {
        let images = (0..many).map(|number| {
            let name = format!("library/{word}-{number}");
            let image = Plain::new(&name, "1", if number % 2 == 0 { Format::Oci } else { Format::Docker });
            self.origin.hold(&name, "1", &image);
            (name, image)
        });
        images.collect()
    }
}
