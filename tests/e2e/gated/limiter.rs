//! The Rate Limiting binding, as Miniflare has it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Method, StatusCode, header};

use super::{ALICE, BOB, Mode};
use crate::client::Reply;
use crate::personality::hub::HUB;
use crate::play::Play;
use crate::stage::Stage;
use crate::token_server::basic;
use crate::worker::Runtime;
use crate::world::World;

/// How many requests a minute.
const LIMIT: u32 = 5;
const TARGET: &str = "/v2/library/hello/manifests/1";

/// A Worker that counts, at the beginning of one of the minutes in which it does.
async fn world(stage: &Stage, mode: Mode) -> World {
    let variables = mode.variables(&[("CACHE", "off".into())]);
    let world = stage.world_in(Runtime::Limited(LIMIT), Play::new(&HUB).hosts(), &variables).await;
    // Miniflare counts by the clock's own minutes.
    let second = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs() % 60;
    if second > 50 {
        tokio::time::sleep(Duration::from_secs(60 - second)).await;
    }
    world
}

impl World {
    async fn ask_with(&self, headers: &[(&str, &str)]) -> Reply {
        let request = self.ask(Method::GET, "docker.localhost", TARGET);
        Reply::to(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// So many requests of one get through, the next one does not, and upstream hears nothing of that.
    async fn assert_limited(&self, left: u32, headers: &[(&str, &str)]) {
        for _ in 0..left {
            self.ask_with(headers).await.expect(StatusCode::OK);
        }
        self.upstream.forget();
        let refused = self.ask_with(headers).await.expect(StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.refusal_code("beyond the limit"), "TOOMANYREQUESTS");
        assert_eq!(refused.header(header::RETRY_AFTER), "60");
        super::assert_unheard_of(self);
    }
}

/// Users are counted by name, wherever they are and whatever they show.
pub async fn by_user(stage: &Stage) {
    let world = world(stage, Mode::Users).await;
    let (alice, bob) = (basic(ALICE), basic(BOB));
    let token = world.log_in("docker.localhost", "library/hello", Some(ALICE)).await;
    for address in ["192.0.2.1", "192.0.2.2"] {
        world.ask_with(&[("authorization", &token), ("cf-connecting-ip", address)]).await.expect(StatusCode::OK);
    }
    // One for the token, two with it.
    world.assert_limited(LIMIT - 3, &[("authorization", &alice), ("cf-connecting-ip", "192.0.2.3")]).await;
    let ping = world.ask(Method::GET, "docker.localhost", "/v2/").header(header::AUTHORIZATION, &alice);
    Reply::to(ping).await.expect(StatusCode::TOO_MANY_REQUESTS);
    let renewed = world.ask(Method::GET, "docker.localhost", "/token/docker.io").header(header::AUTHORIZATION, &alice);
    Reply::to(renewed).await.expect(StatusCode::TOO_MANY_REQUESTS);
    world.assert_limited(LIMIT, &[("authorization", &bob), ("cf-connecting-ip", "192.0.2.1")]).await;
}

/// Others are counted by address: the one that Cloudflare tells, not what clients say of themselves.
pub async fn by_address(stage: &Stage) {
    let world = world(stage, Mode::Public).await;
    for (own, same) in
        [("192.0.2.1", "192.0.2.1"), ("192.0.2.2", "::ffff:192.0.2.2"), ("2001:db8:0:1::1", "2001:db8:0:1:2::3")]
    {
        world.assert_limited(LIMIT, &[("cf-connecting-ip", own)]).await;
        world.assert_limited(0, &[("cf-connecting-ip", same)]).await;
        world.assert_limited(0, &[("cf-connecting-ip", own), ("x-forwarded-for", "198.51.100.1")]).await;
        world.assert_limited(0, &[("cf-connecting-ip", own), ("x-real-ip", "198.51.100.1")]).await;
    }
    world
        .ask_with(&[("cf-connecting-ip", "2001:db8:0:2::1"), ("x-forwarded-for", "192.0.2.1")])
        .await
        .expect(StatusCode::OK);
}
