//! The nouns of the OCI distribution specification, each parsed once.
//!
//! A value of one of these types is valid by construction: nobody behind the parser checks again.
//! Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>.

mod digest;
mod endpoint;
mod error;
mod media;
mod name;
mod reference;

pub use digest::Digest;
pub use endpoint::{Endpoint, Resource};
pub use error::{Code, ErrorBody, OciError};
pub use media::{Accepted, MANIFEST_ACCEPT, is_manifest};
pub use name::RepositoryName;
pub use reference::{Reference, Tag};
