//! Plain workerd, with a Cache API or without.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Map, Value};

use super::{Build, Runtime, Worker, loopback};
use crate::process::Process;
use crate::upstream;

/// What answers for `caches`.
const CACHE: &str = include_str!("cache.js");

pub async fn start(build: &Build, variables: &Map<String, Value>, internet: SocketAddr, runtime: Runtime<'_>) -> Worker {
    let folder = build.folder_for_one();
    std::fs::write(folder.path().join("cache.js"), CACHE).expect("writing cache.js");
    let config = folder.path().join("workerd.capnp");
    std::fs::write(&config, configuration(build, variables, internet, runtime)).expect("writing workerd.capnp");
    // workerd tells the ports it got on a descriptor of its own; what the Worker logs goes to stderr.
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec "$0" serve "$1" --control-fd=3 3>&1 >&2"#]).arg(&build.workerd).arg(&config);
    let (process, control) = Process::start_piped(command, folder.path().join("log"));
    let wanted = if matches!(runtime, Runtime::Cached) { 2 } else { 1 };
    let ports = tokio::task::spawn_blocking(move || {
        let event = |line: String| {
            let event: Value = serde_json::from_str(&line).ok()?;
            let socket = event["socket"].as_str().filter(|_| event["event"] == "listen")?;
            Some((socket.to_owned(), event["port"].clone()))
        };
        let lines = BufReader::new(control).lines().map_while(Result::ok);
        lines.filter_map(event).take(wanted).collect::<Map<String, Value>>()
    });
    let ports = ports.await.expect("reading workerd's events");
    let Some(address) = ports.get("http").and_then(loopback) else {
        panic!("workerd did not start:\n{}", process.output());
    };
    let kept = ports.get("kept").and_then(loopback);
    Worker { bucket: None, process, address, kept, _folder: folder }
}

fn configuration(build: &Build, variables: &Map<String, Value>, internet: SocketAddr, runtime: Runtime<'_>) -> String {
    let mut binding_list = String::new();
    for (name, value) in variables {
        // As wrangler does: a string is a text binding, anything else a JSON one. A JSON string is a Cap'n Proto one.
        let (kind, text) = match value {
            Value::String(text) => ("text", text.clone()),
            other => ("json", other.to_string()),
        };
        let _ = writeln!(binding_list, "    (name = {}, {kind} = {}),", Value::from(name.as_str()), Value::from(text));
    }
    let (date, flags) = (build.compatibility_date(), Value::from(build.compatibility_flags()));
    let scheme = upstream::SCHEME;
    // Every collection goes through the whole heap and moves what it finds together.
    let v8_flags = if matches!(runtime, Runtime::Tidy) { "\"--stress-compaction\"" } else { "" };
    let (service, socket, outbound) = match runtime {
        Runtime::Cached => (
            "\n    (name = \"cache\", worker = .cache),",
            "\n    (name = \"kept\", address = \"127.0.0.1:0\", http = (), service = \"cache\"),",
            "\n  cacheApiOutbound = \"cache\",",
        ),
        _ => ("", "", ""),
    };
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  v8Flags = [{v8_flags}],
  services = [
    (name = "pierhead", worker = .pierhead),{service}
    (name = "internet", external = (address = "{internet}", http = (style = host, forwardedProtoHeader = "{scheme}"))),
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:0", http = (), service = "pierhead"),{socket}
  ],
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
  globalOutbound = "internet",{outbound}
);
const cache :Workerd.Worker = (
  modules = [(name = "cache.js", esModule = embed "cache.js")],
  compatibilityDate = "{date}",
);
"#
    )
}
