//! End to end: the built Worker in workerd, a real registry behind it, real clients before it.
//!
//! Each test has a [`world::World`] of its own: a workerd with the production configuration, and an
//! [`upstream::Upstream`] that plays every host the Worker may ask. The real registries and the images in them belong
//! to the [`stage::Stage`] that all tests share. `cargo test --test e2e -- podman` runs the tests with that word in
//! their name.
//!
//! A test names the programs it needs. A missing one is a failure where `CI` is `true`; elsewhere the test is ignored,
//! with the reason in its line, and the report at the end names it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "these lints guard the Worker's isolate; a test may panic, and it runs natively"
)]
#![allow(missing_docs, reason = "a test's name says what it shows")]

mod attack;
mod bucket;
mod churn;
mod client;
mod clients;
mod cost;
mod crowd;
mod doctor;
mod failover;
mod faults;
mod gated;
mod guest;
mod hostile;
mod hub;
mod image;
mod load;
mod manners;
mod matrix;
mod page;
mod personality;
mod play;
mod poison;
mod process;
mod pull_sh;
mod puller;
mod pulls;
mod rates;
mod registry;
mod rehearsal;
mod room;
mod runtimes;
mod search;
mod siege;
mod snippets;
mod spec;
mod stage;
mod store;
mod token_server;
mod upstream;
mod worker;
mod world;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use libtest_mimic::{Arguments, Completion, Trial};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::puller::Puller;
use crate::stage::Stage;
use crate::worker::Build;

/// One test.
struct Test {
    name: String,
    needs: Vec<&'static str>,
    body: Body,
}

type Body = Box<dyn for<'a> Fn(&'a Stage) -> Pin<Box<dyn Future<Output = ()> + 'a>> + Send>;

macro_rules! tests {
    ($($needs:expr => $($($part:ident)::+),+;)+) => {
        vec![$($(Test {
            name: [$(stringify!($part)),+].join("::"),
            needs: $needs.to_vec(),
            body: Box::new(|stage| Box::pin($($part)::+(stage))),
        }),+),+]
    };
}

fn tests() -> Vec<Test> {
    let personalities = personality::ALL.into_iter().map(|manners| Test {
        name: format!("personality::{}", manners.id),
        needs: Vec::new(),
        body: Box::new(move |stage| Box::pin(manners::meet(stage, manners))),
    });
    let hostile = Test {
        name: "personality::hostile".to_owned(),
        needs: Vec::new(),
        body: Box::new(|stage| Box::pin(manners::hostile(stage))),
    };
    let matrix = personality::ALL.iter().enumerate().map(|(index, manners)| Test {
        name: format!("matrix::{}", manners.id),
        needs: vec![FULL],
        body: Box::new(move |stage| Box::pin(matrix::full(stage, index))),
    });
    let pullers = Puller::all().iter().map(|&puller| Test {
        name: format!("puller::{puller:?}"),
        needs: [&[FULL, "docker-registry"], puller.needs()].concat(),
        body: Box::new(move |stage| Box::pin(puller::proven(stage, puller))),
    });
    personalities.chain([hostile]).chain(pullers).chain(matrix).chain(listed()).collect()
}

