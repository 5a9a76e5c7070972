//! Every registry, every client, every way of addressing: who pulls what, and the page that says so.
//!
//! `PIERHEAD_FULL=1` runs the whole plan, a test a registry; without it each client pulls once. docs/compatibility.md
//! is the plan, written down: a full run that is green makes it true, and [`page`] fails when it is not current.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use crate::personality::{ALL, Personality, Wants};
use crate::play::{Play, Repository};
use crate::process::NEWER;
use crate::puller::{Puller, Style, Wanted};
use crate::stage::Stage;
use crate::token_server::USER;

/// One pull.
#[derive(Clone, Copy, Debug)]
struct Cell {
    puller: Puller,
    style: Style,
    what: What,
    login: bool,
}

/// What is pulled.
#[derive(Clone, Copy, Debug)]
enum What {
    Oci,
    Docker,
    Artifact,
}

/// What does not work, and why: registry, clients. It must not work; who repairs it takes the line out.
const KNOWN: [(&str, &[Puller], &str); 0] = [];

/// Why a pull is known to fail.
fn known(manners: &Personality, puller: Puller) -> Option<&'static str> {
    KNOWN.iter().find(|(id, pullers, _)| *id == manners.id && pullers.contains(&puller)).map(|(.., why)| *why)
}

const STYLES: [Style; 6] =
    [Style::Host, Style::Ns, Style::Behind, Style::Before, Style::RegistryMirror, Style::RegistriesConf];

/// Letter and meaning of a style, for the page.
fn described(style: Style) -> (&'static str, &'static str) {
    match style {
        Style::Host => ("H", "the host's label names the registry: `ghcr.example.com/owner/app`"),
        Style::Ns => ("N", "a mirror that gets the registry as `?ns=`: containerd's `hosts.toml`"),
        Style::Behind => ("B", "a gateway and the registry's name: `mirror.example.com/ghcr.io/owner/app`"),
        Style::Before => ("F", "a mirror with the registry's name before `/v2/`"),
        Style::RegistryMirror => ("M", "docker's `registry-mirrors`"),
        Style::RegistriesConf => ("C", "a mirror with a path in `registries.conf`"),
    }
}

impl What {
    /// Tag and digest.
    fn of(self, repository: &Repository) -> (&str, &str) {
        match self {
            What::Oci => (&repository.oci.tag, &repository.oci.index.digest),
            What::Docker => (&repository.docker.tag, &repository.docker.index.digest),
            What::Artifact => ("artifact", &repository.artifact.digest),
        }
    }
}

/// Why this client cannot pull from this registry in this style, with a login or without.
fn obstacle(manners: &Personality, puller: Puller, style: Style, login: bool) -> Option<&'static str> {
    let wanted = Wanted {
        registry: manners.registry,
        label: manners.label,
        repository: manners.public,
        tag: "",
        digest: "",
        login: login.then_some(USER),
    };
    if let Some(obstacle) = puller.obstacle(style, &wanted) {
        return Some(obstacle);
    }
    if manners.tokens.is_none() && manners.basic && style != Style::Host {
        return Some("everybody has to log in, and with Basic alone that needs a host of its own");
    }
    None
}

/// Whether a registry has anything to pull with a login, or without.
fn has(manners: &Personality, login: bool) -> bool {
    if login { manners.private.is_some() } else { manners.wants != Wants::Login }
}

/// The pulls from the registry at `index` of [`ALL`]: in every style that can be, the public image or artifact, and the
/// private image with a login.
fn plan(index: usize) -> Vec<Cell> {
    let manners = ALL[index];
    let cell = |(turn, (puller, style))| {
        let what = match (puller, (turn + index) % 2) {
            (Puller::Oras, 0) => What::Artifact,
            (_, 0) => What::Oci,
            _ => What::Docker,
        };
        [false, true].map(|login| Cell { puller, style, what, login })
    };
    let runs = |cell: &Cell| has(manners, cell.login) && obstacle(manners, cell.puller, cell.style, cell.login).is_none();
    every().enumerate().flat_map(cell).filter(runs).collect()
}

/// Every client's every style.
fn every() -> impl Iterator<Item = (Puller, Style)> {
    Puller::all().iter().flat_map(|&puller| puller.styles().iter().map(move |&style| (puller, style)))
}

