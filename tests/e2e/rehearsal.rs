//! The played registries alone, without a Worker: they count, fail and lie as they are told.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, header};

use crate::client::{HTTP, MANIFESTS, Reply};
use crate::hub::{Hub, MIRRORS, ORIGIN, TOKENS};
use crate::image::{Format, Plain, sha256};
use crate::personality::hub::HUB;
use crate::play::{Lie, Mood, Play};
use crate::stage::Stage;
use crate::upstream::{SCHEME, Upstream};

/// The players, and a token for one repository of Docker Hub.
struct Rehearsal {
    upstream: Upstream,
    token: String,
}

impl Rehearsal {
    async fn of(play: &Arc<Play>, name: &str) -> Rehearsal {
        let mut rehearsal = Rehearsal { upstream: Upstream::start(play.hosts()).await, token: String::new() };
        rehearsal.token =
            rehearsal.token(TOKENS, &format!("/token?service=registry.docker.io&scope=repository:{name}:pull")).await;
        rehearsal
    }

    async fn token(&self, host: &str, target: &str) -> String {
        let reply = self.ask(Method::GET, host, target).await.expect("an answer").expect(StatusCode::OK);
        reply.json()["token"].as_str().expect("a token").to_owned()
    }

    /// `None` where the connection ends before the answer does.
    async fn ask(&self, method: Method, host: &str, target: &str) -> Option<Reply> {
        let request = HTTP.request(method, format!("http://{}{target}", self.upstream.address));
        let mut request = request.header(header::HOST, host).header(SCHEME, "https").header(header::ACCEPT, MANIFESTS);
        if !self.token.is_empty() && host != TOKENS {
            request = request.bearer_auth(&self.token);
        }
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status(), response.headers().clone());
        Some(Reply { status, headers, body: response.bytes().await.ok()? })
    }

    async fn manifest(&self, method: Method, name: &str, reference: &str) -> Option<Reply> {
        self.ask(method, ORIGIN, &format!("/v2/{name}/manifests/{reference}")).await
    }
}

/// GET of a manifest counts, HEAD does not; what is over the ration is refused in Docker Hub's words.
pub async fn rations(_: &Stage) {
    let (name, play) = ("library/counted", Play::bare(&HUB));
    let image = Plain::new(name, "1", Format::Oci);
    play.hold(name, "1", &image);
    let rehearsal = Rehearsal::of(&play, name).await;
    play.ration(2);
    for (method, counted) in [(Method::HEAD, 0), (Method::GET, 1), (Method::HEAD, 1), (Method::GET, 2), (Method::HEAD, 2)] {
        let reply = rehearsal.manifest(method.clone(), name, "1").await.expect("an answer").expect(StatusCode::OK);
        assert_eq!(play.counted(), counted, "{method}");
        assert_eq!(reply.header("docker-content-digest"), image.manifest.digest);
        assert_eq!(reply.header("x-ratelimit-limit"), "2;w=3600");
        assert_eq!(reply.header("ratelimit-remaining"), format!("{};w=3600", 2 - counted));
        assert_eq!(reply.header("docker-ratelimit-source"), "192.0.2.7");
    }
    let refused = rehearsal.manifest(Method::GET, name, "1").await.expect("an answer");
    let refused = refused.expect(StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json()["errors"][0]["code"], "TOOMANYREQUESTS");
    assert_eq!(refused.header("x-ratelimit-remaining"), "0;w=3600");
    assert_eq!(refused.header(header::RETRY_AFTER), "");
    let blob = format!("/v2/{name}/blobs/{}", image.layer().digest);
    rehearsal.ask(Method::GET, ORIGIN, &blob).await.expect("an answer").expect(StatusCode::TEMPORARY_REDIRECT);
    play.be(Mood::Stingy);
    let head = rehearsal.manifest(Method::HEAD, name, "1").await.expect("an answer");
    head.expect(StatusCode::TOO_MANY_REQUESTS);

    play.ration(100);
    let other = Plain::new(name, "2", Format::Docker);
    play.hold(name, "1", &other);
    let moved = rehearsal.manifest(Method::GET, name, "1").await.expect("an answer").expect(StatusCode::OK);
    assert_eq!(sha256(&moved.body), other.manifest.digest);
    let kept = rehearsal.manifest(Method::GET, name, &image.manifest.digest).await.expect("an answer");
    assert_eq!(sha256(&kept.expect(StatusCode::OK).body), image.manifest.digest);
    let owned = "alice/counted";
    play.hold_for_the_user(owned, "1", &Plain::over("a layer"));
    rehearsal.manifest(Method::GET, owned, "1").await.expect("an answer").expect(StatusCode::UNAUTHORIZED);
    play.lose(name);
    rehearsal.manifest(Method::GET, name, "1").await.expect("an answer").expect(StatusCode::UNAUTHORIZED);
}

