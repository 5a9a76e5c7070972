//! Where a real client runs: own mount and process namespaces, so that it has its own idea of names and folders.
//!
//! `/etc/hosts` maps the Worker's names to this machine and the registries' to a loopback address where nobody listens,
//! where its only name server is, too: a client that falls back to a registry itself fails. `/root`, `/run` and
//! `/var/lib` are empty and vanish with the room. The programs see no environment but what is set here.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{self, NEWER, Process};

/// Names that every room knows. Those under `localhost` lead to the Worker, the others nowhere.
const NAMES: [&str; 10] = [
    "localhost",
    "docker.localhost",
    "ghcr.localhost",
    "mirror.localhost",
    "registry-1.docker.io",
    "auth.docker.io",
    "index.docker.io",
    "docker.io",
    "ghcr.io",
    "quay.io",
];

/// Where nobody listens.
const NOWHERE: &str = "127.0.0.2";

/// Makes the room's own view, then becomes the program. `$0` is the folder with the files that replace those in `/etc`; where it has
/// folders, it is laid over all of `/etc`.
const ENTER: &str = r#"set -e
for folder in /root /run /var/lib; do mount -t tmpfs tmpfs "$folder"; done
if [ -n "$(find "$0" -mindepth 1 -type d)" ]; then
  mkdir /run/etc /run/etc-work
  mount -t overlay overlay -o "lowerdir=$0:/etc,upperdir=/run/etc,workdir=/run/etc-work" /etc
fi
for file in hosts resolv.conf; do ! [ -e "/etc/$file" ] || mount --bind "$0/$file" "/etc/$file"; done
exec "$@""#;

/// Where a program finds those it starts.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long any one client command may take.
const PATIENCE: Duration = Duration::from_secs(150);

/// A folder and the namespaces over it.
pub struct Room {
    folder: TempDir,
    variables: Vec<(&'static str, PathBuf)>,
}

impl Room {
    pub fn new() -> Room {
        Room::knowing(&[])
    }

    /// A room that knows some more names.
    pub fn knowing(names: &[&str]) -> Room {
        let folder = tempfile::Builder::new().prefix("pierhead-e2e-").tempdir().expect("a folder");
        let room = Room { folder, variables: Vec::new() };
        let hosts = NAMES.iter().chain(names).map(|name| {
            let address = if name.ends_with("localhost") { "127.0.0.1" } else { NOWHERE };
            format!("{address} {name}\n")
        });
        room.write("etc/hosts", &hosts.collect::<String>());
        room.write("etc/resolv.conf", &format!("nameserver {NOWHERE}\n"));
        room.write("home/.docker/config.json", "{}"); // podman 4 wants the file that DOCKER_CONFIG promises
        room
    }

    /// This room with an environment variable that names one of its files.
    pub fn with(mut self, variable: &'static str, file: &str) -> Room {
        self.variables.push((variable, self.path(file)));
        self
    }

    /// A path in the room's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path as an argument.
    pub fn arg(&self, name: &str) -> String {
        self.path(name).to_str().expect("a UTF-8 temporary folder").to_owned()
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("making a folder");
        std::fs::write(&path, content).expect("writing a file");
        path
    }

    fn command(&self, program: &str) -> Command {
        let path = process::find(program).expect("a test names the programs it needs");
        // A daemon starts others of its own release.
        let folders = if program.starts_with(NEWER) { process::newer_folders() } else { Vec::new() };
        let folders = std::env::join_paths(folders.into_iter().chain(PATH.split(':').map(PathBuf::from)));
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", ENTER]);
        command.arg(self.path("etc")).arg(path).env_clear().current_dir(self.folder.path());
        command.env("PATH", folders.expect("folders without a colon")).env("LANG", "C.UTF-8");
        for (name, folder) in [
            ("HOME", "home"),
            ("TMPDIR", "tmp"),
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_CONFIG_HOME", "home/.config"),
            ("XDG_DATA_HOME", "home/.local/share"),
            ("XDG_CACHE_HOME", "home/.cache"),
            ("DOCKER_CONFIG", "home/.docker"),
        ] {
            std::fs::create_dir_all(self.path(folder)).expect("making a folder");
            command.env(name, self.path(folder));
        }
        command.envs(self.variables.clone());
        command
    }

    /// Runs a client to its end.
    pub async fn run(&self, program: &str, arguments: &[&str]) -> Finished {
        self.run_with(program, arguments, "").await
    }

    /// Runs a client that is given `input`.
    pub async fn run_with(&self, program: &str, arguments: &[&str], input: &str) -> Finished {
        let mut command = self.command(program);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(std::fs::File::open(self.write("input", input)).expect("the input"));
        let mut command = tokio::process::Command::from(command);
        let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await;
        let what = format!("{program} {}", arguments.join(" "));
        match output {
            Err(_) => Finished { what, status: None, stdout: String::new(), stderr: format!("no end after {PATIENCE:?}") },
            Ok(output) => {
                let output = output.expect("running a client");
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
                Finished { what, status: Some(output.status), stdout: text(&output.stdout), stderr: text(&output.stderr) }
            }
        }
    }

    /// Starts a daemon; it is ready when its unix socket answers.
    pub async fn daemon(&self, program: &str, arguments: &[&str], socket: &Path) -> Process {
        let mut command = self.command(program);
        command.args(arguments);
        let mut process = Process::start(command, self.path(&format!("{}.log", program.trim_start_matches(NEWER))));
        process.until(program, async |_| tokio::net::UnixStream::connect(socket).await.is_ok()).await;
        process
    }
}

/// What came of a client's run.
pub struct Finished {
    what: String,
    /// `None` when it did not end in time.
    status: Option<ExitStatus>,
    stdout: String,
    stderr: String,
}

impl Finished {
    /// Its stdout, trimmed; for anything but exit code 0 all it printed.
    pub fn result(&self) -> Result<String, String> {
        if self.status.is_some_and(|status| status.success()) {
            return Ok(self.stdout.clone());
        }
        let status = self.status.map_or_else(|| "killed".to_owned(), |status| status.to_string());
        Err(format!("`{}` failed ({status}):\n{}", self.what, self.text()))
    }

    /// Its stdout, trimmed; anything but exit code 0 is a failure.
    pub fn success(&self) -> String {
        self.result().unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// All it printed; exit code 0 is a failure, and so is no end.
    pub fn failure(&self) -> String {
        let refused = self.status.is_some_and(|status| !status.success());
        assert!(refused, "`{}` should have failed:\n{}", self.what, self.text());
        self.text()
    }

    /// Its exit code; none when a signal or our patience ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    /// All it printed.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr).trim().to_owned()
    }
}
