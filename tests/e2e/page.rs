//! The page at `/`: its headers, and the page itself in a real browser. What is done and seen there is in `page/*.mjs`.

use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode, header};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::client::{HTTP, Reply};
use crate::hub::Hub;
use crate::image::{Blob, Format, Image, Plain, sha256};
use crate::process;
use crate::stage::Stage;
use crate::upstream::{self, Answer, Asked, Host};
use crate::world::World;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const KEY: &str = "k0k1k2k3k4k5k6k7k8k9k0k1";
const ALICE: (&str, &str) = ("alice", "hunter2-of-alice");

/// Who gets the page and who a line of text; the policy allows what is in the page and nothing else.
pub async fn headers(stage: &Stage) {
    let world = stage.world(Hub::bare().hosts(), &[]).await;
    let ask = |method, accept: &'static str| {
        Reply::to(HTTP.request(method, world.url("mirror.localhost", "/")).header(header::ACCEPT, accept))
    };
    let page = ask(Method::GET, BROWSER).await.expect(StatusCode::OK);
    for (name, expected) in [
        ("content-type", "text/html; charset=utf-8"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store, no-transform"),
    ] {
        assert_eq!(page.header(name), expected, "{name}");
    }
    let html = String::from_utf8_lossy(&page.body).into_owned();
    assert!(html.len() < 40_000, "{} bytes", html.len());
    let between = |from: &str, to: &str| html.split_once(from).and_then(|(_, rest)| rest.split_once(to)).expect(from).0;
    let sum = |text: &str| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())));
    let policy = page.header("content-security-policy");
    let directives: Vec<&str> = policy.split("; ").collect();
    let (style, script) = (between("<style>", "</style>"), between("<script type=\"module\">", "</script>"));
    assert_eq!(
        directives,
        [
            "default-src 'none'",
            &format!("style-src {}", sum(style)),
            &format!("script-src {}", sum(script)),
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    );
    for unwanted in ["style=", "onclick=\"", "innerHTML", "<!--", "eval(", "src="] {
        assert!(!html.contains(unwanted), "{unwanted} is in the page");
    }

    let head = ask(Method::HEAD, BROWSER).await.expect(StatusCode::OK);
    assert_eq!((head.body.len(), head.header("content-type")), (0, "text/html; charset=utf-8"));
    for accept in ["*/*", "application/json"] {
        let line = ask(Method::GET, accept).await.expect(StatusCode::OK);
        assert_eq!(line.header("content-type"), "text/plain; charset=utf-8", "{accept}");
        assert_eq!(line.body.iter().filter(|&&byte| byte == b'\n').count(), 1);
    }
    assert!(world.upstream.seen().is_empty(), "no upstream is asked");
}

/// What becomes of what is pasted, without a browser.
pub async fn references(_: &Stage) {
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=tap", "tests/e2e/page/reference.mjs"]);
    run(node).await;
}

/// The page of a proxy that lets everybody in.
pub async fn public(stage: &Stage) {
    let (hub, mut facts) = hub();
    let mut hosts = hub.hosts();
    hosts.insert("quay.io".to_owned(), Host::scripted(quay).without_credentials());
    let world = stage.world(hosts, &[]).await;
    if std::env::var_os("PIERHEAD_SCREENSHOTS").is_some_and(|value| value == "1") {
        facts["pictures"] = json!(project().join("docs/images"));
    }
    browse("public.mjs", &world, facts).await;
}

/// The page below a key.
pub async fn below_a_key(stage: &Stage) {
    let (hub, mut facts) = hub();
    facts["key"] = json!(KEY);
    let world = stage.world(hub.hosts(), &[("ACCESS", json!("path")), ("PATH_SECRET", json!(KEY))]).await;
    browse("gated.mjs", &world, facts).await;
    assert!(!world.worker.process.output().contains(KEY), "the key is in the log");
}

/// The page for users. Their browsers have to bring their login by themselves: strangers are not asked for one.
pub async fn for_users(stage: &Stage) {
    let (hub, mut facts) = hub();
    facts["authorization"] = json!(format!("Basic {}", STANDARD.encode(format!("{}:{}", ALICE.0, ALICE.1))));
    let variables = [
        ("ACCESS", json!("users")),
        ("USERS", json!({ALICE.0: sha256(ALICE.1.as_bytes())})),
        ("SIGNING_KEYS", json!("the-key-that-signs-0123456789-0123456789")),
    ];
    let world = stage.world(hub.hosts(), &variables).await;
    browse("gated.mjs", &world, facts).await;
}

