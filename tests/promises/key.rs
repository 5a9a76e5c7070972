//! A key is taken out of wherever it may stand, and hidden wherever it is repeated; nothing else is touched.

use http::{HeaderMap, HeaderName, HeaderValue};
use pierhead::access::{KEY_LENGTH, Keys};
use pierhead::auth::Scope;
use pierhead::secret::Secret;
use url::Url;

use super::Promise;
use super::house::{KEY, OLD_KEY};

pub const PROMISE: Promise = Promise {
    name: "key",
    check,
    pieces: &[
        KEY,
        OLD_KEY,
        "abcdefgh",
        "old0old0",
        "/",
        "/v2/",
        "v2",
        "ghcr",
        "token/docker.io",
        "a/b",
        "manifests/1",
        "?",
        "repository:",
        ":pull",
        "%61",
        "Abcdefghij0123456789",
        "[key]",
        " ",
    ],
};

fn check(text: &str) {
    let keys = Keys::new(vec![Secret::new(KEY), Secret::new(OLD_KEY)]).unwrap();
    if let Ok(url) = Url::parse(&format!("https://mirror.example.com/{}", text.trim_start_matches('/'))) {
        check_address(&keys, &url);
    }
    check_scopes(&keys, text);
    check_hidden(&keys, text);
    let is_key = KEY_LENGTH.contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9'));
    assert_eq!(Keys::new(vec![Secret::new(text)]).is_some(), is_key, "{text:?}");
    if let Ok(value) = HeaderValue::from_str(text) {
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-pierhead-key"), value)]);
        let taken = keys.take(&mut Url::parse("https://mirror.example.com/v2/").unwrap(), &headers);
        assert_eq!(taken.map(|taken| taken.path()), is_good(text).then(|| format!("/{text}")));
    }
}

fn check_address(keys: &Keys, url: &Url) {
    let mut rest = url.clone();
    let taken = keys.take(&mut rest, &HeaderMap::new());
    assert_eq!((rest.origin(), rest.query()), (url.origin(), url.query()));
    match taken {
        None => assert_eq!(rest, *url),
        Some(taken) => assert!(is_good(&taken.path()[1..]) && taken.in_address, "{url}"),
    }
    // Nowhere where it would have been taken from.
    let path = rest.path();
    let first = path.split('/').nth(1).unwrap_or_default();
    let behind = path.split_once("/v2/").map_or("", |(_, behind)| behind).split('/').next().unwrap_or_default();
    assert!(!is_good(first) && !is_good(behind), "{url} leaves {rest}");
}

fn check_scopes(keys: &Keys, text: &str) {
    let Some(scope) = Scope::parse(text) else { return };
    let mut scopes = [scope.clone()];
    let taken = keys.take_from(&mut scopes);
    assert_eq!(taken.is_none(), scopes[0] == scope, "{text:?}");
    if let Scope::Repository { name, .. } = &scopes[0]
        && let Some((first, _)) = name.split_first()
    {
        assert!(!is_good(first), "{text:?} leaves {name}");
    }
}

fn check_hidden(keys: &Keys, text: &str) {
    let mut hidden = text.to_owned();
    keys.hide(&mut hidden);
    for key in [KEY, OLD_KEY] {
        assert!(!hidden.contains(&key[..8]), "{text:?} leaves {hidden:?}");
    }
    assert_eq!(hidden == text, !text.contains(&KEY[..8]) && !text.contains(&OLD_KEY[..8]));
    let mut again = hidden.clone();
    keys.hide(&mut again);
    assert_eq!(again, hidden);
}

fn is_good(text: &str) -> bool {
    [KEY, OLD_KEY].contains(&text)
}
