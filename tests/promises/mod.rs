//! What holds for every input. An input is a text; a promise that is broken is a panic.
//!
//! They are stated once: `tests/properties.rs` makes up inputs for them in `npm test`, and `fuzz/` does so for hours.

mod challenge;
mod config;
mod digest;
mod grammar;
mod house;
mod key;
mod link;
mod location;
mod path;
mod reference;
mod scope;
mod serve;
mod token;

/// Something that is promised of every text.
pub struct Promise {
    /// Its name; that of its corpus and fuzz target too.
    pub name: &'static str,
    /// Whether it is kept.
    pub check: fn(&str),
    /// What interesting inputs are made of.
    pub pieces: &'static [&'static str],
}

/// All promises.
pub const PROMISES: [Promise; 11] = [
    challenge::PROMISE,
    config::PROMISE,
    digest::PROMISE,
    key::PROMISE,
    link::PROMISE,
    location::PROMISE,
    path::PROMISE,
    reference::PROMISE,
    scope::PROMISE,
    serve::PROMISE,
    token::PROMISE,
];
