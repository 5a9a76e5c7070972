//! Whatever goes wrong behind the Worker ends in a sentence, a status and a line in the log; and what clients make of it.
//!
//! docs/debugging.md has the table: `PIERHEAD_WRITE=1 PIERHEAD_FULL=1` writes it.

mod fault;
mod list;
mod page;
mod printed;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http::{Method, StatusCode, header};

use crate::client::Reply;
use crate::puller::{Puller, Style};
use crate::stage::Stage;
use crate::world::World;

use fault::{Answered, Does, Fault, Place, Stricken};
use list::ALL;
use page::Page;
use printed::printed;

/// How many at once: most of them wait.
const ABREAST: usize = 12;

/// Longer than any silence that the Worker bears.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a body may stand still until it counts as waiting.
const STILL: Duration = Duration::from_secs(20);

/// One of each family that words errors in its own way.
const PULLERS: [Puller; 4] = [Puller::DockerClassic, Puller::DockerContainerd, Puller::Ctr, Puller::Podman];

/// What a plain client gets, what the log says of it, and that the page has it.
pub async fn answers(stage: &Stage) {
    let runs = ALL.iter().rev().map(|fault| async move { (fault, check_answer(stage, *fault).await) });
    let problems: Vec<String> = stream::iter(runs)
        .buffer_unordered(ABREAST)
        .filter_map(async |(fault, checked)| Some(format!("{}: {}", fault.name(), checked.err()?)))
        .collect()
        .await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    if !page::writes() {
        Page::read().assert_rows();
    }
}

/// What clients make of it.
pub async fn clients(stage: &Stage) {
    let all: Vec<(&Fault, Puller)> = ALL.iter().flat_map(|fault| PULLERS.map(|puller| (fault, puller))).collect();
    // The last faults take longest: they come first.
    let runs =
        all.iter().enumerate().rev().map(|(at, (fault, puller))| async move { (at, pull(stage, **fault, *puller).await) });
    let cells: BTreeMap<usize, Result<String, String>> = stream::iter(runs).buffer_unordered(ABREAST).collect().await;
    let problems: Vec<&str> = cells.values().filter_map(|cell| cell.as_ref().err()).map(String::as_str).collect();
    if page::writes() {
        let cells: Vec<String> = cells.values().map(|cell| cell.clone().unwrap_or_else(|problem| problem)).collect();
        Page::of(cells.chunks(PULLERS.len())).write();
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    Page::read().assert_cells();
}

/// A world with this fault in it.
async fn world(stage: &Stage, fault: Fault) -> (Stricken, World) {
    let stricken = fault.stricken();
    let world = stage.world(stricken.hosts(), &[]).await;
    if matches!(fault.does, Does::Refuses) {
        world.upstream.close().await;
    }
    (stricken, world)
}

async fn check_answer(stage: &Stage, fault: Fault) -> Result<(), String> {
    let (stricken, world) = world(stage, fault).await;
    let wanted = stricken.wanted();
    let host = format!("{}.localhost", wanted.label.unwrap_or("mirror"));
    let bearer = world.log_in(&host, wanted.repository, None).await;
    let target = format!("/v2/{}/{}", wanted.repository, fault.at.resource(&stricken.image));
    let request = world.ask(Method::GET, &host, &target).header(header::AUTHORIZATION, bearer).timeout(PATIENCE);
    let response = request.send().await.map_err(|error| format!("no answer: {error}"))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = tokio::time::timeout(STILL, response.bytes()).await;
    let log = world.lines_about(wanted.repository);
    let line = log.last().ok_or("no line in the log")?;
    ensure(line["status"] == status.as_u16() && line["registry"] == wanted.registry, || format!("the log says {line}"))?;
    let body = match (fault.answer, body) {
        (Answered::Waits, Err(_)) | (Answered::BreaksOff, Ok(Err(_))) => return Ok(()),
        (Answered::Passes, Ok(Ok(_))) if status == StatusCode::OK => return Ok(()),
        (Answered::Told(..) | Answered::Ours(..), Ok(Ok(body))) => body,
        (_, body) => return Err(format!("{status} with {body:?}")),
    };
    let reply = Reply { status, headers, body };
    let code = reply.error_code(fault.what);
    let message = page::shortened(reply.json()["errors"][0]["message"].as_str().unwrap_or_default());
    let (expected, ours, words) = match fault.answer {
        Answered::Ours(status, words) => (status, "UNAVAILABLE", words),
        Answered::Told(status, words) => (status, "", words),
        other => return Err(format!("{other:?} is no error")),
    };
    let shown = || format!("{status} {code} {message:?}, {:?}", reply.headers);
    ensure(status == expected && message == words, shown)?;
    ensure(reply.header("x-pierhead-error") == ours, shown)?;
    ensure(status != StatusCode::UNAUTHORIZED || reply.headers.contains_key(header::WWW_AUTHENTICATE), shown)?;
    ensure(status != StatusCode::TOO_MANY_REQUESTS || reply.headers.contains_key(header::RETRY_AFTER), shown)?;
    ensure(line["error"].as_str().unwrap_or_default() == ours, || format!("the log says {line}"))?;
    ensure(line["upstream"].is_string(), || format!("the log names no host: {line}"))?;
    // The reason: in the registry's words, in ours, or both.
    let cause = page::shortened(line["cause"].as_str().unwrap_or_default());
    ensure(!cause.is_empty() && (ours.is_empty() || cause.contains(words)), || format!("the log says {line}"))
}

/// The client's own words, fit for the page.
async fn pull(stage: &Stage, fault: Fault, puller: Puller) -> Result<String, String> {
    let (stricken, world) = world(stage, fault).await;
    let result = puller.pull(&world, Style::Host, &stricken.wanted()).await;
    let resumed = world.upstream.seen().iter().any(|seen| {
        let range = seen.headers.get(header::RANGE).and_then(|range| range.to_str().ok());
        seen.host == Place::Large.host() && range.is_some_and(|range| range != "bytes=0-")
    });
    let cell = page::cell(&world, puller, fault, result.as_ref().err().map(String::as_str), resumed);
    let expected = printed(puller, fault);
    let what = || format!("{} by {}: expected {expected:?}: {cell}\n{result:?}", fault.name(), puller.name());
    ensure(expected.iter().all(|words| cell.contains(words)), what)?;
    Ok(cell)
}

fn ensure(holds: bool, otherwise: impl Fn() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
