//! `/status`: what this proxy is and how its registries are, as JSON, for whoever may use it.

use http::StatusCode;
use serde::Serialize;

use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::memory::Lane;
use crate::platform::Platform;
use crate::registry::Registry;

#[derive(Serialize)]
struct Status<'a> {
    version: &'static str,
    /// The host that was asked, and the registry it stands for; on a gateway its default.
    host: &'a str,
    gateway: bool,
    registry: &'a str,
    registries: Vec<Endpoint<'a>>,
}

/// A registry, and how it is as far as this isolate knows: another one may know better.
#[derive(Serialize)]
struct Endpoint<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    labels: &'a [String],
    /// The seconds for which it is spared GET of manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pulls_rest_s: Option<u64>,
    /// The seconds for which it is spared everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    rests_s: Option<u64>,
}

impl<P: Platform> Exchange<P> {
    /// The page.
    #[must_use]
    pub fn status(&self) -> Answer<P> {
        let now_ms = self.platform.now_ms();
        let status = Status {
            version: env!("CARGO_PKG_VERSION"),
            host: &self.site.authority,
            gateway: self.site.gateway,
            registry: &self.site.home.name,
            registries: self.config.served().map(|registry| self.endpoint(registry, now_ms)).collect(),
        };
        // Texts and numbers always serialize.
        answer::json(StatusCode::OK, serde_json::to_string(&status).unwrap_or_default())
    }

    fn endpoint<'a>(&self, registry: &'a Registry, now_ms: u64) -> Endpoint<'a> {
        let Registry { name, labels, .. } = registry;
        let rest = |lane| {
            let until_ms = self.memory.rests_until(name, lane, now_ms)?;
            Some(until_ms.saturating_sub(now_ms).div_ceil(1000))
        };
        Endpoint { name, labels, pulls_rest_s: rest(Lane::Pulls), rests_s: rest(Lane::All) }
    }
}