/// All pulls from one registry.
pub async fn full(stage: &Stage, index: usize) {
    pull(stage, index, &plan(index)).await;
}

/// One pull for each client, each from another registry.
pub async fn small(stage: &Stage) {
    for (index, &puller) in Puller::all().iter().enumerate() {
        let cells: Vec<Cell> = plan(index).into_iter().filter(|cell| cell.puller == puller).take(1).collect();
        pull(stage, index, &cells).await;
    }
}

async fn pull(stage: &Stage, index: usize, cells: &[Cell]) {
    let manners = ALL[index];
    let play = Play::new(manners);
    let world = stage.world(play.hosts(), &uncached(&play)).await;
    let (mut pulled, mut problems, started) = (0, Vec::new(), Instant::now());
    for &Cell { puller, style, what, login } in cells {
        let missing: Vec<&str> = puller.needs().iter().copied().filter(|need| !crate::is_there(need)).collect();
        if !missing.is_empty() {
            let line = format!("{}: not found: {}", puller.name(), missing.join(", "));
            // Those of a later release are there for the full run alone.
            let promised = crate::is_there(crate::FULL) || missing.iter().any(|need| !need.starts_with(NEWER));
            if crate::in_ci() && promised {
                problems.push(line);
            } else {
                println!("  {line}");
            }
            continue;
        }
        let private = play.private.as_ref().filter(|_| login);
        let repository = private.unwrap_or(&play.public);
        let (tag, digest) = what.of(repository);
        let wanted = Wanted {
            registry: manners.registry,
            label: manners.label,
            repository: &repository.name,
            tag,
            digest,
            login: login.then_some(USER),
        };
        world.upstream.forget();
        let result = puller.pull(&world, style, &wanted).await;
        pulled += 1;
        match (result, known(manners, puller)) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Ok(()), Some(reason)) => problems.push(format!("{puller:?} {style:?} works, no longer is it so that {reason}")),
            (Err(words), None) => {
                let asked = world.upstream.transcript();
                problems.push(format!("{puller:?} {style:?} {what:?} login={login}: {words}\n{asked}"));
            }
        }
    }
    println!("matrix, {}: {pulled} pulls in {:.1?}", manners.registry, started.elapsed());
    assert!(problems.is_empty(), "{}: {} of {pulled} failed:\n{}", manners.id, problems.len(), problems.join("\n"));
}

/// A wrong password, and what each client makes of the refusal.
pub async fn wrong_passwords(stage: &Stage) {
    let play = Play::new(ALL[0]);
    let world = stage.world(play.hosts(), &uncached(&play)).await;
    let private = play.private.as_ref().expect("Docker Hub has private images");
    let wanted = Wanted {
        registry: play.manners.registry,
        label: play.manners.label,
        repository: &private.name,
        tag: &private.oci.tag,
        digest: &private.oci.index.digest,
        login: Some((USER.0, "wrong")),
    };
    for &puller in Puller::all() {
        if puller.needs().iter().all(|need| crate::is_there(need)) {
            let words = puller.pull(&world, Style::Host, &wanted).await.expect_err("a wrong password");
            let clear = ["unauthorized", "authentication required", "401", "username or password", "username/password"];
            assert!(clear.iter().any(|clear| words.to_lowercase().contains(clear)), "{}: {words}", puller.name());
        }
    }
}

/// docs/compatibility.md is current. `PIERHEAD_WRITE=1` makes it so.
pub async fn page(_: &Stage) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility.md");
    let page = written();
    if std::env::var("PIERHEAD_WRITE").is_ok_and(|value| value == "1") {
        std::fs::write(&path, &page).expect("writing the page");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/compatibility.md is not what the plan says: run with PIERHEAD_WRITE=1, and read what changed"
    );
}

