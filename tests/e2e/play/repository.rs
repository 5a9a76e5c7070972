//! What is in a played repository.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde_json::json;

use super::ARTIFACT;
use crate::image::{Blob, Format, Image};

/// A repository: one image in both families of media types, and an artifact that refers to it.
pub struct Repository {
    pub name: String,
    /// `:1`
    pub oci: Image,
    /// `:docker`
    pub docker: Image,
    /// `:artifact`
    pub artifact: Blob,
    pub tags: Vec<String>,
    pub manifests: BTreeMap<String, Manifest>,
    pub blobs: BTreeMap<String, Bytes>,
}

/// A manifest or index and its media type.
#[derive(Clone)]
pub struct Manifest {
    pub media: &'static str,
    pub blob: Blob,
}

impl Repository {
    pub fn new(name: &str, more: &[&str]) -> Repository {
        let (oci, docker) = (Image::new(name, "1", Format::Oci), Image::new(name, "docker", Format::Docker));
        let (mut manifests, mut blobs) = (BTreeMap::new(), BTreeMap::new());
        let mut tags: Vec<String> = more.iter().map(|&tag| tag.to_owned()).collect();
        for image in [&oci, &docker] {
            let index = Manifest { media: image.format.index(), blob: image.index.clone() };
            manifests.insert(image.tag.clone(), index.clone());
            manifests.insert(image.index.digest.clone(), index);
            tags.push(image.tag.clone());
            for platform in &image.platforms {
                let manifest = Manifest { media: image.format.manifest(), blob: platform.manifest.clone() };
                manifests.insert(platform.manifest.digest.clone(), manifest);
                let all = platform.layers.iter().chain([&platform.config]);
                blobs.extend(all.map(|blob| (blob.digest.clone(), blob.bytes.clone())));
            }
        }
        for tag in more {
            manifests.insert((*tag).to_owned(), manifests[&oci.tag].clone());
        }
        let (artifact, parts) = artifact(name, &oci.index);
        blobs.extend(parts.into_iter().map(|blob| (blob.digest, blob.bytes)));
        let manifest = Manifest { media: Format::Oci.manifest(), blob: artifact.clone() };
        manifests.insert("artifact".to_owned(), manifest.clone());
        manifests.insert(artifact.digest.clone(), manifest);
        tags.push("artifact".to_owned());
        tags.sort();
        Repository { name: name.to_owned(), oci, docker, artifact, tags, manifests, blobs }
    }
}

/// A manifest that is no image, as `oras` and `helm` push them, and its blobs.
fn artifact(name: &str, subject: &Blob) -> (Blob, [Blob; 2]) {
    let config = Blob::new("{}");
    let chart = Blob::new(format!("the chart of {name}\n"));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": Format::Oci.manifest(),
        "artifactType": ARTIFACT,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config.digest, "size": config.bytes.len()},
        "layers": [{
            "mediaType": "text/plain", "digest": chart.digest, "size": chart.bytes.len(),
            "annotations": {"org.opencontainers.image.title": "chart.txt"},
        }],
        "subject": {"mediaType": Format::Oci.index(), "digest": subject.digest, "size": subject.bytes.len()},
    });
    (Blob::new(manifest.to_string()), [config, chart])
}
