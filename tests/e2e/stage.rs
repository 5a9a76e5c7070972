//! What all tests share: the built Worker, and real registries with images in them, started when first needed.

use std::path::PathBuf;

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::image::{Format, Image, LargeLayer};
use crate::registry::{DOCKER_HUB, GITHUB, Registry};
use crate::upstream::Hosts;
use crate::worker::{Build, Runtime};
use crate::world::World;

/// Shared by all tests.
pub struct Stage {
    pub build: Build,
    registry: Option<PathBuf>,
    real: OnceCell<Real>,
    large: OnceCell<String>,
}

/// The real registries, and what is in them.
pub struct Real {
    docker_hub: Registry,
    github: Registry,
    /// `library/hello:1` on Docker Hub, an OCI index.
    pub hello: Image,
    /// `team/app/sub/img:v1.0` on Docker Hub, in Docker's own media types.
    pub nested: Image,
    /// `team/manifests/blobs/img:1` on Docker Hub: a name of words that mean something in a path.
    pub awkward: Image,
    /// `private/secret:1` on Docker Hub: alice may pull it.
    pub private: Image,
    /// `team/tool:1` on ghcr.io.
    pub tool: Image,
}

/// The layer of `library/big:1`.
pub const LARGE: LargeLayer = LargeLayer { size: 512 << 20 };

impl Stage {
    pub fn new(build: Build) -> Stage {
        Stage { build, registry: Registry::program(), real: OnceCell::new(), large: OnceCell::new() }
    }

    /// A Worker whose internet is `hosts`.
    pub async fn world(&self, hosts: Hosts, variables: &[(&str, Value)]) -> World {
        self.world_in(Runtime::Plain, hosts, variables).await
    }

    /// The same in a runtime of the test's choice.
    pub async fn world_in(&self, runtime: Runtime<'_>, hosts: Hosts, variables: &[(&str, Value)]) -> World {
        World::start(&self.build, runtime, hosts, variables).await
    }

    /// A Worker between Docker Hub and ghcr.io, without any configuration.
    pub async fn real_world(&self) -> (&Real, World) {
        let real = self.real().await;
        (real, self.world(real.hosts(), &[]).await)
    }

    /// The real registries with their images.
    pub async fn real(&self) -> &Real {
        self.real
            .get_or_init(|| async {
                let program = self.registry.as_deref().expect("tests that need docker-registry ask for it");
                let real = Real {
                    docker_hub: Registry::start(program, DOCKER_HUB).await,
                    github: Registry::start(program, GITHUB).await,
                    hello: Image::new("library/hello", "1", Format::Oci),
                    nested: Image::new("team/app/sub/img", "v1.0", Format::Docker),
                    awkward: Image::new("team/manifests/blobs/img", "1", Format::Oci),
                    private: Image::new("private/secret", "1", Format::Oci),
                    tool: Image::new("team/tool", "1", Format::Oci),
                };
                for image in [&real.hello, &real.nested, &real.awkward, &real.private] {
                    real.docker_hub.push(image).await;
                }
                for tag in ["2", "3", "4"] {
                    real.docker_hub.push(&Image::new("library/hello", tag, Format::Oci)).await;
                }
                real.github.push(&real.tool).await;
                real
            })
            .await
    }

    /// The digest of [`LARGE`], pushed as `library/big:1` by the first test that asks.
    pub async fn large(&self) -> &str {
        let real = self.real().await;
        self.large.get_or_init(|| real.docker_hub.push_large("library/big", "1", LARGE)).await
    }
}

impl Real {
    pub fn hosts(&self) -> Hosts {
        let mut hosts = self.docker_hub.hosts();
        hosts.extend(self.github.hosts());
        hosts
    }
}
