//! Images for one platform.

use axum::body::Bytes;
use serde_json::json;

use super::{Blob, Format, Platform, gzip, manifest, sha256, tar};

/// An image for this machine alone: its tag names the manifest itself, there is no index.
#[derive(Clone)]
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

    /// The image that `name` is about, with a small layer and one of at least so many bytes.
    pub fn with_layer_of(name: &str, size: usize) -> Plain {
        let format = Format::Oci;
        let mut noise = 1_u64; // nothing makes it smaller
        let content = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (noise >> 56) as u8
        });
        let tars = [tar("etc/motd", name.as_bytes()), tar("usr/share/noise", &content.take(size).collect::<Vec<u8>>())];
        let root = json!({"type": "layers", "diff_ids": tars.each_ref().map(|tar| sha256(tar))});
        let config = Blob::new(json!({"architecture": ARCHITECTURE, "os": "linux", "rootfs": root}).to_string());
        let layers = tars.map(|tar| Blob::new(gzip(&tar)));
        let descriptors = layers.iter().map(|layer| layer.descriptor(format.layer())).collect();
        let manifest = manifest(format, config.descriptor(format.config()), descriptors);
        Plain { format, manifest, config, layers: layers.to_vec() }
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

    /// The last one.
    pub fn last_layer(&self) -> &Blob {
        self.layers.last().expect("every image has one")
    }
}
