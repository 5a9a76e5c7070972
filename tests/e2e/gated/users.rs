//! `users`: clients log in with a name and token of the proxy's own.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{Method, StatusCode, header};
use pierhead::access::{SigningKeys, USER_LIFE, Users};
use pierhead::auth::Pass;
use pierhead::secret::Secret;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{ALICE, BOB, GITHUB, HUB, LOG_IN, Mode, SIGNING_KEY, WRONG, assert_turned_away, assert_unheard_of, containerd};
use crate::client::{HTTP, Reply, parameter};
use crate::clients::assert_came_through;
use crate::puller::containerd::Release;
use crate::puller::docker::Engine;
use crate::puller::mirror::{hosts_toml, hosts_toml_with};
use crate::puller::podman;
use crate::puller::skopeo;
use crate::room::Room;
use crate::stage::Stage;
use crate::token_server::{REFRESH_TOKEN, USER, basic};

pub async fn docker(stage: &Stage) {
    docker_logs_in(stage, Engine::Classic).await;
}

pub async fn newer_docker(stage: &Stage) {
    docker_logs_in(stage, Engine::NewerClassic).await;
    docker_logs_in(stage, Engine::NewerContainerd).await;
}

/// Logs in at a host of one registry and at a gateway, where the one login is for two.
async fn docker_logs_in(stage: &Stage, engine: Engine) {
    let (real, world) = (stage.real().await, Mode::Users.world(stage).await);
    for (host, images) in [
        ("docker.localhost", &[("library/hello", HUB, &real.hello)][..]),
        ("localhost", &[("docker.io/library/hello", HUB, &real.hello), ("ghcr.io/team/tool", GITHUB, &real.tool)]),
    ] {
        // A daemon for each: one drops the manifests of what was removed when it comes to it.
        let (host, docker) = (world.authority(host), world.docker(engine, &[]).await);
        world.upstream.forget();
        // A wrong token, and what opens the registry's own door.
        for (name, token) in [(ALICE.0, "wrong"), (BOB.0, ALICE.1), USER] {
            let refused = docker.log_in(&host, name, token).await.expect_err("a wrong token");
            assert_turned_away(&world, &refused, WRONG);
        }
        docker.log_in(&host, ALICE.0, ALICE.1).await.unwrap_or_else(|problem| panic!("{problem}"));
        assert_unheard_of(&world);
        for (name, origin, image) in images {
            world.docker_pulls(&docker, &format!("{host}/{name}"), origin, image).await;
        }
        // What was pulled would be looked up by digest only.
        let reference = format!("{host}/{}:{}", images[0].0, images[0].2.tag);
        docker.cli(&["rmi", &reference], "").await.success();
        docker.cli(&["logout", &host], "").await.success();
        world.upstream.forget();
        let refused = docker.cli(&["pull", &reference], "").await.failure();
        assert_turned_away(&world, &refused, LOG_IN);
    }
}

pub async fn podman(stage: &Stage) {
    let (real, world) = (stage.real().await, Mode::Users.world(stage).await);
    for (host, images) in [
        ("docker.localhost", &[("library/hello", HUB, &real.hello)][..]),
        ("localhost", &[("docker.io/library/hello", HUB, &real.hello), ("ghcr.io/team/tool", GITHUB, &real.tool)]),
    ] {
        let (room, host) = (Room::new(), world.authority(host));
        let login = |user| ["login", "--tls-verify=false", "--username", user, "--password-stdin", &host];
        world.upstream.forget();
        let refused = podman::podman(&room, &login(ALICE.0), "wrong").await.failure();
        assert_turned_away(&world, &refused, "invalid username/password");
        podman::podman(&room, &login(ALICE.0), ALICE.1).await.success();
        assert_unheard_of(&world);
        for (name, origin, image) in images {
            world.upstream.forget();
            let reference = format!("{host}/{name}:{}", image.tag);
            podman::fetch(&room, &reference, &image.index.digest, &[]).await.unwrap_or_else(|problem| panic!("{problem}"));
            assert_came_through(&world, origin, image);
        }
        podman::podman(&room, &["logout", &host], "").await.success();
        world.upstream.forget();
        let reference = format!("{host}/{}:{}", images[0].0, images[0].2.tag);
        let refused = podman::podman(&room, &["pull", "--tls-verify=false", &reference], "").await.failure();
        assert_turned_away(&world, &refused, LOG_IN);
    }
}

