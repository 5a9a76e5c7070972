//! A scope reads back as it was, and can stand in a challenge.

use pierhead::auth::{Challenge, Scope};

use super::{Promise, grammar};

pub const PROMISE: Promise = Promise {
    name: "scope",
    check,
    pieces: &[
        "repository",
        "(plugin)",
        ":",
        "library/nginx",
        "pull",
        "push",
        ",",
        "*",
        "registry:catalog:*",
        "aws",
        "ghcr.io/o/i",
        "\"",
        "\\",
        " ",
    ],
};

fn check(text: &str) {
    if grammar::is_name(text) {
        let Some(Scope::Repository { name, actions, .. }) = Scope::parse(&Scope::pull(text)) else { panic!("{text:?}") };
        assert_eq!((name.as_str(), &*actions), (text, "pull"));
    }
    let Some(scope) = Scope::parse(text) else { return };
    assert_eq!(scope.to_string(), text);
    if let Scope::Repository { name, .. } = &scope {
        assert!(grammar::is_name(name.as_str()), "{text:?}");
    }
    let challenges = Challenge::parse_all(&format!("Bearer scope=\"{scope}\",error=\"invalid_token\""));
    let [challenge] = challenges.as_slice() else { panic!("{text:?} leaves its quotes") };
    assert_eq!((challenge.param("scope"), challenge.param("error")), (Some(text), Some("invalid_token")));
}
