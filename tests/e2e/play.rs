//! A registry in memory that behaves as its [`Personality`] says: the registry proper, its token server, its storage.

mod answers;
mod repository;
mod tokens;

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Method, header};
use serde_json::{Value, json};

use answers::{
    NO_SUCH_PAGE, SCHEMA_1, SIGNATURE_DOES_NOT_MATCH, WELCOME, add, fields, fill, follow, ranged, redirect, say, set, whole,
    without_length,
};
use repository::Manifest;
pub use repository::Repository;

use crate::image::{Blob, Format};
use crate::personality::{Accept, Head, Hop, Personality, Referrers, Wants};
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
    /// What storage has, by host and target.
    stored: HashMap<(String, String), Stored>,
    /// The tokens given out, and what they are good for.
    tokens: Mutex<HashMap<String, Authority>>,
    /// How many that were.
    given: AtomicUsize,
}

/// Something at an address of its own, and the redirects that are still before it.
struct Stored {
    name: String,
    media: &'static str,
    blob: Blob,
    rest: &'static [Hop],
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
    pub fn new(manners: &'static Personality) -> Arc<Play> {
        let public = Repository::new(manners.public, manners.tags.more);
        let private = manners.private.map(|name| Repository::new(name, manners.tags.more));
        let mut stored = HashMap::new();
        for repository in [&public].into_iter().chain(&private) {
            for (digest, bytes) in &repository.blobs {
                let blob = Blob { digest: digest.clone(), bytes: bytes.clone() };
                let way = way(manners, digest);
                store(&mut stored, manners.origin, way, &repository.name, "application/octet-stream", &blob);
            }
            for Manifest { media, blob } in repository.manifests.values() {
                store(&mut stored, manners.origin, manners.manifests.hop.as_slice(), &repository.name, media, blob);
            }
        }
        Arc::new(Play { manners, public, private, stored, tokens: Mutex::default(), given: AtomicUsize::new(0) })
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
            let host = Host::scripted(move |asked| play.answer(name, asked));
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
        if let Some(stored) = self.stored.get(&(host.to_owned(), target.to_owned())) {
            return self.storage(host, stored, asked);
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
        let Some((name, _)) = split(resource) else { return say(&NO_SUCH_PAGE, "") };
        let may = match self.authority(asked) {
            Authority::Bad => return say(&manners.bad_token, name),
            Authority::None => manners.wants == Wants::Nothing && self.readable(name, false),
            Authority::Good { user, repositories } => {
                let named = repositories.is_none_or(|names| names.iter().any(|known| known == name));
                if !(named && self.readable(name, user)) {
                    return say(&manners.denied, name);
                }
                true
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
        self.serve(resource, asked)
    }

    /// Whether the public, or the user, may read a repository, for all that this registry knows.
    fn readable(&self, name: &str, user: bool) -> bool {
        let public = name == self.public.name || self.manners.refusing.iter().any(|(refusing, _)| *refusing == name);
        match self.manners.wants {
            Wants::Login => user && public,
            _ => public || user && self.private.as_ref().is_some_and(|private| private.name == name),
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

    // --- what is in a repository

    /// Answers for `<name>/manifests/…` and the like, when all may be read.
    fn serve(&self, resource: &str, asked: &Asked) -> Answer {
        let Some((name, what)) = split(resource) else { return say(&NO_SUCH_PAGE, "") };
        let known = [&self.public].into_iter().chain(&self.private).find(|repository| repository.name == name);
        let Some(repository) = known else { return say(&self.manners.denied, name) };
        match what.split_once('/') {
            Some(("manifests", reference)) => self.manifest(repository, reference, asked),
            Some(("blobs", digest)) => self.blob(repository, digest, asked),
            Some(("tags", _)) => self.tags(repository, asked),
            Some(("referrers", digest)) => self.referrers(repository, digest),
            _ => say(&NO_SUCH_PAGE, name),
        }
    }

    fn manifest(&self, repository: &Repository, reference: &str, asked: &Asked) -> Answer {
        let manners = &self.manners.manifests;
        let subject = reference.strip_prefix("sha256-").filter(|_| manners.fallback_is_subject);
        let reference = subject.map_or_else(|| reference.to_owned(), |hex| format!("sha256:{hex}"));
        let Some(mut manifest) = repository.manifests.get(&reference) else {
            return say(&manners.unknown, &repository.name);
        };
        let accepted: Vec<&str> =
            asked.headers().get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let accepted = accepted.join(",");
        if !accepted.contains(manifest.media) {
            match &manners.accept {
                Accept::Exact(refusal) if manifest.media.contains("oci") => return say(refusal, &repository.name),
                Accept::Exact(_) if !reference.contains(':') => {
                    manifest = &repository.manifests[&repository.docker.platforms[0].manifest.digest];
                }
                Accept::OrSchema1 if !accepted.contains("*/*") => return say(&SCHEMA_1, &repository.name),
                _ => {}
            }
        }
        let Manifest { media, blob } = manifest;
        let etag = format!("\"{}\"", blob.digest);
        let known = asked.headers().get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes());
        if manners.etag && known {
            return http::Response::builder().status(304).header(header::ETAG, etag).body(Body::empty()).expect("an answer");
        }
        if let Some(hop) = manners.hop.as_ref().filter(|_| *asked.method() == Method::GET) {
            return follow(hop, &repository.name, &blob.digest);
        }
        let mut answer = whole(media, blob.bytes.clone());
        if !manners.length {
            *answer.body_mut() = without_length(blob.bytes.clone());
        }
        add(&mut answer, manners.headers, &repository.name, &blob.digest);
        if manners.digest {
            set(&mut answer, "docker-content-digest", &blob.digest);
        }
        if manners.etag {
            set(&mut answer, "etag", &etag);
        }
        answer
    }

    fn blob(&self, repository: &Repository, digest: &str, asked: &Asked) -> Answer {
        let manners = &self.manners.blobs;
        let Some(bytes) = repository.blobs.get(digest) else { return say(&manners.unknown, &repository.name) };
        match (&manners.head, way(self.manners, digest)) {
            (Head::Refused(refusal), _) if *asked.method() == Method::HEAD => say(refusal, &repository.name),
            (Head::Redirected, [hop, ..]) => follow(hop, &repository.name, digest),
            (_, [hop, ..]) if *asked.method() == Method::GET => follow(hop, &repository.name, digest),
            _ => {
                let mut answer = ranged("application/octet-stream", bytes, asked);
                set(&mut answer, "docker-content-digest", digest);
                answer
            }
        }
    }

    fn tags(&self, repository: &Repository, asked: &Asked) -> Answer {
        let manners = &self.manners.tags;
        let query = fields(asked.uri().query().unwrap_or("").as_bytes());
        let field = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let wanted = field("n").and_then(|n| n.parse().ok()).filter(|&n: &usize| n > 0);
        let most = wanted.map_or(manners.page, |n| n.min(manners.page));
        let last = field("last").unwrap_or("");
        let rest: Vec<&String> = repository.tags.iter().filter(|tag| tag.as_str() > last).collect();
        let page = if manners.link.is_empty() { &rest[..] } else { &rest[..most.min(rest.len())] };
        let body = json!({"name": repository.name, "tags": page}).to_string();
        let mut answer = whole("application/json", body.into());
        if page.len() < rest.len() {
            let link = fill(manners.link, &repository.name, "");
            let last = page.last().expect("a page is never empty where there is more");
            set(&mut answer, "link", &link.replace("{n}", &most.to_string()).replace("{last}", last));
        }
        answer
    }

    fn referrers(&self, repository: &Repository, digest: &str) -> Answer {
        match &self.manners.referrers {
            Referrers::Missing(page) => say(page, &repository.name),
            Referrers::Page(hop, _) => follow(hop, &repository.name, digest),
            Referrers::Listed => {
                let artifact = &repository.artifact;
                let descriptor = json!({
                    "mediaType": Format::Oci.manifest(), "digest": artifact.digest, "size": artifact.bytes.len(),
                    "artifactType": ARTIFACT,
                });
                let found = if digest == repository.oci.index.digest { vec![descriptor] } else { Vec::new() };
                let index = json!({"schemaVersion": 2, "mediaType": Format::Oci.index(), "manifests": found});
                whole(Format::Oci.index(), index.to_string().into())
            }
        }
    }

    // --- storage

    fn storage(&self, host: &str, stored: &Stored, asked: &Asked) -> Answer {
        if let Some(hop) = stored.rest.first() {
            return follow(hop, &stored.name, &stored.blob.digest);
        }
        let store = &self.manners.blobs.store;
        let own = host == self.manners.origin;
        if let Some(refusal) = store.authorization.filter(|_| !own && asked.headers().contains_key(header::AUTHORIZATION)) {
            return say(&refusal, "");
        }
        if store.get_only && *asked.method() == Method::HEAD {
            return say(&SIGNATURE_DOES_NOT_MATCH, "");
        }
        let mut answer = ranged(stored.media, &stored.blob.bytes, asked);
        set(&mut answer, "cache-control", "public, max-age=14400");
        answer
    }
}

/// The way that a blob's storage is reached by.
fn way(manners: &Personality, digest: &str) -> &'static [Hop] {
    let Some(most) = manners.blobs.ways.len().checked_sub(1) else { return &[] };
    let any = usize::from_str_radix(&digest[digest.len() - 4..], 16).expect("a hexadecimal digest");
    manners.blobs.ways[any % (most + 1)]
}

/// Puts a blob at the end of its way, and the redirects on the way before it.
fn store(
    stored: &mut HashMap<(String, String), Stored>,
    origin: &str,
    way: &'static [Hop],
    name: &str,
    media: &'static str,
    blob: &Blob,
) {
    let mut host = origin.to_owned();
    for (done, hop) in way.iter().enumerate() {
        let location = fill(hop.location, name, &blob.digest);
        let target = match location.strip_prefix("https://") {
            None => location,
            Some(absolute) => {
                let (there, target) = absolute.split_once('/').expect("an address has a path");
                host = there.to_owned();
                format!("/{target}")
            }
        };
        let rest = &way[done + 1..];
        stored.insert((host.clone(), target), Stored { name: name.to_owned(), media, blob: blob.clone(), rest });
    }
}

/// `<name>/manifests/<reference>` and the like in two. The last of the words counts: names hold them too.
fn split(resource: &str) -> Option<(&str, &str)> {
    let at = ["/manifests/", "/blobs/", "/tags/list", "/referrers/"].iter().filter_map(|word| resource.rfind(word)).max()?;
    Some((&resource[..at], &resource[at + 1..]))
}
