//! A redirect leads to the registry itself, or to a public name by https, and never to this proxy.

use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use pierhead::config::Config;
use pierhead::registry::Registry;
use pierhead::route::Site;
use pierhead::upstream::next_hop;
use url::{Host, Url};

use super::Promise;
use super::house::HOUSE;

pub const PROMISE: Promise = Promise {
    name: "location",
    check,
    pieces: &[
        "https:",
        "http:",
        "//",
        "/",
        "\\",
        "cdn01.quay.io",
        "gcr.io",
        "harbor.example.com",
        ":8443",
        ":443",
        "user:pw@",
        "@",
        "127.0.0.1",
        "0x7f.1",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "localhost",
        ".internal",
        "metadata.google",
        "docker.example.com",
        "ghcr.example.com.",
        "hub.example.net",
        "DOCKER",
        "..",
        "%2F",
        "%3A",
        "?X-Amz-Signature=a%2Fb",
        "#x",
        ".",
        "ftp:",
        "data:text/plain,",
        "sha256%3Aab",
    ],
};

fn check(text: &str) {
    let Ok(value) = HeaderValue::from_str(text) else { return };
    let headers = HeaderMap::from_iter([(LOCATION, value)]);
    HOUSE.with(|house| {
        let asked = Url::parse("https://docker.example.com/v2/").unwrap();
        let site = Site::of(house, &asked).unwrap();
        for name in ["gcr.io", "harbor.example.com"] {
            let registry = house.registries.by_name(name).unwrap();
            for from in [
                registry.origin.join("/v2/p/i/blobs/x?a=b").unwrap(),
                Url::parse("https://storage.example.org/a/b?c").unwrap(),
            ] {
                let hop = |headers| next_hop(house, &registry, &site, &from, StatusCode::TEMPORARY_REDIRECT, headers);
                let Ok(Some(target)) = hop(&headers) else { continue };
                check_target(house, &registry, &site, &target);
                // Whoever is sent there by another hop comes to the same place.
                let again = HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(target.as_str()).unwrap())]);
                assert_eq!(hop(&again), Ok(Some(target)));
            }
        }
    });
}

fn check_target(house: &Config, registry: &Registry, site: &Site, target: &Url) {
    let clean = target.username().is_empty() && target.password().is_none() && target.fragment().is_none();
    assert!(clean && target.scheme() == "https", "{target}");
    if target.origin() == registry.origin.origin() {
        return;
    }
    assert_eq!(target.port(), None, "{target}");
    let Some(Host::Domain(host)) = target.host() else { panic!("{target} is an address") };
    let name = host.strip_suffix('.').unwrap_or(host);
    let local = ["localhost", "local", "internal", "lan", "home.arpa"].map(|zone| format!(".{zone}"));
    assert!(name.contains('.') && !local.iter().any(|zone| name.ends_with(zone)), "{target} is local");
    assert!(name.parse::<std::net::IpAddr>().is_err(), "{target}");
    // Its own, the other labels' beside it, and those of ROUTES.
    let beside = name.strip_suffix(".example.com").is_some_and(|label| house.registries.by_label(label).is_some());
    assert!(!beside && !["hub.example.net", "images.example.net"].contains(&name), "{target} is ours");
    assert!(!site.is_ours(house, host), "{target}");
}