/// A mirror is shown what docker has stored for Docker Hub, and nothing else: nobody can log in to one. Hub itself would be asked
/// next; it cannot be reached from here.
pub async fn docker_mirror(stage: &Stage) {
    let world = Mode::Users.world(stage).await;
    let host = world.authority("docker.localhost");
    let docker = world.docker(Engine::Classic, &["--registry-mirror", &world.url("docker.localhost", "")]).await;
    docker.log_in(&host, ALICE.0, ALICE.1).await.unwrap_or_else(|problem| panic!("{problem}"));
    let refused = docker.pull("docker.io/library/hello:1", "").await.expect_err("no way to log in");
    assert_turned_away(&world, &refused, "https://registry-1.docker.io/v2/");
}

/// The operator's account at the registry is for everybody whom the gate lets in.
pub async fn operators_account(stage: &Stage) {
    let real = stage.real().await;
    let account = json!({"docker.io": format!("{}:{}", USER.0, USER.1)});
    let world = stage.world(real.hosts(), &Mode::Users.variables(&[("CREDENTIALS", account)])).await;
    let docker = world.docker(Engine::Classic, &[]).await;
    let host = world.authority("docker.localhost");
    let name = format!("{host}/private/secret");
    let refused = docker.pull(&format!("{name}:1"), "").await.expect_err("a stranger");
    assert_turned_away(&world, &refused, LOG_IN);
    docker.log_in(&host, BOB.0, BOB.1).await.unwrap_or_else(|problem| panic!("{problem}"));
    world.docker_pulls(&docker, &name, HUB, &real.private).await;
}

pub async fn skopeo(stage: &Stage) {
    let (real, world) = (stage.real().await, Mode::Users.world(stage).await);
    for (repository, origin, image) in [
        ("docker.localhost/library/hello", HUB, &real.hello),
        ("localhost/docker.io/library/hello", HUB, &real.hello),
        ("localhost/ghcr.io/team/tool", GITHUB, &real.tool),
    ] {
        let (room, reference) = (Room::new(), format!("{}:{}", world.ported(repository), image.tag));
        let digest = &image.index.digest;
        world.upstream.forget();
        for (options, words) in [
            (&["--src-creds", "alice:wrong"][..], "invalid username/password"),
            (&["--src-creds", "alice:open-sesame"], "invalid username/password"),
            (&[], LOG_IN),
        ] {
            let refused = skopeo::fetch(&room, &reference, digest, options).await.expect_err("nobody let them in");
            assert_turned_away(&world, &refused, words);
        }
        let pair = format!("{}:{}", ALICE.0, ALICE.1);
        let copied = skopeo::fetch(&room, &reference, digest, &["--src-creds", &pair]).await;
        copied.unwrap_or_else(|problem| panic!("{problem}"));
        assert_came_through(&world, origin, image);
    }
}

pub async fn crane_and_oras(stage: &Stage) {
    let (real, world) = (stage.real().await, Mode::Users.world(stage).await);
    let image = &real.hello;
    let host = world.authority("docker.localhost");
    let reference = format!("{host}/library/hello:{}", image.tag);
    for (program, login, pull) in [
        (
            "newer/crane",
            &["auth", "login", "--insecure", "--username", ALICE.0, "--password-stdin"][..],
            &["pull", "--insecure", "--format=oci"][..],
        ),
        (
            "newer/oras",
            &["login", "--plain-http", "--username", ALICE.0, "--password-stdin"],
            &["copy", "--no-tty", "--from-plain-http", "--to-oci-layout"],
        ),
    ] {
        let room = Room::new();
        let layout = room.arg("layout");
        let target = if program == "newer/oras" { format!("{layout}:1") } else { layout };
        let pull = [pull, &[&reference, &target]].concat();
        world.upstream.forget();
        let refused = room.run(program, &pull).await.failure();
        assert_turned_away(&world, &refused, LOG_IN);
        room.run_with(program, &[login, &[&host]].concat(), ALICE.1).await.success();
        assert_unheard_of(&world);
        room.run(program, &pull).await.success();
        assert_came_through(&world, HUB, image);
    }
}

pub async fn ctr(stage: &Stage) {
    containerd_logs_in(stage, Release::System).await;
}

pub async fn newer_ctr(stage: &Stage) {
    containerd_logs_in(stage, Release::Newer).await;
}

