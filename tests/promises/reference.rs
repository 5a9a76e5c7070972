//! Names, tags and references are those of the distribution spec, neither more nor less, and read back as they were.

use pierhead::oci::{Reference, RepositoryName, Tag};

use super::{Promise, grammar};

pub const PROMISE: Promise = Promise {
    name: "reference",
    check,
    pieces: &[
        "library", "/", "nginx", "a", "0", "-", "--", "_", "__", ".", "..", ":", "A", "latest", "1.2.3", "%2f", "sha256:",
        "ä",
    ],
};

fn check(text: &str) {
    let name = text.parse::<RepositoryName>();
    assert_eq!(name.is_ok(), grammar::is_name(text), "{text:?} as a name");
    let tag = text.parse::<Tag>();
    assert_eq!(tag.is_ok(), grammar::is_tag(text), "{text:?} as a tag");
    let reference = text.parse::<Reference>();
    assert_eq!(reference.is_ok(), grammar::is_tag(text) || grammar::is_digest(text), "{text:?} as a reference");
    for parsed in
        [name.map(|n| n.to_string()), tag.map(|t| t.to_string()), reference.map(|r| r.to_string())].into_iter().flatten()
    {
        assert_eq!(parsed, text);
    }
}
