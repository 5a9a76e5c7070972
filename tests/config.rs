//! The settings shown to operators are settings the Worker takes: wrangler.toml and every snippet of the README.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests stop at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;

use pierhead::config::Config;
use serde_json::Value;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Reads a wrangler.toml, or a piece of one, as the Worker would.
fn check(text: &str) -> Config {
    let file: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
    let variables = file.get("vars").cloned().unwrap_or_else(|| toml::Table::new().into());
    let variables: BTreeMap<String, Value> = variables.try_into().unwrap();
    Config::read(&variables).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The fenced blocks of a language.
fn blocks<'a>(markdown: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    markdown.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_shipped_wrangler_toml_is_good() {
    check(&read("wrangler.toml"));
}

#[test]
fn every_snippet_of_the_readme_is_good() {
    let readme = read("README.md");
    let configs: Vec<_> = blocks(&readme, "toml").into_iter().map(check).collect();
    assert!(configs.iter().any(|config| config.registries.by_label("harbor").is_some()), "the REGISTRIES snippet is gone");
    for json in blocks(&readme, "json") {
        serde_json::from_str::<Value>(json).unwrap_or_else(|error| panic!("{error}\n{json}"));
    }
}

#[test]
fn the_readme_names_every_label() {
    let readme = read("README.md");
    for registry in check("").registries.iter() {
        for label in &registry.labels {
            assert!(readme.contains(&format!("`{label}`")), "README.md does not name the label {label}");
        }
    }
}
