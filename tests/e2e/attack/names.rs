//! The names that belong to one case alone: what the Worker learns of a registry, no other case must see.

use crate::client::MANIFESTS;
use crate::image::sha256;
use crate::token_server::basic;

use super::script::IMAGE;

/// A case's own hosts and credentials.
#[derive(Clone)]
pub struct Names(Vec<(&'static str, String)>);

impl Names {
    pub fn of(case: &str) -> Names {
        let registry = format!("{case}.attack.test");
        // On a gateway a login belongs to the registry that its user name begins with.
        let user = basic((&format!("{registry}/alice"), "hunter2-password"));
        Names(vec![
            ("{user}", user.trim_start_matches("Basic ").to_owned()),
            ("{REGISTRY}", registry.to_ascii_uppercase()),
            ("{elsewhere}", format!("{case}.elsewhere.test")),
            ("{registry}", registry),
            ("{case}", case.to_owned()),
            ("{digest}", sha256(IMAGE.as_bytes())),
            ("{accept}", MANIFESTS.to_owned()),
        ])
    }

    /// The text with every `{…}` replaced that is one of these.
    pub fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (key, value)| text.replace(key, value))
    }
}
