//! Many users of one registry, who may not see each other's images.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http::{StatusCode, header};
use serde_json::json;

use super::source::{HOST, manifest_of, whole};
use super::{ABREAST, in_time};
use crate::client::{HTTP, Reply};
use crate::guest::leave;
use crate::stage::Stage;
use crate::token_server::basic;
use crate::upstream::{self, Answer, Asked, Host, Hosts};
use crate::world::World;

const USERS: usize = 150;
const ROUNDS: usize = 20;

/// Who shows no token.
const STRANGER: &str = "stranger";

/// The one image that all of them ask for.
const PATH: &str = "/v2/churn/same/manifests/1";

/// All ask for the same tag of the same repository at once, and the registry has another image for each, and one for strangers; some are
/// gone before they have it. Each gets his own, by tag and by digest, and nobody gets another's.
pub async fn apart(stage: &Stage) {
    let hosts = Hosts::from([("quay.io".to_owned(), Host::new(registry))]);
    let world = stage.world(hosts, &[]).await;
    let users = stream::iter(0..USERS).map(|user| log_in(&world, user)).buffered(ABREAST).collect::<Vec<String>>().await;
    let requests = stream::iter(0..USERS * ROUNDS).map(|number| ask(&world, &users, number));
    requests.buffer_unordered(USERS).for_each(async |()| ()).await;
    println!("{USERS} users asked {} times for one tag", USERS * ROUNDS);
}

async fn ask(world: &World, bearers: &[String], number: usize) {
    // Neighbours in time are other users, of whom each comes again and again.
    let (user, round) = (number % USERS, number / USERS);
    let others = manifest_of(&format!("user-{}", (user + 1) % USERS));
    let (own, bearer) = match (user + round) % 5 {
        0 => (manifest_of(STRANGER), None),
        _ => (manifest_of(&format!("user-{user}")), Some(&bearers[user])),
    };
    let (path, expected) = match round % 4 {
        0 | 1 => (PATH.to_owned(), StatusCode::OK),
        2 => (PATH.replace("/1", &format!("/{}", own.digest)), StatusCode::OK),
        _ => (PATH.replace("/1", &format!("/{}", others.digest)), StatusCode::NOT_FOUND),
    };
    if (user + round) % 7 == 0 {
        let lines = bearer.map(|bearer| format!("Authorization: {bearer}\r\n")).unwrap_or_default();
        return leave(world, HOST, &path, &lines, tokio::time::sleep(Duration::from_millis(10))).await;
    }
    let mut request = HTTP.get(world.url(HOST, &path));
    if let Some(bearer) = bearer {
        request = request.header(header::AUTHORIZATION, bearer);
    }
    let reply = in_time(request, &format!("user {user}")).await.expect(expected);
    if expected == StatusCode::OK {
        assert_eq!(reply.body, own.bytes, "user {user} has another's image");
    }
}

/// A user's `Authorization`: the token that the registry's own token server gave him, as the Worker wraps it.
async fn log_in(world: &World, user: usize) -> String {
    let target = world.url(HOST, "/token/quay.io?service=quay.io&scope=repository:churn/same:pull");
    let request = HTTP.get(target).header(header::AUTHORIZATION, basic((&format!("user-{user}"), "password")));
    let token = Reply::to(request).await.expect(StatusCode::OK).json();
    format!("Bearer {}", token["token"].as_str().expect("a token"))
}

/// Gives each user a token that is his name, and for it his own image; without one, the strangers'.
async fn registry(asked: Asked) -> Answer {
    tokio::time::sleep(Duration::from_millis(20)).await;
    let authorization = asked.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or("");
    if asked.uri().path() == "/v2/auth" {
        let user = (0..USERS).map(|user| format!("user-{user}")).find(|user| authorization == basic((user, "password")));
        let Some(user) = user else { return upstream::text(StatusCode::UNAUTHORIZED, "who?") };
        return upstream::json(StatusCode::OK, &json!({"token": user}));
    }
    let image = manifest_of(authorization.strip_prefix("Bearer ").unwrap_or(STRANGER));
    let reference = asked.uri().path().rsplit('/').next().unwrap_or_default();
    if reference != "1" && reference != image.digest {
        let error = json!({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "not yours"}]});
        return upstream::json(StatusCode::NOT_FOUND, &error);
    }
    whole(&image)
}
