//! Somebody else in the Worker's place, or between it and its clients.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Method, StatusCode, header};
use serde_json::json;

use super::middlebox::{Middlebox, as_it_is, is_blob, page, trickle};
use super::{HELLO, Question, healthy};
use crate::gated::{ALICE, KEY, Mode};
use crate::stage::Stage;
use crate::upstream::{Answer, Asked, cut, json as json_answer, redirect, reply, text, unauthorized};

const HOST: &str = "docker.localhost";

/// The same answer with a header more.
fn with(mut answer: Answer, name: &'static str, value: &'static str) -> Answer {
    answer.headers_mut().insert(name, header::HeaderValue::from_static(value));
    answer
}

/// As Cloudflare's edge sends its own pages.
fn edge(answer: Answer) -> Answer {
    with(with(answer, "server", "cloudflare"), "cf-ray", "9c0ffee000000000-FRA")
}

type Answers = fn(&Asked) -> Answer;

pub async fn in_its_place(_: &Stage) {
    let cases: [(&str, &str, &[&str], Answers); 11] = [
        (
            "a page for everything (a captive portal, another site)",
            "not-pierhead",
            &["“Welcome to our hotel”", "deploy the Worker to that name"],
            |_| page(StatusCode::OK, "Welcome to our hotel"),
        ),
        ("a redirect to a login page", "led-away", &["`login.hotel.example`", "log in to the network"], |_| {
            redirect("https://login.hotel.example/?from=here")
        }),
        ("another registry", "other-proxy", &["is another registry or proxy", "mend the name"], |asked| {
            let found = asked.uri().path() == "/v2/";
            let status = if found { StatusCode::OK } else { StatusCode::NOT_FOUND };
            with(text(status, "{}"), "docker-distribution-api-version", "registry/2.0")
        }),
        (
            "a proxy that passes the registry's challenge on",
            "other-proxy",
            &["sends clients to `auth.docker.io` for tokens", "deploy the Worker"],
            |asked| match asked.uri().path() {
                "/v2/" => unauthorized(r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#),
                _ => text(StatusCode::NOT_FOUND, "404 page not found\n"),
            },
        ),
        ("Cloudflare 1101", "cloudflare", &["error 1101, the Worker threw an exception", "wrangler tail"], |_| {
            let body = "<title>Worker threw exception | docker.example.com | Cloudflare</title>\
                        <h1><span>Error</span> <span>1101</span></h1>";
            edge(reply(StatusCode::INTERNAL_SERVER_ERROR, "text/html; charset=UTF-8", body))
        }),
        ("Cloudflare 1016", "cloudflare", &["error 1016", "custom domain"], |_| {
            edge(reply(StatusCode::from_u16(530).expect("a status"), "text/plain; charset=UTF-8", "error code: 1016"))
        }),
        ("Cloudflare 1015", "cloudflare", &["error 1015, a rate limiting rule of the zone", "raise that rule"], |_| {
            edge(reply(StatusCode::TOO_MANY_REQUESTS, "text/plain; charset=UTF-8", "error code: 1015"))
        }),
        ("Cloudflare 1027", "cloudflare", &["quota of the free plan", "midnight UTC"], |_| {
            edge(reply(StatusCode::TOO_MANY_REQUESTS, "text/plain; charset=UTF-8", "error code: 1027"))
        }),
        ("Cloudflare 522", "cloudflare", &["error 522, the origin does not answer", "custom domain"], |_| {
            edge(page(StatusCode::from_u16(522).expect("a status"), "docker.example.com | 522: Connection timed out"))
        }),
        ("a bot check", "bot-check", &["no registry client can pass", "Bot Fight Mode"], |_| {
            edge(with(page(StatusCode::FORBIDDEN, "Just a moment..."), "cf-mitigated", "challenge"))
        }),
        ("a page that is full of somebody's tricks", "not-pierhead", &["“[31m red”, server"], |_| {
            with(page(StatusCode::BAD_GATEWAY, "\u{1b}[31m\u{202e} red\r\n"), "server", "x")
        }),
    ];
    for (set_up, fault, words, answer) in cases {
        let server = Middlebox::alone(answer).await;
        let host = server.authority(HOST);
        Question::of(&host, HELLO).is_ill(set_up, "healthz", fault, words).await;
    }
}

/// What something between makes of an answer.
type Bend = fn(&Asked, http::Response<Bytes>) -> Answer;

fn is_token(asked: &Asked) -> bool {
    asked.uri().path().starts_with("/token/")
}

fn is_manifest(asked: &Asked) -> bool {
    asked.uri().path().contains("/manifests/")
}

/// The answer without a header.
fn without(asked: &Asked, mut told: http::Response<Bytes>, name: &'static str) -> Answer {
    told.headers_mut().remove(name);
    as_it_is(asked, told)
}

pub async fn in_between(stage: &Stage) {
    let (_hub, world) = healthy(stage, &[]).await;
    let cases: [(&str, &str, &str, &[&str], Bend); 13] = [
        (
            "a firewall's page in place of /v2/",
            "ping",
            "between",
            &["403", "“Access denied”", "server corporate-filter"],
            |asked, told| {
                if asked.uri().path().contains("/v2/") {
                    return with(page(StatusCode::FORBIDDEN, "Access denied"), "server", "corporate-filter");
                }
                as_it_is(asked, told)
            },
        ),
        ("a bot check before /v2/ alone", "ping", "bot-check", &["Bot Fight Mode"], |asked, told| {
            if asked.uri().path().contains("/v2/") {
                return edge(with(page(StatusCode::FORBIDDEN, "Just a moment..."), "cf-mitigated", "challenge"));
            }
            as_it_is(asked, told)
        }),
        ("a 401 without its challenge", "challenge", "no-challenge", &["no WWW-Authenticate"], |asked, told| {
            without(asked, told, "www-authenticate")
        }),
        (
            "a challenge that leads elsewhere",
            "challenge",
            "realm-elsewhere",
            &["`auth.docker.io`", "the name that clients use"],
            |asked, told| {
                if told.headers().contains_key(header::WWW_AUTHENTICATE) {
                    return unauthorized(r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#);
                }
                as_it_is(asked, told)
            },
        ),
        ("a page in place of a token", "token", "no-json", &["“Sign in”", "invalid character '<'"], |asked, told| {
            if is_token(asked) { page(StatusCode::OK, "Sign in") } else { as_it_is(asked, told) }
        }),
        (
            "a token's reply that is cut short",
            "token",
            "no-json",
            &["sends no JSON as token but 200, application/json (docker"],
            |asked, told| {
                let half = told.body().len() / 2;
                if is_token(asked) {
                    reply(StatusCode::OK, "application/json", told.body().slice(..half))
                } else {
                    as_it_is(asked, told)
                }
            },
        ),
        ("JSON without a token", "token", "no-token", &["JSON without a token"], |asked, told| {
            if is_token(asked) { json_answer(StatusCode::OK, &json!({"ok": true})) } else { as_it_is(asked, told) }
        }),
        (
            "a token, and 401 all the same",
            "head",
            "loop",
            &["gave a token and then answers 401", "Authorization"],
            |asked, told| {
                let shown = asked.headers().contains_key(header::AUTHORIZATION);
                if shown { unauthorized(r#"Bearer realm="x""#) } else { as_it_is(asked, told) }
            },
        ),
        (
            "HEAD is not let through",
            "head",
            "no-head",
            &["HEAD of the manifest is 405", "though GET is answered"],
            |asked, told| {
                let head = *asked.method() == Method::HEAD;
                if head { text(StatusCode::METHOD_NOT_ALLOWED, "") } else { as_it_is(asked, told) }
            },
        ),
        (
            "a page in place of the manifest",
            "head",
            "no-type",
            &["as `text/html", "look for what stands before"],
            |asked, told| {
                if is_manifest(asked) {
                    with(page(StatusCode::OK, "Hello"), "content-length", "0")
                } else {
                    as_it_is(asked, told)
                }
            },
        ),
        ("Docker-Content-Digest is taken away", "head", "no-digest", &["without Docker-Content-Digest"], |asked, told| {
            without(asked, told, "docker-content-digest")
        }),
        (
            "HEAD has no length",
            "head",
            "no-length",
            &["missing or empty Content-Length header", "compresses"],
            |asked, told| {
                let mut answer = without(asked, told, "content-length");
                if *asked.method() == Method::HEAD {
                    // Of an unknown length, as what was compressed on the way.
                    *answer.body_mut() = Body::from_stream(futures_util::stream::empty::<std::io::Result<Bytes>>());
                }
                answer
            },
        ),
        (
            "HEAD has another length",
            "manifest",
            "other-length",
            &["HEAD of the manifest says 7 bytes", "compresses"],
            |asked, told| {
                let mut answer = as_it_is(asked, told);
                if *asked.method() == Method::HEAD {
                    answer.headers_mut().insert(header::CONTENT_LENGTH, 7.into());
                }
                answer
            },
        ),
    ];
    for (set_up, name, fault, words, bend) in cases {
        let server = Middlebox::before(&world, |_| {}, bend).await;
        Question::of(server.authority(HOST), HELLO).is_ill(set_up, name, fault, words).await;
    }

    // Nobody but users gets in, and what shows that one is a user is lost on the way.
    let (_hub, gated) = healthy(stage, &Mode::Users.variables(&[])).await;
    let take = |asked: &mut Asked| {
        if !is_token(asked) {
            asked.headers_mut().remove(header::AUTHORIZATION);
        }
    };
    let server = Middlebox::before(&gated, take, as_it_is).await;
    Question::of(server.authority(HOST), HELLO)
        .with("PIERHEAD_LOGIN", format!("{}:{}", ALICE.0, ALICE.1))
        .is_ill("Authorization is taken away", "head", "authorization-lost", &["did not see it (401)", "let that through"])
        .await;
}

/// A user's token that is changed on the way, as a deployment with another key would have it.
pub async fn tokens(stage: &Stage) {
    let (_hub, world) = healthy(stage, &Mode::Users.variables(&[])).await;
    let spoil = |asked: &mut Asked| {
        if let Some(token) =
            asked.headers_mut().get_mut(header::AUTHORIZATION).filter(|text| text.as_bytes().starts_with(b"Bearer"))
        {
            let spoilt = format!("{}x", token.to_str().expect("a token"));
            *token = spoilt.parse().expect("a token");
        }
    };
    let server = Middlebox::before(&world, spoil, as_it_is).await;
    Question::of(server.authority(HOST), HELLO)
        .with("PIERHEAD_LOGIN", format!("{}:{}", ALICE.0, ALICE.1))
        .is_ill(
            "another deployment takes the tokens",
            "head",
            "token-refused",
            &["gave a token and then refused it", "SIGNING_KEYS"],
        )
        .await;
}

/// Whoever repeats what it was shown makes the doctor repeat nothing.
pub async fn in_an_echo(stage: &Stage) {
    let (_hub, world) = healthy(stage, &Mode::Both.variables(&[])).await;
    for (place, as_page) in ["/v2/", "/token/", "/manifests/", "/blobs/"].into_iter().flat_map(|p| [(p, true), (p, false)]) {
        let echo = move |asked: &Asked, told| {
            if !asked.uri().path().contains(place) {
                return as_it_is(asked, told);
            }
            let shown = ["authorization", "x-pierhead-key"].map(|name| asked.headers().get(name));
            let shown = shown.into_iter().flatten().map(|value| value.to_str().expect("a secret"));
            let shown = shown.chain([asked.uri().path()]).collect::<Vec<_>>().join(" ");
            let error = json!({"errors": [{"code": "UNAVAILABLE", "message": shown}]});
            if as_page { page(StatusCode::BAD_GATEWAY, &shown) } else { json_answer(StatusCode::BAD_GATEWAY, &error) }
        };
        let server = Middlebox::before(&world, |_| {}, echo).await;
        let question = Question::of(server.authority(HOST), HELLO)
            .with("PIERHEAD_LOGIN", format!("{}:{}", ALICE.0, ALICE.1))
            .with("PIERHEAD_KEY", KEY);
        let report = question.report().await;
        assert_eq!(report["fault"], if as_page { "between" } else { "registry" }, "{place}");
        // What was shown is where the secret was.
        assert!(report["verdict"].as_str().is_some_and(|verdict| verdict.contains("… ")), "{place}: {report:#}");
        let output = question.ask(&[]).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}

/// An answer with one byte of it changed.
fn changed(told: http::Response<Bytes>) -> Answer {
    told.map(|bytes| bytes.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 9)).collect::<Bytes>()).map(Body::from)
}

pub async fn contents(stage: &Stage) {
    let (_hub, world) = healthy(stage, &[]).await;
    let cases: [(&str, &str, &str, &[&str], Bend); 9] = [
        (
            "a manifest's bytes are changed",
            "manifest",
            "other-digest",
            &["the manifest has the digest sha256:", "ask from another network"],
            |asked, told| {
                if is_manifest(asked) { changed(told) } else { as_it_is(asked, told) }
            },
        ),
        (
            "a blob's bytes are changed",
            "config",
            "other-digest",
            &["the configuration has the digest sha256:", "changes bytes"],
            |asked, told| {
                if is_blob(asked) { changed(told) } else { as_it_is(asked, told) }
            },
        ),
        ("a blob is cut off", "config", "cut", &["broke off after", "try again"], |asked, told| {
            let bytes = told.body().clone();
            let mut answer = as_it_is(asked, told);
            if is_blob(asked) {
                cut(&mut answer, &bytes);
            }
            answer
        }),
        ("a blob stalls", "config", "stalled", &["stalled after", "try again"], |asked, told| {
            if is_blob(asked) { trickle(told, 100, Duration::from_secs(60)) } else { as_it_is(asked, told) }
        }),
        ("a blob trickles", "config", "slow", &["sends, but too slowly", "it is alive"], |asked, told| {
            if is_blob(asked) { trickle(told, 2, Duration::from_millis(100)) } else { as_it_is(asked, told) }
        }),
        ("a page in place of a blob", "config", "other-digest", &["the configuration has the digest"], |asked, told| {
            if is_blob(asked) { page(StatusCode::OK, "Quota exceeded") } else { as_it_is(asked, told) }
        }),
        (
            "a part of a blob that is another",
            "blob",
            "other-range",
            &["comes as `bytes 1-2/3`", "look for what stands before"],
            |asked, told| {
                let part = told.status() == StatusCode::PARTIAL_CONTENT;
                let answer = as_it_is(asked, told);
                if part { with(answer, "content-range", "bytes 1-2/3") } else { answer }
            },
        ),
        (
            "blobs are not proxied",
            "config",
            "not-proxied",
            &["for blobs", "`production.cloudfront.docker.com`"],
            |asked, told| {
                if !is_blob(asked) {
                    return as_it_is(asked, told);
                }
                redirect("https://production.cloudfront.docker.com/data?Signature=x")
            },
        ),
        ("a hand that writes its own error", "config", "between", &["418"], |asked, told| {
            if is_blob(asked) { text(StatusCode::IM_A_TEAPOT, "no") } else { as_it_is(asked, told) }
        }),
    ];
    for (set_up, name, fault, words, bend) in cases {
        let server = Middlebox::before(&world, |_| {}, bend).await;
        Question::of(server.authority(HOST), HELLO).is_ill(set_up, name, fault, words).await;
    }

    let ignore = |asked: &mut Asked| drop(asked.headers_mut().remove(header::RANGE));
    let server = Middlebox::before(&world, ignore, as_it_is).await;
    Question::of(server.authority(HOST), HELLO)
        .is_ill("Range is ignored", "blob", "no-range", &["a part of a blob (Range) with all of it", "podman"])
        .await;
}
