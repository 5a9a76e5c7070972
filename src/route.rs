//! Where a request goes: one table, one precedence.
//!
//! 1. `?ns=<registry>` (containerd, Docker's containerd store)
//! 2. `/<registry or label>/v2/…` (Docker `registry-mirrors` with a path)
//! 3. the host: an entry of `ROUTES`, else a registry's label as its first label
//! 4. `/v2/<registry>/<name>/…` on a gateway, which is any other host
//! 5. the gateway's default registry
//!
//! A host is fetched from only because it is in the table, never because a client named it.

mod site;
mod spelling;

use std::rc::Rc;

use http::StatusCode;
use url::{Url, form_urlencoded};

use crate::auth::Scope;
use crate::config::Config;
use crate::oci::{Code, Endpoint, OciError, RepositoryName, Resource};
use crate::registry::Registry;

pub use site::Site;
pub use spelling::{Spelling, UNSPELLED};

/// Where a `/v2/` request goes, and how the client spelled it.
#[derive(Clone, Debug)]
pub struct Route {
    /// The registry.
    pub registry: Rc<Registry>,
    /// What the client wrote before `/v2/`: empty or `/<registry or label>`.
    base: String,
    /// The registry the client wrote behind `/v2/`: empty or `<registry>/`.
    prefix: String,
    /// The `ns` that chose the registry, as the client wrote it.
    pub ns: Option<String>,
    /// Nothing in the address names the registry: it is a gateway's default.
    pub by_default: bool,
}

impl Route {
    /// Reads a URL below `/v2/`: where it goes and what is asked. `None` when it is no such URL.
    ///
    /// # Errors
    ///
    /// `NAME_UNKNOWN` for a registry that is not in the table, `NAME_INVALID` for two that contradict each other, and the
    /// errors of [`Endpoint::parse`].
    pub fn find(config: &Config, site: &Site, url: &Url) -> Option<Result<(Self, Endpoint), OciError>> {
        let (before, behind) = split(url.path())?;
        Some(Self::resolve(config, site, url, before, behind))
    }

    fn resolve(config: &Config, site: &Site, url: &Url, before: &str, behind: &str) -> Result<(Self, Endpoint), OciError> {
        let of_ns = namespace(config, url)?;
        let of_path = match before {
            "" => None,
            text => Some(config.registries.by_name(text).or_else(|| config.registries.by_label(text)).ok_or_else(|| {
                OciError::new(Code::NameUnknown, format!("`{text}` before `/v2/` is no registry or label of this proxy"))
            })?),
        };
        let (ns, registry_of_ns) = of_ns.unzip();
        let decided = registry_of_ns.or(of_path).or_else(|| (!site.gateway).then(|| Rc::clone(&site.home)));

        let (first, below) = behind.split_once('/').unwrap_or((behind, ""));
        let named = config.registries.by_name(first);
        let undecided = decided.is_none();
        let (registry, prefix, rest) = match (decided, named) {
            (Some(registry), Some(other)) if other.name != registry.name => {
                return Err(OciError::new(
                    Code::NameInvalid,
                    format!(
                        "this address is for `{}`, but the name begins with `{first}`; write one of them",
                        registry.name
                    ),
                ));
            }
            (Some(registry), Some(_)) | (None, Some(registry)) => (registry, format!("{first}/"), below),
            (Some(registry), None) => (registry, String::new(), behind),
            (None, None) => (Rc::clone(&site.home), String::new(), behind),
        };
        let endpoint = Endpoint::parse(rest)?;
        // To the client all of it is the name, in its scopes too.
        if let Endpoint::Repository(name, _) = &endpoint
            && !prefix.is_empty()
        {
            format!("{prefix}{name}").parse::<RepositoryName>()?;
        }
        let by_default = undecided && prefix.is_empty();
        if by_default && registry.library {
            refuse_unknown_prefix(&endpoint)?;
        }
        let base = if before.is_empty() { String::new() } else { format!("/{before}") };
        Ok((Self { registry, base, prefix, ns, by_default }, endpoint))
    }