fn listed() -> Vec<Test> {
    tests! {
        ["docker-registry", "node", "dockerd", "docker", "containerd", "runc", ROOT] => snippets::docker;
        ["docker-registry", "node", "newer/dockerd", "newer/docker", "newer/containerd", "runc", ROOT, FULL] =>
            snippets::newer_docker;
        ["docker-registry", "node", "newer/dockerd", "newer/docker", "newer/containerd", "runc", snippets::BUILDER, ROOT, FULL] =>
            snippets::buildkit_in_docker, snippets::buildkit_logs_in;
        ["docker-registry", "node", "containerd", "ctr", ROOT] => snippets::containerd, snippets::page_on_containerd;
        ["docker-registry", "node", "newer/containerd", "newer/ctr", ROOT, FULL] =>
            snippets::newer_containerd, snippets::page_on_newer_containerd;
        ["docker-registry", "node", "containerd", "runc", ROOT] => snippets::page_on_kubernetes;
        ["docker-registry", "node", "newer/containerd", "runc", ROOT, FULL] => snippets::page_on_kubernetes_newer;
        ["docker-registry", "node", "podman", ROOT] => snippets::podman, snippets::podman_logs_in;
        ["docker-registry", "podman", ROOT] => snippets::page_on_podman;
        ["docker-registry", ROOT] => snippets::page_on_registries;
        ["docker-registry", "node", "skopeo", ROOT] => snippets::skopeo;
        [] =>
            attack::roll, attack::users, attack::keys, attack::rules, attack::challenges, attack::contents, attack::echoes, attack::encodings, attack::forms,
            attack::framing, attack::hosts, attack::locations, attack::methods, attack::namespaces, attack::passes,
            attack::paths, attack::realms, attack::redirects, attack::tokens, attack::wire,
            hostile::truncated_blobs, hostile::time_limits, faults::answers,
            spec::every_row, spec::conditional_requests, spec::failures,
            rehearsal::rations, rehearsal::moods, rehearsal::lies, rehearsal::mirrors,
            manners::operators_accounts, matrix::page, matrix::small;
        [] =>
            store::warm_pulls, store::moved_tags, store::withdrawn_tags, store::who_uses_it, store::accept_classes,
            failover::rationed, failover::current_tags, failover::cold, failover::recovery, failover::silence,
            failover::configured_mirrors, failover::own_credentials,
            rates::headers_pass, rates::last_words, search::nas_packages_search,
            crowd::single_flight, crowd::leaders_that_hang_up, crowd::hang_ups_leave_nothing, crowd::memory, cost::requests_a_pull,
            churn::mid_silence, churn::apart, churn::leaders;
        [ALONE] => churn::mid_blob, churn::readers, churn::leave_nothing, churn::for_seconds;
        [ALONE, FULL] => churn::for_a_minute;
        ["node"] =>
            runtimes::serve_alike, runtimes::keep,
            store::conditions, store::private_images, store::switched_off, failover::stale,
            poison::of_the_origin, poison::of_a_mirror, poison::another_image, poison::large_blobs,
            bucket::survives_a_restart, bucket::epochs, bucket::large_blobs, bucket::cache_api, bucket::too_large_blobs,
            bucket::hang_ups, crowd::thousand_pulls;
        [] => page::headers;
        ["node"] => page::references;
        ["node"] =>
            doctor::well, doctor::asked_wrong, doctor::ways::to_the_host, doctor::ways::tls, doctor::others::in_its_place,
            doctor::others::in_between, doctor::others::tokens, doctor::others::in_an_echo, doctor::others::contents, doctor::gates::closed, doctor::registries::at_fault,
            doctor::registries::blobs;
        ["node", "chromium"] => page::public, page::below_a_key, page::for_users;
        [FULL, "node"] => crowd::thousand_real_pulls;
        [FULL] => matrix::wrong_passwords, siege::siege;
        [FULL, "dockerd", "docker", "containerd", "runc", "newer/dockerd", "newer/docker", "newer/containerd", "ctr", "podman", ROOT] =>
            faults::clients;
        ["dash", "busybox"] => pull_sh::halves, pull_sh::others, pull_sh::interrupted, pull_sh::words;
        ["shellcheck"] => pull_sh::checked;
        ["dockerd", "docker", "curl", "dash", "busybox", ROOT] =>
            pull_sh::docker, pull_sh::docker_of_one_registry, pull_sh::docker_with_a_key, pull_sh::docker_of_a_user;
        ["podman", "curl", "dash", "busybox", ROOT] => pull_sh::podman;
        ["containerd", "ctr", "curl", "dash", "busybox", ROOT] => pull_sh::ctr;
        [FULL, "newer/dockerd", "newer/docker", "newer/containerd", "curl", "dash", "busybox", ROOT] =>
            pull_sh::docker_with_containerds_store;
        [FULL, "newer/containerd", "newer/ctr", "curl", "dash", "busybox", ROOT] => pull_sh::ctr_of_containerd_2;
        ["docker-registry"] =>
            pulls::ping, pulls::without_authorization, pulls::by_challenge_and_token, pulls::every_addressing_style,
            pulls::head, pulls::range, pulls::tags_in_pages, pulls::private_needs_its_user, pulls::token_by_post,
            pulls::credentials_stay_with_their_registry, pulls::log_lines, pulls::configured_routes_and_credentials, pulls::unknown_things,
            load::large_layer, load::two_hundred_pulls;
        ["node"] => gated::limiter::by_user, gated::limiter::by_address;
        ["docker-registry"] => gated::users::tokens;
        ["docker-registry", "dockerd", "docker", ROOT] =>
            gated::users::docker, gated::users::docker_mirror, gated::users::operators_account, gated::keys::docker,
            gated::rules::docker;
        [FULL, "docker-registry", "newer/dockerd", "newer/docker", "newer/containerd", "runc", ROOT] =>
            gated::users::newer_docker, gated::keys::newer_docker, gated::rules::newer_docker;
        ["docker-registry", "podman", ROOT] =>
            gated::users::podman, gated::keys::podman, gated::rules::podman;
        ["docker-registry", "skopeo", ROOT] => gated::users::skopeo, gated::keys::skopeo;
        ["docker-registry", "containerd", "ctr", ROOT] =>
            gated::users::ctr, gated::keys::ctr, gated::both::header_and_account;
        [FULL, "docker-registry", "newer/containerd", "newer/ctr", ROOT] => gated::users::newer_ctr, gated::keys::newer_ctr;
        [FULL, "docker-registry", "newer/crane", "newer/oras", ROOT] => gated::users::crane_and_oras;
        ["docker-registry", "dockerd", "docker", "podman", ROOT] => gated::both::login_and_key;
        ["docker-registry", "skopeo", ROOT] =>
            clients::skopeo_copies_from_a_host_label, clients::skopeo_copies_from_a_gateway,
            clients::skopeo_copies_a_private_image, clients::skopeo_inspects;
        ["docker-registry", "podman", ROOT] =>
            clients::podman_pulls_from_a_host_label, clients::podman_pulls_from_a_gateway,
            clients::podman_pulls_through_a_mirror_with_a_path;
        ["docker-registry", "dockerd", "docker", ROOT] =>
            clients::docker_pulls_from_a_host_label, clients::docker_pulls_from_a_gateway,
            clients::docker_pulls_through_a_registry_mirror, clients::docker_logs_in_and_pulls_a_private_image;
        ["dockerd", "docker", ROOT] => search::docker_searches;
        ["docker-registry", "containerd", "ctr", ROOT] =>
            clients::containerd_pulls_through_a_mirror_by_ns, clients::containerd_pulls_through_a_mirror_with_a_path;
    }
}

