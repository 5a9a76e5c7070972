//! What a played registry holds. It may change while the registry runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::body::Bytes;
use serde_json::Value;

use super::answers::fill;
use crate::image::{Blob, Format, Image, Plain};
use crate::personality::{Hop, Personality};

/// All repositories, and the addresses of storage where their parts are found.
#[derive(Default)]
pub struct Shelf {
    repositories: BTreeMap<String, Arc<Held>>,
    /// By host and target.
    stored: HashMap<(String, String), Stored>,
}

/// One repository.
#[derive(Clone)]
pub struct Held {
    pub name: String,
    pub for_the_user: bool,
    pub tags: Vec<String>,
    /// By tag and by digest.
    pub manifests: BTreeMap<String, Manifest>,
    pub blobs: BTreeMap<String, Bytes>,
}

/// A manifest or index and its media type.
#[derive(Clone)]
pub struct Manifest {
    pub media: &'static str,
    pub blob: Blob,
}

/// Something at an address of its own, and the redirects that are still before it.
#[derive(Clone)]
pub struct Stored {
    pub name: String,
    pub media: &'static str,
    pub blob: Blob,
    pub rest: &'static [Hop],
}

/// An image in the parts that a registry holds: first what the tag names, then the manifests below it.
pub struct Parts {
    manifests: Vec<Manifest>,
    blobs: Vec<Blob>,
}

impl From<&Image> for Parts {
    fn from(image: &Image) -> Parts {
        let top = Manifest { media: image.format.index(), blob: image.index.clone() };
        let media = image.format.manifest();
        let below = image.platforms.iter().map(|platform| Manifest { media, blob: platform.manifest.clone() });
        let blobs = image.platforms.iter().flat_map(|platform| platform.layers.iter().chain([&platform.config]));
        Parts { blobs: blobs.cloned().collect(), manifests: [top].into_iter().chain(below).collect() }
    }
}

impl From<&Plain> for Parts {
    fn from(image: &Plain) -> Parts {
        let manifests = vec![Manifest { media: image.format.manifest(), blob: image.manifest.clone() }];
        Parts { manifests, blobs: image.blobs().cloned().collect() }
    }
}

impl Parts {
    /// Something that is no image.
    pub fn artifact(manifest: Blob, blobs: Vec<Blob>) -> Parts {
        Parts { manifests: vec![Manifest { media: Format::Oci.manifest(), blob: manifest }], blobs }
    }
}

impl Held {
    pub fn new(name: &str, for_the_user: bool) -> Held {
        let (name, tags) = (name.to_owned(), Vec::new());
        Held { name, for_the_user, tags, manifests: BTreeMap::new(), blobs: BTreeMap::new() }
    }

    /// What a list's first entry names: who does not know lists is given that. What is no list stays what it is.
    pub fn first_of<'a>(&'a self, manifest: &'a Manifest) -> &'a Manifest {
        let content: Value = serde_json::from_slice(&manifest.blob.bytes).unwrap_or_default();
        let first = content["manifests"][0]["digest"].as_str();
        first.and_then(|digest| self.manifests.get(digest)).unwrap_or(manifest)
    }

    /// Takes an image in under a tag, which may have named another.
    pub fn tag(&mut self, tag: &str, image: Parts) {
        let top = image.manifests.first().expect("an image has a manifest").clone();
        self.manifests.insert(tag.to_owned(), top);
        let by_digest = image.manifests.into_iter().map(|manifest| (manifest.blob.digest.clone(), manifest));
        self.manifests.extend(by_digest);
        self.blobs.extend(image.blobs.into_iter().map(|blob| (blob.digest, blob.bytes)));
        if !self.tags.iter().any(|known| known == tag) {
            self.tags.push(tag.to_owned());
            self.tags.sort();
        }
    }
}

impl Shelf {
    pub fn get(&self, name: &str) -> Option<Arc<Held>> {
        self.repositories.get(name).cloned()
    }

    pub fn stored(&self, host: &str, target: &str) -> Option<Stored> {
        self.stored.get(&(host.to_owned(), target.to_owned())).cloned()
    }

    /// Holds a repository as it is now.
    pub fn put(&mut self, manners: &'static Personality, held: Held) {
        for (digest, bytes) in &held.blobs {
            let blob = Blob { digest: digest.clone(), bytes: bytes.clone() };
            self.store(manners.origin, way(manners, digest), &held.name, "application/octet-stream", &blob);
        }
        for Manifest { media, blob } in held.manifests.values() {
            self.store(manners.origin, manners.manifests.hop.as_slice(), &held.name, media, blob);
        }
        self.repositories.insert(held.name.clone(), Arc::new(held));
    }

    /// Loses a repository; what storage has of it cannot be found any more.
    pub fn lose(&mut self, name: &str) {
        self.repositories.remove(name);
    }

    /// Puts a blob at the end of its way, and the redirects on the way before it.
    fn store(&mut self, origin: &str, way: &'static [Hop], name: &str, media: &'static str, blob: &Blob) {
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
            let stored = Stored { name: name.to_owned(), media, blob: blob.clone(), rest };
            self.stored.insert((host.clone(), target), stored);
        }
    }
}

/// The way that a blob's storage is reached by.
pub fn way(manners: &Personality, digest: &str) -> &'static [Hop] {
    let Some(most) = manners.blobs.ways.len().checked_sub(1) else { return &[] };
    let any = usize::from_str_radix(&digest[digest.len() - 4..], 16).expect("a hexadecimal digest");
    manners.blobs.ways[any % (most + 1)]
}
