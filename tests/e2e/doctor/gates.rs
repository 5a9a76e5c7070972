//! The Worker's own no: its configuration, its gate, its rules.

use serde_json::{Value, json};

use super::{HELLO, Question, healthy};
use crate::gated::{ALICE, BOB, KEY, Mode};
use crate::hub::Hub;
use crate::stage::Stage;
use crate::worker::Runtime;
use crate::world::World;

/// How a client shows itself.
type Shown = fn(Question) -> Question;

const NOTHING: Shown = |question| question;
const LOGIN: Shown = |question| question.with("PIERHEAD_LOGIN", format!("{}:{}", ALICE.0, ALICE.1));
const OTHER_LOGIN: Shown = |question| question.with("PIERHEAD_LOGIN", format!("{}:{}", ALICE.0, BOB.1));
const HEADER: Shown = |question| question.with("PIERHEAD_KEY", KEY);
const OTHER_KEY: Shown = |question| question.with("PIERHEAD_KEY", "some0other0key0that0none");
const ADDRESS: Shown = |question| Question { host: format!("{}/{KEY}", question.host), ..question };
const OTHER_ADDRESS: Shown = |question| Question { host: format!("{}/some0other0key0that0none", question.host), ..question };

fn question(world: &World, shown: Shown) -> Question {
    shown(Question::of(world.authority("mirror.localhost"), HELLO))
}

pub async fn closed(stage: &Stage) {
    let (_hub, world) = healthy(stage, &Mode::Users.variables(&[])).await;
    question(&world, LOGIN).is_well(&[]).await;
    for (set_up, shown, name, fault, words) in [
        (
            "users only, and no login",
            NOTHING,
            "ping",
            "login-missing",
            ["wants a user's login", "PIERHEAD_LOGIN=user:token"],
        ),
        ("users only, and a wrong token", OTHER_LOGIN, "token", "login-wrong", ["of PIERHEAD_LOGIN", "npm run user"]),
    ] {
        question(&world, shown).is_ill(set_up, name, fault, &words).await;
    }

    let (_hub, world) = healthy(stage, &Mode::Path.variables(&[])).await;
    question(&world, HEADER).is_well(&[]).await;
    question(&world, ADDRESS).is_well(&["/<key>/library/hello:1`"]).await;
    for (set_up, shown, fault, words) in [
        ("a key, and none is shown", NOTHING, "key-missing", ["wants a key", "set PIERHEAD_KEY"]),
        ("a key, and another is shown", OTHER_KEY, "key-wrong", ["does not know this key", "PATH_SECRET"]),
        ("a key, and another in the address", OTHER_ADDRESS, "key-wrong", ["does not know this key", "PATH_SECRET"]),
    ] {
        question(&world, shown).is_ill(set_up, "ping", fault, &words).await;
    }

    let (_hub, world) = healthy(stage, &Mode::Both.variables(&[])).await;
    question(&world, LOGIN).is_well(&[]).await;
    question(&world, ADDRESS).is_well(&[]).await;

    let rules = json!({"docker.io": {"allow": ["library/hello-world"], "reason": "ask ops@example.com"}});
    let nothing = json!({"*": {"allow": []}});
    for (set_up, variable, name, fault, words) in [
        (
            "a setting that cannot be read",
            ("REGISTRIES", json!("{")),
            "healthz",
            "misconfigured",
            ["`REGISTRIES`", "wrangler tail"],
        ),
        ("a setting that is misspelt", ("LIMITS", json!({"blob_mb": 1})), "healthz", "misconfigured", ["`LIMITS", "deploy"]),
        (
            "a rule against the image",
            ("RULES", rules),
            "head",
            "rule",
            ["`library/hello` is not among", "ask ops@example.com"],
        ),
        (
            "a rule against the registry",
            ("RULES", nothing),
            "ping",
            "rule",
            ["nothing of `docker.io` is served here", "RULES"],
        ),
    ] as [(&str, (&str, Value), &str, &str, [&str; 2]); 4]
    {
        let (_hub, world) = healthy(stage, &[variable]).await;
        if fault == "rule" {
            question(&world, NOTHING).is_ill(set_up, name, fault, &words).await;
        } else {
            question(&world, HEADER).is_ill(set_up, name, fault, &words).await;
        }
    }

    let limited = stage.world_in(Runtime::Limited(2), Hub::new().hosts(), &[]).await;
    question(&limited, NOTHING)
        .is_ill("the operator's limit is reached", "head", "limiter", &["this proxy's own limit", "LIMITER"])
        .await;

    let (_hub, world) = healthy(stage, &[]).await;
    for (host, image) in [("mirror.localhost", "nobody.example/x:1"), ("ghcr.localhost", "nobody.example/x:1")] {
        Question::of(world.authority(host), image)
            .is_ill("a registry that is not served", "ping", "unserved", &["`nobody.example`", "REGISTRIES"])
            .await;
    }
}
