//! The nouns of registry authentication: challenges, scopes, credentials, tokens.
//!
//! Sources: RFC 9110 section 11 (challenges), RFC 7617 (Basic), and distribution's token specification
//! <https://distribution.github.io/distribution/spec/auth/token/>.

mod authorization;
mod basic;
mod challenge;
mod pass;
mod reply;
mod scope;

pub use authorization::{Authorization, bearer};
pub use basic::Basic;
pub use challenge::{BearerChallenge, Challenge};
pub use pass::{ANONYMOUS_LIFE, Pass, PassKind, Sealed};
pub use reply::{ReplyError, TokenReply};
pub use scope::Scope;
