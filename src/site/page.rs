//! The page at `/` for browsers. build.rs puts it together from the files beside this one; what differs from host to host is
//! filled in here.
//!
//! It stands on the operator's own host, so it is as strict as it can be: no other host is asked, nothing but its own script runs,
//! no frame holds it, and its address, which may hold a key, is told to nobody. The key itself is not in it: the script reads it
//! from the address.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY};
use serde::Serialize;

use crate::answer::{self, Answer};
use crate::exchange::Exchange;
use crate::platform::Platform;
use crate::registry::Registry;

const PAGE: &str = include_str!(concat!(env!("OUT_DIR"), "/page.html"));

const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, include_str!(concat!(env!("OUT_DIR"), "/policy.txt"))),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    // An edge that puts scripts of its own into pages would break this one.
    (CACHE_CONTROL, "no-store, no-transform"),
];

/// What the script is told; `configurations` in snippets.js has the same names.
#[derive(Serialize)]
struct Data<'a> {
    authority: &'a str,
    secure: bool,
    gateway: bool,
    registry: &'a str,
    registries: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    aliases: &'a [String],
    labels: &'a [String],
    library: bool,
}

impl<P: Platform> Exchange<P> {
    /// The page, for the host that was asked.
    pub fn web_page(&self) -> Answer<P> {
        let mut answer = answer::text(StatusCode::OK, "text/html; charset=utf-8", self.html());
        for (name, value) in HEADERS {
            answer::set(answer.headers_mut(), name, value);
        }
        answer
    }

    fn html(&self) -> String {
        let site = &self.site;
        let registries: Vec<&Registry> = self.config.served().collect();
        let rows = registries.iter().map(|known| {
            let labels = known.labels.join(" ");
            format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(&known.name), escape(&labels))
        });
        let data = Data {
            authority: &site.authority,
            secure: site.origin.starts_with("https:"),
            gateway: site.gateway,
            registry: &site.home.name,
            registries: registries
                .iter()
                .map(|known| Row {
                    name: &known.name,
                    aliases: &known.aliases,
                    labels: &known.labels,
                    library: known.library,
                })
                .collect(),
        };
        // No `<` ends the element that holds it. That texts and flags cannot be serialized does not happen.
        let data = serde_json::to_string(&data).unwrap_or_default().replace('<', "\\u003c");
        let host = escape(&site.authority);
        let example = if site.gateway { format!("{host}/ghcr.io") } else { host.clone() };
        PAGE.replace("<!--host-->", &host)
            .replace("<!--example-->", &example)
            .replace("<!--rows-->", &rows.collect::<String>())
            .replace("<!--site-->", &data)
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
