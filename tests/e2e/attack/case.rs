//! One attack: what is sent, what the upstreams do, how it must end, and whom the Worker may ask meanwhile.

use http::Method;
use serde_json::{Value, json};

use super::script::Script;

/// The gateway that most cases ask. It is no loopback name: the Worker takes its own origin for https.
pub const GATEWAY: &str = "mirror.pierhead.test";

/// A tag, at the case's own registry.
pub const MANIFEST: &str = "/{registry}/v2/team/app/manifests/1";
/// A manifest by its digest.
pub const BY_DIGEST: &str = "/{registry}/v2/team/app/manifests/{digest}";
/// A blob.
pub const BLOB: &str = "/{registry}/v2/team/app/blobs/{digest}";
/// A list of tags.
pub const TAGS: &str = "/{registry}/v2/team/app/tags/list";
/// A list of referrers.
pub const REFERRERS: &str = "/{registry}/v2/team/app/referrers/{digest}";
/// The token endpoint.
pub const TOKEN: &str = "/token/{registry}?scope=repository:team/app:pull";

/// What the registry is asked for [`MANIFEST`].
pub const ASKED_MANIFEST: &str = "GET https://{registry}/v2/team/app/manifests/1";
/// What the registry is asked for [`BLOB`].
pub const ASKED_BLOB: &str = "GET https://{registry}/v2/team/app/blobs/{digest}";
/// What the registry is asked for [`TAGS`].
pub const ASKED_TAGS: &str = "GET https://{registry}/v2/team/app/tags/list";
/// What the registry is asked for [`REFERRERS`].
pub const ASKED_REFERRERS: &str = "GET https://{registry}/v2/team/app/referrers/{digest}";
/// How it is found out what a registry of unknown manner wants.
pub const ASKED_PING: &str = "GET https://{registry}/v2/";
/// What the token server of the case's own registry is asked on behalf of a client that presents nothing.
pub const ASKED_TOKEN: &str = "GET https://{registry}/token?service={registry}&scope=repository%3Ateam%2Fapp%3Apull";

/// What an attacker wants to see in a header of the answer. A case that injects something injects this.
pub const MARK: &str = "pwned";

/// What all passwords and tokens of clients begin with. No answer repeats one.
pub const SECRET: &str = "hunter2";

