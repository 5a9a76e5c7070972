//! An address leads to a registry of the table and to an endpoint of the spec or nowhere, and the way back is under the client's
//! own names.

use pierhead::auth::{BearerChallenge, Challenge, Scope};
use pierhead::config::Config;
use pierhead::oci::{Endpoint, ErrorBody, OciError};
use pierhead::route::{Route, Site, Spelling};
use url::{Host, Url};

use super::house::HOUSE;
use super::{Promise, grammar};

pub const PROMISE: Promise = Promise {
    name: "path",
    check,
    pieces: &[
        "https://mirror.example.com",
        "https://docker.example.com",
        "https://ghcr.example.com",
        "https://hub.example.net",
        "https://images.example.net:8443",
        "http://localhost:8787",
        "https://[::1]",
        "/v2/",
        "/v2",
        "ghcr.io/",
        "quay/",
        "harbor.example.com/",
        "us-west2-docker.pkg.dev/",
        "library/",
        "nginx",
        "a/b",
        "/manifests/",
        "/blobs/",
        "/tags/list",
        "/referrers/",
        "_catalog",
        "latest",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "sha256%3A",
        "?ns=quay.io",
        "?ns=",
        "&",
        "?n=5&last=a",
        "..",
        "%2e",
        "//",
        "\\",
        "@",
        "token/docker.io",
    ],
};

fn check(text: &str) {
    check_endpoint(text);
    // What comes to a Worker.
    if let Ok(url) = Url::parse(text)
        && matches!(url.scheme(), "http" | "https")
    {
        HOUSE.with(|house| check_url(house, &url));
    }
}

fn check_endpoint(path: &str) {
    match (Endpoint::parse(path), grammar::endpoint(path)) {
        (Ok(Endpoint::Ping), None) => assert_eq!(path, ""),
        (Ok(Endpoint::Repository(name, resource)), Some((expected, kind, reference))) => {
            assert_eq!((name.as_str(), resource.path()), (expected, format!("{kind}/{reference}")));
            let again = Endpoint::parse(&format!("{name}/{}", resource.path()));
            assert_eq!(again, Ok(Endpoint::Repository(name, resource)));
        }
        (Err(error), None) => check_error(&error),
        (found, expected) => panic!("{path:?} is {found:?}, expected {expected:?}"),
    }
}

fn check_url(house: &Config, url: &Url) {
    let site = match Site::of(house, url) {
        Ok(site) => site,
        Err(error) => return check_error(&error),
    };
    let host = url.host_str().unwrap();
    // No redirect leads to an address.
    assert!(site.is_ours(house, host) || !matches!(url.host(), Some(Host::Domain(_))), "{url}");
    let origin = Url::parse(&site.origin).unwrap();
    assert_eq!(origin.host_str(), Some(host.strip_suffix('.').unwrap_or(host)), "{url}");
    if let Some(spelling) = Spelling::read(url) {
        check_challenge(&site, &spelling.registry, spelling.scope);
    }
    match Route::find(house, &site, url) {
        None => assert!(!url.path().starts_with("/v2/"), "{url}"),
        Some(Err(error)) => check_error(&error),
        Some(Ok((route, endpoint))) => check_route(house, &site, url, &route, &endpoint),
    }
}

fn check_route(house: &Config, site: &Site, url: &Url, route: &Route, endpoint: &Endpoint) {
    let registry = &route.registry;
    assert_eq!(house.registries.by_name(&registry.name).as_ref(), Some(registry), "{url}");
    if let Some(ns) = &route.ns {
        assert!(registry.is_named(ns), "{url}");
    }
    if route.by_default {
        assert!(site.gateway && *registry == house.default_registry, "{url}");
    }
    let Endpoint::Repository(name, resource) = endpoint else {
        return check_challenge(site, &registry.name, None);
    };
    assert!(grammar::is_name(name.as_str()), "{url}");
    // The registry is asked for exactly this.
    let path = route.upstream_path(name, resource);
    let asked = registry.origin.join(&path).unwrap();
    assert_eq!((asked.origin(), asked.path()), (registry.origin.origin(), path.as_str()));
    // The client is told nothing but what it wrote.
    let back = route.client_path(name, resource);
    assert_eq!(back, url.path().replace("%3A", ":").replace("%3a", ":"));
    let mut again = url.clone();
    again.set_path(&back);
    let (route_again, endpoint_again) = Route::find(house, site, &again).unwrap().unwrap();
    assert_eq!((&route_again.registry, &endpoint_again), (registry, endpoint), "{url}");
    let scope = route.client_scope(name);
    let Some(Scope::Repository { name, actions, .. }) = Scope::parse(&scope) else { panic!("{url}: {scope}") };
    assert!(url.path().contains(name.as_str()) && actions == "pull", "{url}: {scope}");
    check_challenge(site, &registry.name, Some(scope));
}

/// A challenge of ours is one challenge, and leads to this site.
fn check_challenge(site: &Site, registry: &str, scope: Option<String>) {
    let (realm, service) = (site.realm(registry), site.authority.clone());
    let ours = BearerChallenge {
        realm: realm.clone(),
        service,
        scope: scope.clone(),
        error: Some(("invalid_token", "`x` says \"no\"".to_owned())),
    };
    let challenges = Challenge::parse_all(&ours.to_string());
    let [challenge] = challenges.as_slice() else { panic!("{ours}") };
    let said = ["realm", "service", "scope", "error"].map(|name| challenge.param(name));
    assert_eq!(said, [Some(&*realm), Some(&*site.authority), scope.as_deref(), Some("invalid_token")]);
    let read = challenge.realm().unwrap();
    assert_eq!(read.origin(), Url::parse(&site.origin).unwrap().origin());
    assert_eq!(read.path(), format!("/token/{registry}"));
}

/// What is wrong is the client's to mend, and said so that it can be read.
fn check_error(error: &OciError) {
    assert!(error.status.is_client_error() && ErrorBody::parse(error.to_json().as_bytes()).is_some(), "{error:?}");
}
