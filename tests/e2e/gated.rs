//! The gate before real clients: who gets in by login, who by key, and what the others are told.
//!
//! A [`crate::world::World`] ends by searching what it logged and what it asked upstream for everything in [`secrets`].

pub mod both;
pub mod keys;
pub mod limiter;
pub mod rules;
pub mod users;

use serde_json::{Value, json};

use crate::image::{Image, sha256};
use crate::puller::containerd::{Containerd, Release};
use crate::puller::docker::{Docker, Engine};
use crate::room::Room;
use crate::stage::Stage;
use crate::token_server::basic;
use crate::world::World;

const HUB: &str = "registry-1.docker.io";
const GITHUB: &str = "ghcr.io";

/// A user of the proxy's own, and what she logs in with: not the user of that name whom the registries know.
pub const ALICE: (&str, &str) = ("alice", "what-alice-shows-at-the-gate");
/// Another one, whom no registry knows.
pub const BOB: (&str, &str) = ("bob", "what-bob-shows-at-the-gate");
/// What opens the gate in an address.
pub const KEY: &str = "0pen0the0gate0to0friends";
/// What the gate signs its tokens with.
pub const SIGNING_KEY: &str = "what-the-gate-signs-with-and-nobody-else-has";

/// The words of the gate, from the messages that clients print.
const LOG_IN: &str = "this proxy is for its users; `docker login ";
const WRONG: &str = "user name or token are wrong; they are those of this proxy, not of a registry";
const NO_KEY: &str = "this proxy is for those who know its key";

/// What is between the gate and its clients, and for nobody's eyes.
pub fn secrets() -> Vec<String> {
    let texts = [KEY, ALICE.1, BOB.1, SIGNING_KEY].map(str::to_owned);
    texts.into_iter().chain([basic(ALICE), basic(BOB)]).collect()
}

/// Who gets in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Public,
    Users,
    Path,
    Both,
}

impl Mode {
    /// The Worker's variables, and `more` beside them.
    pub fn variables(self, more: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
        let users = [ALICE, BOB].map(|(name, token)| (name.to_owned(), Value::from(sha256(token.as_bytes()))));
        let users = [("USERS", Value::Object(users.into_iter().collect())), ("SIGNING_KEYS", SIGNING_KEY.into())];
        let key = [("PATH_SECRET", KEY.into())];
        let gate = match self {
            Mode::Public => vec![("ACCESS", json!("public"))],
            Mode::Users => [&[("ACCESS", json!("users"))], &users[..]].concat(),
            Mode::Path => [&[("ACCESS", json!("path"))], &key[..]].concat(),
            Mode::Both => [&[("ACCESS", json!(["users", "path"]))], &users[..], &key].concat(),
        };
        [&gate, more].concat()
    }

    /// A Worker with this gate before the real registries. Without the store: each pull is to meet the registry itself.
    async fn world(self, stage: &Stage) -> World {
        let real = stage.real().await;
        stage.world(real.hosts(), &self.variables(&[("CACHE", "off".into())])).await
    }
}

/// The words of a refusal, and nobody upstream has heard of whoever was refused.
fn assert_turned_away(world: &World, printed: &str, words: &str) {
    assert!(printed.contains(words), "{words:?} is not in:\n{printed}");
    assert_unheard_of(world);
}

/// Nobody upstream was asked since it was last told to forget.
fn assert_unheard_of(world: &World) {
    assert!(world.upstream.seen().is_empty(), "upstream was asked:\n{}", world.upstream.transcript());
}

impl World {
    /// A docker in a room of its own that takes the Worker's names for what they are.
    async fn docker(&self, engine: Engine, options: &[&str]) -> Docker {
        self.docker_in(Room::new(), engine, options).await
    }

    async fn docker_in(&self, room: Room, engine: Engine, options: &[&str]) -> Docker {
        let hosts = ["docker.localhost", "mirror.localhost", "localhost"].map(|host| self.authority(host));
        let insecure = hosts.iter().flat_map(|host| ["--insecure-registry", host]);
        // The classic stores need no word about http.
        let insecure: Vec<&str> = if engine == Engine::NewerContainerd { insecure.collect() } else { Vec::new() };
        Docker::start(engine, room, &[&insecure, options].concat()).await
    }

    /// Docker pulls the image under this name.
    async fn docker_pulls(&self, docker: &Docker, repository: &str, origin: &str, image: &Image) {
        self.upstream.forget();
        let reference = format!("{repository}:{}", image.tag);
        docker.pull(&reference, &image.index.digest).await.unwrap_or_else(|problem| panic!("{problem}"));
        crate::clients::assert_came_through(self, origin, image);
    }

    /// containerd pulls the image under this name.
    async fn ctr_pulls(&self, containerd: &Containerd, repository: &str, origin: &str, image: &Image, options: &[&str]) {
        self.upstream.forget();
        let reference = format!("{repository}:{}", image.tag);
        let pulled = containerd.pull(&reference, &image.index.digest, options).await;
        pulled.unwrap_or_else(|problem| panic!("{problem}"));
        crate::clients::assert_came_through(self, origin, image);
    }
}

/// A containerd with a mirror for each of these registries.
async fn containerd(release: Release, mirrors: &[(&str, String)]) -> Containerd {
    Containerd::start(release, Room::new(), mirrors).await
}
