//! What a client gets.

use http::response::Parts;
use http::{Method, StatusCode};
use pierhead::auth::Challenge;
use pierhead::oci::{Digest, Endpoint, ErrorBody, Reference, Resource};
use pierhead::registry::is_public_name;
use pierhead::route::Route;
use serde_json::Value;
use url::Url;

use super::Played;
use crate::promises::link::check_link;
use crate::world::sha256;

/// What holds whatever the settings are.
pub fn check_form(method: &Method, parts: &Parts, body: &[u8], line: &Value, ours: bool) {
    let (status, headers) = (parts.status, &parts.headers);
    assert_eq!(line["status"], status.as_u16());
    assert!(headers.contains_key("x-content-type-options"), "{headers:?}");
    assert_eq!(status == StatusCode::UNAUTHORIZED, headers.contains_key("www-authenticate"), "{status} {headers:?}");
    assert!(status != StatusCode::TOO_MANY_REQUESTS || headers.contains_key("retry-after"), "{headers:?}");
    let media_type =
        headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    if status.is_client_error() || status.is_server_error() {
        assert_eq!(media_type, "application/json");
        assert!(*method == Method::HEAD || ours, "an error that is nobody's");
    }
    if (status.is_client_error() || status.is_server_error()) && *method != Method::HEAD {
        let error = ErrorBody::parse(body).unwrap_or_else(|| panic!("{status}: {}", String::from_utf8_lossy(body)));
        let code = headers.get("x-pierhead-error").and_then(|value| value.to_str().ok());
        assert!(code.is_none_or(|code| error.first().is_some_and(|(said, _)| said == code)), "{code:?} {error:?}");
    } else {
        assert!(!headers.contains_key("x-pierhead-error") || *method == Method::HEAD);
    }
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let page = essence == "text/html" || essence.ends_with("/xml") || essence.ends_with("+xml");
    assert!(!page || line["endpoint"] == "site" || body.is_empty(), "{media_type}");
}

/// Where it leads to.
pub fn check(played: &Played<'_>) {
    if let Some(challenge) = played.told("www-authenticate") {
        check_challenge(played, challenge);
    }
    if let Some(link) = played.told("link") {
        let mut here = played.url.clone();
        here.set_fragment(None);
        check_link(&here, link);
    }
    if let Some(location) = played.told("location") {
        let target = played.url.join(location).unwrap();
        let clean = target.scheme() == "https" && target.username().is_empty() && target.port().is_none();
        assert!(clean && is_public_name(&target), "{location}");
        assert!(!played.site.is_ours(played.config, target.host_str().unwrap_or_default()), "{location}");
        assert!((300..400).contains(&played.status) && played.noted("endpoint") == "blob", "{location}");
    }
    if played.status == 200 && *played.method == Method::GET {
        check_digest(played);
    }
}

/// One challenge, which leads to this site.
fn check_challenge(played: &Played<'_>, text: &str) {
    let challenges = Challenge::parse_all(text);
    let [challenge] = challenges.as_slice() else { panic!("{text}") };
    let site = played.site;
    if challenge.scheme == "basic" {
        return assert_eq!(challenge.param("realm"), Some(&*site.authority));
    }
    assert_eq!((&*challenge.scheme, challenge.param("service")), ("bearer", Some(&*site.authority)));
    let realm = challenge.realm().unwrap_or_else(|| panic!("{text}"));
    assert_eq!(realm.origin(), Url::parse(&site.origin).unwrap().origin(), "{text}");
    let path = realm.path().strip_prefix(&site.key().map(|key| key.path()).unwrap_or_default());
    assert!(path.is_some_and(|path| path.starts_with("/token/")), "{text}");
    let named = challenge.param("scope").unwrap_or_default();
    let name = named.strip_prefix("repository:").and_then(|rest| rest.strip_suffix(":pull")).unwrap_or_default();
    assert!(played.url.path().contains(name) && (named.is_empty() || !name.is_empty()), "{text}");
}

/// What comes by its digest, from those who have shown nothing of their own, is what the digest says.
fn check_digest(played: &Played<'_>) {
    let mut bare = played.url.clone();
    if let Some(keys) = &played.config.access.keys {
        let _taken = keys.take(&mut bare, played.headers);
    }
    let Some(Ok((_, Endpoint::Repository(_, resource)))) = Route::find(played.config, played.site, &bare) else { return };
    let (Resource::Manifest(Reference::Digest(digest)) | Resource::Blob(digest)) = resource else { return };
    let held = matches!(played.noted("store"), "memory" | "cache" | "bucket");
    if held && digest.sha256().is_some() {
        assert_eq!(Digest::of_sha256(&sha256(played.body)), digest);
        assert_eq!(played.told("docker-content-digest"), Some(digest.as_str()));
    }
}
