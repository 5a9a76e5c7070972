//! What clients are told of rate limits.

use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::client::Reply;
use crate::hub::Hub;
use crate::play::Mood;
use crate::stage::Stage;
use crate::token_server::USER;

/// An account of the operator's, for everybody.
fn account() -> [(&'static str, Value); 2] {
    let credentials = json!({"docker.io": format!("{}:{}", USER.0, USER.1)});
    [("ACCESS", json!("public")), ("CREDENTIALS", credentials.to_string().into())]
}

/// What Docker Hub says of rates passes; whose they are does not, where that is the operator's account.
pub async fn headers_pass(stage: &Stage) {
    for (variables, by_account) in [(&[][..], false), (&account()[..], true)] {
        let hub = Hub::new();
        hub.origin.ration(100);
        let world = stage.world(hub.hosts(), variables).await;
        let guest = world.guest().await;
        let reply = guest.get("library/hello/manifests/1").await.expect(StatusCode::OK);
        assert_eq!(reply.header("ratelimit-limit"), "100;w=3600");
        assert_eq!(reply.header("ratelimit-remaining"), "99;w=3600");
        assert_eq!(reply.header("docker-ratelimit-source"), if by_account { "" } else { "192.0.2.7" });
        let asked = world.upstream.seen();
        let as_alice = asked.iter().any(|seen| {
            seen.headers.get(header::AUTHORIZATION).is_some_and(|value| *value == crate::token_server::basic(USER))
        });
        assert_eq!(as_alice, by_account, "{}", world.upstream.transcript());
        for shown in [format!("{:?}", reply.headers), String::from_utf8_lossy(&reply.body).into_owned()] {
            assert!(!by_account || !shown.contains(USER.0), "names the account: {shown}");
        }
    }
}

/// When nobody has it, the last word is Docker Hub's 429: when to come back, which registry, and what the operator can do.
pub async fn last_words(stage: &Stage) {
    for (variables, by_account) in [(&[][..], false), (&account()[..], true)] {
        for mood in [Mood::Well, Mood::Stingy, Mood::Abused] {
            let hub = Hub::new(); // with mirrors that hold nothing
            hub.origin.ration(0);
            hub.origin.be(mood);
            let world = stage.world(hub.hosts(), variables).await;
            let guest = world.guest().await;
            for turn in 0..2 {
                let reply = guest.get("library/hello/manifests/1").await;
                let what = format!("{mood:?}, account: {by_account}, turn {turn}");
                check(&reply.expect(StatusCode::TOO_MANY_REQUESTS), by_account, &what);
            }
        }
    }
}

fn check(reply: &Reply, by_account: bool, what: &str) {
    assert_eq!(reply.error_code(what), "TOOMANYREQUESTS", "{what}");
    let seconds: u32 = reply.header(header::RETRY_AFTER).parse().unwrap_or(0);
    assert!((1..=6 * 3600).contains(&seconds), "{what}: Retry-After {:?}", reply.header(header::RETRY_AFTER));
    let message = reply.json()["errors"][0]["message"].as_str().unwrap_or("").to_owned();
    let words: &[&str] = if by_account { &["docker.io", "account"] } else { &["docker.io", "CREDENTIALS"] };
    for word in words {
        assert!(message.contains(word), "{what}: nothing of {word} in {message:?}");
    }
    assert!(!message.contains(USER.0), "{what}: names the account: {message:?}");
    assert!(!by_account || reply.header("docker-ratelimit-source").is_empty(), "{what}");
}