    /// The path of a resource at the registry.
    #[must_use]
    pub fn upstream_path(&self, name: &RepositoryName, resource: &Resource) -> String {
        format!("/v2/{}/{}", self.registry.upstream_name(name.as_str()), resource.path())
    }

    /// The path of a resource as the client must ask for it.
    #[must_use]
    pub fn client_path(&self, name: &RepositoryName, resource: &Resource) -> String {
        format!("{}/v2/{}{name}/{}", self.base, self.prefix, resource.path())
    }

    /// The scope a client must ask for, under the name it uses.
    #[must_use]
    pub fn client_scope(&self, name: &RepositoryName) -> String {
        Scope::pull(&format!("{}{name}", self.prefix))
    }
}

/// For a path that is nobody's.
#[must_use]
pub fn no_such_path() -> OciError {
    let error = OciError::new(Code::Unsupported, "no such path; a registry's paths begin with `/v2/`");
    error.with_status(StatusCode::NOT_FOUND)
}

/// What stands before `/v2/` and what behind it.
fn split(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    if path == "v2" {
        return Some(("", ""));
    }
    if let Some(behind) = path.strip_prefix("v2/") {
        return Some(("", behind));
    }
    let (before, rest) = path.split_once('/').filter(|(before, _)| !before.is_empty())?;
    if rest == "v2" {
        return Some((before, ""));
    }
    Some((before, rest.strip_prefix("v2/")?))
}

/// The registry of `?ns=`, with the text that named it.
fn namespace(config: &Config, url: &Url) -> Result<Option<(String, Rc<Registry>)>, OciError> {
    let mut all = form_urlencoded::parse(url.query().unwrap_or_default().as_bytes()).filter(|(key, _)| key == "ns");
    let Some((_, ns)) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(OciError::new(Code::NameInvalid, "`ns` is given twice; expected one registry"));
    }
    let shown: String = ns.chars().take(80).collect();
    let registry = config.registries.by_name(&ns).ok_or_else(|| {
        OciError::new(
            Code::NameUnknown,
            format!("`{shown}` (from `ns`) is no registry of this proxy; its operator can add it"),
        )
    })?;
    Ok(Some((ns.into_owned(), registry)))
}

