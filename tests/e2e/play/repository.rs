//! The repositories of a personality.

use serde_json::{Value, json};

use super::ARTIFACT;
use super::shelf::{Held, Parts};
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
}

impl Repository {
    pub fn new(name: &str, more: &[&str]) -> Repository {
        let (oci, docker) = (Image::new(name, "1", Format::Oci), Image::new(name, "docker", Format::Docker));
        let artifact = artifact(name, &oci.index).0;
        let mut tags: Vec<String> = [&oci.tag, &docker.tag].into_iter().cloned().collect();
        tags.extend(more.iter().chain(&["artifact"]).map(|&tag| tag.to_owned()));
        tags.sort();
        Repository { name: name.to_owned(), oci, docker, artifact, tags }
    }

    /// The whole of it. Every tag that is not spoken for names the OCI image.
    pub fn held(&self, for_the_user: bool) -> Held {
        let mut held = Held::new(&self.name, for_the_user);
        for tag in &self.tags {
            let image = if *tag == self.docker.tag { &self.docker } else { &self.oci };
            held.tag(tag, image.into());
        }
        let (artifact, parts) = artifact(&self.name, &self.oci.index);
        held.tag("artifact", Parts::artifact(artifact, parts.to_vec()));
        held
    }

    pub fn artifact_descriptor(&self) -> Value {
        let (digest, size) = (&self.artifact.digest, self.artifact.bytes.len());
        json!({"mediaType": Format::Oci.manifest(), "digest": digest, "size": size, "artifactType": ARTIFACT})
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
