//! What no log, answer or upstream may be told.

use pierhead::auth::TokenReply;
use serde_json::Value;

use super::{Asked, Played, Variables};

/// The settings that are secrets.
const SECRETS: [&str; 4] = ["CREDENTIALS", "PATH_SECRET", "SIGNING_KEYS", "USERS"];

/// A secret is in no log line, and one of the operator's in no text of ours. What somebody has said in the open is none.
pub fn check(played: &Played<'_>, variables: &Variables) {
    let said = said(played, variables);
    let operators = played.config.credentials.values().map(|basic| basic.password.expose().to_owned());
    for secret in operators {
        let hidden = !is_telling(&secret) || said.contains(&secret);
        assert!(hidden || !played.log.contains(&secret), "the operator's account is in the log: {}", played.log);
        assert!(hidden || !String::from_utf8_lossy(played.body).contains(&secret), "the operator's account is told");
    }
    for secret in of_client(played).into_iter().chain(tokens(played)) {
        let hidden = !is_telling(&secret) || said.contains(&secret);
        assert!(hidden || !played.log.contains(&secret), "{secret} is in the log: {}", played.log);
    }
    let keys =
        variables.get("PATH_SECRET").and_then(Value::as_str).map(str::trim).filter(|_| played.config.access.keys.is_some());
    for key in keys.into_iter().filter(|key| !key.starts_with('[')) {
        check_key(played, key);
    }
}

/// A key is in no log line, in no text of ours but in a page, and comes to no upstream, unless it stands where no key may.
fn check_key(played: &Played<'_>, key: &str) {
    assert!(!played.log.contains(key), "the key is in the log: {}", played.log);
    let body = String::from_utf8_lossy(played.body);
    assert!(!played.ours || played.noted("endpoint") == "site" || !body.contains(key), "the key is told: {body}");
    let mut bare = played.url.clone();
    let keys = played.config.access.keys.as_ref().unwrap();
    let _taken = keys.take(&mut bare, played.headers);
    let of_upstream = played.asked.iter().any(|asked| of_answer(asked).contains(key));
    let strays = bare.as_str().contains(key) || played.form.contains(key) || of_upstream;
    let others = played.headers.iter().filter(|(name, _)| *name != "x-pierhead-key");
    if strays || others.into_iter().any(|(_, value)| String::from_utf8_lossy(value.as_bytes()).contains(key)) {
        return;
    }
    for (name, value) in played.answer.iter().filter(|(name, _)| *name != "www-authenticate") {
        assert!(!String::from_utf8_lossy(value.as_bytes()).contains(key), "{name} tells the key");
    }
    for Asked { request, .. } in played.asked {
        let headers = request.headers.values().any(|value| String::from_utf8_lossy(value.as_bytes()).contains(key));
        assert!(!headers && !request.url.as_str().contains(key), "the key comes to {}", request.url);
    }
}

/// Shorter ones, and those that are not letters and digits, may be words of our own.
fn is_telling(secret: &str) -> bool {
    let digits = secret.bytes().filter(u8::is_ascii_digit).count();
    secret.len() >= 8 && digits > 0 && digits < secret.len() && secret.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// What the client has shown as its own.
fn of_client(played: &Played<'_>) -> Vec<String> {
    use pierhead::auth::{Authorization, PassKind};
    match Authorization::read(played.headers) {
        Authorization::Basic(basic) => vec![basic.password.expose().to_owned()],
        Authorization::Bearer(token) => vec![token.expose().to_owned()],
        Authorization::Pass(pass) => match pass.kind {
            PassKind::Upstream(token) | PassKind::Refresh(token) => vec![token.expose().to_owned()],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The tokens that upstreams have given.
fn tokens(played: &Played<'_>) -> Vec<String> {
    let bodies = played.asked.iter().filter_map(|asked| asked.answer.as_ref()?.body.as_deref());
    bodies.filter_map(|body| TokenReply::parse(body).ok()).map(|reply| reply.token.expose().to_owned()).collect()
}

/// All that was said in the open: settings, addresses, and the words of upstreams, but for the replies that have tokens in them.
fn said(played: &Played<'_>, variables: &Variables) -> String {
    let mut said = played.url.to_string();
    for (key, value) in variables.iter().filter(|(key, _)| !SECRETS.contains(&key.as_str())) {
        said += &format!("{key} {value} ");
    }
    said += &played.config.credentials.values().map(|basic| basic.user.clone()).collect::<String>();
    for (_, value) in played.headers.iter().filter(|(name, _)| *name != "authorization") {
        said += &String::from_utf8_lossy(value.as_bytes());
    }
    if let pierhead::auth::Authorization::Basic(basic) = pierhead::auth::Authorization::read(played.headers) {
        said += &basic.user;
    }
    said += played.form;
    played.asked.iter().for_each(|asked| said += &of_answer(asked));
    said
}

fn of_answer(asked: &Asked) -> String {
    let Some(answer) = &asked.answer else { return String::new() };
    let headers: String =
        answer.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    let body = answer.body.as_deref().filter(|body| TokenReply::parse(body).is_err()).unwrap_or_default();
    headers + &String::from_utf8_lossy(body)
}
