//! The table in docs/debugging.md.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::fault::{Answered, Fault};
use super::{ALL, PULLERS, printed};
use crate::puller::Puller;
use crate::world::World;

/// What stands before the table; behind it stands nothing.
const HEADING: &str = "## Every fault\n";

/// In the place of the proxy's own message, where a client repeats it.
pub const MESSAGE: &str = "*message*";

/// The table, row by row: the fault, the answer, and a cell for each client.
pub struct Page {
    before: String,
    rows: Vec<Vec<String>>,
}

/// Whether this run writes the page.
pub fn writes() -> bool {
    std::env::var("PIERHEAD_WRITE").is_ok_and(|value| value == "1")
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/debugging.md")
}

impl Page {
    pub fn read() -> Page {
        let text = std::fs::read_to_string(path()).expect("docs/debugging.md");
        let (before, table) = text.split_once(HEADING).expect("the table's heading");
        let is_row = |line: &&str| line.starts_with("| ") && !line.starts_with("| who |");
        let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        Page { before: before.to_owned(), rows: table.lines().filter(is_row).map(cells).collect() }
    }

    /// The same page with what was printed now.
    pub fn of<'a>(printed: impl Iterator<Item = &'a [String]>) -> Page {
        let rows = ALL.iter().zip(printed).map(|(fault, cells)| [&begun(fault), cells].concat()).collect();
        Page { rows, ..Page::read() }
    }

    pub fn write(&self) {
        let mut text = format!(
            "{}{HEADING}\nWritten by `tests/e2e/faults.rs`, which plays each of these behind the built Worker in front of each client. \
             {MESSAGE} stands for the answer's,\n`IMAGE` for the image, `HOST` for the proxy. The registry is GitLab's: \
             `registry.gitlab.com`, its token server `gitlab.com`, its storage\n`cdn.registry.gitlab-static.net`. Temporary \
             failures came with `Retry-After: 1`.\n\n| who | does | answer |",
            self.before
        );
        for puller in PULLERS {
            let _ = write!(text, " {} |", puller.name());
        }
        let _ = writeln!(text, "\n|---|---|---|{}", "---|".repeat(PULLERS.len()));
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        std::fs::write(path(), text).expect("writing docs/debugging.md");
    }

    /// Each fault has its row, with the answer that it gets.
    pub fn assert_rows(&self) {
        let rows: Vec<&[String]> = self.rows.iter().map(|row| &row[..row.len().min(3)]).collect();
        let expected: Vec<[String; 3]> = ALL.iter().map(begun).collect();
        let advice = "docs/debugging.md has other rows: run `faults::clients` with PIERHEAD_WRITE=1 and PIERHEAD_FULL=1";
        assert!(rows == expected, "{advice}\n{rows:#?}\n{expected:#?}");
    }

    /// What it says of clients is what is expected of them.
    pub fn assert_cells(&self) {
        self.assert_rows();
        for (fault, row) in ALL.iter().zip(&self.rows) {
            for (puller, cell) in PULLERS.into_iter().zip(&row[3..]) {
                let expected = printed(puller, *fault);
                assert!(expected.iter().all(|words| cell.contains(words)), "{} by {}: {cell}", fault.name(), puller.name());
            }
        }
    }
}

/// A row without its clients.
fn begun(fault: &Fault) -> [String; 3] {
    let answer = match fault.answer {
        Answered::Told(status, message) => format!("{status}: {message}"),
        Answered::Ours(status, message) => format!("{status}, `UNAVAILABLE`: {message}"),
        Answered::BreaksOff => "200, breaks off".to_owned(),
        Answered::Waits => "200, waits".to_owned(),
        Answered::Passes => "200".to_owned(),
    };
    [fault.at.who().to_owned(), fault.what.to_owned(), answer]
}

/// What a client printed, without what is of this run alone.
pub fn cell(world: &World, puller: Puller, fault: Fault, printed: Option<&str>, resumed: bool) -> String {
    let Some(printed) = printed else {
        return if resumed { "pulled; it went on by `Range`".to_owned() } else { "pulled".to_owned() };
    };
    if printed.contains("no end after") {
        return "no word, no end".to_owned();
    }
    // The first line is the command; podman's error may have several, every other client's is its last.
    let lines: Vec<&str> = printed.lines().skip(1).map(str::trim).filter(|line| !line.is_empty()).collect();
    let first = match puller {
        Puller::Podman => lines.iter().position(|line| line.starts_with("Error: ")),
        _ => lines.len().checked_sub(1),
    };
    let said = lines[first.unwrap_or(0)..].join(" ");
    let message = match fault.answer {
        Answered::Told(_, message) | Answered::Ours(_, message) => message,
        _ => "",
    };
    let host = world.authority(&format!("{}.localhost", fault.at.registry().label.unwrap_or_default()));
    let image = format!("{host}/{}:1", fault.at.repository());
    let mut said =
        shortened(&said).replace(&image, "IMAGE").replace(image.trim_end_matches(":1"), "IMAGE").replace(&host, "HOST");
    if !message.is_empty() {
        said = said.replace(message, MESSAGE);
    }
    let words = said.split(' ').map(|word| if word.contains("/tmp/pierhead") { "FILE:" } else { word });
    words.collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// A text with its digests cut short.
pub fn shortened(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        short.push_str(if part.len() - rest.len() == 64 { "sha256:…" } else { "sha256:" });
        short.push_str(if part.len() - rest.len() == 64 { rest } else { part });
    }
    short
}
