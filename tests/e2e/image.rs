//! Images made here: real tar.gz layers, a config and a manifest for each platform, and an index over them.

mod plain;

use std::io::Write as _;

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest::{Context, SHA256};
use serde_json::{Value, json};

pub use plain::Plain;

/// Which family of media types an image is written in.
#[derive(Clone, Copy, PartialEq)]
pub enum Format {
    Oci,
    Docker,
}

impl Format {
    pub fn index(self) -> &'static str {
        match self {
            Format::Oci => "application/vnd.oci.image.index.v1+json",
            Format::Docker => "application/vnd.docker.distribution.manifest.list.v2+json",
        }
    }

    pub fn manifest(self) -> &'static str {
        match self {
            Format::Oci => "application/vnd.oci.image.manifest.v1+json",
            Format::Docker => "application/vnd.docker.distribution.manifest.v2+json",
        }
    }

    pub fn config(self) -> &'static str {
        match self {
            Format::Oci => "application/vnd.oci.image.config.v1+json",
            Format::Docker => "application/vnd.docker.container.image.v1+json",
        }
    }

    fn layer(self) -> &'static str {
        match self {
            Format::Oci => "application/vnd.oci.image.layer.v1.tar+gzip",
            Format::Docker => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        }
    }
}

/// Bytes and their name.
#[derive(Clone, Debug)]
pub struct Blob {
    pub digest: String,
    pub bytes: Bytes,
}

impl Blob {
    pub fn new(bytes: impl Into<Bytes>) -> Blob {
        let bytes = bytes.into();
        Blob { digest: sha256(&bytes), bytes }
    }

    pub fn descriptor(&self, media: &str) -> Value {
        json!({"mediaType": media, "digest": self.digest, "size": self.bytes.len()})
    }
}

/// An image for several platforms.
pub struct Image {
    /// The repository as its registry knows it: `library/hello`.
    pub name: String,
    pub tag: String,
    pub format: Format,
    pub index: Blob,
    pub platforms: Vec<Platform>,
}

/// One platform's part of an image.
pub struct Platform {
    pub manifest: Blob,
    pub config: Blob,
    pub layers: Vec<Blob>,
}

impl Image {
    /// `name:tag` for linux/amd64 and linux/arm64 (in this order), three layers each.
    pub fn new(name: &str, tag: &str, format: Format) -> Image {
        let platforms = ["amd64", "arm64"].map(|architecture| {
            let platform = Platform::new(name, tag, format, architecture);
            let mut descriptor = platform.manifest.descriptor(format.manifest());
            descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
            (platform, descriptor)
        });
        let (platforms, descriptors): (Vec<_>, Vec<_>) = platforms.into_iter().unzip();
        let index = json!({"schemaVersion": 2, "mediaType": format.index(), "manifests": descriptors});
        Image { name: name.to_owned(), tag: tag.to_owned(), format, index: Blob::new(index.to_string()), platforms }
    }

    /// The platform every client of these tests runs on.
    pub fn here(&self) -> &Platform {
        &self.platforms[usize::from(std::env::consts::ARCH == "aarch64")]
    }
}

impl Platform {
    fn new(name: &str, tag: &str, format: Format, architecture: &str) -> Platform {
        let contents = ["etc/motd", "usr/share/hello/platform", "usr/share/hello/name"];
        let tars = contents.map(|path| tar(path, format!("{path} of {name}:{tag} on {architecture}\n").as_bytes()));
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/hello"], "Env": ["PATH=/"]},
            "rootfs": {"type": "layers", "diff_ids": tars.each_ref().map(|tar| sha256(tar))},
            "history": contents.map(|path| json!({"created_by": format!("copy {path}")})),
        });
        let config = Blob::new(config.to_string());
        let layers = tars.map(|tar| Blob::new(gzip(&tar)));
        let manifest = manifest(
            format,
            config.descriptor(format.config()),
            layers.iter().map(|layer| layer.descriptor(format.layer())).collect(),
        );
        Platform { manifest, config, layers: layers.to_vec() }
    }
}

fn manifest(format: Format, config: Value, layers: Vec<Value>) -> Blob {
    let manifest = json!({
        "schemaVersion": 2, "mediaType": format.manifest(), "config": config, "layers": layers,
    });
    Blob::new(manifest.to_string())
}

fn tar(path: &str, content: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, path, content).expect("a tar entry in memory");
    builder.into_inner().expect("a tar in memory")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("gzip in memory");
    encoder.finish().expect("gzip in memory")
}

/// `sha256:<hex>` of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    let mut hash = Hash::default();
    hash.update(bytes);
    hash.finish()
}

/// The same for bytes that come in pieces.
pub struct Hash(Context);

impl Default for Hash {
    fn default() -> Hash {
        Hash(Context::new(&SHA256))
    }
}

impl Hash {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(self) -> String {
        let digest = self.0.finish();
        let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
        format!("sha256:{}", hex.collect::<String>())
    }
}

/// A layer too large to keep in memory: incompressible, and any part of it can be made again.
#[derive(Clone, Copy)]
pub struct LargeLayer {
    pub size: u64,
}

impl LargeLayer {
    const BLOCK: u64 = 1 << 20;

    /// The layer from start to end, a MiB at a time.
    pub fn blocks(self) -> impl Iterator<Item = Bytes> + Send + 'static {
        assert_eq!(self.size % Self::BLOCK, 0, "a whole number of blocks");
        (0..self.size / Self::BLOCK).map(Self::block)
    }

    /// The bytes of an inclusive range, as HTTP counts it.
    pub fn range(self, first: u64, last: u64) -> Bytes {
        let blocks = first / Self::BLOCK..=last / Self::BLOCK;
        let bytes: Vec<u8> = blocks.clone().flat_map(Self::block).collect();
        let from = usize::try_from(first - blocks.start() * Self::BLOCK).expect("less than a block");
        let length = usize::try_from(last - first + 1).expect("a range that fits memory");
        Bytes::from(bytes).slice(from..from + length)
    }

    /// Block `index`: xorshift64*, seeded by the index.
    fn block(index: u64) -> Bytes {
        let mut state = index + 0x9e37_79b9_7f4a_7c15;
        let mut bytes = Vec::with_capacity(1 << 20);
        while bytes.len() < 1 << 20 {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
        }
        Bytes::from(bytes)
    }

    /// A one-platform manifest over this layer, and its config.
    pub fn image(self, digest: &str) -> (Blob, Blob) {
        let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest]}});
        let config = Blob::new(config.to_string());
        let layer = json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": self.size,
        });
        (manifest(Format::Oci, config.descriptor(Format::Oci.config()), vec![layer]), config)
    }
}
