//! The built Worker in a runtime of its own.

mod miniflare;
mod workerd;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tempfile::TempDir;

pub use miniflare::{Bucket, Object};

use crate::client::HTTP;
use crate::process::{self, Process};

/// A running Worker.
pub struct Worker {
    /// Before the process: Miniflare ends with it.
    bucket: Option<Bucket>,
    pub process: Process,
    pub address: SocketAddr,
    /// Where the Cache API's other side tells what it keeps.
    kept: Option<SocketAddr>,
    _folder: TempDir,
}

/// What a Worker runs in.
#[derive(Clone, Copy, Debug)]
pub enum Runtime<'a> {
    /// workerd alone: no bucket, and a Cache API that fails.
    Plain,
    /// The same, but V8 leaves no garbage for later: what memory grows by is kept by somebody. It takes its time.
    Tidy,
    /// workerd and a Cache API.
    Cached,
    /// Miniflare: a Cache API, and a bucket in this folder, or in one that ends with the Worker.
    Miniflare(Option<&'a Path>),
    /// The same with a Rate Limiting binding: so many requests a minute.
    Limited(u32),
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

    /// The same runtimes with a script in the Worker's place, which is written to `folder`.
    pub fn of_script(&self, script: &str, folder: &Path) -> Build {
        std::fs::write(folder.join("index.js"), script).expect("writing the script");
        std::fs::write(folder.join("index_bg.wasm"), b"\0asm\x01\0\0\0").expect("writing an empty module");
        Build { workerd: self.workerd.clone(), folder: folder.to_owned(), settings: self.settings.clone() }
    }

    /// A folder with the Worker in it, for one that runs.
    fn folder_for_one(&self) -> TempDir {
        let folder = tempfile::Builder::new().prefix("pierhead-e2e-worker-").tempdir().expect("a folder");
        for file in ["index.js", "index_bg.wasm"] {
            std::fs::copy(self.folder.join(file), folder.path().join(file)).expect("copying the Worker");
        }
        folder
    }

    fn compatibility_date(&self) -> &str {
        self.settings.get("compatibility_date").and_then(toml::Value::as_str).unwrap_or("2025-10-01")
    }

    fn compatibility_flags(&self) -> Vec<String> {
        let flags = self.settings.get("compatibility_flags").and_then(toml::Value::as_array);
        flags.into_iter().flatten().filter_map(|flag| flag.as_str().map(str::to_owned)).collect()
    }

    /// The variables of wrangler.toml and `more` over them.
    fn variables(&self, more: &[(&str, Value)]) -> Map<String, Value> {
        let vars = self.settings.get("vars").map(|vars| serde_json::to_value(vars).expect("TOML is JSON but for dates"));
        let mut variables = vars.and_then(|vars| vars.as_object().cloned()).unwrap_or_default();
        variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        variables
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
    pub async fn start(build: &Build, runtime: Runtime<'_>, variables: &[(&str, Value)], internet: SocketAddr) -> Worker {
        let variables = build.variables(variables);
        match runtime {
            Runtime::Plain | Runtime::Tidy | Runtime::Cached => workerd::start(build, &variables, internet, runtime).await,
            Runtime::Miniflare(kept) => miniflare::start(build, &variables, internet, kept, None).await,
            Runtime::Limited(limit) => miniflare::start(build, &variables, internet, None, Some(limit)).await,
        }
    }

    /// What is in the bucket; nothing where there is none.
    pub fn stored(&self) -> Vec<Object> {
        self.bucket.as_ref().map(Bucket::list).unwrap_or_default()
    }

    /// Takes something out of the bucket.
    pub fn lose(&self, key: &str) {
        self.bucket.as_ref().expect("a bucket").delete(key);
    }

    /// What the Cache API keeps, where a test can know.
    pub async fn cached(&self) -> Vec<Object> {
        let Some(address) = self.kept else { return Vec::new() };
        let answer = HTTP.get(format!("http://{address}/")).send().await.expect("the cache's answer");
        serde_json::from_slice(&answer.bytes().await.expect("a list")).expect("a list of objects")
    }
}

/// A port of this machine, told as a number.
fn loopback(port: &Value) -> Option<SocketAddr> {
    Some(SocketAddr::from(([127, 0, 0, 1], u16::try_from(port.as_u64()?).ok()?)))
}
