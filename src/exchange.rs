//! One client request on its way: who serves it, on which host, and what is known of it so far.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use http::StatusCode;
use http::header::{ACCEPT_ENCODING, HeaderValue, USER_AGENT};

use crate::access::Caller;
use crate::auth::{Authorization, BearerChallenge, PassKind, bearer};
use crate::config::Config;
use crate::memory::{Flight, Manner, Memory, Slot};
use crate::oci::{Code, OciError};
use crate::platform::{Inbound, Outbound, Platform, ReadError, SendError};
use crate::record::Record;
use crate::registry::Registry;
use crate::route::Site;
use crate::secret::Secret;

/// Docker Hub answers requests without a User-Agent with a bot challenge page.
const OUR_USER_AGENT: &str = concat!("pierhead/", env!("CARGO_PKG_VERSION"));

/// How often a request looks whether another has fetched what it needs: soon at first, for a store is quick.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// See [`FIRST_PAUSE`].
const LAST_PAUSE: Duration = Duration::from_millis(16);
/// How long it waits in all before it does the work itself.
const PATIENCE: Duration = Duration::from_secs(6);

/// A request's surroundings. A clone shares all of them, and may go on after the answer.
#[derive(Clone)]
pub struct Exchange<P: Platform> {
    /// The world.
    pub platform: P,
    /// The operator's settings.
    pub config: Rc<Config>,
    /// What this isolate knows already.
    pub memory: Rc<Memory<P::Bytes>>,
    /// The host of ours that was asked.
    pub site: Rc<Site>,
    /// Who asks.
    pub caller: Caller,
    /// From where, as the edge saw it.
    pub address: Option<IpAddr>,
    /// What the log line will say.
    pub record: Rc<RefCell<Record>>,
}

/// Whose authority a registry is asked with.
#[derive(Clone, Debug)]
pub enum Presented {
    /// Nobody's: the server side gets what anybody gets, or what the operator's account gets.
    Nothing,
    /// The same, by a client that has been through the token endpoint and has nothing else to offer.
    AnonymousPass,
    /// The client's own: this `Authorization` header, for this registry.
    Own(Secret),
}

