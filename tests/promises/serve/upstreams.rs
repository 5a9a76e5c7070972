//! Who is asked.

use std::rc::Rc;

use http::Method;
use pierhead::config::Config;
use pierhead::registry::{Registry, is_public_name, same_origin};
use url::Url;

use super::{Asked, Played};

/// Every registry that could be meant by a host: those of the table, and the region of Artifact Registry that it is.
pub fn rows(config: &Config, host: &str) -> Vec<Rc<Registry>> {
    let names = config.registries.iter().map(|registry| registry.name.as_str()).chain([host]);
    names.filter_map(|name| config.registries.by_name(name)).collect()
}

/// Whether a registry's credentials may go there.
pub fn is_at(registry: &Registry, url: &Url) -> bool {
    same_origin(url, &registry.origin) || registry.trusts(url)
}

/// Requests go by https to hosts of the table, or to where one of those has redirected to.
pub fn check(played: &Played<'_>) {
    for Asked { request, .. } in played.asked {
        let url = &request.url;
        let host = url.host_str().unwrap_or_default();
        let clean = url.username().is_empty() && url.password().is_none();
        assert!(url.scheme() == "https" && clean, "{url}");
        let rows = rows(played.config, host);
        let known =
            rows.iter().any(|row| is_at(row, url) || row.search.as_ref().is_some_and(|search| same_origin(url, search)));
        let elsewhere = url.port().is_none() && is_public_name(url) && !played.site.is_ours(played.config, host);
        assert!(known || elsewhere, "{url} is asked");
        assert!(known || request.authorization.is_none() && request.form.is_none(), "credentials go to {url}");
        assert!([Method::GET, Method::HEAD, Method::POST].contains(&request.method));
        for header in ["authorization", "cookie", "x-pierhead-key", "cf-connecting-ip"] {
            assert!(!request.headers.contains_key(header), "{url} gets {header}");
        }
        assert!(request.headers.contains_key("user-agent"), "{url}");
    }
    // Whoever is not let in, or asks for nothing that is a registry's, costs nobody anything.
    let costs_nothing = matches!(played.noted("endpoint"), "site" | "gate") || played.told("allow").is_some();
    assert!(!costs_nothing || played.asked.is_empty(), "{} is asked", played.asked[0].request.url);
}
