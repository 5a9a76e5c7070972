//! The keys of `path`: a secret that stands in the address, for daemons that cannot log in to a mirror.
//!
//! `/<key>/v2/…` for `registry-mirrors` and containerd, `/v2/<key>/…` for podman and CRI-O, whose mirrors have their path
//! behind `/v2/`, and `X-Pierhead-Key: <key>` for containerd's hosts.toml. It is taken out before anybody else reads the
//! address, and hidden in whatever this proxy says.

use ctutils::CtEq;
use http::HeaderMap;
use sha2::{Digest, Sha256};
use url::Url;

use crate::auth::Scope;
use crate::headers::{self, X_PIERHEAD_KEY};
use crate::secret::Secret;

/// How long a key is, in characters: 20 random ones of 36 are more than 100 bits. A repository's name ends at 255.
pub const KEY_LENGTH: std::ops::RangeInclusive<usize> = 20..=64;

/// How much of a key's beginning tells that it is one, in characters.
const TELLING: usize = 8;

/// What stands in the place of a key that somebody repeats.
const HIDDEN: &str = "[key]";

/// The keys that are accepted.
#[derive(Debug)]
pub struct Keys(Vec<Secret>);

/// A key that was taken out of a request.
#[derive(Clone, Debug)]
pub struct Taken {
    key: Secret,
    /// It stood in the address, and not in the header alone.
    pub in_address: bool,
}

impl Taken {
    /// The path under which those who know the key go on: `/<key>`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/{}", self.key.expose())
    }
}

