//! The registries: what each is called, where it answers and how it behaves.
//!
//! A registry's quirk is data in its row, never an `if` on a host name in the flow. The built-in rows ([`rows`]) need no
//! configuration; an operator's rows ([`crate::config`]) are added to them or replace them.

mod rows;

use std::rc::Rc;

use url::{Host, Url};

pub use rows::ARTIFACT_REGISTRIES;
use rows::{ROWS, Row, artifact_registry};

/// One registry of the closed world this proxy serves.
#[derive(Clone, Debug, PartialEq)]
pub struct Registry {
    /// The canonical name, the one image references use: `docker.io`.
    pub name: String,
    /// Other names of the same registry: `index.docker.io`.
    pub aliases: Vec<String>,
    /// Short names, good where no image name can stand: the first host label, and before `/v2/`.
    pub labels: Vec<String>,
    /// Where it answers; https, no path.
    pub origin: Url,
    /// Token realms it may name beside those on its own origin.
    pub realms: Vec<Url>,
    /// One-component names mean `library/<name>` (Docker Hub).
    pub library: bool,
    /// It serves public repositories without any token.
    pub open: bool,
    /// Clients may log in: `GET /v2/` asks them to.
    pub login: bool,
    /// What its 401 is known to say. A stale row costs a pull one more round trip: the registry's 401 corrects it.
    pub challenge: Option<KnownChallenge>,
    /// Whether blob bytes come through this proxy.
    pub blobs: Blobs,
    /// It answers HEAD of a blob with 401 even with a good token (public.ecr.aws; aws/containers-roadmap#2671).
    pub blob_head_refused: bool,
    /// Where else its images are, in the order in which they are asked when it fails.
    pub mirrors: Vec<Mirror>,
    /// Where it can be searched (Docker Hub alone).
    pub search: Option<Url>,
}

/// A registry that holds what another one has, under names of its own. It is asked anonymously, as itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Its name in the table.
    pub registry: String,
    /// What stands before the names there: `docker` where `library/nginx` is `docker/library/nginx`; or nothing.
    pub prefix: String,
    /// It holds names that begin so, and no others.
    pub only: String,
}

impl Mirror {
    /// The mirror's name for a repository, if it can have it.
    #[must_use]
    pub fn name_of(&self, name: &str) -> Option<String> {
        if !name.starts_with(&self.only) {
            return None;
        }
        Some(if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) })
    }
}

/// Whether the proxy carries blob bytes or hands the storage's address to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blobs {
    /// Redirects are followed here.
    #[default]
    Proxy,
    /// Redirects go to the client, who must be able to reach the storage.
    Redirect,
}

/// A Bearer challenge: where tokens come from, and for which service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownChallenge {
    /// The token server.
    pub realm: Url,
    /// Its `service` parameter; nvcr.io and Artifact Registry name none.
    pub service: Option<String>,
}

impl Registry {
    /// Whether `text` is this registry's name or one of its aliases.
    #[must_use]
    pub fn is_named(&self, text: &str) -> bool {
        self.name == text || self.aliases.iter().any(|alias| alias == text)
    }

    /// Whether credentials for this registry may be sent to the token server at `realm`.
    ///
    /// A realm counts when it is https and on the registry's own origin, or is in its row; a row entry with a path
    /// allows that path only. Nothing is guessed from suffixes: `docker.io.evil.example` is nobody's.
    #[must_use]
    pub fn trusts(&self, realm: &Url) -> bool {
        let clean = realm.scheme() == "https" && realm.username().is_empty() && realm.password().is_none();
        clean
            && (same_origin(realm, &self.origin)
                || self.realms.iter().any(|r| same_origin(realm, r) && (r.path() == "/" || r.path() == realm.path())))
    }

    /// Whether a host is its own, or one of its token servers; and not some storage that it leads to.
    #[must_use]
    pub fn is_at(&self, host: &str) -> bool {
        std::iter::once(&self.origin).chain(&self.realms).any(|url| url.host_str() == Some(host))
    }

    /// How messages call a host that answers for this registry: its storage has a name that users have never seen.
    #[must_use]
    pub fn at(&self, host: &str) -> String {
        if self.name == host { format!("`{host}`") } else { format!("`{host}` (for `{}`)", self.name) }
    }

    /// The upstream name of a repository the client called `name`.
    #[must_use]
    pub fn upstream_name(&self, name: &str) -> String {
        if self.library && !name.contains('/') {
            return format!("library/{name}");
        }
        name.to_owned()
    }
}

/// Scheme, host and port are the same.
#[must_use]
pub fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

/// Whether a host is one that the public internet could serve: a dotted name that is not reserved for local use.
///
/// Literals in any notation are refused: the URL parser has already turned `0x7f.1` and `2130706433` into addresses.
#[must_use]
pub fn is_public_name(url: &Url) -> bool {
    const LOCAL: [&str; 5] = [".localhost", ".local", ".internal", ".home.arpa", ".lan"];
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            // Two parsers may disagree on other characters, and no storage host has them.
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
            plain && name.contains('.') && !LOCAL.iter().any(|suffix| name.ends_with(suffix))
        }
        _ => false,
    }
}

