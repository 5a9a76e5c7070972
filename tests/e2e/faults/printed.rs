//! What a client prints of a fault, as far as it must.

use super::fault::{Answered, Does, Fault, Place};
use super::page::MESSAGE;
use crate::puller::Puller;

use Place::{Blob, DockerHub, Large, Manifest, Storage, Tokens};
use Puller::{Ctr, DockerClassic, DockerContainerd, Podman};

/// The words that must be in what it prints: the message, wherever a client shows one.
pub fn printed(puller: Puller, fault: Fault) -> Vec<String> {
    let words: &[&str] = match fault.answer {
        Answered::Told(status, _) | Answered::Ours(status, _) => return of_error(puller, fault, status),
        Answered::Waits => &["no word, no end"],
        // podman 4 does not resume.
        Answered::BreaksOff if !fault.once || puller == Podman => &["unexpected EOF"],
        Answered::BreaksOff => &["pulled; it went on by `Range`"],
        Answered::Passes => match puller {
            DockerClassic => &["verification failed"],
            Podman => &["Digest did not match"],
            _ => &["unexpected"], // digest, or end
        },
    };
    words.iter().map(|&words| words.to_owned()).collect()
}

fn of_error(puller: Puller, fault: Fault, status: u16) -> Vec<String> {
    let (blob, containerd) = (matches!(fault.at, Blob | Storage | Large), matches!(puller, Ctr | DockerContainerd));
    let words = match (puller, status) {
        // docker tries a blob again, and 2.1's fetcher once what may pass.
        (DockerClassic, _) if fault.once => "pulled",
        (DockerContainerd, 504) if fault.once => "pulled",
        (DockerClassic, 404) if blob => "unknown blob",
        (Podman, 429) if blob => "too many requests",
        (Podman, _) if blob => return vec![format!("invalid status code from registry {status}")],
        (DockerClassic | Podman, 500..) => return vec![format!("received unexpected HTTP status: {status}")],
        (Ctr | DockerContainerd, 401) => return vec!["pull access denied".to_owned()],
        (Ctr | DockerContainerd, 404) => "not found",
        // A HEAD has no body.
        _ if containerd && !blob && fault.is_met_by_head() => return vec![format!("{status} ")],
        _ => MESSAGE,
    };
    vec![words.to_owned()]
}

impl Fault {
    /// Whether it hits a HEAD of the manifest, too, and not only what comes behind the head of an answer.
    fn is_met_by_head(self) -> bool {
        let in_the_body = matches!(self.does, Does::Lies(_) | Does::Resets | Does::Stalls);
        matches!(self.at, Tokens | Manifest | DockerHub) && !in_the_body
    }
}
