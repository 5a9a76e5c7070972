//! An OCI image layout: what crane and oras leave behind.

use std::path::Path;

use serde_json::Value;

use crate::image::sha256;

/// The folder holds what `digest` names, with all its parts, and each part is what its name says.
pub fn check(folder: &Path, digest: &str) -> Result<(), String> {
    let index = std::fs::read(folder.join("index.json")).map_err(|error| format!("no index.json: {error}"))?;
    let index: Value = serde_json::from_slice(&index).map_err(|error| format!("index.json: {error}"))?;
    let roots = index["manifests"].as_array().map_or(&[][..], Vec::as_slice);
    if !roots.iter().any(|root| root["digest"] == digest) {
        return Err(format!("{digest} is not in {index}"));
    }
    part(folder, digest, true)
}

fn part(folder: &Path, digest: &str, is_manifest: bool) -> Result<(), String> {
    let file = folder.join("blobs").join(digest.replace(':', "/"));
    let bytes = std::fs::read(file).map_err(|error| format!("no {digest}: {error}"))?;
    let got = sha256(&bytes);
    if got != digest {
        return Err(format!("what is stored as {digest} is {got}"));
    }
    if !is_manifest {
        return Ok(());
    }
    let manifest: Value = serde_json::from_slice(&bytes).map_err(|error| format!("{digest}: {error}"))?;
    for (key, is_manifest) in [("manifests", true), ("layers", false), ("config", false)] {
        let children = match &manifest[key] {
            Value::Array(children) => children.iter().collect(),
            Value::Null => Vec::new(),
            child => vec![child],
        };
        for child in children {
            part(folder, child["digest"].as_str().unwrap_or("a part without a digest"), is_manifest)?;
        }
    }
    Ok(())
}
