//! What to do when a registry fails: whom else to ask, and whom to spare.
//!
//! Only what anybody may read is asked of mirrors; a client's own credentials go to the registry itself and nowhere else.

use std::rc::Rc;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{Method, StatusCode};

use super::{Ask, Reply};
use crate::exchange::{Exchange, Presented};
use crate::headers;
use crate::memory::Lane;
use crate::oci::{Code, OciError};
use crate::platform::Platform;
use crate::registry::{Mirror, Registry};

/// How long a registry that limits us is spared where it names no time. Docker Hub's windows are hours, but its limit
/// is counted by address, and a Worker's next request may come from another one.
const LIMITED: Duration = Duration::from_secs(60);

/// How long one that fails otherwise is spared.
const FAILED: Duration = Duration::from_secs(10);

/// However long a registry wants to be left alone.
const LONGEST: Duration = Duration::from_secs(900);

/// What came of asking one registry.
pub enum Attempt<B> {
    /// It has it.
    Good(Reply<B>),
    /// It says no, and knows what it says: 404, 401.
    Refused(Reply<B>),
    /// It cannot say.
    Failed(Failure<B>),
}

/// How a registry failed.
pub enum Failure<B> {
    /// With an answer of its own: 429, 503.
    Reply(Reply<B>),
    /// Without a usable one.
    Error(OciError),
}

impl<P: Platform> Exchange<P> {
    /// Asks one registry, in the server side's name, and remembers if it needs rest.
    ///
    /// It needs rest if it limits us, fails or is silent. What storage does, or one thing in it, says nothing of the others.
    pub async fn attempt(&self, ask: &Ask<'_>) -> Attempt<P::Body> {
        let reply = match self.ask(ask).await {
            Ok(reply) => reply,
            Err(error) => {
                let (host, status) = {
                    let record = self.record.borrow();
                    (record.upstream.clone(), record.upstream_status)
                };
                let own = host.is_some_and(|host| ask.registry.is_at(&host));
                if own && status.is_none_or(|status| status >= 500) {
                    self.spare(ask.registry, Lane::All, FAILED);
                }
                self.record.borrow_mut().explain(&error.message);
                return Attempt::Failed(Failure::Error(error));
            }
        };
        let status = reply.status;
        if reply.is_given() {
            // Any other answer does not show that a limit is over.
            self.memory.wake(&ask.registry.name, ask.lane());
            return Attempt::Good(reply);
        }
        if reply.from_origin && status == StatusCode::TOO_MANY_REQUESTS {
            let seconds = headers::text(&reply.headers, &RETRY_AFTER).and_then(|text| text.parse().ok());
            self.spare(ask.registry, ask.lane(), seconds.map_or(LIMITED, Duration::from_secs).min(LONGEST));
        } else if reply.from_origin && status.is_server_error() {
            self.spare(ask.registry, Lane::All, FAILED);
        } else if status == StatusCode::NOT_FOUND || reply.from_origin {
            return Attempt::Refused(reply);
        }
        self.record.borrow_mut().explain(&format!("{} answered {status}", ask.registry.at(&reply.host)));
        Attempt::Failed(Failure::Reply(reply))
    }

    /// Asks a registry for something by its digest, and then its mirrors, until `read` takes an answer. Those who need rest
    /// come last. Where all fail, what is told is what the registry itself said: a mirror's 404 hides no 429.
    pub async fn ask_any<T>(
        &self,
        ask: &Ask<'_>,
        read: impl AsyncFn(&Ask<'_>, Reply<P::Body>) -> Result<T, OciError>,
    ) -> Result<T, Attempt<P::Body>> {
        let mirrors = self.mirrors(ask.registry);
        let at_mirrors = mirrors.iter().filter_map(|(mirror, registry)| {
            let name = mirror.name_of(ask.repository.as_deref()?)?;
            Some(ask.at(registry, name))
        });
        let mut asks: Vec<_> = std::iter::once(ask.clone()).chain(at_mirrors).collect();
        asks.sort_by_key(|ask| self.is_resting(ask));
        let mut told = None;
        for ask in &asks {
            let attempt = match self.attempt(ask).await {
                Attempt::Good(reply) => match read(ask, reply).await {
                    Ok(found) => return Ok(found),
                    Err(why) => {
                        self.record.borrow_mut().explain(&why.message);
                        Attempt::Failed(Failure::Error(why))
                    }
                },
                // The registry itself knows.
                Attempt::Refused(reply) if !ask.mirror => return Err(Attempt::Refused(reply)),
                other => other,
            };
            if !ask.mirror {
                told = Some(attempt);
            }
        }
        // The registry itself is always among those asked.
        Err(told.unwrap_or_else(|| Attempt::Failed(Failure::Error(nobody(ask.registry)))))
    }

    /// A registry's mirrors that are in the table, with their rows.
    pub fn mirrors<'r>(&self, registry: &'r Registry) -> Vec<(&'r Mirror, Rc<Registry>)> {
        let row = |name: &str| self.config.registries.by_name(name);
        registry.mirrors.iter().filter_map(|mirror| Some((mirror, row(&mirror.registry)?))).collect()
    }

    /// Whether a registry is to be spared this.
    pub fn is_resting(&self, ask: &Ask<'_>) -> bool {
        let rests = |lane| self.memory.rests(&ask.registry.name, lane, self.platform.now_ms());
        rests(Lane::All) || ask.lane() == Lane::Pulls && rests(Lane::Pulls)
    }

    fn spare(&self, registry: &Registry, lane: Lane, time: Duration) {
        let time_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.memory.rest(&registry.name, lane, self.platform.now_ms().saturating_add(time_ms));
    }
}

impl<'a> Ask<'a> {
    /// The same, asked of a mirror.
    #[must_use]
    pub fn at<'m>(&self, mirror: &'m Registry, name: String) -> Ask<'m>
    where
        'a: 'm,
    {
        Ask { registry: mirror, repository: Some(name), presented: Presented::Nothing, mirror: true, ..self.clone() }
    }

    /// A limit that is met by a GET of a manifest says nothing of other requests: Docker Hub counts only those.
    fn lane(&self) -> Lane {
        let pull = self.method == Method::GET && self.below.starts_with("manifests/");
        if pull { Lane::Pulls } else { Lane::All }
    }
}

impl<B> Reply<B> {
    /// What was asked for, or that it is not needed (304), or a piece of it that is not there (416).
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.status.is_success() || self.status.is_redirection() || self.status == StatusCode::RANGE_NOT_SATISFIABLE
    }
}

fn nobody(registry: &Registry) -> OciError {
    OciError::new(Code::Unavailable, format!("nobody could be asked for `{}`", registry.name))
}
