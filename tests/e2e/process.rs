//! A program the tests start: its output in a file, killed and reaped on drop.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A running child process.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with stdout and stderr in `log`.
    pub fn start(mut command: Command, log: PathBuf) -> Process {
        let file = File::create(&log).expect("creating a log file");
        command.stdin(Stdio::null()).stdout(file.try_clone().expect("sharing the log file"));
        Process::spawn(command, file, log)
    }

    /// Starts `command` with stderr in `log`, and hands out its stdout.
    pub fn start_piped(mut command: Command, log: PathBuf) -> (Process, ChildStdout) {
        let file = File::create(&log).expect("creating a log file");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = Process::spawn(command, file, log);
        let stdout = process.child.stdout.take().expect("stdout is piped");
        (process, stdout)
    }

    /// Starts `command` with stderr in `log`, and hands out its stdin and stdout.
    pub fn start_talking(mut command: Command, log: PathBuf) -> (Process, ChildStdin, ChildStdout) {
        let file = File::create(&log).expect("creating a log file");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::spawn(command, file, log);
        let (stdin, stdout) = (process.child.stdin.take(), process.child.stdout.take());
        (process, stdin.expect("stdin is piped"), stdout.expect("stdout is piped"))
    }

    fn spawn(mut command: Command, stderr: File, log: PathBuf) -> Process {
        let child = command.stderr(stderr).spawn().unwrap_or_else(|error| panic!("starting {command:?}: {error}"));
        Process { child, log }
    }

    /// Everything the process has printed so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until `ready` holds, which may look at the output so far; a process that ends first is a failure.
    pub async fn until(&mut self, what: &str, ready: impl AsyncFn(&str) -> bool) {
        let started = Instant::now();
        while !ready(&self.output()).await {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("{what} ended early ({status}):\n{}", self.output());
            }
            let waited = started.elapsed();
            assert!(waited < PATIENCE, "{what} was not ready after {waited:?}:\n{}", self.output());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Resident memory now, in bytes.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most resident memory since the last [`Process::forget_peak`], in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// Makes [`Process::peak_memory`] count from now (`proc_pid_clear_refs(5)`).
    pub fn forget_peak(&self) {
        fs::write(self.proc("clear_refs"), "5").expect("resetting the peak");
    }

    /// How many files and connections it has open.
    pub fn handles(&self) -> usize {
        fs::read_dir(self.proc("fd")).expect("a living process").count()
    }

    fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("a living process");
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kilobytes = line.expect("a memory line").trim().trim_end_matches(" kB");
        kilobytes.parse::<u64>().expect("a number of kB") * 1024
    }

    /// Processor time used so far, in user and kernel mode.
    pub fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(self.proc("stat")).expect("a living process");
        // The second field is the program's name in parentheses; it may itself hold spaces.
        let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks: u64 = [11, 12] // utime and stime, counted from the field behind the name
            .iter()
            .map(|&at| fields[at].parse::<u64>().expect("a number of ticks"))
            .sum();
        Duration::from_millis(ticks * 10) // USER_HZ is 100 on every Linux
    }

    fn proc(&self, file: &str) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(file)
    }
}

impl Drop for Process {
    /// Nothing may write into a folder that is about to be removed. So a program in namespaces of its own is killed first,
    /// and `unshare` over it ends when it has buried it; killed itself, it would leave that to this machine's init, which
    /// takes up to a second or two.
    fn drop(&mut self) {
        let id = self.child.id();
        let children = fs::read_to_string(self.proc(&format!("task/{id}/children"))).unwrap_or_default();
        if !children.is_empty() {
            let _ = Command::new("sh").args(["-c", "kill -KILL $0", children.trim()]).status();
            let started = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) && started.elapsed() < PATIENCE {
                std::thread::sleep(POLL);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// Where `program` is: a name through PATH and the system folders, one that starts with [`NEWER`] in
/// [`newer_folders`].
pub fn find(program: &str) -> Option<PathBuf> {
    let (folders, name) = match program.strip_prefix(NEWER) {
        Some(name) => (newer_folders(), name),
        None => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            (std::env::split_paths(&path).chain(SYSTEM_FOLDERS.iter().map(PathBuf::from)).collect(), program)
        }
    };
    folders.into_iter().map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

/// Marks a program of a later Debian release, by the side of the system's own.
pub const NEWER: &str = "newer/";

/// Where scripts/clients.mjs puts the programs of a later release; `PIERHEAD_CLIENTS` names another folder.
pub fn newer_folders() -> Vec<PathBuf> {
    let home = std::env::var_os("PIERHEAD_CLIENTS").map(PathBuf::from);
    let home = home.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".toolchain/clients"));
    ["usr/sbin", "usr/bin", ""].iter().map(|folder| home.join(folder)).collect()
}

/// Daemons live in `sbin`, which is not on every user's PATH.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The first line of `program --version`, or of `program version`.
pub fn version(program: &Path) -> String {
    let line = ["--version", "version"].iter().find_map(|argument| {
        let output = Command::new(program).arg(argument).output().ok().filter(|output| output.status.success())?;
        String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
    });
    line.unwrap_or_else(|| "version unknown".to_owned())
}

/// Whether this process may make mount and process namespaces.
pub fn is_root() -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}
