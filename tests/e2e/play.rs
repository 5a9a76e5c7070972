//! A registry in memory that behaves as its [`Personality`] says: the registry proper, its token server, its storage.
//!
//! It is played by whoever starts it, while it runs: what it holds ([`shelf`]), how it is doing and how much it gives
//! ([`mood`]), and whether it tells the truth ([`lie`]).

pub mod answers;
mod contents;
mod lie;
mod mood;
mod repository;
mod shelf;
mod tokens;

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use http::header;
use serde_json::{Value, json};

use answers::{NO_SUCH_PAGE, SIGNATURE_DOES_NOT_MATCH, WELCOME, add, redirect, say};
pub use lie::Lie;
use mood::State;
pub use mood::{ABUSE, ANONYMOUS, Mood};
pub use repository::Repository;
pub use shelf::Parts;
use shelf::{Held, Shelf};

use crate::personality::{Personality, Referrers, Wants};
use crate::token_server::{USER, basic};
use crate::upstream::{Answer, Asked, Host, Hosts};

/// What the artifact says it is.
pub const ARTIFACT: &str = "application/vnd.example.chart.v1+json";

/// A played registry.
pub struct Play {
    pub manners: &'static Personality,
    pub public: Repository,
    /// What only the user may read; where everybody has to log in, it is the same.
    pub private: Option<Repository>,
    /// What it holds, and where.
    shelf: Mutex<Shelf>,
    /// How it is doing.
    state: Mutex<State>,
    /// The tokens given out, and what they are good for.
    tokens: Mutex<HashMap<String, Authority>>,
    /// How many that were.
    given: AtomicUsize,
}

/// What a request may read.
#[derive(Clone)]
enum Authority {
    None,
    Bad,
    Good {
        user: bool,
        /// `None` is everything the user may read.
        repositories: Option<Vec<String>>,
    },
}

impl Play {
    /// A registry with the repositories of its personality.
    pub fn new(manners: &'static Personality) -> Arc<Play> {
        let play = Play::bare(manners);
        {
            let mut shelf = play.shelf.lock().expect("no one panics while holding this");
            shelf.put(manners, play.public.held(false));
            // Where everybody has to log in, there is but one.
            if let Some(private) = play.private.as_ref().filter(|private| private.name != play.public.name) {
                shelf.put(manners, private.held(true));
            }
        }
        play
    }

    /// A registry that holds nothing yet; see [`Play::hold`].
    pub fn bare(manners: &'static Personality) -> Arc<Play> {
        Arc::new(Play {
            manners,
            public: Repository::new(manners.public, manners.tags.more),
            private: manners.private.map(|name| Repository::new(name, manners.tags.more)),
            shelf: Mutex::default(),
            state: Mutex::default(),
            tokens: Mutex::default(),
            given: AtomicUsize::new(0),
        })
    }

    /// Makes `tag` of a repository name an image, be it new or another than before. What was there stays to be had by
    /// its digest.
    pub fn hold(&self, name: &str, tag: &str, image: impl Into<Parts>) {
        self.put(name, tag, image.into(), false);
    }

    /// The same in a repository that only the user may read.
    pub fn hold_for_the_user(&self, name: &str, tag: &str, image: impl Into<Parts>) {
        self.put(name, tag, image.into(), true);
    }

    fn put(&self, name: &str, tag: &str, image: Parts, for_the_user: bool) {
        let mut shelf = self.shelf.lock().expect("no one panics while holding this");
        let mut held = shelf.get(name).map_or_else(|| Held::new(name, for_the_user), |held| (*held).clone());
        held.tag(tag, image);
        shelf.put(self.manners, held);
    }

    /// Loses a repository, with all that is in it.
    pub fn lose(&self, name: &str) {
        self.shelf.lock().expect("no one panics while holding this").lose(name);
    }

    fn held(&self, name: &str) -> Option<Arc<Held>> {
        self.shelf.lock().expect("no one panics while holding this").get(name)
    }

    /// The hosts this registry plays. Only its own and its token server's may see credentials.
    pub fn hosts(self: &Arc<Play>) -> Hosts {
        let manners = self.manners;
        let of_tokens = manners.tokens.as_ref().map(|tokens| tokens.host);
        let trusted: Vec<&str> = [manners.origin].into_iter().chain(of_tokens).collect();
        let hops = manners.blobs.ways.iter().copied().flatten().chain(&manners.manifests.hop);
        let page = match &manners.referrers {
            Referrers::Page(hop, _) => Some(hop),
            _ => None,
        };
        let foreign = hops.chain(page).filter_map(|hop| Some(hop.location.strip_prefix("https://")?.split_once('/')?.0));
        let moved = manners.moved.iter().map(|moved| moved.host);
        let mut hosts = Hosts::new();
        for name in trusted.iter().copied().chain(foreign).chain(moved) {
            let play = self.clone();
            let host = Host::new(move |asked| play.clone().respond(name, asked));
            let host = if trusted.contains(&name) { host } else { host.without_credentials() };
            hosts.insert(name.to_owned(), host);
        }
        hosts
    }

