//! A played registry's token server.

use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use http::{Method, header};

use super::answers::{fields, say, whole, without_length};
use super::{Authority, Play};
use crate::personality::{Post, Tokens};
use crate::token_server::{REFRESH_TOKEN, USER, basic};
use crate::upstream::{Answer, Asked};

impl Play {
    pub(super) fn token(&self, manners: &Tokens, asked: &Asked) -> Answer {
        let posted = *asked.method() == Method::POST;
        let fields = match (posted, &manners.post) {
            (true, Post::Refused(refusal)) => return say(refusal, ""),
            (true, Post::Served) => fields(asked.body()),
            (false, _) => fields(asked.uri().query().unwrap_or("").as_bytes()),
        };
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if manners.service.is_some_and(|service| field("service") != Some(service)) {
            return say(&manners.wrong_service, "");
        }
        let scopes: Vec<&str> = fields.iter().filter(|(key, _)| key == "scope").map(|(_, value)| value.as_str()).collect();
        let user = match (posted, asked.headers().get(header::AUTHORIZATION)) {
            (false, None) => false,
            (false, Some(value)) if value.as_bytes() == basic(USER).as_bytes() => true,
            (true, _) if field("username").zip(field("password")) == Some(USER) => true,
            (true, _) if field("refresh_token") == Some(REFRESH_TOKEN) && manners.refresh => true,
            _ => return say(&manners.wrong_password, ""),
        };
        if let Some(refusal) = manners.anonymous.filter(|_| !user) {
            return say(&refusal, "");
        }
        if let Some(refusal) = manners.odd_scope.filter(|_| is_odd(&scopes)) {
            return say(&refusal, "");
        }
        let asked_for: Vec<&str> = scopes.iter().flat_map(|scope| scope.split_whitespace()).collect();
        let granted: Vec<String> = asked_for.iter().filter_map(|scope| self.grant(scope, user)).collect();
        if let Some(refusal) = manners.no_access.filter(|_| granted.len() < asked_for.len()) {
            return say(&refusal, "");
        }
        let authority = Authority::Good { user, repositories: manners.scoped.then_some(granted) };
        let mut reply = manners.reply.replace("{token}", &self.give(manners, authority)).replace("{now}", &now());
        let offline = field("offline_token") == Some("true") || field("access_type") == Some("offline");
        if user && manners.refresh && offline {
            reply = reply.replacen('{', &format!(r#"{{"refresh_token":"{REFRESH_TOKEN}","#), 1);
        }
        let mut answer = whole(manners.media, reply.clone().into());
        if manners.chunked {
            *answer.body_mut() = without_length(reply.into());
        }
        answer
    }

    /// The repository that `scope` gives.
    fn grant(&self, scope: &str, user: bool) -> Option<String> {
        let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
        (actions == "pull" && self.readable(name, user)).then(|| name.to_owned())
    }

    fn give(&self, manners: &Tokens, authority: Authority) -> String {
        let number = self.given.fetch_add(1, Ordering::Relaxed); // no token is ever given twice
        let serial = format!("{}eyJ{number}x", manners.token.prefix);
        let token = format!("{serial}{}", "A".repeat(manners.token.bytes.saturating_sub(serial.len())));
        self.tokens.lock().expect("no one panics while holding this").insert(token.clone(), authority);
        token
    }
}

/// Malformed, empty or given twice.
fn is_odd(scopes: &[&str]) -> bool {
    let well_formed = |scope: &str| {
        let rest = scope.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':'));
        rest.is_some_and(|(name, actions)| !name.is_empty() && actions.split(',').all(|a| a == "pull" || a == "push"))
    };
    let twice = (1..scopes.len()).any(|at| scopes[..at].contains(&scopes[at]));
    twice || scopes.iter().any(|scope| scope.is_empty() || !scope.split(' ').all(well_formed))
}

/// The time now as RFC 3339 has it, without fraction and zone.
fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
    let (days, second) = (seconds / 86400, seconds % 86400);
    // Howard Hinnant's `civil_from_days`.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}
