//! The built Worker in a workerd of its own.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{self, Process};
use crate::upstream;

/// A running Worker.
pub struct Worker {
    pub process: Process,
    pub address: SocketAddr,
    _folder: TempDir,
}

/// What every Worker is started from: found once.
pub struct Build {
    workerd: PathBuf,
    folder: PathBuf,
    settings: toml::Table,
}

impl Build {
    /// `PIERHEAD_BUILD` and `PIERHEAD_WORKERD` override where the Worker and its runtime are.
    pub fn find() -> Result<Build, String> {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = std::env::var_os("PIERHEAD_BUILD").map_or_else(|| project.join("build"), PathBuf::from);
        if !folder.join("index_bg.wasm").is_file() {
            return Err(format!("no Worker in {}: run `npm run build` first", folder.display()));
        }
        let workerd = match std::env::var_os("PIERHEAD_WORKERD") {
            Some(program) => Some(PathBuf::from(program)),
            None => WORKERDS.iter().map(|place| project.join(place)).find(|program| program.is_file()),
        };
        let workerd = workerd.ok_or("no workerd in node_modules: run `npm ci` first")?;
        let settings = std::fs::read_to_string(project.join("wrangler.toml")).unwrap_or_default();
        let settings = settings.parse().map_err(|error| format!("wrangler.toml: {error}"))?;
        Ok(Build { workerd, folder, settings })
    }

    /// The runtime's version.
    pub fn version(&self) -> String {
        process::version(&self.workerd)
    }
}

/// The plain binary first: the one in `.bin` is a Node script around it.
const WORKERDS: [&str; 3] = [
    "node_modules/@cloudflare/workerd-linux-64/bin/workerd",
    "node_modules/@cloudflare/workerd-linux-arm64/bin/workerd",
    "node_modules/.bin/workerd",
];

impl Worker {
    /// Starts the Worker with the variables of wrangler.toml and `variables` over them; all it fetches goes to
    /// `internet`.
    pub async fn start(build: &Build, variables: &[(&str, Value)], internet: SocketAddr) -> Worker {
        let folder = tempfile::Builder::new().prefix("pierhead-e2e-worker-").tempdir().expect("a folder");
        for file in ["index.js", "index_bg.wasm"] {
            std::fs::copy(build.folder.join(file), folder.path().join(file)).expect("copying the Worker");
        }
        let config = folder.path().join("workerd.capnp");
        std::fs::write(&config, configuration(&build.settings, variables, internet)).expect("writing workerd.capnp");
        // workerd tells the port it got on a descriptor of its own; what the Worker logs goes to stderr.
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$0" serve "$1" --control-fd=3 3>&1 >&2"#]).arg(&build.workerd).arg(&config);
        let (process, control) = Process::start_piped(command, folder.path().join("log"));
        let port = tokio::task::spawn_blocking(move || {
            BufReader::new(control).lines().map_while(Result::ok).find_map(|line| {
                let event: Value = serde_json::from_str(&line).ok()?;
                (event["event"] == "listen").then(|| event["port"].as_u64()).flatten()
            })
        });
        let Some(port) = port.await.expect("reading workerd's events") else {
            panic!("workerd did not start:\n{}", process.output());
        };
        let port = u16::try_from(port).expect("a port");
        Worker { process, address: SocketAddr::from(([127, 0, 0, 1], port)), _folder: folder }
    }
}

fn configuration(settings: &toml::Table, variables: &[(&str, Value)], internet: SocketAddr) -> String {
    let mut bindings: serde_json::Map<String, Value> = settings
        .get("vars")
        .map(|vars| serde_json::to_value(vars).expect("TOML is JSON but for dates"))
        .and_then(|vars| vars.as_object().cloned())
        .unwrap_or_default();
    bindings.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let mut binding_list = String::new();
    for (name, value) in &bindings {
        // As wrangler does: a string is a text binding, anything else a JSON one. A JSON string is a Cap'n Proto one.
        let (kind, text) = match value {
            Value::String(text) => ("text", text.clone()),
            other => ("json", other.to_string()),
        };
        let _ = writeln!(binding_list, "    (name = {}, {kind} = {}),", Value::from(name.as_str()), Value::from(text));
    }
    let date = settings.get("compatibility_date").and_then(toml::Value::as_str).unwrap_or("2025-10-01");
    let flags = settings.get("compatibility_flags").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let flags = serde_json::to_string(&flags).expect("a list of strings");
    let scheme = upstream::SCHEME;
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "pierhead", worker = .pierhead),
    (name = "internet", external = (address = "{internet}", http = (style = host, forwardedProtoHeader = "{scheme}"))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "pierhead")],
);
const pierhead :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "./index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  compatibilityDate = "{date}",
  compatibilityFlags = {flags},
  bindings = [
{binding_list}  ],
  globalOutbound = "internet",
);
"#
    )
}