/// How a case must end.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// In an OCI error of the proxy's own making.
    Refused(u16, &'static str),
    /// In an OCI error that is the registry's word.
    Relayed(u16, &'static str),
    /// In harmless content.
    Served(u16),
    /// In an answer of the runtime, which lets the request not through to the Worker.
    TurnedAway(u16),
}

/// What is sent.
#[derive(Clone)]
pub enum Request {
    /// A request in its usual form, but with any target and header.
    Plain { method: String, host: String, target: String, headers: Vec<String>, body: String },
    /// These bytes.
    Raw(Vec<u8>),
}

/// One attack. In all its texts `{registry}` and its like stand for names of its own: see [`Case::fill`].
#[derive(Clone)]
pub struct Case {
    pub name: &'static str,
    pub request: Request,
    /// What hosts answer, and whether they may be shown credentials.
    pub hosts: Vec<(String, Script, bool)>,
    /// The registry's entry in `REGISTRIES`.
    pub row: Value,
    pub ending: Ending,
    /// Whom the Worker asks, in order.
    pub asked: Vec<String>,
    /// What the answer's body must hold.
    pub says: Vec<String>,
    /// What its headers must hold.
    pub in_headers: Vec<String>,
    /// What no part of the answer may hold.
    pub hides: Vec<String>,
}

/// A case that asks its own registry for a manifest, which nobody answers; until it is told otherwise.
pub fn case(name: &'static str) -> Case {
    let request = Request::Plain {
        method: Method::GET.to_string(),
        host: GATEWAY.to_owned(),
        target: MANIFEST.to_owned(),
        headers: Vec::new(),
        body: String::new(),
    };
    let ending = Ending::Refused(0, "a case says how it must end");
    Case {
        name,
        request,
        hosts: Vec::new(),
        row: json!({}),
        ending,
        asked: Vec::new(),
        says: Vec::new(),
        in_headers: Vec::new(),
        hides: Vec::new(),
    }
}

impl Case {
    /// The same with a method, at a target.
    pub fn send(mut self, sent_method: &str, sent_target: &str) -> Case {
        if let Request::Plain { method, target, .. } = &mut self.request {
            (*method, *target) = (sent_method.to_owned(), sent_target.to_owned());
        }
        self
    }

    pub fn get(self, target: &str) -> Case {
        self.send("GET", target)
    }

    pub fn head(self, target: &str) -> Case {
        self.send("HEAD", target)
    }

    /// Asks another host of the Worker.
    pub fn host(mut self, name: &str) -> Case {
        if let Request::Plain { host, .. } = &mut self.request {
            name.clone_into(host);
        }
        self
    }

    /// One more line: `Name: value`.
    pub fn header(mut self, line: impl Into<String>) -> Case {
        if let Request::Plain { headers, .. } = &mut self.request {
            headers.push(line.into());
        }
        self
    }

    /// Without the lines there are so far.
    pub fn without_headers(mut self) -> Case {
        if let Request::Plain { headers, .. } = &mut self.request {
            headers.clear();
        }
        self
    }

    /// A form, posted to a target.
    pub fn post(mut self, target: &str, form: impl Into<String>) -> Case {
        self = self.send("POST", target);
        if let Request::Plain { body, .. } = &mut self.request {
            *body = form.into();
        }
        self.header("Content-Type: application/x-www-form-urlencoded")
    }

    /// A user of the case's own registry, with a password.
    pub fn logged_in(self) -> Case {
        self.header("Authorization: Basic {user}")
    }

    /// A token of the client's own.
    pub fn with_token(self) -> Case {
        self.header("Authorization: Bearer hunter2-token")
    }

    pub fn raw(self, bytes: impl Into<Vec<u8>>) -> Case {
        Case { request: Request::Raw(bytes.into()), ..self }
    }

    /// What the case's own registry answers.
    pub fn registry(self, script: Script) -> Case {
        self.registry_at("{registry}", script)
    }

    /// A host that credentials may be shown to.
    pub fn registry_at(mut self, host: &str, script: Script) -> Case {
        self.hosts.push((host.to_owned(), script, true));
        self
    }

    /// What another host answers, which may never be shown a credential.
    pub fn elsewhere(self, script: Script) -> Case {
        self.at("{elsewhere}", script)
    }

    /// The same for a host of any name.
    pub fn at(mut self, host: &str, script: Script) -> Case {
        self.hosts.push((host.to_owned(), script, false));
        self
    }

    pub fn row(self, row: Value) -> Case {
        Case { row, ..self }
    }

    pub fn refused(self, status: u16, code: &'static str) -> Case {
        Case { ending: Ending::Refused(status, code), ..self }
    }

    pub fn relayed(self, status: u16, code: &'static str) -> Case {
        Case { ending: Ending::Relayed(status, code), ..self }
    }

    pub fn served(self, status: u16) -> Case {
        Case { ending: Ending::Served(status), ..self }
    }

    pub fn turned_away(self, status: u16) -> Case {
        Case { ending: Ending::TurnedAway(status), ..self }
    }

    /// Whom the Worker asks, in order: `GET https://host/target`, and `(Bearer)` or `(Basic)` behind it where a credential is
    /// shown. Nobody, unless this is said.
    pub fn asked<'a>(mut self, requests: impl IntoIterator<Item = &'a str>) -> Case {
        self.asked = requests.into_iter().map(str::to_owned).collect();
        self
    }

    pub fn says(mut self, text: &str) -> Case {
        self.says.push(text.to_owned());
        self
    }

    /// What one of the answer's headers must hold.
    pub fn tells(mut self, text: &str) -> Case {
        self.in_headers.push(text.to_owned());
        self
    }

    pub fn hides(mut self, text: &str) -> Case {
        self.hides.push(text.to_owned());
        self
    }
}
