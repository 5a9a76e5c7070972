//! `npm run doctor`, before a proxy that is well and before ones that are broken in every way we know: it names what is
//! wrong and says what to do, and prints no secret.
//!
//! Each set-up prints a row with the sentence that came of it.

pub mod gates;
mod middlebox;
pub mod others;
pub mod registries;
pub mod ways;

use std::process::Output;

use serde_json::{Value, json};

use crate::gated;
use crate::hub::Hub;
use crate::image::{Format, Image, Plain};
use crate::process::find;
use crate::registry::SIGNATURE;
use crate::stage::Stage;
use crate::token_server::USER;
use crate::world::World;

/// A question to the doctor, and with what it is asked.
#[derive(Clone)]
struct Question {
    host: String,
    image: &'static str,
    environment: Vec<(&'static str, String)>,
}

/// An image of the played Docker Hub.
const HELLO: &str = "hello:1";

impl Question {
    fn of(host: impl Into<String>, image: &'static str) -> Question {
        Question { host: host.into(), image, environment: Vec::new() }
    }

    fn with(mut self, variable: &'static str, value: impl Into<String>) -> Question {
        self.environment.push((variable, value.into()));
        self
    }

    /// All that is printed, and no secret is in it.
    async fn ask(&self, options: &[&str]) -> Output {
        let mut command = tokio::process::Command::new(find("node").expect("these tests ask for it"));
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/doctor.mjs")).args([&self.host, self.image]).args(options);
        command.env_clear().envs(self.environment.iter().cloned());
        let output = command.kill_on_drop(true).output().await.expect("running node");
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let words = [USER.1, "ph1.", "eyJ", SIGNATURE].map(str::to_owned);
        // Nor a part of one.
        for secret in gated::secrets().into_iter().chain(words) {
            let secret = secret.get(..12).unwrap_or(&secret);
            assert!(!printed.contains(secret), "`{secret}` is in:\n{printed}");
        }
        output
    }

    /// What comes of it, for machines.
    async fn report(&self) -> Value {
        let output = self.ask(&["--json", "--limit", "2"]).await;
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        assert_eq!(report["exit"].as_i64(), output.status.code().map(i64::from), "{report:#}");
        report
    }

    /// The proxy is well.
    async fn is_well(&self, words: &[&str]) -> Value {
        let report = self.report().await;
        assert_eq!((&report["exit"], &report["fault"]), (&json!(0), &Value::Null), "{report:#}");
        let checks = report["checks"].as_array().expect("a list of checks");
        let names: Vec<_> = checks.iter().map(|check| check["name"].as_str().expect("a name")).collect();
        assert_eq!(names, NAMES, "{report:#}");
        assert!(checks.iter().all(|check| check["ok"] == true && check["said"] != ""), "{report:#}");
        assert_words(&report, words);
        report
    }

