//! Pulls over plain HTTP: what each endpoint answers, byte for byte.

use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::client::{HTTP, Pulled, Reply, parameter};
use crate::image::{Image, sha256};
use crate::stage::Stage;
use crate::token_server::{USER, basic};
use crate::upstream::{self, Host, Hosts};

const HUB: &str = "registry-1.docker.io";

fn pulled(image: &Image) -> Pulled {
    Pulled { digest: image.index.digest.clone(), blobs: 4 }
}

pub async fn ping(stage: &Stage) {
    let (_, world) = stage.real_world().await;
    for host in ["docker.localhost", "ghcr.localhost", "localhost"] {
        let ping = world.get(host, "/v2/").await.expect(StatusCode::UNAUTHORIZED);
        assert_eq!(ping.error_code("/v2/"), "UNAUTHORIZED");
        let challenge = ping.header(header::WWW_AUTHENTICATE);
        assert!(challenge.starts_with("Bearer "), "{challenge}");
        assert!(parameter(challenge, "realm").starts_with(&world.url(host, "/token/")), "{challenge}");
        assert!(!parameter(challenge, "service").is_empty(), "{challenge}");
    }
    world.upstream.forget();
    world.get("localhost", "/healthz").await.expect(StatusCode::OK);
    assert!(world.upstream.seen().is_empty(), "/healthz asks no one");
}

pub async fn without_authorization(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let manifest = world.get("docker.localhost", "/v2/hello/manifests/1").await.expect(StatusCode::OK);
    assert_eq!(manifest.body, real.hello.index.bytes);
    assert_eq!(manifest.header("docker-content-digest"), real.hello.index.digest);
    assert_eq!(manifest.header(header::CONTENT_TYPE), real.hello.format.index());
    assert_eq!(manifest.header(header::CONTENT_LENGTH), real.hello.index.bytes.len().to_string());

    let layer = &real.hello.platforms[1].layers[2];
    let target = format!("/v2/hello/blobs/{}", layer.digest);
    let blob = world.get("docker.localhost", &target).await.expect(StatusCode::OK);
    assert_eq!(blob.body, layer.bytes);
    assert_eq!(blob.header(header::CONTENT_LENGTH), layer.bytes.len().to_string());
}

pub async fn by_challenge_and_token(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    for (host, name, image) in [
        ("docker.localhost", "hello", &real.hello),
        ("docker.localhost", "library/hello", &real.hello),
        ("docker.localhost", "team/app/sub/img", &real.nested),
        ("docker.localhost", "team/manifests/blobs/img", &real.awkward),
        ("ghcr.localhost", "team/tool", &real.tool),
        ("localhost", "docker.io/library/hello", &real.hello),
        ("localhost", "ghcr.io/team/tool", &real.tool),
        ("localhost", "team/manifests/blobs/img", &real.awkward),
    ] {
        assert_eq!(world.pull(host, name, &image.tag, None).await, pulled(image), "{host}/{name}");
    }
}

pub async fn every_addressing_style(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let styles = [
        ("docker.localhost", "/v2/hello/", "", &real.hello),
        ("docker.localhost", "/v2/docker.io/library/hello/", "", &real.hello),
        ("hub.localhost", "/v2/library/hello/", "", &real.hello),
        ("localhost", "/v2/hello/", "", &real.hello),
        ("localhost", "/v2/docker.io/hello/", "", &real.hello),
        ("localhost", "/v2/index.docker.io/library/hello/", "", &real.hello),
        ("localhost", "/docker.io/v2/library/hello/", "", &real.hello),
        ("localhost", "/docker/v2/hello/", "", &real.hello),
        ("localhost", "/v2/library/hello/", "?ns=docker.io", &real.hello),
        ("localhost", "/v2/docker.io/library/hello/", "?ns=docker.io", &real.hello),
        ("docker.localhost", "/v2/library/hello/", "?ns=docker.io", &real.hello),
        ("ghcr.localhost", "/v2/team/tool/", "", &real.tool),
        ("localhost", "/v2/ghcr.io/team/tool/", "", &real.tool),
        ("localhost", "/ghcr.io/v2/team/tool/", "", &real.tool),
        ("localhost", "/ghcr/v2/team/tool/", "", &real.tool),
        ("localhost", "/v2/team/tool/", "?ns=ghcr.io", &real.tool),
        ("docker.localhost", "/v2/team/tool/", "?ns=ghcr.io", &real.tool),
    ];
    for (host, base, query, image) in styles {
        let target = format!("{base}manifests/{}{query}", image.tag);
        let reply = world.get(host, &target).await.expect(StatusCode::OK);
        assert_eq!(reply.body, image.index.bytes, "{host}{target}");
        let layer = &image.platforms[0].layers[0];
        let target = format!("{base}blobs/{}{query}", layer.digest);
        let reply = world.get(host, &target).await.expect(StatusCode::OK);
        assert_eq!(reply.body, layer.bytes, "{host}{target}");
    }
    for seen in world.upstream.seen() {
        assert!(!seen.target.contains("ns="), "`ns` is the proxy's: {}", seen.target);
    }
}

