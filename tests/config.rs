//! The settings shown to operators are settings the Worker takes: wrangler.toml and every snippet of the README.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests stop at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;

use pierhead::auth::Basic;
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
    let variables = with_secrets(variables);
    Config::read(&variables).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// With the secrets that its `ACCESS` asks for.
fn with_secrets(mut variables: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let access = variables.get("ACCESS").map(Value::to_string).unwrap_or_default();
    let mut secret = |mode: &str, name: &str, value: &str| {
        if access.contains(mode) {
            variables.insert(name.to_owned(), value.into());
        }
    };
    secret("users", "USERS", &format!(r#"{{"alice": "sha256:{}"}}"#, "0".repeat(64)));
    secret("users", "SIGNING_KEYS", &"k".repeat(43));
    secret("path", "PATH_SECRET", &"k".repeat(32));
    variables
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

/// What the scripts print is what the Worker takes.
#[test]
fn the_scripts_make_secrets_that_are_good() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.json");
    let node = |script: &str, arguments: &[&str]| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(script);
        let output = std::process::Command::new("node").arg(script).args(arguments).output().expect("node runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let first = |text: &str| text.lines().next().unwrap().to_owned();
    let file_argument = ["--file", file.to_str().unwrap()];
    let added = node("user.mjs", &[&["add", "alice"][..], &file_argument].concat());
    node("user.mjs", &[&["add", "bob"][..], &file_argument].concat());
    assert_eq!(node("user.mjs", &[&["list"][..], &file_argument].concat()), "alice\nbob\n");
    let variables = BTreeMap::from([
        ("ACCESS".to_owned(), serde_json::json!(["users", "path"])),
        ("USERS".to_owned(), std::fs::read_to_string(&file).unwrap().into()),
        ("SIGNING_KEYS".to_owned(), first(&node("secret.mjs", &["signing"])).into()),
        ("PATH_SECRET".to_owned(), first(&node("secret.mjs", &["path"])).into()),
    ]);
    let config = Config::read(&variables).unwrap_or_else(|error| panic!("{error}"));
    let token = added.split_whitespace().find(|word| word.starts_with("pierhead_")).unwrap();
    let users = config.access.users.unwrap();
    let check = |pair: String| users.check(&Basic::from_pair(&pair).unwrap()).is_ok();
    assert!(check(format!("alice:{token}")) && !check(format!("bob:{token}")));
    assert!(!std::fs::read_to_string(&file).unwrap().contains(token));
}

/// A script's answer.
fn node(script: &str, arguments: &[&str]) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(script);
    let output = std::process::Command::new("node").arg(script).args(arguments).output().expect("node runs");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[test]
fn the_pages_on_clients_show_the_snippets() {
    node("docs.mjs", &["--check"]).unwrap_or_else(|problem| panic!("{problem}"));
}

/// What the pages on clients show, and the Worker's own, can be read by whom it is for: each format by its parser, but for YAML,
/// of which none is here.
#[test]
fn the_snippets_are_what_they_say() {
    for (authority, gateway, registry) in [
        ("mirror.example.com", true, "docker.io"),
        ("mirror.example.com:8443", true, "quay.io"),
        ("docker.example.com", false, "docker.io"),
        ("ghcr.example.com", false, "ghcr.io"),
        ("[::1]:8787", false, "harbor.example.com"),
    ] {
        for (secure, path) in [(true, ""), (true, "/k3y"), (false, ""), (false, "/k3y")] {
            let site = serde_json::json!({
                "authority": authority, "gateway": gateway, "registry": registry, "secure": secure, "path": path,
            });
            let printed = node("docs.mjs", &["--print", &site.to_string()]).unwrap_or_else(|problem| panic!("{problem}"));
            let snippets: Vec<BTreeMap<String, String>> = serde_json::from_str(&printed).unwrap();
            let ids: Vec<&str> = snippets.iter().map(|snippet| snippet["id"].as_str()).collect();
            assert_eq!(ids, ["docker", "containerd", "podman", "k3s", "buildkit", "kind"]);
            for snippet in &snippets {
                assert_readable(snippet, &site);
            }
        }
    }
}

fn assert_readable(snippet: &BTreeMap<String, String>, site: &Value) {
    let (id, text) = (&*snippet["id"], &*snippet["text"]);
    let at = |problem: &str| -> ! { panic!("{id} for {site}: {problem}\n{text}") };
    let word = |name: &str| site[name].as_str().unwrap();
    let mirror = format!("{}{}", word("authority"), word("path"));
    let scheme = if site["secure"] == true { "https" } else { "http" };
    match &*snippet["language"] {
        "json" => drop(serde_json::from_str::<Value>(text).unwrap_or_else(|error| at(&error.to_string()))),
        "toml" => drop(text.parse::<toml::Table>().unwrap_or_else(|error| at(&error.to_string()))),
        "yaml" => {
            let indented = |line: &str| line.len() - line.trim_start_matches(' ').len();
            if text.contains('\t') || text.lines().any(|line| indented(line) % 2 != 0 || line.trim().is_empty()) {
                at("not indented as it is everywhere else");
            }
        }
        "sh" => assert_eq!((&*snippet["file"], text), ("", format!("docker pull {mirror}/owner/image\n").as_str())),
        other => at(&format!("nobody knows what {other} is")),
    }
    // kind's nodes are given containerd's files; of a host that is no mirror of Docker Hub, docker is told that it is insecure.
    let shown = if id == "docker" { word("authority") } else { &mirror };
    if id != "kind" && !text.contains(shown) {
        at("its mirror is another one");
    }
    let other_scheme = if scheme == "http" { "https://" } else { "http://" };
    if text.contains(other_scheme) {
        at("its mirror is asked otherwise");
    }
}