impl<P: Platform> Exchange<P> {
    /// Unix seconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.platform.now_ms() / 1000
    }

    /// Waits until nobody else fetches what is remembered in `slot`. The flight is the caller's own; none where another's has
    /// ended while it waited, or has taken too long: what that one got is to be looked up, else the caller does the work
    /// itself, beside others like it.
    pub async fn turn(&self, slot: Slot) -> Option<Flight<'_>> {
        let flights = &self.memory.flights;
        let (mut pause, mut waited) = (FIRST_PAUSE, Duration::ZERO);
        // One that was lost is taken over by one of those who wait; one that has ended by none.
        while waited == Duration::ZERO || flights.is_known(&slot) {
            if let Some(flight) = flights.begin(slot.clone(), self.platform.now_ms()) {
                return Some(flight);
            }
            if waited >= PATIENCE {
                break;
            }
            self.platform.sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(LAST_PAUSE);
        }
        None
    }

    /// The same for what is remembered only if there is a store.
    pub async fn turn_to_keep(&self, slot: Slot) -> Option<Flight<'_>> {
        if self.config.cache.on { self.turn(slot).await } else { None }
    }

    /// Sends one request to an upstream of `registry` and notes it.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE`, with 504 when the time limit ran out and 502 when there was no connection.
    pub async fn send(&self, registry: &Registry, mut request: Outbound) -> Result<Inbound<P::Body>, OciError> {
        request.headers.insert(USER_AGENT, HeaderValue::from_static(OUR_USER_AGENT));
        // Compressed on the way, a manifest would lose the length that docker insists on.
        request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let limit_s = request.time_limit.as_secs();
        {
            let mut record = self.record.borrow_mut();
            record.attempts += 1;
            record.upstream = Some(host.clone());
            record.upstream_status = None;
        }
        let answer = self.platform.send(request).await.map_err(|error| {
            let at = registry.at(&host);
            match error {
                SendError::TimedOut => {
                    OciError::new(Code::Unavailable, format!("{at} did not answer within {limit_s} s; try again later"))
                        .with_status(StatusCode::GATEWAY_TIMEOUT)
                }
                SendError::Failed(words) => {
                    OciError::new(Code::Unavailable, format!("{at} cannot be reached; try again later")).with_cause(words)
                }
            }
        })?;
        self.record.borrow_mut().upstream_status = Some(answer.status.as_u16());
        Ok(answer)
    }

    /// Reads a body of at most `limit` bytes; `what` is what a message calls it.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when it is longer or breaks off.
    pub async fn read(&self, body: P::Body, limit: usize, what: &str) -> Result<Vec<u8>, OciError> {
        self.platform.read(body, limit).await.map_err(|error| match error {
            ReadError::TooLong => {
                OciError::new(Code::Unavailable, format!("{what} is longer than {limit} bytes; try again later"))
            }
            ReadError::Failed(words) => {
                OciError::new(Code::Unavailable, format!("{what} broke off; try again")).with_cause(words)
            }
        })
    }

    /// Our own challenge for a registry: Bearer with our realm; Basic where the registry knows nothing else. `error` is one of RFC
    /// 6750's with the reason in words.
    #[must_use]
    pub fn challenge(&self, registry: &Registry, scope: Option<String>, error: Option<(&'static str, &str)>) -> String {
        let for_the_gate = matches!(self.caller, Caller::User { .. });
        if self.memory.manner(registry) == Some(Manner::Basic) && !for_the_gate {
            return format!(r#"Basic realm="{}""#, self.site.authority);
        }
        self.bearer_challenge(registry, scope, error)
    }

    /// The challenge that leads to our token endpoint, where anybody gets an anonymous pass.
    #[must_use]
    pub fn bearer_challenge(
        &self,
        registry: &Registry,
        scope: Option<String>,
        error: Option<(&'static str, &str)>,
    ) -> String {
        let service = self.site.authority.clone();
        let error = error.map(|(error, why)| (error, why.to_owned()));
        BearerChallenge { realm: self.site.realm(&registry.name), service, scope, error }.to_string()
    }

    /// What the client may ask `registry` with.
    ///
    /// # Errors
    ///
    /// `UNAUTHORIZED` for a pass that is expired, mangled or for another registry, and for credentials that belong to
    /// another registry.
    pub fn present(&self, registry: &Registry, authorization: Authorization) -> Result<Presented, OciError> {
        if let Caller::User { bound, .. } = &self.caller {
            // It was for the gate, and goes no further.
            self.record.borrow_mut().presented = Some("user");
            return match bound {
                Some(bound) if *bound != registry.name => Err(of_another(bound, registry)),
                _ => Ok(Presented::AnonymousPass),
            };
        }
        let (presented, kind) = match authorization {
            Authorization::None => (Presented::Nothing, "none"),
            Authorization::Broken => {
                return Err(OciError::new(Code::Unauthorized, "the Authorization header holds no token or credentials"));
            }
            Authorization::Pass(pass) if pass.registry != registry.name => return Err(of_another(&pass.registry, registry)),
            Authorization::Pass(pass) => match pass.kind {
                PassKind::Anonymous { expires } if expires <= self.now() => {
                    return Err(OciError::new(Code::Unauthorized, "this token has expired"));
                }
                PassKind::Anonymous { .. } => (Presented::AnonymousPass, "anonymous"),
                PassKind::Upstream(token) => (Presented::Own(bearer(&token)), "token"),
                PassKind::Refresh(_) => {
                    return Err(OciError::new(Code::Unauthorized, "a refresh token is good at the token endpoint only"));
                }
                PassKind::User(_) => {
                    return Err(OciError::new(Code::Unauthorized, "this token is for a gate, and opens no registry"));
                }
            },
            // A static bearer is configured for one address, and goes where that address leads.
            Authorization::Bearer(token) => (Presented::Own(bearer(&token)), "bearer"),
            Authorization::Basic(basic) => {
                let (owner, basic) = self.owner(&basic);
                self.check_owner(registry, &owner.name)?;
                (Presented::Own(basic.to_header()), "basic")
            }
        };
        self.record.borrow_mut().presented = Some(kind);
        Ok(presented)
    }
}

fn of_another(bound: &str, registry: &Registry) -> OciError {
    OciError::new(Code::Unauthorized, format!("this token is for `{bound}`, not for `{}`", registry.name))
}
