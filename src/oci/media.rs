//! Media types of the things a registry serves.

/// What a manifest request accepts when the client did not say.
///
/// Registries answer a request without these with a schema 1 manifest or a 404 "OCI index found, but accept
/// header does not support OCI indexes" (Docker Hub, ghcr.io, distribution 2.8).
pub const MANIFEST_ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     */*";
