//! What is kept.

use pierhead::oci::Digest;

use super::Sent;
use crate::world::{Stage, sha256};

/// What is in the tiers, by name.
pub fn names(stage: &Stage) -> Vec<String> {
    let tiers = stage.tiers.borrow();
    let mut names: Vec<_> =
        tiers.iter().flat_map(|(tier, kept)| kept.keys().map(move |key| format!("{tier:?} {key}"))).collect();
    names.sort_unstable();
    names
}

/// What is kept under a digest has it.
pub fn check(stage: &Stage) {
    for (key, (_, bytes)) in stage.tiers.borrow().iter().flat_map(|(_, kept)| kept) {
        if let Ok(digest) = key.rsplit('/').next().unwrap_or_default().parse::<Digest>() {
            assert_eq!(Digest::of_sha256(&sha256(bytes)), digest, "{key}");
        }
    }
}

/// Bytes that are held are as many as is said, and a part of them is within them.
pub fn is_sound(body: &Sent) -> bool {
    match body {
        Sent::Held(held, part) => {
            held.bytes.len() as u64 == held.length
                && part.as_ref().is_none_or(|part| part.start() <= part.end() && *part.end() < held.length)
        }
        _ => true,
    }
}
