//! How a played registry is doing, and how much it gives: switched while it runs.

use std::future::pending;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use http::Method;

use super::answers::{say, set};
use super::{Lie, Play};
use crate::personality::Said;
use crate::token_server::USER;
use crate::upstream::{Answer, Asked, hang_up};

/// What comes over a registry.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Mood {
    /// It answers. Over its ration it refuses GET of a manifest, as Docker Hub does.
    #[default]
    Well,
    /// Over its ration it refuses HEAD of a manifest, too.
    Stingy,
    /// Docker Hub's other limit: too many requests of any kind. The registry and its token server say so.
    Abused,
    /// 503, whatever is asked, and come back in a second.
    Down,
    /// It hangs up without a word.
    Gone,
    /// It takes the request and says nothing.
    Silent,
}

/// The state of a registry.
#[derive(Default)]
pub struct State {
    mood: Mood,
    lie: Option<Lie>,
    delay: Duration,
    /// How many manifests it gives.
    ration: Option<usize>,
    /// How many it was asked for.
    counted: usize,
}

/// What the registry says of its ration.
pub struct Rates {
    lines: Vec<(&'static str, String)>,
}

/// Of the hour, as Docker Hub has it in 2026.
const WINDOW: &str = "w=3600";

/// The address that the Worker is seen from.
const ADDRESS: &str = "192.0.2.7";

const JSON: (&str, &str) = ("content-type", "application/json");

/// Docker Hub's limit of pulls, for whoever has no account.
pub const ANONYMOUS: Said = Said {
    status: 429,
    headers: &[JSON],
    body: r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"}]}"#,
};

const OF_THE_USER: Said = Said {
    status: 429,
    headers: &[JSON],
    body: r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit"}]}"#,
};

/// Its limit of requests of any kind.
pub const ABUSE: Said = Said {
    status: 429,
    headers: &[("content-type", "text/plain"), ("retry-after", "60"), ("connection", "close")],
    body: "Too Many Requests (HAP429).\n",
};

const UNAVAILABLE: Said = Said {
    status: 503,
    headers: &[("content-type", "text/html"), ("retry-after", "1")],
    body: "<html>503 Service Unavailable</html>",
};

impl Rates {
    pub fn on(self, mut answer: Answer) -> Answer {
        for (name, value) in &self.lines {
            set(&mut answer, name, value);
        }
        answer
    }
}

impl Play {
    /// From now on it is like this.
    pub fn be(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// From now on it lies, or tells the truth.
    pub fn tell(&self, lie: Option<Lie>) {
        self.state().lie = lie;
    }

    /// From now on each answer takes so long.
    pub fn answer_after(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// From now on it gives so many manifests, none of which are counted yet.
    pub fn ration(&self, manifests: usize) {
        let mut state = self.state();
        (state.ration, state.counted) = (Some(manifests), 0);
    }

    /// How many requests counted since the ration was given, or from the start: GET of a manifest, refused or not.
    pub fn counted(&self) -> usize {
        self.state().counted
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no one panics while holding this")
    }

    /// Answers as its state allows.
    pub(super) async fn respond(self: Arc<Play>, host: &'static str, asked: Asked) -> Answer {
        let (mood, lie, delay) = {
            let state = self.state();
            (state.mood, state.lie, state.delay)
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        match mood {
            Mood::Down => say(&UNAVAILABLE, ""),
            Mood::Gone => hang_up(),
            Mood::Silent => pending().await,
            Mood::Abused if self.is_own(host) => say(&ABUSE, ""),
            Mood::Well | Mood::Stingy | Mood::Abused => {
                let answer = self.answer(host, &asked);
                match lie.filter(|_| self.is_content(host, &asked)) {
                    Some(lie) => lie.told(answer).await,
                    None => answer,
                }
            }
        }
    }

    /// Whether a host is the registry proper or its token server.
    fn is_own(&self, host: &str) -> bool {
        host == self.manners.origin || self.manners.tokens.as_ref().is_some_and(|tokens| tokens.host == host)
    }

    /// Counts a manifest that somebody may have. What there is to say of rates, and the refusal where the ration is used up.
    pub(super) fn rationed(&self, asked: &Asked, user: bool) -> (Rates, Option<&'static Said>) {
        let mut state = self.state();
        let counts = *asked.method() == Method::GET;
        let used_up = state.ration.is_some_and(|ration| state.counted >= ration);
        state.counted += usize::from(counts);
        let Some(ration) = state.ration else { return (Rates { lines: Vec::new() }, None) };
        let (limit, left) = (format!("{ration};{WINDOW}"), format!("{};{WINDOW}", ration.saturating_sub(state.counted)));
        let mut lines = vec![
            ("x-ratelimit-limit", limit.clone()),
            ("x-ratelimit-remaining", left.clone()),
            ("docker-ratelimit-source", if user { USER.0 } else { ADDRESS }.to_owned()),
        ];
        if used_up && (counts || state.mood == Mood::Stingy) {
            return (Rates { lines }, Some(if user { &OF_THE_USER } else { &ANONYMOUS }));
        }
        lines.extend([("ratelimit-limit", limit), ("ratelimit-remaining", left)]);
        (Rates { lines }, None)
    }
}