pub async fn head(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    for reference in ["1", real.hello.index.digest.as_str()] {
        let target = format!("/v2/hello/manifests/{reference}");
        let reply = world.head("docker.localhost", &target).await.expect(StatusCode::OK);
        assert_eq!(reply.header("docker-content-digest"), real.hello.index.digest);
        assert_eq!(reply.header(header::CONTENT_LENGTH), real.hello.index.bytes.len().to_string());
        assert_eq!(reply.header(header::CONTENT_TYPE), real.hello.format.index());
        assert!(reply.body.is_empty());
    }
    let asked = world.upstream.targets(&Method::GET, HUB);
    assert!(asked.is_empty(), "Docker Hub counts each GET as a pull: {asked:?}");

    let layer = &real.hello.platforms[0].layers[0];
    let target = format!("/v2/hello/blobs/{}", layer.digest);
    let reply = world.head("docker.localhost", &target).await.expect(StatusCode::OK);
    assert_eq!(reply.header(header::CONTENT_LENGTH), layer.bytes.len().to_string());
    assert!(reply.body.is_empty());
}

pub async fn range(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let layer = &real.hello.platforms[0].layers[0];
    let size = layer.bytes.len();
    let target = format!("/v2/hello/blobs/{}", layer.digest);
    let ask = |range: &str| Reply::to(world.ask(Method::GET, "docker.localhost", &target).header(header::RANGE, range));
    for (range, from, to) in [("bytes=5-20", 5, 21), ("bytes=30-", 30, size), ("bytes=-7", size - 7, size)] {
        let reply = ask(range).await.expect(StatusCode::PARTIAL_CONTENT);
        assert_eq!(reply.body, layer.bytes.slice(from..to), "{range}");
        assert_eq!(reply.header(header::CONTENT_RANGE), format!("bytes {from}-{}/{size}", to - 1));
        assert_eq!(reply.header(header::CONTENT_LENGTH), (to - from).to_string());
    }
    ask("bytes=9999999-").await.expect(StatusCode::RANGE_NOT_SATISFIABLE);
}