fn written() -> String {
    let plans: Vec<Vec<Cell>> = (0..ALL.len()).map(plan).collect();
    let pulls: usize = plans.iter().map(Vec::len).sum();
    let logins = plans.iter().flatten().filter(|cell| cell.login).count();
    let mut page = format!(
        "# Compatibility\n\n\
         Written by `tests/e2e/matrix.rs`; do not edit. `npm run test:full` makes every pull of this page, through the built\n\
         Worker, with real clients that verify every digest, from registries played as `tests/e2e/personality/` describes\n\
         them: {pulls} pulls, {logins} of them with a login. Whatever is pulled, no credential may reach a host it is not\n\
         meant for, no host but the registry's own may be asked, and none without https. `npm test` makes one pull a client,\n\
         and meets every registry over plain HTTP (`tests/e2e/manners.rs`).\n\n"
    );
    page.push_str("| letter | the client is told of the Worker by |\n|---|---|\n");
    for (letter, meaning) in STYLES.map(described) {
        let _ = writeln!(page, "| {letter} | {meaning} |");
    }
    page.push_str(
        "\n`*` is a private image, by a login through the Worker. A number is a reason below.\n\n## Pulls\n\n| registry |",
    );
    let mut reasons = Reasons::default();
    for puller in Puller::all() {
        let _ = write!(page, " {} |", puller.name());
    }
    let _ = writeln!(page, "\n|---|{}", "---|".repeat(Puller::all().len()));
    for (manners, cells) in ALL.iter().zip(&plans) {
        let _ = write!(page, "| {} |", manners.registry);
        for &puller in Puller::all() {
            let mut shown: Vec<String> = Vec::new();
            for cell in cells.iter().filter(|cell| cell.puller == puller) {
                let star = if cell.login { "*" } else { "" };
                let number =
                    known(manners, puller).map_or_else(String::new, |why| format!(" fails ({})", reasons.number(why)));
                shown.push(format!("{}{star}{number}", described(cell.style).0));
            }
            if shown.is_empty() {
                let why = puller.styles().iter().filter_map(|&style| obstacle(manners, puller, style, false));
                shown.extend(why.map(|why| reasons.number(why).to_string()));
                shown.dedup();
            }
            let _ = write!(page, " {} |", shown.join(" "));
        }
        page.push('\n');
    }
    page.push_str(
        "\n## Not run, and why\n\nEvery client pulls from every registry in every style it knows, but for these, which cannot be:\n\n",
    );
    for manners in ALL {
        for (puller, style) in every() {
            let whys = [false, true].map(|login| obstacle(manners, puller, style, login).filter(|_| has(manners, login)));
            if let Some(why) = whys.into_iter().flatten().next() {
                reasons.left_out(why, manners, puller, style);
            }
        }
    }
    page + &reasons.written()
}

/// Reasons by number, in the order in which they came up, and what was left out for each.
#[derive(Default)]
struct Reasons {
    known: Vec<&'static str>,
    left_out: BTreeMap<usize, Vec<(&'static str, Puller, Style)>>,
}

impl Reasons {
    fn number(&mut self, why: &'static str) -> usize {
        if let Some(at) = self.known.iter().position(|known| *known == why) {
            return at + 1;
        }
        self.known.push(why);
        self.known.len()
    }

    fn left_out(&mut self, why: &'static str, manners: &'static Personality, puller: Puller, style: Style) {
        let number = self.number(why);
        self.left_out.entry(number).or_default().push((manners.registry, puller, style));
    }

    fn written(&self) -> String {
        let mut text = String::new();
        for (at, why) in self.known.iter().enumerate() {
            let Some(rows) = self.left_out.get(&(at + 1)) else {
                let _ = writeln!(text, "{}. A fault of the Worker: {why}.", at + 1);
                continue;
            };
            let mut registries: Vec<&str> = rows.iter().map(|row| row.0).collect();
            registries.dedup();
            let mut styles: Vec<Style> = rows.iter().map(|row| row.2).collect();
            styles.sort_unstable();
            styles.dedup();
            let styles: Vec<&str> = styles.into_iter().map(|style| described(style).0).collect();
            let which = match registries.len() {
                many if many > ALL.len() / 2 => format!("{many} registries"),
                _ => registries.join(", "),
            };
            let _ = writeln!(text, "{}. {why} ({}: {which}).", at + 1, styles.join(", "));
        }
        text.push_str(
            "\nThe registry that is none's friend (`tests/e2e/personality/hostile.rs`) serves no image: what a client gets of it is\n\
             shown by `tests/e2e/manners.rs` and `tests/e2e/attack/`.\n",
        );
        text
    }
}

/// The variables of a registry, without the store: each pull is to meet the registry itself.
fn uncached(play: &Play) -> Vec<(&'static str, Value)> {
    play.variables().into_iter().chain([("CACHE", Value::from("off"))]).collect()
}
