//! pierhead: a pull proxy for container registries, as one Cloudflare Worker.
//!
//! A client asks the operator's own host; the Worker asks the registry, its token server and its storage, follows the
//! redirects, and answers under the client's own names. The life of a request is [`proxy::Proxy::serve`]:
//!
//! ```text
//! edge     the only module that knows Cloudflare
//!   proxy  the life of a request
//!     access     who asks, and may they
//!     route      where does it go, what is asked      (registry, config)
//!     token      the token endpoint                   (auth, ownership)
//!     ping       GET /v2/
//!     search     Docker Hub's, for `docker search`
//!     pull       manifests, blobs, tags, referrers    (range)
//!       store      what is kept                         (memory)
//!       upstream   whom to ask; one registry request: tokens, redirects   (memory, headers)
//!     answer     what goes back; every error           (oci)
//! ```
//!
//! Everything but the edge is plain Rust without clock, randomness or IO: see [`platform::Platform`].

pub mod access;
pub mod answer;
pub mod auth;
pub mod config;
#[cfg(target_arch = "wasm32")]
mod edge;
pub mod exchange;
mod gate;
pub mod headers;
pub mod memory;
pub mod oci;
mod ownership;
mod ping;
pub mod platform;
pub mod proxy;
mod pull;
pub mod range;
pub mod record;
pub mod registry;
pub mod route;
mod search;
pub mod secret;
mod site;
pub mod store;
mod token;
pub mod upstream;
