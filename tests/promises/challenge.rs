//! A challenge is read as far as it can be, the same whoever writes it down, and sends nobody anywhere that is not in the table.

use pierhead::auth::Challenge;

use super::Promise;
use super::house::HOUSE;

pub const PROMISE: Promise = Promise {
    name: "challenge",
    check,
    pieces: &[
        "Bearer ",
        "Basic ",
        "realm=",
        "service=",
        "scope=",
        "error=",
        "\"https://auth.docker.io/token\"",
        "\"https://quay.io/v2/auth\"",
        "\"registry.docker.io\"",
        "gcr.io",
        "\"",
        "\\",
        ",",
        " ",
        "=",
        "\"repository:library/nginx:pull\"",
        "?scope=x&a=b",
        "@",
        "insufficient_scope",
        "http://",
        "127.0.0.1",
    ],
};

fn check(text: &str) {
    let challenges = Challenge::parse_all(text);
    let words = words(text);
    let written: Vec<_> = challenges.iter().map(|challenge| write(challenge, &words)).collect();
    let again = Challenge::parse_all(&written.join(", "));
    let schemes = |challenges: &[Challenge]| challenges.iter().map(|challenge| challenge.scheme.clone()).collect::<Vec<_>>();
    assert_eq!(schemes(&again), schemes(&challenges), "{text:?}");
    for (old, new) in challenges.iter().zip(&again) {
        assert!(!old.scheme.is_empty() && !old.scheme.bytes().any(|b| b.is_ascii_uppercase()), "{text:?}");
        for word in &words {
            assert_eq!(old.param(word), new.param(word), "{word} of {text:?}");
        }
    }
    HOUSE.with(|house| {
        for realm in challenges.iter().filter_map(Challenge::realm) {
            assert!(realm.query_pairs().all(|(key, _)| key != "scope"), "{realm} has a scope");
            for registry in house.registries.iter().filter(|registry| registry.trusts(&realm)) {
                let of_row =
                    [&registry.origin].into_iter().chain(&registry.realms).any(|url| url.origin() == realm.origin());
                let clean = realm.scheme() == "https" && realm.username().is_empty() && realm.password().is_none();
                assert!(of_row && clean, "{} trusts {realm}", registry.name);
            }
        }
    });
}

/// Whatever could be a parameter's name.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<_> = text.split(|c: char| " \t,=\"\\".contains(c)).map(str::to_ascii_lowercase).collect();
    words.sort_unstable();
    words.dedup();
    words.retain(|word| !word.is_empty());
    words
}

/// A challenge with each value in quotes.
fn write(challenge: &Challenge, words: &[String]) -> String {
    let params = words.iter().filter_map(|word| {
        let value = challenge.param(word)?.replace('\\', r"\\").replace('"', "\\\"");
        Some(format!("{word}=\"{value}\""))
    });
    format!("{} {}", challenge.scheme, params.collect::<Vec<_>>().join(","))
}
