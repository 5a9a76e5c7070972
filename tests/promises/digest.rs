//! A digest is one of the image spec's, and goes through every form of it unchanged.

use pierhead::oci::Digest;

use super::{Promise, grammar};

pub const PROMISE: Promise = Promise {
    name: "digest",
    check,
    pieces: &[
        "sha256",
        "sha512",
        ":",
        "+",
        ".",
        "_",
        "-",
        "=",
        "0123456789abcdef0123456789abcdef",
        "blake3",
        "F",
        "b64u",
        "\n",
        "%3A",
    ],
};

fn check(text: &str) {
    let digest = text.parse::<Digest>();
    assert_eq!(digest.is_ok(), grammar::is_digest(text), "{text:?}");
    let Ok(digest) = digest else { return };
    assert_eq!(digest.to_string(), text);
    let json = serde_json::to_string(&digest).unwrap();
    assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
    assert_eq!(digest.sha256().is_some(), text.starts_with("sha256:"), "{text:?}");
    if let Some(sum) = digest.sha256() {
        assert_eq!(Digest::of_sha256(&sum), digest);
    }
}
