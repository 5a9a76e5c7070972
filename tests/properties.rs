//! What holds for every input (`tests/promises/`), shown for made-up ones, and for those that are kept in `fuzz/`.
//!
//! An input that breaks a promise is printed, as small as it could be made. It is kept by putting it into
//! `fuzz/seeds/<promise>/`, under a name that says what it shows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests stop at the first surprise"
)]

mod promises;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

use promises::{PROMISES, Promise};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// How many inputs are made up for each promise: all of them are tested in some ten seconds.
const INPUTS: u32 = 2000;

#[test]
fn promises_are_kept_for_what_is_kept() {
    for promise in &PROMISES {
        let kept = kept(promise);
        assert!(!kept.is_empty(), "{} has no seeds", promise.name);
        let target = format!("{}/fuzz/fuzz_targets/{}.rs", env!("CARGO_MANIFEST_DIR"), promise.name);
        assert!(Path::new(&target).exists(), "{} has no fuzz target", promise.name);
        for (path, text) in kept {
            println!("{}", path.display());
            (promise.check)(&text);
        }
    }
}

#[test]
fn promises_are_kept_for_what_is_made_up() {
    for promise in &PROMISES {
        let config = Config { cases: INPUTS, failure_persistence: None, ..Config::default() };
        let broken = TestRunner::new(config).run(&inputs(promise), |text| {
            let check = promise.check;
            std::panic::catch_unwind(|| check(&text)).map_err(|panic| {
                let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref().copied());
                TestCaseError::fail(message.unwrap_or_default().to_owned())
            })
        });
        broken.unwrap_or_else(|error| panic!("{}: {error}", promise.name));
    }
}

/// Built of pieces, or one that is kept with a piece put into it.
fn inputs(promise: &'static Promise) -> impl Strategy<Value = String> {
    let piece = || prop_oneof![8 => select(promise.pieces).prop_map(str::to_owned), 1 => "[ -~]{0,6}", 1 => any::<String>()];
    let built = prop::collection::vec(piece(), 0..16).prop_map(|pieces| pieces.concat());
    let kept: Vec<_> = kept(promise).into_iter().map(|(_, text)| text).filter(|text| text.len() < 4096).collect();
    let place = (any::<Index>(), 0..8usize, piece());
    let changed = (select(kept), prop::collection::vec(place, 1..4)).prop_map(|(mut text, places)| {
        for (at, length, piece) in places {
            let ends: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let start = at.index(ends.len());
            let end = ends[(start + length).min(ends.len() - 1)];
            text.replace_range(ends[start]..end, &piece);
        }
        text
    });
    prop_oneof![1 => built, 1 => changed]
}

/// The inputs that are kept; what serves a flow serves as one too.
fn kept(promise: &Promise) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("fuzz/seeds").join(promise.name), root.join("fuzz/corpus").join(promise.name)];
    if promise.name == "serve" {
        folders.push(root.join("tests/flows"));
    }
    let mut paths: Vec<_> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten())
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    // A fuzzer makes inputs of bytes; what is no text is no input.
    paths.into_iter().filter_map(|path| Some((path.clone(), String::from_utf8(fs::read(path).unwrap()).ok()?))).collect()
}