/// Docker Hub with an image of two platforms and one of a single one, and what the browser must show of them.
fn hub() -> (Hub, Value) {
    let hub = Hub::new();
    let nginx = Image::new("library/nginx", "1.27", Format::Oci);
    hub.origin.hold("library/nginx", "1.27", &nginx);
    let plain = Plain::over("one layer");
    hub.origin.hold("library/plain", "1", &plain);
    let size = |blobs: &mut dyn Iterator<Item = &Blob>| blobs.map(|blob| blob.bytes.len()).sum::<usize>();
    let sizes = nginx.platforms.iter().map(|platform| size(&mut platform.layers.iter().chain([&platform.config])));
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let facts = json!({
        "nginx": {"digest": nginx.index.digest, "sizes": sizes.collect::<Vec<_>>()},
        "plain": {
            "digest": plain.manifest.digest,
            "size": size(&mut plain.blobs()),
            "platform": format!("linux/{architecture}"),
        },
    });
    (hub, facts)
}

/// quay.io with an image of many platforms, and with answers that are meant for a browser.
fn quay(asked: &Asked) -> Answer {
    const MARKUP: &str = "<img src=x onerror=pwned=1>";
    let index = |manifests: Value| {
        let (media, body) =
            (Format::Oci.index(), json!({"schemaVersion": 2, "mediaType": Format::Oci.index(), "manifests": manifests}));
        typed(media, &Blob::new(body.to_string()))
    };
    let platforms = [
        json!({"os": "linux", "architecture": "arm", "variant": "v7"}),
        json!({"os": "linux", "architecture": "amd64"}),
        json!({"os": "linux", "architecture": "s390x"}),
        json!({"os": "linux", "architecture": "riscv64"}),
        json!({"os": "windows", "architecture": "amd64", "os.version": "10.0.1"}),
        json!({"os": "unknown", "architecture": "unknown"}),
    ];
    let children = platforms.map(|platform| {
        let layer =
            |size: u64| json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": sha256(b""), "size": size});
        let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(b""), "size": 2});
        let layers = [layer(1_000_000), layer(2_500_000)];
        let manifest = json!({"schemaVersion": 2, "mediaType": Format::Oci.manifest(), "config": config, "layers": layers,
            "annotations": {"platform": platform.to_string()}});
        (Blob::new(manifest.to_string()), platform)
    });
    let (name, reference) = asked.uri().path().split_once("/manifests/").unwrap_or_default();
    match name {
        "/v2/many/platforms" if reference == "1" => index(children.iter().map(|(blob, platform)| {
            json!({"mediaType": Format::Oci.manifest(), "digest": blob.digest, "size": blob.bytes.len(), "platform": platform})
        }).collect()),
        "/v2/many/platforms" => {
            let child = children.iter().find(|(blob, _)| blob.digest == reference);
            child.map_or_else(|| upstream::json(StatusCode::NOT_FOUND, &json!({})), |(blob, _)| typed(Format::Oci.manifest(), blob))
        }
        "/v2/evil/message" => upstream::json(
            StatusCode::NOT_FOUND,
            &json!({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "<img src=x onerror=\"pwned=1\"><script>pwned=1</script>"}]}),
        ),
        "/v2/evil/page" => {
            let mut answer = Answer::new(format!("<html>{MARKUP}<script>pwned=1</script></html>").into());
            *answer.status_mut() = StatusCode::IM_A_TEAPOT;
            answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/html"));
            answer
        }
        "/v2/evil/platform" => index(json!([
            {"mediaType": MARKUP, "digest": MARKUP, "size": 1, "platform": {"os": MARKUP, "architecture": "<b>"}},
            {"mediaType": MARKUP, "digest": MARKUP, "size": 1, "platform": {"os": MARKUP, "architecture": "<b>"}},
            {"mediaType": MARKUP, "digest": MARKUP, "size": 1, "platform": {"os": MARKUP, "architecture": "<b>"}},
            {"mediaType": MARKUP, "digest": MARKUP, "size": 1, "platform": {"os": MARKUP, "architecture": "<b>"}},
        ])),
        "/v2/evil/shape" => typed(Format::Oci.manifest(), &Blob::new(r#"{"schemaVersion": 2, "layers": {"a": 1}}"#)),
        _ => upstream::json(StatusCode::NOT_FOUND, &json!({})),
    }
}

fn typed(media: &'static str, blob: &Blob) -> Answer {
    let mut answer = Answer::new(blob.bytes.clone().into());
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media));
    answer
}

/// Runs one of the scripts in `page/` before a Worker. The browser ends with it.
async fn browse(script: &str, world: &World, mut facts: Value) {
    facts["port"] = json!(world.worker.address.port());
    facts["chromium"] = json!(process::find("chromium").expect("tests that need it ask for it"));
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Command::new("node");
    node.arg(Path::new("tests/e2e/page").join(script)).arg(facts.to_string());
    // Whatever the browser leaves, it leaves there.
    node.env("TMPDIR", folder.path()).env("HOME", folder.path());
    run(node).await;
}

async fn run(mut command: Command) {
    command.current_dir(project()).stdin(Stdio::null());
    let mut command = tokio::process::Command::from(command);
    let output = command.kill_on_drop(true).output().await.expect("starting node");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