/// On a gateway to Docker Hub a first component with a dot can only be meant as a registry: it has no such namespaces.
fn refuse_unknown_prefix(endpoint: &Endpoint) -> Result<(), OciError> {
    let Endpoint::Repository(name, _) = endpoint else { return Ok(()) };
    match name.split_first() {
        Some((first, _)) if first.contains('.') => {
            Err(OciError::new(Code::NameUnknown, format!("`{first}` is no registry of this proxy; its operator can add it")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn config() -> Config {
        let routes = serde_json::json!({"hub.example.com": "docker.io", "mirror.example.com:8443": "quay.io"});
        Config::read(&BTreeMap::from([("ROUTES".to_owned(), routes)])).unwrap()
    }

    fn find(url: &str) -> Result<(Route, Endpoint), OciError> {
        let config = config();
        let url = Url::parse(url).unwrap();
        let site = Site::of(&config, &url)?;
        Route::find(&config, &site, &url).unwrap()
    }

    /// `registry upstream-path client-scope`
    fn routed(url: &str) -> String {
        match find(url) {
            Ok((route, Endpoint::Repository(name, resource))) => {
                format!("{} {} {}", route.registry.name, route.upstream_path(&name, &resource), route.client_scope(&name),)
            }
            Ok((route, Endpoint::Ping)) => format!("{} ping", route.registry.name),
            Err(error) => error.code.as_str().to_owned(),
        }
    }

    #[test]
    fn every_addressing_style_finds_its_registry() {
        for (url, expected) in [
            // host label, ROUTES, port and all
            (
                "https://docker.example.com/v2/nginx/manifests/1",
                "docker.io /v2/library/nginx/manifests/1 repository:nginx:pull",
            ),
            ("https://ghcr.example.com/v2/o/i/manifests/1", "ghcr.io /v2/o/i/manifests/1 repository:o/i:pull"),
            (
                "http://k8s.localhost:8787/v2/pause/manifests/3.9",
                "registry.k8s.io /v2/pause/manifests/3.9 repository:pause:pull",
            ),
            ("https://hub.example.com/v2/a/b/manifests/1", "docker.io /v2/a/b/manifests/1 repository:a/b:pull"),
            ("https://mirror.example.com:8443/v2/a/b/manifests/1", "quay.io /v2/a/b/manifests/1 repository:a/b:pull"),
            ("https://mirror.example.com/v2/a/b/manifests/1", "docker.io /v2/a/b/manifests/1 repository:a/b:pull"),
            // ns, alone and against the host
            ("https://m.example.com/v2/a/b/manifests/1?ns=quay.io", "quay.io /v2/a/b/manifests/1 repository:a/b:pull"),
            ("https://docker.example.com/v2/a/b/manifests/1?ns=quay.io", "quay.io /v2/a/b/manifests/1 repository:a/b:pull"),
            (
                "https://m.example.com/v2/docker.io/library/x/manifests/1?ns=docker.io",
                "docker.io /v2/library/x/manifests/1 repository:docker.io/library/x:pull",
            ),
            // before /v2/, by name and by label
            ("https://m.example.com/ghcr.io/v2/o/i/manifests/1", "ghcr.io /v2/o/i/manifests/1 repository:o/i:pull"),
            ("https://m.example.com/hub/v2/x/manifests/1", "docker.io /v2/library/x/manifests/1 repository:x:pull"),
            ("https://docker.example.com/quay/v2/o/i/manifests/1", "quay.io /v2/o/i/manifests/1 repository:o/i:pull"),
            // behind /v2/ on a gateway
            ("https://m.example.com/v2/ghcr.io/o/i/manifests/1", "ghcr.io /v2/o/i/manifests/1 repository:ghcr.io/o/i:pull"),
            (
                "http://localhost:8787/v2/docker.io/x/manifests/1",
                "docker.io /v2/library/x/manifests/1 repository:docker.io/x:pull",
            ),
            (
                "https://m.example.com/v2/us-west2-docker.pkg.dev/p/r/i/manifests/1",
                "us-west2-docker.pkg.dev /v2/p/r/i/manifests/1 repository:us-west2-docker.pkg.dev/p/r/i:pull",
            ),
            // the same registry twice
            (
                "https://docker.example.com/v2/index.docker.io/x/manifests/1",
                "docker.io /v2/library/x/manifests/1 repository:index.docker.io/x:pull",
            ),
            // labels behind /v2/ are Docker Hub namespaces
            (
                "https://m.example.com/v2/docker/dockerfile/manifests/1",
                "docker.io /v2/docker/dockerfile/manifests/1 repository:docker/dockerfile:pull",
            ),
            (
                "https://m.example.com/v2/gitlab/gitlab-ce/manifests/1",
                "docker.io /v2/gitlab/gitlab-ce/manifests/1 repository:gitlab/gitlab-ce:pull",
            ),
            (
                "https://m.example.com/v2/elastic/x/manifests/1",
                "docker.io /v2/elastic/x/manifests/1 repository:elastic/x:pull",
            ),
            // a dot in a name is a registry's only where the host is a gateway and there is more than one component
            (
                "https://m.example.com/v2/my.image/manifests/1",
                "docker.io /v2/library/my.image/manifests/1 repository:my.image:pull",
            ),
            (
                "https://quay.example.com/v2/my.org/i/manifests/1",
                "quay.io /v2/my.org/i/manifests/1 repository:my.org/i:pull",
            ),
            ("https://m.example.com/v2/my.org/i/manifests/1", "NAME_UNKNOWN"),
            // pings
            ("https://m.example.com/v2/", "docker.io ping"),
            ("https://m.example.com/v2", "docker.io ping"),
            ("https://m.example.com/v2/?ns=ghcr.io", "ghcr.io ping"),
            ("https://m.example.com/quay/v2/", "quay.io ping"),
            ("https://m.example.com/v2/quay.io/", "quay.io ping"),
            // what must not be guessed
            ("https://m.example.com/v2/a/b/manifests/1?ns=evil.example", "NAME_UNKNOWN"),
            ("https://m.example.com/v2/a/b/manifests/1?ns=", "NAME_UNKNOWN"),
            ("https://m.example.com/v2/a/b/manifests/1?ns=docker", "NAME_UNKNOWN"),
            ("https://m.example.com/v2/a/b/manifests/1?ns=quay.io&ns=quay.io", "NAME_INVALID"),
            ("https://m.example.com/evil.example/v2/a/manifests/1", "NAME_UNKNOWN"),
            ("https://docker.example.com/v2/quay.io/o/i/manifests/1", "NAME_INVALID"),
            ("https://m.example.com/v2/quay.io/o/i/manifests/1?ns=ghcr.io", "NAME_INVALID"),
            ("https://m.example.com/v2/localhost:5000/i/manifests/1", "NAME_INVALID"),
        ] {
            assert_eq!(routed(url), expected, "{url}");
        }
    }

    #[test]
    fn a_registry_behind_v2_counts_as_part_of_the_name() {
        let at = |length: usize| format!("https://m.example.com/v2/ghcr.io/{}/manifests/1", "a".repeat(length));
        assert!(routed(&at(247)).starts_with("ghcr.io /v2/aaa"));
        assert_eq!(routed(&at(248)), "NAME_INVALID");
        assert!(routed(&at(248).replace("/v2/ghcr.io/", "/ghcr.io/v2/")).starts_with("ghcr.io /v2/aaa"));
    }

    #[test]
    fn other_paths_are_not_its_business() {
        let config = config();
        for path in ["/", "/token/docker.io", "/v1/search", "/v22/", "/a/b/v2/x", "//v2x", "//v2/", "//v2/a/manifests/1"] {
            let url = Url::parse(&format!("https://m.example.com{path}")).unwrap();
            let site = Site::of(&config, &url).unwrap();
            assert!(Route::find(&config, &site, &url).is_none(), "{path}");
        }
    }

    #[test]
    fn links_go_back_under_the_clients_own_path() {
        for (url, path) in [
            ("https://docker.example.com/v2/x/tags/list", "/v2/x/tags/list"),
            ("https://m.example.com/v2/ghcr.io/o/i/tags/list", "/v2/ghcr.io/o/i/tags/list"),
            ("https://m.example.com/hub/v2/x/tags/list", "/hub/v2/x/tags/list"),
        ] {
            let Ok((route, Endpoint::Repository(name, resource))) = find(url) else { panic!("{url}") };
            assert_eq!(route.client_path(&name, &resource), path);
        }
    }

    #[test]
    fn realms_are_https_but_for_local_runs() {
        let config = config();
        for (url, realm) in [
            ("http://docker.example.com/v2/", "https://docker.example.com/token/docker.io"),
            ("http://localhost:8787/v2/", "http://localhost:8787/token/docker.io"),
            ("http://ghcr.localhost:8787/v2/", "http://ghcr.localhost:8787/token/ghcr.io"),
            ("http://127.0.0.1:8787/v2/", "http://127.0.0.1:8787/token/docker.io"),
            ("http://[::1]:8787/v2/", "http://[::1]:8787/token/docker.io"),
            ("http://docker.example.com./v2/", "https://docker.example.com/token/docker.io"),
        ] {
            let site = Site::of(&config, &Url::parse(url).unwrap()).unwrap();
            assert_eq!(site.realm(&site.home.name), realm);
        }
        for bad in [
            "https://a\"b.example/v2/",
            "https://docker@evil.example/v2/",
            "https://:pw@evil.example/v2/",
            "https://docker.example.com../v2/",
        ] {
            assert!(Url::parse(bad).is_ok_and(|url| Site::of(&config, &url).is_err()), "{bad}");
        }
    }
}
