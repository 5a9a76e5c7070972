//! The attack suite: named requests that a hostile client or a hostile upstream would send, each with the error it must end in
//! and the upstream requests it may cost. A table has one Worker; within it every case has a registry of its own.

mod case;
mod challenges;
mod contents;
mod echoes;
mod encodings;
mod forms;
mod framing;
mod hosts;
mod keys;
mod locations;
mod methods;
mod names;
mod namespaces;
mod passes;
mod paths;
mod realms;
mod redirects;
mod rules;
mod run;
mod script;
mod tokens;
mod users;
mod wire;

use std::collections::BTreeSet;

use case::Case;

use crate::stage::Stage;

/// How many cases there are at the least: one that is lost is a hole.
const AT_LEAST: usize = 1134;

macro_rules! tables {
    ($($table:ident),+ $(,)?) => {
        /// Every table, by its name.
        fn all() -> Vec<(&'static str, Vec<Case>)> {
            let more = [("wire", wire::cases()), ("users", users::cases()), ("keys", keys::cases()), ("rules", rules::cases())];
            [vec![$((stringify!($table), $table::cases())),+], more.to_vec()].concat()
        }

        $(pub async fn $table(stage: &Stage) {
            run::run(stage, stringify!($table), $table::cases(), &[], &[]).await;
        })+
    };
}

tables![
    challenges, contents, echoes, encodings, forms, framing, hosts, locations, methods, namespaces, passes, paths, realms,
    redirects, tokens
];

pub async fn wire(stage: &Stage) {
    run::run_on_the_wire(stage, "wire", wire::answers()).await;
}

/// Before a Worker that lets users in.
pub async fn users(stage: &Stage) {
    run::run(stage, "users", users::cases(), &users::settings(), &[]).await;
}

/// Before a Worker that lets those in who know a key.
pub async fn keys(stage: &Stage) {
    run::run(stage, "keys", keys::cases(), &keys::settings(), &keys::SECRETS).await;
}

/// Before a Worker with rules and limits.
pub async fn rules(stage: &Stage) {
    run::run(stage, "rules", rules::cases(), &rules::settings(), &[]).await;
}

/// No name is there twice, and no table has gone missing.
pub async fn roll(_: &Stage) {
    let all = all();
    let mut names = BTreeSet::new();
    for (table, cases) in &all {
        for case in cases {
            assert!(names.insert(case.name), "attack::{table}: a second `{}`", case.name);
        }
    }
    println!("attack: {} cases in {} tables", names.len(), all.len());
    assert!(names.len() >= AT_LEAST, "{} cases, where there were {AT_LEAST}", names.len());
}