impl Keys {
    /// These keys. Each is a component of a repository's name, for there it may stand: [`KEY_LENGTH`] lower-case letters and
    /// digits.
    #[must_use]
    pub fn new(keys: Vec<Secret>) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let good = |key: &Secret| KEY_LENGTH.contains(&key.expose().len()) && key.expose().bytes().all(plain);
        (!keys.is_empty() && keys.iter().all(good)).then_some(Self(keys))
    }

    /// Takes the key out of an address or finds it in the header. One that stands in more than one place is taken out of each.
    #[must_use]
    pub fn take(&self, url: &mut Url, headers: &HeaderMap) -> Option<Taken> {
        let mut taken = headers::text(headers, &X_PIERHEAD_KEY).and_then(|text| self.known(text));
        taken = taken.map(|taken| Taken { in_address: false, ..taken });
        if let Some((key, rest)) = self.strip(url.path().strip_prefix('/').unwrap_or_default()) {
            let rest = format!("/{rest}");
            url.set_path(&rest);
            taken = Some(key);
        }
        if let Some((before, behind)) = url.path().split_once("/v2/")
            && let Some((key, rest)) = self.strip(behind)
        {
            let rest = format!("{before}/v2/{rest}");
            url.set_path(&rest);
            taken = Some(key);
        }
        taken
    }

    /// Takes the key out of the names of scopes: podman and docker come to the token endpoint with it there alone.
    #[must_use]
    pub fn take_from(&self, scopes: &mut [Scope]) -> Option<Taken> {
        let mut taken = None;
        for scope in scopes {
            if let Scope::Repository { name, .. } = scope
                && let Some((key, rest)) = self.strip(name.as_str())
                && let Ok(rest) = rest.parse()
            {
                *name = rest;
                taken = Some(key);
            }
        }
        taken
    }

    /// Hides every key in a text, and what is left of one where the text was cut.
    pub fn hide(&self, text: &mut String) {
        for key in &self.0 {
            let Some(beginning) = key.expose().get(..TELLING) else { continue };
            while let Some((before, behind)) = text.split_once(beginning) {
                let rest = behind.trim_start_matches(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
                *text = format!("{before}{HIDDEN}{rest}");
            }
        }
    }

    /// The key at the beginning of a path, and what follows its slash. Who wrote it there twice means it no less.
    fn strip<'a>(&self, path: &'a str) -> Option<(Taken, &'a str)> {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let taken = self.known(first)?;
        Some(self.strip(rest).unwrap_or((taken, rest)))
    }

    /// Whether a text is a key; which one, and how much of it was right, takes the same time to find out.
    fn known(&self, text: &str) -> Option<Taken> {
        if !KEY_LENGTH.contains(&text.len()) {
            return None;
        }
        let sum = Sha256::digest(text);
        let known = self.0.iter().fold(0, |known, key| known | Sha256::digest(key.expose()).ct_eq(&sum).to_u8());
        (known == 1).then(|| Taken { key: Secret::new(text), in_address: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "abcdefghij0123456789";

    fn keys() -> Keys {
        Keys::new(vec![Secret::new(KEY), Secret::new("old0old0old0old0old0")]).unwrap()
    }

    #[test]
    fn a_key_is_a_component_of_a_name() {
        for bad in ["", "short", "ABCDEFGHIJ0123456789", "abcdefghij-0123456789", "abcdefghij/0123456789", &"a".repeat(65)] {
            assert!(Keys::new(vec![Secret::new(bad)]).is_none(), "{bad}");
        }
        assert!(Keys::new(Vec::new()).is_none());
        assert!(!format!("{:?}", keys()).contains(KEY));
    }

    #[test]
    fn it_is_taken_out_wherever_it_stands() {
        for (path, rest) in [
            ("/{K}/v2/", "/v2/"),
            ("/{K}/v2/a/b/manifests/1", "/v2/a/b/manifests/1"),
            ("/{K}/ghcr/v2/a/b/manifests/1", "/ghcr/v2/a/b/manifests/1"),
            ("/{K}/token/docker.io", "/token/docker.io"),
            ("/{K}", "/"),
            ("/{K}/", "/"),
            ("/v2/{K}/a/b/manifests/1", "/v2/a/b/manifests/1"),
            ("/v2/{K}/ghcr.io/a/b/manifests/1", "/v2/ghcr.io/a/b/manifests/1"),
            ("/{K}/v2/{K}/a/manifests/1", "/v2/a/manifests/1"),
            ("/{K}/{K}/v2/{K}/{K}/a/manifests/1", "/v2/a/manifests/1"),
            ("/v2/old0old0old0old0old0/a/manifests/1", "/v2/a/manifests/1"),
        ] {
            let mut url = Url::parse(&format!("https://m.example.com{}?n=1", path.replace("{K}", KEY))).unwrap();
            assert!(keys().take(&mut url, &HeaderMap::new()).is_some(), "{path}");
            assert_eq!((url.path(), url.query()), (rest, Some("n=1")), "{path}");
        }
        for path in ["/", "/v2/", "/v2/a/{K}/manifests/1", "/{K}x/v2/", "/x{K}/v2/", "/{K}%20/v2/", "/token/{K}"] {
            let mut url = Url::parse(&format!("https://m.example.com{}", path.replace("{K}", KEY))).unwrap();
            let before = url.clone();
            assert!(keys().take(&mut url, &HeaderMap::new()).is_none(), "{path}");
            assert_eq!(url, before);
        }
    }

    #[test]
    fn it_is_taken_out_of_scopes() {
        let mut scopes = [
            Scope::parse(&format!("repository:{KEY}/library/nginx:pull")).unwrap(),
            Scope::parse("repository:library/nginx:pull").unwrap(),
        ];
        assert!(keys().take_from(&mut scopes).is_some());
        assert_eq!(scopes[0], scopes[1]);
        assert!(keys().take_from(&mut scopes).is_none());
    }

    #[test]
    fn what_is_said_holds_none() {
        let mut text = format!("`{KEY}/x` and {KEY}");
        keys().hide(&mut text);
        assert_eq!(text, "`[key]/x` and [key]");
        let mut cut = format!("x {}", KEY.trim_end_matches('9'));
        keys().hide(&mut cut);
        assert_eq!(cut, "x [key]");
    }
}