    /// The proxy has this fault, at this question, and the sentence has these words.
    async fn is_ill(&self, set_up: &str, name: &str, fault: &str, words: &[&str]) {
        let report = self.report().await;
        println!("| {set_up} | {} |", report["verdict"].as_str().expect("a sentence").replace(&self.host, "HOST"));
        let last = report["checks"].as_array().and_then(|checks| checks.last()).expect("a check");
        assert_eq!((&report["exit"], &report["fault"]), (&json!(1), &json!(fault)), "{report:#}");
        // What is only doubtful fails no question.
        assert_eq!((&last["name"], &last["ok"]), (&json!(name), &json!(fault == "stale")), "{report:#}");
        assert_words(&report, words);
    }
}

/// The questions, in their order.
const NAMES: [&str; 12] =
    ["dns", "tcp", "tls", "healthz", "ping", "challenge", "token", "head", "manifest", "platform", "config", "blob"];

/// The verdict is one sentence: what is wrong, and what to do.
fn assert_words(report: &Value, words: &[&str]) {
    let verdict = report["verdict"].as_str().expect("a sentence");
    assert!(verdict.ends_with('.') && !verdict.contains('\n') && !verdict.contains("undefined"), "{verdict}");
    assert!(report["exit"] == 0 || verdict.contains(": ") && verdict.contains("; "), "{verdict}");
    for word in words {
        assert!(verdict.contains(word), "`{word}` is not in: {verdict}");
    }
}

/// A Worker before a Docker Hub that has [`HELLO`] and what the doctor asks for by itself.
async fn healthy(stage: &Stage, variables: &[(&str, Value)]) -> (Hub, World) {
    let hub = Hub::new();
    hub.origin.hold("library/hello-world", "latest", &Image::new("library/hello-world", "latest", Format::Docker));
    let world = stage.world(hub.hosts(), variables).await;
    (hub, world)
}

pub async fn well(stage: &Stage) {
    let (hub, world) = healthy(stage, &[]).await;
    let (host, gateway) = (world.authority("docker.localhost"), world.authority("mirror.localhost"));
    let report = Question::of(&host, HELLO).is_well(&[&format!("`docker pull {host}/library/hello:1`")]).await;
    assert_eq!((&report["host"], &report["image"]), (&json!(host), &json!("docker.io/library/hello:1")));
    // Whatever a host stands for, and however it is written.
    let pull = format!("`docker pull {gateway}/library/hello:1`");
    for (host, image, words) in [
        (gateway.clone(), "docker.io/library/hello:1", pull.as_str()),
        (format!("http://{gateway}/"), "library/hello:1", &pull),
        (format!("{gateway}/docker.io"), HELLO, &pull),
        (format!("{gateway}/hub/v2"), HELLO, &format!("`docker pull {gateway}/hello:1`")),
        (format!("127.0.0.1:{}", world.worker.address.port()), HELLO, "docker pull 127.0.0.1:"),
        (world.authority("ghcr.localhost"), HELLO, "this host is for ghcr.io"),
    ] {
        Question::of(host, image).is_well(&[words]).await;
    }
    let index = Image::new("library/hello-world", "latest", Format::Docker).index.digest;
    let by_digest = Box::leak(format!("hello-world:latest@{index}").into_boxed_str());
    Question::of(&host, by_digest).is_well(&[&index]).await;
    // Of a large layer a part will do.
    hub.origin.hold("library/large", "1", &Plain::over(vec![7; 3 << 20]));
    let report = Question::of(&host, "large:1").is_well(&[]).await;
    assert_eq!(report["checks"][11]["said"], "the first 1024 of 3145728 bytes; of this size it is not fetched whole");
    // A person reads the same.
    let output = Question::of(&host, "hello-world").ask(&[]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(NAMES.iter().all(|name| text.contains(&format!("\n  {name} "))) && text.contains("\nall is well: "), "{text}");
}

/// What is no question is exit code 2, with what was expected.
pub async fn asked_wrong(_: &Stage) {
    for (host, image, words) in [
        ("http://docker.example.com", HELLO, "plain http is for this machine alone; write `https://docker.example.com`"),
        ("ftp://docker.example.com", HELLO, "`ftp://` is not how"),
        ("docker.example.com/library/nginx", HELLO, "`library/nginx` is more than a host"),
        ("https://alice:what-alice-shows-at-the-gate@docker.example.com", HELLO, "PIERHEAD_LOGIN"),
        ("docker example", HELLO, "`docker example` is no host"),
        ("docker.example.com", "Nginx", "capital letters"),
        ("docker.example.com", "nginx@sha256:0a", "no sound digest"),
        ("docker.example.com", "--limit=soon", "no number of seconds"),
        ("docker.example.com", "--jsom", "--jsom"),
    ] {
        let output = Question::of(host, image).ask(&[]).await;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{host} {image}: {text}");
        assert!(text.contains(words) && text.contains("usage: npm run doctor"), "{words}: {text}");
    }
    for (variable, value, words) in [
        ("PIERHEAD_LOGIN", "alice", "PIERHEAD_LOGIN is no `user:token`"),
        ("PIERHEAD_KEY", "0pen the gate", "PIERHEAD_KEY is no key"),
    ] {
        let output = Question::of("docker.example.com", HELLO).with(variable, value).ask(&[]).await;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(words) && !text.contains(value), "{text}");
    }
}