/// Not a program but a right: clients get mount namespaces of their own.
const ROOT: &str = "root";

/// Not a program either: no other test runs beside these, for they measure, or take all that the machine has.
const ALONE: &str = "alone";

/// Nor is this: these tests run with `PIERHEAD_FULL=1` only, as `npm run test:full` has it.
const FULL: &str = "PIERHEAD_FULL=1";

/// How many files and connections one process of a crowd may have: both ends of 500 blobs, twice.
const ENOUGH_FILES: u64 = 8192;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if arguments.list {
        let names = tests().into_iter().map(|test| Trial::test(test.name, || Ok(())));
        return libtest_mimic::run(&arguments, names.collect()).exit_code();
    }
    let build = match Build::find() {
        Ok(build) => build,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::FAILURE;
        }
    };
    println!("the Worker runs in {}", build.version());
    // Crowds have many connections, and whatever is started here has the same limit.
    let files = getrlimit(Resource::Nofile);
    let more = files.maximum.map_or(ENOUGH_FILES, |maximum| maximum.min(ENOUGH_FILES));
    if files.current.is_some_and(|current| current < more) {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(more), ..files });
        raised.expect("no more than the maximum");
    }
    // reqwest asks for it, though nobody here speaks TLS.
    rustls::crypto::ring::default_provider().install_default().expect("the first one");
    let runtime = Arc::new(tokio::runtime::Runtime::new().expect("a runtime"));
    let stage = Arc::new(Stage::new(build));
    let ran = Arc::new(Mutex::new(BTreeSet::new()));
    let room = Arc::new(RwLock::new(()));
    let trials = tests().into_iter().map(|test| {
        let (runtime, stage, ran, room) = (runtime.clone(), stage.clone(), ran.clone(), room.clone());
        Trial::ignorable_test(test.name, move || {
            let missing: Vec<&str> = test.needs.iter().copied().filter(|need| !is_there(need)).collect();
            if !missing.is_empty() {
                let reason = format!("not found: {}", missing.join(", "));
                let expected = in_ci() && !missing.contains(&FULL);
                return if expected { Err(reason.into()) } else { Ok(Completion::ignored_with(reason)) };
            }
            ran.lock().expect("no one panics while holding this").extend(&test.needs);
            // Whether another test has failed meanwhile is nothing to this one.
            let (_shared, _alone) = match test.needs.contains(&ALONE) {
                true => (None, Some(room.write().unwrap_or_else(PoisonError::into_inner))),
                false => (Some(room.read().unwrap_or_else(PoisonError::into_inner)), None),
            };
            runtime.block_on((test.body)(&stage));
            Ok(Completion::Completed)
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    drop(stage); // ends the registries
    report(&ran.lock().expect("no one panics while holding this"));
    conclusion.exit_code()
}

/// Prints which programs took part, which did not, and which are not there.
fn report(ran: &BTreeSet<&str>) {
    let needed: BTreeSet<&str> = tests().into_iter().flat_map(|test| test.needs).collect();
    println!("real programs of this run:");
    for need in needed {
        let state = match (ran.contains(need), process::find(need)) {
            _ if need == ROOT => {
                println!("  {need}: {}", if is_there(ROOT) { "yes" } else { "NO: clients need it, none was run" });
                continue;
            }
            _ if need == FULL || need == ALONE => continue,
            (true, Some(program)) => format!("ran, {} ({})", process::version(&program), program.display()),
            (false, Some(_)) => {
                "is there; no test that needs it was asked for (matrix::small takes what it finds)".to_owned()
            }
            (_, None) => "NOT FOUND: its tests were not run".to_owned(),
        };
        println!("  {need}: {state}");
    }
}

fn is_there(need: &str) -> bool {
    match need {
        ROOT => process::is_root().unwrap_or(false),
        ALONE => true,
        FULL => std::env::var("PIERHEAD_FULL").is_ok_and(|value| value == "1"),
        program => process::find(program).is_some(),
    }
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
