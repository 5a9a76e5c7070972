//! Whose credentials go where.

use std::rc::Rc;

use pierhead::access::{Caller, Users};
use pierhead::auth::{Authorization, Basic, Pass, PassKind, TokenReply, bearer};
use pierhead::registry::Registry;
use pierhead::route::Route;
use url::form_urlencoded;

use super::upstreams::{is_at, rows};
use super::{Asked, Played};

/// What may be shown, and the registry that it belongs to.
type Shown = (String, Rc<Registry>);

/// What the server side may show. The tokens that it has got stay good from one exchange to the next.
#[derive(Default)]
pub struct Credentials {
    tokens: Vec<Shown>,
}

impl Credentials {
    /// Each credential goes to the registry that it belongs to, and to that one's token servers.
    pub fn check(&mut self, played: &Played<'_>) {
        let registries = &played.config.registries;
        let of_client = of_client(played);
        let accounts: Vec<Shown> = played
            .config
            .credentials
            .iter()
            .map(|(name, basic)| (basic.to_header().expose().to_owned(), registries.by_name(name).unwrap()))
            .collect();
        for Asked { request, answer } in played.asked {
            let goes =
                |shown: &[Shown], text: &str| shown.iter().any(|(known, row)| known == text && is_at(row, &request.url));
            let mut anybodys = request.form.is_none();
            if let Some(authorization) = &request.authorization {
                let text = authorization.expose();
                let of_operator = goes(&accounts, text);
                anybodys &= of_operator;
                assert!(
                    of_operator || goes(&self.tokens, text) || goes(&of_client, text),
                    "a credential goes to {}",
                    request.url
                );
            }
            for text in request.form.iter().flat_map(|form| in_form(form.expose())) {
                assert!(goes(&of_client, &text), "a form goes to {}", request.url);
            }
            // What a client's own credentials bring is nobody else's.
            let reply = answer.as_ref().filter(|_| anybodys).filter(|answer| answer.status == 200);
            let reply = reply.and_then(|answer| TokenReply::parse(answer.body.as_deref().unwrap_or_default()).ok());
            if let Some(reply) = reply {
                let rows = rows(played.config, request.url.host_str().unwrap_or_default());
                let trusting = rows.into_iter().filter(|row| row.trusts(&request.url));
                self.tokens.extend(trusting.map(|row| (bearer(&reply.token).expose().to_owned(), row)));
            }
        }
    }
}

/// What the client has shown, as it would go on, and the registry that it is for. A user's is for the gate.
fn of_client(played: &Played<'_>) -> Vec<Shown> {
    let access = &played.config.access;
    let caller = access.caller(played.site, played.headers, played.now);
    if matches!(caller, Caller::User { .. }) || access.users.is_some() && access.keys.is_none() {
        return Vec::new();
    }
    let registries = &played.config.registries;
    let of_basic = |basic: Basic| {
        let gates = access.users.as_ref().is_some_and(|users| users.check(&basic).is_ok() || Users::is_token(&basic));
        let named = basic.split_registry().and_then(|(name, rest)| Some((registries.by_name(name)?, rest)));
        let (row, basic) = named.unwrap_or((Rc::clone(&played.site.home), basic));
        (!gates).then(|| (basic.to_header().expose().to_owned(), row))
    };
    let mut shown = Vec::new();
    match Authorization::read(played.headers) {
        Authorization::Basic(basic) => shown.extend(of_basic(basic)),
        Authorization::Pass(Pass { registry, kind: PassKind::Upstream(token) }) => {
            shown.extend(registries.by_name(&registry).map(|row| (bearer(&token).expose().to_owned(), row)));
        }
        Authorization::Bearer(token) => {
            let mut bare = played.url.clone();
            if let Some(keys) = &access.keys {
                let _taken = keys.take(&mut bare, played.headers);
            }
            let route = Route::find(played.config, played.site, &bare).and_then(Result::ok);
            shown.extend(route.map(|(route, _)| (bearer(&token).expose().to_owned(), route.registry)));
        }
        _ => {}
    }
    for text in in_form(played.form) {
        match text.split_once(' ') {
            Some(("Basic", encoded)) => shown.extend(Basic::from_header(encoded).and_then(of_basic)),
            _ => shown.push(match Pass::parse(text.strip_prefix("refresh ").unwrap_or_default()) {
                Some(Pass { registry, kind: PassKind::Refresh(token) }) => match registries.by_name(&registry) {
                    Some(row) => (format!("refresh {}", token.expose()), row),
                    None => continue,
                },
                _ => (text, Rc::clone(&played.site.home)),
            }),
        }
    }
    shown
}

/// The credentials in a form: `Basic …` or `refresh …`.
fn in_form(form: &str) -> Vec<String> {
    let of = |name: &str| {
        form_urlencoded::parse(form.as_bytes()).filter(|(key, _)| key == name).last().map(|(_, value)| value.into_owned())
    };
    let pair = of("username").zip(of("password")).map(|(user, password)| format!("{user}:{password}"));
    let basic = pair.and_then(|pair| Some(Basic::from_pair(&pair)?.to_header().expose().to_owned()));
    let refresh = of("refresh_token").map(|token| format!("refresh {token}"));
    basic.into_iter().chain(refresh).collect()
}
