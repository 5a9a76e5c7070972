//! The Worker in Miniflare: a real Cache API, and a real bucket that tests can look into.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command};
use std::sync::Mutex;

use serde_json::{Map, Value, json};

use super::{Build, Worker, loopback};
use crate::process::Process;
use crate::upstream;

/// The bucket behind the binding `STORE`.
pub struct Bucket {
    control: Mutex<Control>,
}

/// One line of JSON there, one line back. Miniflare ends when its input does.
struct Control {
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What lies in a bucket or a cache.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct Object {
    pub key: String,
    pub size: usize,
    /// `sha256:<hex>` of what is there.
    pub hash: String,
}

/// `kept` is the folder in which the bucket outlives this Worker, `limit` how many requests a minute the binding `LIMITER` lets
/// through; there is none without.
pub async fn start(
    build: &Build,
    variables: &Map<String, Value>,
    internet: SocketAddr,
    kept: Option<&Path>,
    limit: Option<u32>,
) -> Worker {
    let folder = build.folder_for_one();
    let configuration = json!({
        "folder": folder.path(),
        "bucket": kept.map_or_else(|| folder.path().join("bucket"), Path::to_path_buf),
        "internet": internet.to_string(),
        "scheme": upstream::SCHEME,
        "bindings": variables,
        "ratelimits": limit.map_or(json!({}), |limit| json!({"LIMITER": {"simple": {"limit": limit, "period": 60}}})),
        "compatibilityDate": build.compatibility_date(),
        "compatibilityFlags": build.compatibility_flags(),
    });
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/worker/miniflare.mjs"));
    command.arg(configuration.to_string()).env("TMPDIR", folder.path()); // whatever it leaves there
    let (process, input, output) = Process::start_talking(command, folder.path().join("log"));
    let control = Control { input: Some(input), output: BufReader::new(output) };
    let started = tokio::task::spawn_blocking(move || {
        let mut control = control;
        (control.read(), control)
    });
    let (first, control) = started.await.expect("reading Miniflare's first line");
    let Some(address) = first.as_ref().and_then(|line| loopback(&line["port"])) else {
        panic!("Miniflare did not start:\n{}", process.output());
    };
    Worker { bucket: Some(Bucket { control: Mutex::new(control) }), process, address, kept: None, _folder: folder }
}

impl Bucket {
    /// What is in it, by key.
    pub fn list(&self) -> Vec<Object> {
        serde_json::from_value(self.ask(&json!({"do": "list"}))).expect("a list of objects")
    }

    pub fn delete(&self, key: &str) {
        self.ask(&json!({"do": "delete", "key": key}));
    }

    fn ask(&self, question: &Value) -> Value {
        let mut control = self.control.lock().expect("no one panics while holding this");
        let input = control.input.as_mut().expect("it is open until the end");
        writeln!(input, "{question}").expect("Miniflare listens");
        control.read().expect("Miniflare answers")
    }
}

impl Control {
    fn read(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }
}

impl Drop for Control {
    /// Lets Miniflare end by itself: it removes its files and its workerd.
    fn drop(&mut self) {
        self.input = None;
        while self.read().is_some() {}
    }
}