    /// The variables an operator has to set for this registry.
    pub fn variables(&self) -> Vec<(&'static str, Value)> {
        if self.manners.settings.is_empty() {
            return Vec::new();
        }
        let settings: Value = serde_json::from_str(self.manners.settings).expect("settings are JSON");
        vec![("REGISTRIES", json!({self.manners.registry: settings}))]
    }

    /// Makes every token given out so far a bad one.
    pub fn revoke_tokens(&self) {
        self.tokens.lock().expect("no one panics while holding this").clear();
    }

    fn answer(&self, host: &'static str, asked: &Asked) -> Answer {
        let target = asked.uri().path_and_query().map_or("/", |target| target.as_str());
        let path = asked.uri().path();
        if let Some(tokens) = self.manners.tokens.as_ref().filter(|tokens| tokens.host == host && tokens.path == path) {
            return self.token(tokens, asked);
        }
        let stored = self.shelf.lock().expect("no one panics while holding this").stored(host, target);
        if let Some(stored) = stored {
            return self.storage(host, &stored, asked);
        }
        if let Some(resource) = self.manners.moved.filter(|moved| moved.host == host).and_then(|m| path.strip_prefix(m.path))
        {
            return self.serve(resource, asked);
        }
        match path.strip_prefix("/v2/") {
            Some(resource) if host == self.manners.origin => {
                let mut answer = if resource.is_empty() { self.ping(asked) } else { self.repository(resource, asked) };
                add(&mut answer, self.manners.always, "", "");
                answer
            }
            _ => match &self.manners.referrers {
                Referrers::Page(hop, page) if hop.location.starts_with(&format!("https://{host}/")) => say(page, ""),
                // What a store of signed addresses makes of one that was changed on the way.
                _ => say(&SIGNATURE_DOES_NOT_MATCH, ""),
            },
        }
    }

    fn ping(&self, asked: &Asked) -> Answer {
        match self.authority(asked) {
            Authority::None => say(&self.manners.ping, ""),
            Authority::Bad => say(&self.manners.bad_token, ""),
            Authority::Good { .. } => say(&WELCOME, ""),
        }
    }

    fn repository(&self, resource: &str, asked: &Asked) -> Answer {
        let manners = self.manners;
        let Some((name, what)) = split(resource) else { return say(&NO_SUCH_PAGE, "") };
        let (may, user) = match self.authority(asked) {
            Authority::Bad => return say(&manners.bad_token, name),
            Authority::None => (manners.wants == Wants::Nothing && self.readable(name, false), false),
            Authority::Good { user, repositories } => {
                let named = repositories.is_none_or(|names| names.iter().any(|known| known == name));
                if !(named && self.readable(name, user)) {
                    return say(&manners.denied, name);
                }
                (true, user)
            }
        };
        if !may {
            let nobody_logs_in = manners.tokens.is_none() && !manners.basic;
            return say(if nobody_logs_in { &manners.denied } else { &manners.challenge }, name);
        }
        if let Some((_, refusal)) = manners.refusing.iter().find(|(refusing, _)| *refusing == name) {
            return say(refusal, name);
        }
        let moved = manners.moved.filter(|_| !resource.contains("/blobs/"));
        if let Some(moved) = moved {
            let location = format!("https://{}{}{resource}", moved.host, moved.path);
            return redirect(moved.status, &location, "<a href=\"\">Temporary Redirect</a>.\n\n");
        }
        if !what.starts_with("manifests/") {
            return self.serve(resource, asked);
        }
        let (rates, refusal) = self.rationed(asked, user);
        rates.on(refusal.map_or_else(|| self.serve(resource, asked), |refusal| say(refusal, name)))
    }

    /// Whether the public, or the user, may read a repository, for all that this registry knows.
    fn readable(&self, name: &str, user: bool) -> bool {
        let held = self.held(name);
        let private = held.as_ref().is_some_and(|held| held.for_the_user);
        let public = held.is_some() && !private || self.manners.refusing.iter().any(|(refusing, _)| *refusing == name);
        match self.manners.wants {
            Wants::Login => user && public,
            _ => public || user && private,
        }
    }

    fn authority(&self, asked: &Asked) -> Authority {
        let Some(value) = asked.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or("")) else {
            return Authority::None;
        };
        if let Some(token) = value.strip_prefix("Bearer ") {
            let tokens = self.tokens.lock().expect("no one panics while holding this");
            return tokens.get(token).cloned().unwrap_or(Authority::Bad);
        }
        if self.manners.basic && value == basic(USER) {
            return Authority::Good { user: true, repositories: None };
        }
        Authority::Bad
    }
}

/// `<name>/manifests/<reference>` and the like in two. The last of the words counts: names hold them too.
fn split(resource: &str) -> Option<(&str, &str)> {
    let at = ["/manifests/", "/blobs/", "/tags/list", "/referrers/"].iter().filter_map(|word| resource.rfind(word)).max()?;
    Some((&resource[..at], &resource[at + 1..]))
}
