//! What the fuzz targets share: the promises of `tests/promises/`, each for any bytes.

#[path = "../../tests/promises/mod.rs"]
pub mod promises;
#[path = "../../tests/world/mod.rs"]
pub mod world;

/// Checks a promise, by its name. An input is a text; what is none is not worth keeping.
pub fn check(name: &str, input: &[u8]) -> libfuzzer_sys::Corpus {
    let Ok(text) = std::str::from_utf8(input) else { return libfuzzer_sys::Corpus::Reject };
    let promise = promises::PROMISES.iter().find(|promise| promise.name == name);
    (promise.expect("a target is named for its promise").check)(text);
    libfuzzer_sys::Corpus::Keep
}