pub async fn moods(_: &Stage) {
    let play = Play::new(&HUB);
    let rehearsal = Rehearsal::of(&play, &play.public.name).await;
    for (mood, expected) in [
        (Mood::Well, Some(StatusCode::OK)),
        (Mood::Abused, Some(StatusCode::TOO_MANY_REQUESTS)),
        (Mood::Down, Some(StatusCode::SERVICE_UNAVAILABLE)),
        (Mood::Gone, None),
        (Mood::Well, Some(StatusCode::OK)),
    ] {
        play.be(mood);
        let tokens = rehearsal.ask(Method::GET, TOKENS, "/token?service=registry.docker.io").await;
        assert_eq!(tokens.map(|reply| reply.status), expected, "{mood:?}");
        let manifest = rehearsal.manifest(Method::HEAD, &play.public.name, "1").await;
        assert_eq!(manifest.as_ref().map(|reply| reply.status), expected, "{mood:?}");
        if mood == Mood::Abused {
            assert_eq!(manifest.expect("an answer").header(header::RETRY_AFTER), "60");
        }
    }
    let soon = Duration::from_millis(200);
    play.answer_after(2 * soon);
    let asked = rehearsal.manifest(Method::GET, &play.public.name, "1");
    assert!(tokio::time::timeout(soon, asked).await.is_err(), "an answer at once");
    play.answer_after(Duration::ZERO);
    play.be(Mood::Silent);
    let asked = rehearsal.manifest(Method::GET, &play.public.name, "1");
    assert!(tokio::time::timeout(soon, asked).await.is_err(), "an answer, though it is silent");
}

pub async fn lies(_: &Stage) {
    let play = Play::new(&HUB);
    let rehearsal = Rehearsal::of(&play, &play.public.name).await;
    let (name, index) = (&play.public.name, &play.public.oci.index);
    for lie in [Lie::Content, Lie::Type("text/html"), Lie::Digest, Lie::Half, Lie::Cut] {
        play.tell(Some(lie));
        let told = rehearsal.manifest(Method::GET, name, &index.digest).await;
        let Some(told) = told else {
            assert_eq!(lie, Lie::Cut, "{lie:?}: no whole answer");
            continue;
        };
        let told = told.expect(StatusCode::OK);
        assert_eq!(sha256(&told.body) == index.digest, !matches!(lie, Lie::Content | Lie::Half), "{lie:?}");
        assert_eq!(told.header("docker-content-digest") == index.digest, lie != Lie::Digest, "{lie:?}");
        assert_eq!(told.header(header::CONTENT_TYPE) == Format::Oci.index(), !matches!(lie, Lie::Type(_)), "{lie:?}");
        assert_eq!(told.header(header::CONTENT_LENGTH), told.body.len().to_string(), "{lie:?}");
    }
    play.tell(None);
    let told = rehearsal.manifest(Method::GET, name, "1").await.expect("an answer").expect(StatusCode::OK);
    assert_eq!(told.body, index.bytes);
    let tags = rehearsal.ask(Method::GET, ORIGIN, &format!("/v2/{name}/tags/list")).await.expect("an answer");
    assert_eq!(tags.json()["tags"][0], "1");
}

/// The one mirror wants no token, the other does; they hold what they are given, and nothing else.
pub async fn mirrors(_: &Stage) {
    let hub = Hub::new();
    let (name, image) = hub.hold_many("mirrored", 1).remove(0);
    hub.mirror(&name, "1", &image);
    hub.hold_everywhere("library/list", "1", &hub.origin.public.oci);
    let mut rehearsal = Rehearsal { upstream: Upstream::start(hub.hosts()).await, token: String::new() };
    for (host, prefix) in MIRRORS.into_iter().zip(["", "docker/"]) {
        let ask = async |rehearsal: &Rehearsal, what: &str| {
            let target = format!("/v2/{prefix}{what}");
            rehearsal.ask(Method::GET, host, &target).await.expect("an answer")
        };
        let manifest = format!("{name}/manifests/1");
        if host == "public.ecr.aws" {
            ask(&rehearsal, &manifest).await.expect(StatusCode::UNAUTHORIZED);
            rehearsal.token = rehearsal.token(host, "/token/?service=public.ecr.aws&scope=aws").await;
        } else {
            rehearsal.ask(Method::GET, host, "/v2/").await.expect("an answer").expect_challenge();
        }
        assert_eq!(sha256(&ask(&rehearsal, &manifest).await.expect(StatusCode::OK).body), image.manifest.digest);
        let list = ask(&rehearsal, "library/list/manifests/1").await.expect(StatusCode::OK);
        assert_eq!(sha256(&list.body), hub.origin.public.oci.index.digest);
        let blob = ask(&rehearsal, &format!("{name}/blobs/{}", image.layer().digest)).await;
        assert!(blob.status.is_redirection(), "{host}: {}", blob.status);
        ask(&rehearsal, "library/absent/manifests/1").await.expect(StatusCode::NOT_FOUND);
    }
}
