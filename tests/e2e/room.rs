//! Where a real client runs: own mount and process namespaces, so that it has its own idea of names and folders.
//!
//! `/etc/hosts` maps the Worker's names to this machine and Docker Hub's to a loopback address where nobody listens: a
//! client that falls back to Docker Hub fails. `/root`, `/run` and `/var/lib` are empty and vanish with the room. The
//! programs see no environment but what is set here.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{self, Process};

/// Names that lead to the Worker.
const HOSTS: &str = "127.0.0.1 localhost docker.localhost ghcr.localhost mirror.localhost
127.0.0.2 registry-1.docker.io auth.docker.io index.docker.io docker.io ghcr.io quay.io
";

/// Makes the room's own view, then becomes the program. `$0` is the hosts file.
const ENTER: &str = r#"set -e
mount --bind "$0" /etc/hosts
for folder in /root /run /var/lib; do mount -t tmpfs tmpfs "$folder"; done
exec "$@""#;

/// How long any one client command may take.
const PATIENCE: Duration = Duration::from_secs(100);

/// A folder and the namespaces over it.
pub struct Room {
    folder: TempDir,
    variables: Vec<(&'static str, PathBuf)>,
}

impl Room {
    pub fn new() -> Room {
        let folder = tempfile::Builder::new().prefix("pierhead-e2e-").tempdir().expect("a folder");
        let room = Room { folder, variables: Vec::new() };
        room.write("hosts", HOSTS);
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
        let program = process::find(program).expect("a test names the programs it needs");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", ENTER]);
        command.arg(self.path("hosts")).arg(program).env_clear().current_dir(self.folder.path());
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").env("LANG", "C.UTF-8");
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
        let output = output.unwrap_or_else(|_| panic!("`{what}` took more than {PATIENCE:?}"));
        Finished { what, output: output.expect("running a client") }
    }

    /// Starts a daemon; it is ready when its unix socket answers.
    pub async fn daemon(&self, program: &str, arguments: &[&str], socket: &Path) -> Process {
        let mut command = self.command(program);
        command.args(arguments);
        let mut process = Process::start(command, self.path(&format!("{program}.log")));
        process.until(program, async |_| tokio::net::UnixStream::connect(socket).await.is_ok()).await;
        process
    }
}

/// What came of a client's run.
pub struct Finished {
    what: String,
    output: Output,
}

impl Finished {
    /// Its stdout, trimmed; anything but exit code 0 is a failure.
    pub fn success(&self) -> String {
        assert!(self.output.status.success(), "`{}` failed ({}):\n{}", self.what, self.output.status, self.text());
        String::from_utf8_lossy(&self.output.stdout).trim().to_owned()
    }

    /// All it printed; exit code 0 is a failure.
    pub fn failure(&self) -> String {
        assert!(!self.output.status.success(), "`{}` should have failed:\n{}", self.what, self.text());
        self.text()
    }

    fn text(&self) -> String {
        let (stdout, stderr) = (&self.output.stdout, &self.output.stderr);
        format!("{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
    }
}
