//! A token of ours reads back, is never taken for another's, and opens the gate only if it is the very one that was sealed.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use pierhead::access::{SigningKeys, USER_LIFE, Users};
use pierhead::auth::{Authorization, Basic, Pass, PassKind, Sealed, TokenReply, bearer};
use pierhead::secret::Secret;

use super::Promise;
use crate::world::flow::{SIGNING_KEY, expand};
use crate::world::sha256;

pub const PROMISE: Promise = Promise {
    name: "token",
    check,
    pieces: &[
        "ph1.",
        "anonymous",
        "upstream",
        "refresh",
        "user",
        ".",
        "docker.io",
        "ghcr.io",
        "MTI",
        "MTI6c2VhbDpuYW1l",
        "=",
        "-",
        "_",
        "$(anonymous docker.io)",
        "$(upstream ghcr.io a.b.c)",
        "$(refresh quay.io r)",
        "$(user m.example.com docker.io alice pierhead_long)",
        "$(user m.example.com docker.io bob pierhead_long)",
        "$(basic alice:pw)",
        "Bearer ",
        "Basic ",
        ",",
        " ",
        "alice:pw",
        "ghcr.io/",
        "{\"token\":\"",
        "\",\"expires_in\":",
        "300}",
        "access_token",
    ],
};

const NOW: u64 = 1000;

fn check(text: &str) {
    let text = expand(text, NOW);
    check_pass(&text);
    for scheme in ["", "Bearer ", "Basic "] {
        check_header(&format!("{scheme}{text}"));
    }
    check_pair(&text);
    check_reply(&text);
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) {
        for kind in [PassKind::Upstream(Secret::new(&*text)), PassKind::Refresh(Secret::new(&*text))] {
            let pass = Pass { registry: "us-west2-docker.pkg.dev".to_owned(), kind };
            assert_eq!(Pass::parse(pass.to_token().expose()), Some(pass));
        }
    }
}

fn check_pass(text: &str) {
    let Some(pass) = Pass::parse(text) else { return };
    assert!(Pass::is_marked(text));
    assert_eq!(Pass::parse(pass.to_token().expose()).as_ref(), Some(&pass));
    match &pass.kind {
        // It will stand in a header.
        PassKind::Upstream(token) | PassKind::Refresh(token) => {
            assert!(HeaderValue::from_str(bearer(token).expose()).is_ok_and(|value| value.to_str().is_ok()));
        }
        PassKind::User(sealed) => check_seal(&pass, sealed),
        PassKind::Anonymous { .. } => {}
    }
}

fn check_seal(pass: &Pass, sealed: &Sealed) {
    thread_local! {
        static USERS: Users = Users::new(
            vec![("alice".to_owned(), sha256(b"pierhead_long"))],
            SigningKeys::new(vec![Secret::new(SIGNING_KEY)]).unwrap(),
        );
    }
    USERS.with(|users| {
        for host in ["m.example.com", "n.example.com"] {
            let good = users.verify(&pass.registry, sealed, host, NOW).is_ok();
            let made =
                sealed.expires.checked_sub(USER_LIFE).map(|made| users.pass(&sealed.name, &pass.registry, host, made));
            assert!(!good || made.as_ref() == Some(pass) && sealed.name == "alice", "{pass:?} at {host}");
        }
    });
}

fn check_header(text: &str) {
    let Ok(value) = HeaderValue::from_str(text) else { return };
    match Authorization::read(&HeaderMap::from_iter([(AUTHORIZATION, value)])) {
        Authorization::Bearer(token) => {
            assert!(!Pass::is_marked(token.expose()) && text.contains(token.expose()), "{text:?}")
        }
        Authorization::Pass(pass) => assert!(text.contains("ph1."), "{text:?} is {pass:?}"),
        Authorization::Basic(basic) => check_basic(&basic),
        Authorization::None => panic!("{text:?} is there"),
        Authorization::Broken => {}
    }
}

fn check_pair(text: &str) {
    if let Some(basic) = Basic::from_pair(text) {
        assert_eq!(format!("{}:{}", basic.user, basic.password.expose()), text);
        check_basic(&basic);
    }
}

fn check_basic(basic: &Basic) {
    let header = basic.to_header();
    assert!(HeaderValue::from_str(header.expose()).is_ok());
    assert_eq!(Basic::from_header(header.expose().strip_prefix("Basic ").unwrap()).as_ref(), Some(basic));
    if let Some((registry, rest)) = basic.split_registry() {
        assert_eq!(format!("{registry}/{}", rest.user), basic.user);
        assert_eq!(rest.password, basic.password);
        check_basic(&rest);
    }
}

fn check_reply(text: &str) {
    match TokenReply::parse(text.as_bytes()) {
        Ok(reply) => {
            let tokens = [Some(&reply.token), reply.refresh_token.as_ref()];
            for token in tokens.into_iter().flatten() {
                assert!(!token.expose().is_empty() && token.expose().bytes().all(|b| b.is_ascii_graphic()), "{text:?}");
            }
            assert!((60..=86_400).contains(&reply.expires_in), "{text:?}");
        }
        // It goes into the log, and there may be a token in it.
        Err(error) => assert!(error.to_string().len() < 120, "{error}"),
    }
}
