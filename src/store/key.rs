//! What things are kept under.

use crate::config::Config;
use crate::oci::{Accepted, Digest, Tag};
use crate::registry::Registry;

/// One repository's place in the store, for one authority: `1/anonymous/docker.io/library/nginx`.
///
/// Two keys are the same only if all their parts are, whatever words a repository's name is made of: a last component with
/// a colon is a digest, and the one before it tells of what; any other is a tag, with two before it.
#[derive(Clone, Debug)]
pub struct Shelf(String);

impl Shelf {
    /// The place of `repository`, under the registry's own name for it. Its class is that of the authority that is used
    /// for it: what the operator's account may read is not what anybody may.
    #[must_use]
    pub fn of(config: &Config, registry: &Registry, repository: &str) -> Self {
        let class = if config.credentials.contains_key(&registry.name) { "operator" } else { "anonymous" };
        Self(format!("{}/{class}/{}/{repository}", config.cache.epoch, registry.name))
    }

    /// The key of a manifest.
    #[must_use]
    pub fn manifest(&self, digest: &Digest) -> String {
        format!("{}/manifests/{digest}", self.0)
    }

    /// The key of a blob.
    #[must_use]
    pub fn blob(&self, digest: &Digest) -> String {
        format!("{}/blobs/{digest}", self.0)
    }

    /// The key of what a tag points to, for clients that take these types: registries convert.
    #[must_use]
    pub fn tag(&self, tag: &Tag, accepted: Accepted) -> String {
        format!("{}/tags/{}/{tag}", self.0, accepted.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_part_counts() {
        let config = |variables| Config::read(&serde_json::from_value(variables).unwrap()).unwrap();
        let plain = config(json!({}));
        let account = config(json!({"ACCESS": "public", "CREDENTIALS": {"docker.io": "a:b"}, "CACHE": {"epoch": "x"}}));
        let hub = plain.registries.by_name("docker.io").unwrap();
        let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        let shelf = Shelf::of(&plain, &hub, "library/nginx");
        assert_eq!(shelf.manifest(&digest), format!("1/anonymous/docker.io/library/nginx/manifests/{digest}"));
        assert_eq!(shelf.blob(&digest), format!("1/anonymous/docker.io/library/nginx/blobs/{digest}"));
        let tag: Tag = "latest".parse().unwrap();
        let all = Accepted::read("*/*");
        assert_eq!(shelf.tag(&tag, all), "1/anonymous/docker.io/library/nginx/tags/15/latest");
        assert_eq!(
            Shelf::of(&account, &hub, "library/nginx").tag(&tag, all),
            "x/operator/docker.io/library/nginx/tags/15/latest"
        );
    }
}