/// Every registry this proxy serves.
#[derive(Clone, Debug)]
pub struct Registries(Vec<Rc<Registry>>);

impl Registries {
    /// The built-in table.
    #[must_use]
    pub fn built_in() -> Self {
        Self(ROWS.iter().filter_map(Row::registry).map(Rc::new).collect())
    }

    /// Adds a registry, in the place of the one with the same name where there is one.
    pub fn set(&mut self, registry: Registry) {
        self.0.retain(|known| known.name != registry.name);
        self.0.push(Rc::new(registry));
    }

    /// The registry a full name or alias means. Artifact Registry's regional hosts count as rows of their own.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<Rc<Registry>> {
        if let Some(known) = self.0.iter().find(|registry| registry.is_named(name)) {
            return Some(Rc::clone(known));
        }
        artifact_registry(name).map(Rc::new)
    }

    /// The registry a short label means.
    #[must_use]
    pub fn by_label(&self, label: &str) -> Option<Rc<Registry>> {
        self.0.iter().find(|registry| registry.labels.iter().any(|l| l == label)).map(Rc::clone)
    }

    /// All of them, for messages and pages.
    pub fn iter(&self) -> impl Iterator<Item = &Registry> {
        self.0.iter().map(Rc::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Rc<Registry> {
        Registries::built_in().by_name(name).unwrap()
    }

    #[test]
    fn every_row_is_a_registry_and_no_name_is_twice() {
        let registries = Registries::built_in();
        assert_eq!(registries.iter().count(), ROWS.len());
        let mut names: Vec<_> = ROWS.iter().flat_map(|r| [&[r.name], r.aliases, r.labels].concat()).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for registry in registries.iter() {
            assert!(registry.challenge.as_ref().is_none_or(|c| registry.trusts(&c.realm)), "{}", registry.name);
        }
    }

    #[test]
    fn names_aliases_labels_and_regions_are_found() {
        assert_eq!(named("index.docker.io").name, "docker.io");
        assert_eq!(named("us-west2-docker.pkg.dev").origin.as_str(), "https://us-west2-docker.pkg.dev/");
        assert_eq!(named("lscr.io").origin.as_str(), "https://ghcr.io/");
        let registries = Registries::built_in();
        assert_eq!(registries.by_label("hub").unwrap().name, "docker.io");
        for nobody in ["docker", "evil.example", "-docker.pkg.dev", "a.b-docker.pkg.dev", "x-docker.pkg.dev.evil", ""] {
            assert!(registries.by_name(nobody).is_none(), "{nobody}");
        }
        assert!(registries.by_label("docker.io").is_none());
    }

    #[test]
    fn realms_are_trusted_by_origin_or_row_and_nothing_else() {
        let hub = named("docker.io");
        for good in
            ["https://auth.docker.io/token", "https://auth.ipv6.docker.com/token", "https://registry-1.docker.io/anything"]
        {
            assert!(hub.trusts(&Url::parse(good).unwrap()), "{good}");
        }
        for bad in [
            "http://auth.docker.io/token",
            "https://auth.docker.io:8443/token",
            "https://auth.docker.io/other",
            "https://auth.docker.io.evil.example/token",
            "https://evil.example/auth.docker.io/token",
            "https://user@auth.docker.io/token",
            "https://docker.io/token",
            "https://127.0.0.1/token",
        ] {
            assert!(!hub.trusts(&Url::parse(bad).unwrap()), "{bad}");
        }
    }

    #[test]
    fn mirrors_are_in_the_table_and_have_names_of_their_own() {
        let registries = Registries::built_in();
        for registry in registries.iter() {
            for mirror in &registry.mirrors {
                assert!(registries.by_name(&mirror.registry).is_some(), "{}", mirror.registry);
            }
        }
        let hub = named("docker.io");
        let names = |name: &str| hub.mirrors.iter().map(|mirror| mirror.name_of(name)).collect::<Vec<_>>();
        assert_eq!(names("library/nginx"), [Some("library/nginx".to_owned()), Some("docker/library/nginx".to_owned())]);
        assert_eq!(names("grafana/grafana"), [Some("grafana/grafana".to_owned()), None]);
    }

    #[test]
    fn only_docker_hub_completes_names() {
        assert_eq!(named("docker.io").upstream_name("nginx"), "library/nginx");
        assert_eq!(named("docker.io").upstream_name("grafana/grafana"), "grafana/grafana");
        assert_eq!(named("registry.k8s.io").upstream_name("pause"), "pause");
    }

    #[test]
    fn private_names_and_address_literals_are_not_public() {
        for public in ["https://cdn01.quay.io/x", "https://blobs.demo.test/x", "https://a.b./x"] {
            assert!(is_public_name(&Url::parse(public).unwrap()), "{public}");
        }
        for private in [
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://017700000001/",
            "https://169.254.169.254/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://localhost/",
            "https://a.localhost/",
            "https://metadata.google.internal/",
            "https://printer.local./",
            "https://intranet/",
        ] {
            assert!(!is_public_name(&Url::parse(private).unwrap()), "{private}");
        }
    }
}