/// Debian's docker-registry gives all tags at once, so this registry is a script: absolute and relative links.
pub async fn tags_in_pages(stage: &Stage) {
    let quay = Host::scripted(|asked| {
        let query = asked.uri().query().unwrap_or("");
        if asked.uri().path() != "/v2/team/app/tags/list" {
            return upstream::unauthorized(r#"Bearer realm="https://quay.io/v2/auth",service="quay.io""#);
        }
        let (tags, link) = match query {
            "n=1" => ("a", r#"<https://quay.io/v2/team/app/tags/list?n=1&last=a>; rel="next""#),
            "n=1&last=a" => ("b", r#"</v2/team/app/tags/list?n=1&last=b>; rel="next""#),
            _ => ("c", ""),
        };
        let mut answer = upstream::json(StatusCode::OK, &json!({"name": "team/app", "tags": [tags]}));
        if !link.is_empty() {
            answer.headers_mut().insert(header::LINK, link.parse().expect("a valid link"));
        }
        answer
    });
    let world = stage.world(Hosts::from([("quay.io".to_owned(), quay)]), &[]).await;
    for (host, base) in
        [("quay.localhost", "/v2/team/app"), ("localhost", "/v2/quay.io/team/app"), ("localhost", "/quay.io/v2/team/app")]
    {
        let mut target = format!("{base}/tags/list?n=1");
        for (page, tag) in ["a", "b", "c"].into_iter().enumerate() {
            let reply = world.get(host, &target).await.expect(StatusCode::OK);
            assert_eq!(reply.json()["tags"], json!([tag]));
            let link = reply.header(header::LINK);
            assert_eq!(link.is_empty(), page == 2, "{link}");
            let next = link.split(['<', '>']).nth(1).unwrap_or("");
            target = next.trim_start_matches(&world.url(host, "")).to_owned();
            assert!(page == 2 || target.starts_with(base), "the upstream's name or host leaks: {link}");
        }
    }
}

pub async fn private_needs_its_user(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let refused = world.get("docker.localhost", "/v2/private/secret/manifests/1").await;
    assert_eq!(refused.expect_challenge().error_code("anonymous"), "UNAUTHORIZED");
    let image = world.pull("docker.localhost", "private/secret", "1", Some(USER)).await;
    assert_eq!(image, pulled(&real.private));

    let target = "/token/docker.io?service=any&scope=repository:private/secret:pull";
    let wrong = world.ask(Method::GET, "docker.localhost", target).basic_auth("alice", Some("wrong"));
    let wrong = Reply::to(wrong).await.expect(StatusCode::UNAUTHORIZED);
    assert!(wrong.json()["errors"][0]["message"].is_string());

    // What alice fetched is hers: the next one without credentials is refused as before.
    let refused = world.get("docker.localhost", "/v2/private/secret/manifests/1").await;
    assert_eq!(refused.expect_challenge().error_code("anonymous"), "UNAUTHORIZED");
}

pub async fn token_by_post(stage: &Stage) {
    let (_, world) = stage.real_world().await;
    let url = world.url("docker.localhost", "/token/docker.io");
    let scope = "repository:private/secret:pull";
    let post = async |fields: &[(&str, &str)]| {
        let form: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = HTTP.post(&url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        Reply::to(request.body(form)).await
    };
    let password = [
        ("grant_type", "password"),
        ("username", "alice"),
        ("password", USER.1),
        ("client_id", "e2e"),
        ("service", "docker.localhost"),
        ("scope", scope),
    ];
    let by_password = post(&password).await.expect(StatusCode::OK).json();

    // `docker login` asks for an identity token, and later pulls with nothing else.
    let login = format!("{url}?service=docker.localhost&account=alice&client_id=docker&offline_token=true");
    let login = Reply::to(HTTP.get(login).header(header::AUTHORIZATION, basic(USER))).await;
    let identity = login.expect(StatusCode::OK).json();
    let identity = identity["refresh_token"].as_str().expect("an identity token");
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", identity),
        ("client_id", "docker"),
        ("service", "docker.localhost"),
        ("scope", scope),
    ];
    let by_refresh = post(&refresh).await.expect(StatusCode::OK).json();

    for reply in [by_password, by_refresh] {
        let token = reply["access_token"].as_str().expect("a token");
        let manifest = world.ask(Method::GET, "docker.localhost", "/v2/private/secret/manifests/1");
        Reply::to(manifest.bearer_auth(token)).await.expect(StatusCode::OK);
    }
    let wrong = post(&[("grant_type", "refresh_token"), ("refresh_token", "made up"), ("scope", scope)]).await;
    assert!(wrong.status.is_client_error(), "{wrong:?}");
}

/// On a gateway one stored login would go to every registry: it goes to the default one, or to the one it names.
pub async fn credentials_stay_with_their_registry(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let github =
        ["/token/docker.io", "/token/ghcr.io"].map(|realm| format!("{realm}?scope=repository:ghcr.io/team/tool:pull"));
    for target in &github {
        let token = world.ask(Method::GET, "localhost", target).header(header::AUTHORIZATION, basic(USER));
        let refused = Reply::to(token).await.expect(StatusCode::UNAUTHORIZED);
        assert_eq!(refused.refusal_code(target), "UNAUTHORIZED");
    }
    assert!(world.upstream.seen().is_empty(), "{}", world.upstream.transcript());

    let named = ("ghcr.io/alice", USER.1);
    assert_eq!(world.pull("localhost", "ghcr.io/team/tool", "1", Some(named)).await, pulled(&real.tool));
    let hosts: Vec<String> = world.upstream.seen().into_iter().map(|seen| seen.host).collect();
    assert!(!hosts.iter().any(|host| host.contains("docker")), "{hosts:?}");
    world.upstream.forget();
    assert_eq!(world.pull("localhost", "private/secret", "1", Some(USER)).await, pulled(&real.private));
    assert!(!world.upstream.seen().iter().any(|seen| seen.host == "ghcr.io"), "{}", world.upstream.transcript());
}

/// One line of JSON a request. That it holds no credential is checked of every test's log.
pub async fn log_lines(stage: &Stage) {
    let (real, mut world) = stage.real_world().await;
    let layer = &real.hello.platforms[0].layers[0].digest;
    let blob = format!("/v2/hello/blobs/{layer}");
    for target in ["/v2/", "/v2/hello/manifests/1", &blob, "/v2/Hello/manifests/1", "/healthz"] {
        world.get("docker.localhost", target).await;
    }
    let lines = |log: &str| -> Vec<Value> { log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect() };
    let workerd = &mut world.worker.process;
    workerd.until("the fifth log line", async |log| lines(log).len() >= 5).await;
    let lines = lines(&workerd.output());
    assert_eq!(lines.len(), 5, "{lines:#?}");
    for (line, status) in lines.iter().zip([401, 200, 200, 400, 200]) {
        assert_eq!(line["status"], status, "{line}");
        assert_eq!(line["host"], "docker.localhost", "{line}");
        assert!(line["duration_ms"].is_u64(), "{line}");
    }
    assert_eq!(lines[1]["registry"], "docker.io", "{}", lines[1]);
    assert_eq!(lines[3]["error"], "NAME_INVALID", "{}", lines[3]);
}

pub async fn configured_routes_and_credentials(stage: &Stage) {
    let real = stage.real().await;
    let manifest = Host::scripted(|asked| match asked.uri().path() {
        "/token" => upstream::json(StatusCode::OK, &json!({"token": "of-reg-test"})),
        _ if asked.headers().get(header::AUTHORIZATION).is_some_and(|value| value == "Bearer of-reg-test") => {
            upstream::reply(StatusCode::OK, "application/vnd.oci.image.index.v1+json", r#"{"manifests":[]}"#)
        }
        _ => upstream::unauthorized(r#"Bearer realm="https://auth.reg.test/token",service="reg""#),
    });
    let mut hosts = real.hosts();
    hosts.extend(["reg.test", "auth.reg.test"].map(|host| (host.to_owned(), manifest.clone())));
    let variables: [(&str, Value); 4] = [
        ("ACCESS", json!("public")),
        ("ROUTES", json!({"images.example.test": "ghcr.io"})),
        ("REGISTRIES", json!({"reg.test": {"origin": "https://reg.test", "realms": ["https://auth.reg.test/token"]}})),
        ("CREDENTIALS", json!(r#"{"docker.io": "alice:open-sesame"}"#)), // a secret is text
    ];
    let world = stage.world(hosts, &variables).await;
    let private = world.get("docker.localhost", "/v2/private/secret/manifests/1").await.expect(StatusCode::OK);
    assert_eq!(sha256(&private.body), real.private.index.digest);
    let routed = world.get("images.example.test", "/v2/team/tool/manifests/1").await.expect(StatusCode::OK);
    assert_eq!(sha256(&routed.body), real.tool.index.digest);
    world.get("localhost", "/v2/reg.test/any/manifests/1").await.expect(StatusCode::OK);
    for seen in world.upstream.seen() {
        let alice = seen.headers.get(header::AUTHORIZATION).is_some_and(|value| *value == basic(USER));
        assert!(!alice || seen.host == "auth.docker.io", "the operator's password went to {}", seen.host);
    }
}

pub async fn unknown_things(stage: &Stage) {
    let (real, world) = stage.real_world().await;
    let bearer = world.log_in("docker.localhost", "library/hello", None).await;
    let missing = sha256(b"nothing anyone has pushed");
    let other = &real.tool.platforms[0].layers[0].digest;
    for (target, code) in [
        ("/v2/library/hello/manifests/no-such-tag".to_owned(), "MANIFEST_UNKNOWN"),
        (format!("/v2/library/hello/manifests/{missing}"), "MANIFEST_UNKNOWN"),
        (format!("/v2/library/hello/blobs/{missing}"), "BLOB_UNKNOWN"),
        (format!("/v2/library/hello/blobs/{other}"), "BLOB_UNKNOWN"),
    ] {
        let request = world.ask(Method::GET, "docker.localhost", &target).header(header::AUTHORIZATION, &bearer);
        let reply = Reply::to(request).await.expect(StatusCode::NOT_FOUND);
        assert_eq!(reply.json()["errors"][0]["code"], code, "{target}");
    }
}
