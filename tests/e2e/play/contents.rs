//! What a played registry answers for what it holds, where it may be read.

use axum::body::Body;
use http::{Method, header};
use serde_json::{Value, json};

use super::answers::{
    NO_SUCH_PAGE, SCHEMA_1, SIGNATURE_DOES_NOT_MATCH, add, fields, fill, follow, ranged, say, set, whole, without_length,
};
use super::shelf::{Held, Manifest, Stored, way};
use super::{Play, split};
use crate::image::Format;
use crate::personality::{Accept, Head, Referrers};
use crate::upstream::{Answer, Asked};

impl Play {
    /// Answers for `<name>/manifests/…` and the like, when all may be read.
    pub(super) fn serve(&self, resource: &str, asked: &Asked) -> Answer {
        let Some((name, what)) = split(resource) else { return say(&NO_SUCH_PAGE, "") };
        let Some(held) = self.held(name) else { return say(&self.manners.denied, name) };
        match what.split_once('/') {
            Some(("manifests", reference)) => self.manifest(&held, reference, asked),
            Some(("blobs", digest)) => self.blob(&held, digest, asked),
            Some(("tags", _)) => self.tags(&held, asked),
            Some(("referrers", digest)) => self.referrers(name, digest),
            _ => say(&NO_SUCH_PAGE, name),
        }
    }

    fn manifest(&self, held: &Held, reference: &str, asked: &Asked) -> Answer {
        let manners = &self.manners.manifests;
        let subject = reference.strip_prefix("sha256-").filter(|_| manners.fallback_is_subject);
        let reference = subject.map_or_else(|| reference.to_owned(), |hex| format!("sha256:{hex}"));
        let Some(mut manifest) = held.manifests.get(&reference) else {
            return say(&manners.unknown, &held.name);
        };
        let accepted: Vec<&str> =
            asked.headers().get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let accepted = accepted.join(",");
        if !accepted.contains(manifest.media) {
            match &manners.accept {
                Accept::Exact(refusal) if manifest.media.contains("oci") => return say(refusal, &held.name),
                Accept::Exact(_) if !reference.contains(':') => {
                    manifest = held.first_of(manifest);
                }
                Accept::OrSchema1 if !accepted.contains("*/*") => return say(&SCHEMA_1, &held.name),
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
            return follow(hop, &held.name, &blob.digest);
        }
        let mut answer = whole(media, blob.bytes.clone());
        if !manners.length {
            *answer.body_mut() = without_length(blob.bytes.clone());
        }
        add(&mut answer, manners.headers, &held.name, &blob.digest);
        if manners.digest {
            set(&mut answer, "docker-content-digest", &blob.digest);
        }
        if manners.etag {
            set(&mut answer, "etag", &etag);
        }
        answer
    }

    fn blob(&self, held: &Held, digest: &str, asked: &Asked) -> Answer {
        let manners = &self.manners.blobs;
        let Some(bytes) = held.blobs.get(digest) else { return say(&manners.unknown, &held.name) };
        match (&manners.head, way(self.manners, digest)) {
            (Head::Refused(refusal), _) if *asked.method() == Method::HEAD => say(refusal, &held.name),
            (Head::Redirected, [hop, ..]) => follow(hop, &held.name, digest),
            (_, [hop, ..]) if *asked.method() == Method::GET => follow(hop, &held.name, digest),
            _ => {
                let mut answer = ranged("application/octet-stream", bytes, asked);
                set(&mut answer, "docker-content-digest", digest);
                answer
            }
        }
    }

    fn tags(&self, held: &Held, asked: &Asked) -> Answer {
        let manners = &self.manners.tags;
        let query = fields(asked.uri().query().unwrap_or("").as_bytes());
        let field = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let wanted = field("n").and_then(|n| n.parse().ok()).filter(|&n: &usize| n > 0);
        let most = wanted.map_or(manners.page, |n| n.min(manners.page));
        let last = field("last").unwrap_or("");
        let rest: Vec<&String> = held.tags.iter().filter(|tag| tag.as_str() > last).collect();
        let page = if manners.link.is_empty() { &rest[..] } else { &rest[..most.min(rest.len())] };
        let body = json!({"name": held.name, "tags": page}).to_string();
        let mut answer = whole("application/json", body.into());
        if page.len() < rest.len() {
            let link = fill(manners.link, &held.name, "");
            let last = page.last().expect("a page is never empty where there is more");
            set(&mut answer, "link", &link.replace("{n}", &most.to_string()).replace("{last}", last));
        }
        answer
    }

    fn referrers(&self, name: &str, digest: &str) -> Answer {
        match &self.manners.referrers {
            Referrers::Missing(page) => say(page, name),
            Referrers::Page(hop, _) => follow(hop, name, digest),
            Referrers::Listed => {
                let own = [&self.public].into_iter().chain(&self.private).find(|own| own.name == name);
                let subject = own.filter(|own| own.oci.index.digest == digest);
                let found: Vec<Value> = subject.map(|own| own.artifact_descriptor()).into_iter().collect();
                let index = json!({"schemaVersion": 2, "mediaType": Format::Oci.index(), "manifests": found});
                whole(Format::Oci.index(), index.to_string().into())
            }
        }
    }

    // --- storage

    pub(super) fn storage(&self, host: &str, stored: &Stored, asked: &Asked) -> Answer {
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
