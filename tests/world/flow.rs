//! The language of flows: see `tests/flows.rs`.

use std::cell::Cell;

use base64::Engine;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use pierhead::access::{SigningKeys, Users};
use pierhead::auth::{Pass, PassKind};
use pierhead::headers::{FROM_CLIENT, FROM_UPSTREAM};
use pierhead::platform::{ClientRequest, Inbound, SendError, Tier};
use pierhead::secret::Secret;

use super::{Body, digest, sha256};

/// First line, headers and body of a message in a flow.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub first: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
}

/// A line of a flow, or those that belong together.
#[derive(Debug)]
pub enum Step {
    At(u64),
    Tier(Tier),
    NewIsolate,
    Limit(u32),
    Set(String, String),
    Exchange(Exchange),
}

/// The client's request, the upstream's part, the answer.
#[derive(Debug, Default)]
pub struct Exchange {
    pub request: Message,
    pub upstream: Vec<(Message, Message)>,
    pub answer: Message,
}

/// Reads a flow.
pub fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let body = Cell::new(false);
    // Adds a line to a message: headers up to the first empty line, then the body.
    let add = |message: &mut Message, line: &str| -> Result<(), String> {
        if body.get() {
            let old = message.body.take().filter(|old| !old.is_empty());
            message.body = Some(old.map_or_else(|| line.to_owned(), |old| format!("{old}\n{line}")));
        } else if line.is_empty() {
            body.set(true);
            message.body = Some(String::new());
        } else if message.first.is_empty() {
            message.first = line.to_owned();
        } else {
            let (name, value) = line.split_once(':').ok_or_else(|| format!("not a header: {line}"))?;
            message.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(())
    };
    let mut last = "";
    for line in text.lines() {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        if mark != last {
            body.set(false);
        }
        let begins = mark != last;
        last = mark;
        let number = || format!("not a number: {line}");
        match mark {
            "" | "#" => {}
            "set" => {
                let (key, value) = rest.split_once(' ').ok_or("expected `set KEY VALUE`")?;
                steps.push(Step::Set(key.to_owned(), value.to_owned()));
            }
            "at" => steps.push(Step::At(rest.parse().map_err(|_| number())?)),
            "new" => steps.push(Step::NewIsolate),
            "limit" => steps.push(Step::Limit(rest.parse().map_err(|_| number())?)),
            "tier" => steps.push(Step::Tier(match rest {
                "cache" => Tier::Cache,
                "bucket" => Tier::Bucket,
                other => return Err(format!("no such tier: {other}")),
            })),
            ">" => {
                if begins {
                    steps.push(Step::Exchange(Exchange::default()));
                }
                let Some(Step::Exchange(exchange)) = steps.last_mut() else {
                    return Err(format!("cannot stand here: {line}"));
                };
                add(&mut exchange.request, rest)?;
            }
            "=>" | "<=" | "<" => {
                let Some(Step::Exchange(exchange)) = steps.last_mut() else {
                    return Err(format!("{line} before any `>`"));
                };
                match mark {
                    "=>" => {
                        if begins {
                            exchange.upstream.push(Default::default());
                        }
                        add(&mut exchange.upstream.last_mut().ok_or("no `=>`")?.0, rest)?;
                    }
                    "<=" => add(&mut exchange.upstream.last_mut().ok_or("`<=` follows `=>`")?.1, rest)?,
                    _ => add(&mut exchange.answer, rest)?,
                }
            }
            _ => return Err(format!("cannot read: {line}")),
        }
    }
    Ok(steps)
}

pub const SIGNING_KEY: &str = "the-signing-key-of-the-flows-0123";

/// A text with its `$(…)` filled in. One that nobody knows stays as it is.
pub fn expand(text: &str, now: u64) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(") {
        let Some((call, after)) = after.split_once(')') else { break };
        out += before;
        out += &filled_in(call, now).unwrap_or_else(|| format!("$({call})"));
        rest = after;
    }
    out + rest
}

fn filled_in(call: &str, now: u64) -> Option<String> {
    let words: Vec<_> = call.split(' ').collect();
    let word = |at: usize| words.get(at).copied();
    let pass = |kind: PassKind| Some(Pass { registry: word(1)?.to_owned(), kind }.to_token().expose().to_owned());
    Some(match words[0] {
        "anonymous" => Pass::anonymous(word(1)?, now).to_token().expose().to_owned(),
        "upstream" => pass(PassKind::Upstream(Secret::new(word(2)?)))?,
        "refresh" => pass(PassKind::Refresh(Secret::new(word(2)?)))?,
        "basic" => base64::engine::general_purpose::STANDARD.encode(word(1)?),
        "digest" => format!("sha256:{}", "0123456789abcdef".repeat(4)),
        "sha256" => digest(call.split_once(' ').map_or("", |(_, text)| text)),
        "index" => index(word(1)?),
        "digest-of" => digest(&index(word(1)?)),
        "size-of" => index(word(1)?).len().to_string(),
        "signing-key" => SIGNING_KEY.to_owned(),
        "user" => {
            let sums = vec![(word(3)?.to_owned(), sha256(word(4)?.as_bytes()))];
            let users = Users::new(sums, SigningKeys::new(vec![Secret::new(SIGNING_KEY)])?);
            users.pass(word(3)?, word(2)?, word(1)?, now).to_token().expose().to_owned()
        }
        "long" => "x".repeat(word(1)?.parse::<u16>().ok()?.into()),
        _ => return None,
    })
}

/// A small index that is told from others by one word.
fn index(word: &str) -> String {
    format!(r#"{{"schemaVersion":2,"manifests":[],"annotations":{{"word":"{word}"}}}}"#)
}

impl Message {
    /// The client's request; none where the first line is no method and URL.
    pub fn request(&self, now: u64) -> Option<ClientRequest<Body>> {
        let (method, url) = self.first.split_once(' ')?;
        Some(ClientRequest {
            method: Method::from_bytes(method.as_bytes()).ok()?,
            url: expand(url, now),
            headers: self.header_map(&FROM_CLIENT, now),
            body: self.body.as_ref().map(|body| Some(expand(body, now).into_bytes())),
        })
    }

    /// What an upstream answers; one whose status is none does not.
    pub fn inbound(&self, now: u64) -> Result<Inbound<Body>, SendError> {
        if self.first == "timeout" {
            return Err(SendError::TimedOut);
        }
        Ok(Inbound {
            status: StatusCode::from_bytes(self.first.as_bytes())
                .map_err(|_| SendError::Failed("connection refused".to_owned()))?,
            headers: self.header_map(&FROM_UPSTREAM, now),
            body: self.body.as_ref().map(|body| expand(body, now).into_bytes()),
        })
    }

    /// Only what the edge would let through; lines of one name joined as the runtime joins them.
    fn header_map(&self, names: &[HeaderName], now: u64) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            let Some(name) = names.iter().find(|known| known.as_str() == name) else { continue };
            let value = expand(value, now);
            let joined = match map.get(name).and_then(|old: &HeaderValue| old.to_str().ok()) {
                Some(old) => format!("{old}, {value}"),
                None => value,
            };
            // No runtime lets any other through.
            if let Ok(value) = HeaderValue::from_bytes(joined.as_bytes()) {
                map.insert(name.clone(), value);
            }
        }
        map
    }
}