/// `--user` is what containerd's CRI does with a Kubernetes imagePullSecret, too: both give name and password to the same
/// authorizer, which asks for a token by POST. There is no `crictl` here to show it with; `PullImage`, asked by hand of 1.6 and 2.1
/// with name and password, did the same, of a mirror as well.
async fn containerd_logs_in(stage: &Stage, release: Release) {
    let (real, world) = (stage.real().await, Mode::Users.world(stage).await);
    let pair = format!("{}:{}", ALICE.0, ALICE.1);
    let (hello, tool) = (&real.hello, &real.tool);
    let direct = containerd(release, &[]).await;
    let host = world.ported("docker.localhost/library/hello");
    for options in [&["--plain-http"][..], &["--plain-http", "--user", "alice:wrong"]] {
        let refused = direct.pull(&format!("{host}:1"), &hello.index.digest, options).await.expect_err("no way in");
        assert_turned_away(&world, &refused, "401 Unauthorized");
    }
    let options = ["--plain-http", "--user", &pair];
    world.ctr_pulls(&direct, &host, HUB, hello, &options).await;
    world.ctr_pulls(&direct, &world.ported("localhost/ghcr.io/team/tool"), GITHUB, tool, &options).await;
    drop(direct);

    // A mirror is shown what `--user` has for the registry.
    let gateway = world.url("mirror.localhost", "");
    let mirror = hosts_toml(&gateway, "");
    let mirrored = containerd(release, &[("docker.io", mirror.clone()), ("ghcr.io", mirror)]).await;
    world.ctr_pulls(&mirrored, "docker.io/library/hello", HUB, hello, &["--user", &pair]).await;
    world.ctr_pulls(&mirrored, "ghcr.io/team/tool", GITHUB, tool, &["--user", &pair]).await;
    drop(mirrored);

    // Without a login by anybody: the daemon's operator has put it into hosts.toml.
    let basic = basic(ALICE);
    let mirror = hosts_toml_with(&gateway, "", (header::AUTHORIZATION.as_str(), &basic));
    let trusted = containerd(release, &[("docker.io", mirror.clone()), ("ghcr.io", mirror)]).await;
    world.ctr_pulls(&trusted, "docker.io/library/hello", HUB, hello, &[]).await;
    world.ctr_pulls(&trusted, "ghcr.io/team/tool", GITHUB, tool, &[]).await;
}

/// A token opens what it was made for, while it lasts, and whoever made it.
pub async fn tokens(stage: &Stage) {
    let (real, world) = (stage.real().await, Mode::Users.world(stage).await);
    let (host, target) = ("docker.localhost", "/v2/library/hello/manifests/1");
    let sum = |token: &str| Sha256::digest(token).into();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
    let signed = |key: &str, (name, token): (&str, &str), host: &str, now| {
        let keys = SigningKeys::new(vec![Secret::new(key)]).expect("a key");
        let users = Users::new(vec![(name.to_owned(), sum(token))], keys);
        let token = users.pass(name, "docker.io", &world.authority(host), now).to_token();
        format!("Bearer {}", token.expose())
    };
    let good = signed(SIGNING_KEY, ALICE, host, now);
    let ask = async |authorization: &str| {
        Reply::to(world.ask(Method::GET, host, target).header(header::AUTHORIZATION, authorization)).await
    };
    for (what, authorization) in [
        ("expired", signed(SIGNING_KEY, ALICE, host, now - USER_LIFE - 31)),
        ("not made yet", signed(SIGNING_KEY, ALICE, host, now + 60)),
        ("of another host", signed(SIGNING_KEY, ALICE, "localhost", now)),
        ("of another proxy", signed(&"k".repeat(43), ALICE, host, now)),
        ("of a user with a new token", signed(SIGNING_KEY, (ALICE.0, "the old one"), host, now)),
        ("of nobody", signed(SIGNING_KEY, ("mallory", ALICE.1), host, now)),
        ("cut", good[..good.len() - 1].to_owned()),
        ("anonymous", format!("Bearer {}", Pass::anonymous("docker.io", now).to_token().expose())),
        ("of the registry", "Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln".to_owned()),
        ("with the wrong token", basic((ALICE.0, "wrong"))),
        ("with the registry's password", basic(USER)),
        ("broken", format!("Basic {}", BASE64_STANDARD.encode("no colon"))),
    ] {
        let refused = ask(&authorization).await.expect(StatusCode::UNAUTHORIZED);
        assert_eq!(refused.refusal_code(what), "UNAUTHORIZED");
        let challenge = refused.header(header::WWW_AUTHENTICATE);
        assert_eq!(parameter(challenge, "realm"), world.url(host, "/token/_"), "{what}");
        // containerd fetches a new token only where it is told so.
        assert_eq!(parameter(challenge, "error"), "invalid_token", "{what}");
    }
    let form =
        HTTP.post(world.url(host, "/token/docker.io")).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let refused = Reply::to(form.body(format!("grant_type=refresh_token&refresh_token={REFRESH_TOKEN}"))).await;
    refused.expect(StatusCode::UNAUTHORIZED);
    assert_unheard_of(&world);

    let served = ask(&good).await.expect(StatusCode::OK);
    assert_eq!(served.body, real.hello.index.bytes);
    // One that a client got by itself is the same one.
    let pulled = world.pull(host, "library/hello", "1", Some(BOB)).await;
    assert_eq!(pulled.digest, real.hello.index.digest);
}
