//! A program the tests start: its output in a file, killed and reaped on drop.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
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
        command.stdout(file.try_clone().expect("sharing the log file"));
        Process::spawn(command, file, log)
    }

    /// Starts `command` with stderr in `log`, and hands out its stdout.
    pub fn start_piped(mut command: Command, log: PathBuf) -> (Process, ChildStdout) {
        let file = File::create(&log).expect("creating a log file");
        command.stdout(Stdio::piped());
        let mut process = Process::spawn(command, file, log);
        let stdout = process.child.stdout.take().expect("stdout is piped");
        (process, stdout)
    }

    fn spawn(mut command: Command, stderr: File, log: PathBuf) -> Process {
        let child = command
            .stdin(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|error| panic!("starting {command:?}: {error}"));
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
    /// `unshare --kill-child` takes its own child along, but does not wait for it: this does,
    /// so that nothing writes into a folder that is about to be removed.
    fn drop(&mut self) {
        let id = self.child.id();
        let children = fs::read_to_string(self.proc(&format!("task/{id}/children")));
        let _ = self.child.kill();
        let _ = self.child.wait();
        let started = Instant::now();
        for child in children.unwrap_or_default().split_whitespace() {
            let proc = Path::new("/proc").join(child);
            while proc.exists() && started.elapsed() < PATIENCE {
                std::thread::sleep(POLL);
            }
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// Where `program` is: a path as it stands, a name through PATH and the system folders.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Daemons live in `sbin`, which is not on every user's PATH.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The first line of `program --version`.
pub fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().lines().next().unwrap_or("version unknown").to_owned()
}

/// Whether this process may make mount and process namespaces.
pub fn is_root() -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}
