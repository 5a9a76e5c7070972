//! One Worker and the internet it sees. Every test has its own, so no test sees another's requests.

use serde_json::Value;

use crate::gated;
use crate::registry::SIGNATURE;
use crate::token_server::{REFRESH_TOKEN, USER};
use crate::upstream::{Hosts, Upstream};
use crate::worker::{Build, Runtime, Worker};

/// What the Worker must never log, beside the gate's secrets: the user's password and identity token, tokens of its own (`ph1.`)
/// and of the registries (a JWT starts with `eyJ`), signatures.
const SECRETS: [&str; 5] = [USER.1, REFRESH_TOKEN, "ph1.", "eyJ", SIGNATURE];

/// A running Worker between a test's client and the hosts the test plays.
pub struct World {
    pub worker: Worker,
    pub upstream: Upstream,
}

impl World {
    pub async fn start(build: &Build, runtime: Runtime<'_>, hosts: Hosts, variables: &[(&str, Value)]) -> World {
        let upstream = Upstream::start(hosts).await;
        let worker = Worker::start(build, runtime, variables, upstream.address).await;
        World { worker, upstream }
    }

    /// `host:port` of the Worker under one of its names.
    pub fn authority(&self, host: &str) -> String {
        format!("{host}:{}", self.worker.address.port())
    }

    /// An image's or mirror's name with the Worker's port: `docker.localhost/hello` → `docker.localhost:8787/hello`.
    pub fn ported(&self, name: &str) -> String {
        let (host, path) = name.split_once('/').expect("a host and a path");
        format!("{}/{path}", self.authority(host))
    }

    pub fn url(&self, host: &str, target: &str) -> String {
        format!("http://{}{target}", self.authority(host))
    }
}

impl Drop for World {
    /// Whatever a test was about: no unknown host was asked, no credential went astray, and none was logged.
    fn drop(&mut self) {
        let mut offences = self.upstream.offences();
        let log = self.worker.process.output();
        let secrets = SECRETS.map(str::to_owned).into_iter().chain(gated::secrets());
        let logged = secrets.filter(|secret| log.contains(secret));
        offences.extend(logged.map(|secret| format!("logged {secret}")));
        let failed = std::thread::panicking();
        if failed || !offences.is_empty() {
            let requests = self.upstream.transcript();
            eprintln!("--- the Worker asked\n{}--- workerd printed\n{}---", end_of(&requests), end_of(&log));
        }
        assert!(failed || offences.is_empty(), "the Worker misbehaved: {offences:#?}");
    }
}

/// The last lines of a text: a test of load makes tens of thousands.
fn end_of(text: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines[lines.len().saturating_sub(300)..].concat()
}
