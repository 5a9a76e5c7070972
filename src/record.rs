//! The one log line of a request.

use serde::{Serialize, Serializer};

use crate::access::Access;
use crate::oci::OciError;
use crate::store::Place;

/// What is known of a request when it ends. Never a credential, a token or a signed query.
#[derive(Debug, Default, Serialize)]
pub struct Record {
    /// Cloudflare's id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The method.
    pub method: String,
    /// The host the client asked.
    pub host: String,
    /// The canonical name of the registry it is routed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// `ping`, `manifest`, `blob`, `tags`, `referrers`, `token`, `site`, `v1`, `gate` (a stranger), `fill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<&'static str>,
    /// The repository at the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tag or digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The user of this proxy's own who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What the client presented to the registry: `none`, `anonymous`, `token`, `basic`, `bearer`, `refresh`; `user`, where it
    /// was for the gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presented: Option<&'static str>,
    /// What came of asking the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<Outcome>,
    /// The status the client got; 499 where it hung up before there was an answer.
    pub status: u16,
    /// Host and status of the last upstream asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_status: Option<u16>,
    /// How many upstream requests were made, token servers and redirects included.
    pub attempts: u32,
    /// From the first byte read to the answer's headers, or until its client was found gone, in milliseconds.
    pub duration_ms: u64,
    /// The code of an error of our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// Its message, and what the platform said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// What came of asking the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was there.
    Hit(Place),
    /// It was there, and nobody could be asked whether it is still true.
    Stale,
    /// It was not there.
    Miss,
    /// The store was not asked: the client's own credentials, or nothing that is kept.
    Bypass,
}

impl Outcome {
    /// What the client is told, in `x-pierhead-cache`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit(_) => "hit",
            Self::Stale => "stale",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Hit(place) => place.as_str(),
            other => other.as_str(),
        })
    }
}

/// How much of a message is kept, in characters: an upstream may say as much as it likes.
const MAX_CAUSE: usize = 300;

impl Record {
    /// Notes an error of ours, with what the platform said.
    pub fn fail(&mut self, error: &OciError) {
        self.error = Some(error.code.as_str());
        self.explain(&error.cause.iter().fold(error.message.clone(), |text, cause| format!("{text}: {cause}")));
    }

    /// Notes why, in words, behind what was noted before: of several hosts each had its reason.
    pub fn explain(&mut self, cause: &str) {
        let before = self.cause.take().filter(|before| !cause.starts_with(before.as_str()));
        let all = before.map_or_else(|| cause.to_owned(), |before| format!("{before}; {cause}"));
        self.cause = Some(all.chars().take(MAX_CAUSE).collect());
    }

    /// The line, without the keys of `access`, whatever repeated them.
    #[must_use]
    pub fn to_line(&self, access: Option<&Access>) -> String {
        // A struct of texts and numbers always serializes; an empty line would still be better than a panic.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        if let Some(access) = access {
            access.hide(&mut line);
        }
        line
    }
}
