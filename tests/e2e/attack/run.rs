//! Runs a table of cases through one Worker, and says of each what did not come out as stated.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, header};
use serde_json::{Value, json};

use super::case::{Case, Ending, MARK, Request, SECRET};
use super::names::Names;
use super::wire::Wire;
use crate::client::Reply;
use crate::stage::Stage;
use crate::upstream::{Host, Hosts, Seen, Upstream};
use crate::worker::{Runtime, Worker};
use crate::world::World;

/// Longer than any answer takes: none of these attacks is one by silence.
const PATIENCE: Duration = Duration::from_secs(15);

/// Every header that an answer may have: those the Worker writes or lets through, and the runtime's framing.
const HEADERS: [&str; 29] = [
    "accept-ranges",
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "docker-content-digest",
    "docker-distribution-api-version",
    "docker-ratelimit-source",
    "etag",
    "last-modified",
    "link",
    "oci-filters-applied",
    "oci-namespace",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "transfer-encoding",
    "vary",
    "warning",
    "www-authenticate",
    "x-content-type-options",
    "x-pierhead-cache",
    "x-pierhead-error",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
];

/// Sends every case of a table, one after another, through one Worker with these settings, whose log holds none of these secrets.
pub async fn run(stage: &Stage, table: &str, cases: Vec<Case>, more: &[(&'static str, Value)], secrets: &[&str]) {
    let mut hosts = Hosts::new();
    for case in &cases {
        let names = Names::of(case.name);
        for (host, script, welcome) in &case.hosts {
            let (script, names_there) = (Arc::clone(script), names.clone());
            let played = Host::scripted(move |asked| script(asked, &names_there));
            let played = if *welcome { played } else { played.without_credentials() };
            let double = hosts.insert(names.fill(host), played);
            assert!(double.is_none(), "{}: {host} is another case's too", case.name);
        }
    }
    let world = stage.world(hosts, &[&settings(&cases), more].concat()).await;
    let asked = || {
        let seen = world.upstream.seen();
        world.upstream.forget();
        seen.iter().map(shown).collect()
    };
    play(&world, table, &cases, secrets, asked).await;
}

/// The same where the upstreams are played byte by byte.
pub async fn run_on_the_wire(stage: &Stage, table: &str, answers: Vec<(Case, Vec<u8>)>) {
    let at_its_host = |(case, bytes): (Case, Vec<u8>)| {
        let host = Names::of(case.name).fill("{registry}");
        (case, (host, bytes))
    };
    let (cases, answers): (Vec<_>, BTreeMap<_, _>) = answers.into_iter().map(at_its_host).unzip();
    let wire = Wire::start(answers).await;
    let upstream = Upstream::start(Hosts::new()).await;
    let worker = Worker::start(&stage.build, Runtime::Plain, &settings(&cases), wire.address).await;
    play(&World { worker, upstream }, table, &cases, &[], || wire.asked()).await;
}

/// A row for each case, and a route for those that want one.
fn settings(cases: &[Case]) -> [(&'static str, Value); 2] {
    let row = |case: &Case| {
        let names = Names::of(case.name);
        (names.fill("{registry}"), filled(&names, &case.row))
    };
    let rows: BTreeMap<String, Value> = cases.iter().map(row).collect();
    [("REGISTRIES", json!(rows)), ("ROUTES", json!({"routed.example.test": "quay.io"}))]
}

/// Sends the cases, and says what was wrong with all of them. `asked` tells the requests since it was last called.
async fn play(world: &World, table: &str, cases: &[Case], secrets: &[&str], asked: impl Fn() -> Vec<String>) {
    let mut failures = Vec::new();
    for case in cases {
        let offences = world.upstream.offences().len();
        let names = Names::of(case.name);
        let request = bytes(&names, &case.request);
        let send = || tokio::time::timeout(PATIENCE, world.raw(&request));
        let (mut reply, mut asked_now) = (send().await, asked());
        // The runtime may have used a connection that the host before had just closed: then nobody was asked, and is once more.
        if asked_now.is_empty() && !case.asked.is_empty() {
            (reply, asked_now) = (send().await, asked());
        }
        let mut wrong = match &reply {
            Ok(Some(reply)) => complaints(case, &names, reply),
            Ok(None) => vec!["the connection ended without an answer".to_owned()],
            Err(_) => vec![format!("no answer within {PATIENCE:?}")],
        };
        let asked = asked_now;
        let expected: Vec<String> = case.asked.iter().map(|line| names.fill(line)).collect();
        if asked != expected {
            wrong.push(format!("asked {asked:#?}, not {expected:#?}"));
        }
        wrong.extend(world.upstream.offences().drain(offences..).map(|offence| format!("offence: {offence}")));
        if !wrong.is_empty() {
            let came = reply.ok().flatten().map(|reply| told(&reply));
            failures.push(format!("{}: expected {:?}\n  {}\n  came {came:?}", case.name, case.ending, wrong.join("\n  ")));
        }
    }
    still_well(world).await;
    let log = world.worker.process.output();
    if secrets.iter().chain(&[SECRET]).any(|secret| log.contains(secret)) {
        failures.push("a secret is in the log".to_owned());
    }
    println!("attack::{table}: {} cases ran", cases.len());
    assert!(failures.is_empty(), "{} of {} cases of {table}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// No attack harms the Worker itself.
async fn still_well(world: &World) {
    world.get("localhost", "/healthz").await.expect(StatusCode::OK);
}

/// The request as it stands on the wire.
fn bytes(names: &Names, request: &Request) -> Vec<u8> {
    let (method, host, target, headers, body) = match request {
        Request::Plain { method, host, target, headers, body } => (method, host, target, headers, body),
        // What is no text has no names to fill in.
        Request::Raw(bytes) => {
            return std::str::from_utf8(bytes).map_or_else(|_| bytes.clone(), |text| names.fill(text).into_bytes());
        }
    };
    let (target, body) = (names.fill(target), names.fill(body));
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", names.fill(host));
    if !headers.iter().any(|line| line.to_ascii_lowercase().starts_with("accept:")) {
        text += &names.fill("Accept: {accept}\r\n");
    }
    for line in headers {
        text += &format!("{}\r\n", names.fill(line));
    }
    if !body.is_empty() {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    (text + "\r\n" + &body).into_bytes()
}

/// What is not as the case has it, and not as every answer must be.
fn complaints(case: &Case, names: &Names, reply: &Reply) -> Vec<String> {
    let mut wrong = Vec::new();
    let head = matches!(&case.request, Request::Plain { method, .. } if method == "HEAD");
    let body = String::from_utf8_lossy(&reply.body);
    let (status, code, own) = match case.ending {
        Ending::Refused(status, code) => (status, Some(code), true),
        Ending::Relayed(status, code) => (status, Some(code), false),
        Ending::Served(status) | Ending::TurnedAway(status) => (status, None, false),
    };
    if reply.status.as_u16() != status {
        wrong.push(format!("status {}, not {status}", reply.status));
    }
    let says = reply.header("x-pierhead-error");
    match code {
        Some(code) if own && says != code => wrong.push(format!("x-pierhead-error is `{says}`, not `{code}`")),
        Some(code) if !head => {
            let error = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default()["errors"][0].clone();
            if error["code"] != code {
                wrong.push(format!("the code is {}, not `{code}`", error["code"]));
            }
            if error["message"].as_str().is_none_or(str::is_empty) {
                wrong.push("no message".to_owned());
            }
            if !reply.header(header::CONTENT_TYPE).starts_with("application/json") {
                wrong.push("an error that is not JSON".to_owned());
            }
        }
        _ => {}
    }
    if !own && !says.is_empty() {
        wrong.push(format!("the Worker's own error `{says}`"));
    }
    if head && !reply.body.is_empty() {
        wrong.push("a body for a HEAD".to_owned());
    }
    if reply.status == StatusCode::UNAUTHORIZED && reply.header(header::WWW_AUTHENTICATE).is_empty() {
        wrong.push("a 401 without a challenge".to_owned());
    }
    if !matches!(case.ending, Ending::TurnedAway(_)) {
        for (name, value) in &reply.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            if !HEADERS.contains(&name.as_str()) {
                wrong.push(format!("a header nobody needs: {name}: {value}"));
            }
            if name.as_str().contains(MARK)
                || value.to_ascii_lowercase().contains(MARK)
                || value.contains(['\r', '\n', '\0'])
            {
                wrong.push(format!("what was injected is in a header: {name}: {value:?}"));
            }
        }
        // Clients send passwords to the realm of a challenge: it is never another's.
        let realm = reply.header(header::WWW_AUTHENTICATE).split_once("realm=\"").map(|(_, rest)| rest);
        let host = host_of(names, &case.request);
        let ours = |realm: &str| {
            let realm = realm.trim_start_matches("https://").trim_start_matches("http://");
            realm.starts_with(&format!("{host}/")) && realm.contains("/token/") || realm.starts_with(&format!("{host}\""))
        };
        if realm.is_some_and(|realm| !ours(realm)) {
            wrong.push(format!("a challenge that leads away: {}", reply.header(header::WWW_AUTHENTICATE)));
        }
    }
    for text in case.says.iter().map(|text| names.fill(text)).filter(|text| !body.contains(text)) {
        wrong.push(format!("it does not say `{text}`"));
    }
    for text in case.in_headers.iter().map(|text| names.fill(text)) {
        if !reply.headers.values().any(|value| String::from_utf8_lossy(value.as_bytes()).contains(&text)) {
            wrong.push(format!("no header holds `{text}`"));
        }
    }
    let whole = format!("{:?} {body}", reply.headers);
    let hidden = case.hides.iter().map(|text| names.fill(text)).chain(["no such host".to_owned(), SECRET.to_owned()]);
    for text in hidden.filter(|text| whole.contains(text)) {
        wrong.push(format!("it holds `{text}`"));
    }
    wrong
}

/// The host of the Worker that was asked, as it may repeat it.
fn host_of(names: &Names, request: &Request) -> String {
    let host = match request {
        Request::Plain { host, .. } => names.fill(host),
        Request::Raw(bytes) => {
            let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
            let (_, rest) = text.split_once("host: ").unwrap_or_default();
            rest.lines().next().unwrap_or_default().to_owned()
        }
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// A request the Worker made, as a case writes it.
fn shown(seen: &Seen) -> String {
    let authorization = seen.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let scheme = authorization.and_then(|value| value.split(' ').next()).map(|scheme| format!(" ({scheme})"));
    format!("{} https://{}{}{}", seen.method, seen.host, seen.target, scheme.unwrap_or_default())
}

/// An answer, for a failing case.
fn told(reply: &Reply) -> String {
    let body: String = String::from_utf8_lossy(&reply.body).chars().take(400).collect();
    format!("{} {:?} {body}", reply.status, reply.headers)
}

fn filled(names: &Names, row: &Value) -> Value {
    serde_json::from_str(&names.fill(&row.to_string())).expect("names need no escapes")
}
