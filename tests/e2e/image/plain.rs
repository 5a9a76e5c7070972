//! Images for one platform.

use axum::body::Bytes;
use serde_json::json;

use super::{Blob, Format, Platform, manifest};

/// An image for this machine alone: its tag names the manifest itself, there is no index.
pub struct Plain {
    pub format: Format,
    pub manifest: Blob,
    config: Blob,
    layers: Vec<Blob>,
}

/// What Linux images call this machine.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

impl Plain {
    /// The image that `name:version` is about, with three layers.
    pub fn new(name: &str, version: &str, format: Format) -> Plain {
        let Platform { manifest, config, layers } = Platform::new(name, version, format, ARCHITECTURE);
        Plain { format, manifest, config, layers }
    }

    /// An image of one layer that is no archive: nobody can unpack it.
    pub fn over(layer: impl Into<Bytes>) -> Plain {
        let (format, layer) = (Format::Oci, Blob::new(layer));
        let root = json!({"type": "layers", "diff_ids": [layer.digest]});
        let config = Blob::new(json!({"architecture": ARCHITECTURE, "os": "linux", "rootfs": root}).to_string());
        let descriptor = layer.descriptor("application/vnd.oci.image.layer.v1.tar");
        let manifest = manifest(format, config.descriptor(format.config()), vec![descriptor]);
        Plain { format, manifest, config, layers: vec![layer] }
    }

    /// Config and layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.layers.iter().chain([&self.config])
    }

    /// The first layer.
    pub fn layer(&self) -> &Blob {
        self.layers.first().expect("every image has one")
    }
}
