//! One Worker and the internet it sees. Every test has its own, so no test sees another's requests.

use serde_json::Value;

use crate::upstream::{Hosts, Upstream};
use crate::worker::{Build, Worker};

/// A running Worker between a test's client and the hosts the test plays.
pub struct World {
    pub worker: Worker,
    pub upstream: Upstream,
}

impl World {
    pub async fn start(build: &Build, hosts: Hosts, variables: &[(&str, Value)]) -> World {
        let upstream = Upstream::start(hosts).await;
        let worker = Worker::start(build, variables, upstream.address).await;
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
    /// Whatever a test was about: no unknown host was asked and no credential went astray.
    fn drop(&mut self) {
        let offences = self.upstream.offences();
        let failed = std::thread::panicking();
        if failed || !offences.is_empty() {
            let (requests, log) = (self.upstream.transcript(), self.worker.process.output());
            eprintln!("--- the Worker asked\n{requests}--- workerd printed\n{log}---");
        }
        assert!(failed || offences.is_empty(), "the Worker misbehaved: {offences:#?}");
    }
}
