//! The built-in table.

use url::Url;

use super::{Blobs, KnownChallenge, Mirror, Registry};

/// A row of the built-in table, in constants.
pub struct Row<'a> {
    pub name: &'a str,
    pub aliases: &'a [&'a str],
    pub labels: &'a [&'a str],
    /// The host that answers, where it is not the name itself.
    host: &'a str,
    /// Its token server: realm and service.
    token: Option<(&'a str, &'a str)>,
    realms: &'a [&'a str],
    library: bool,
    open: bool,
    login: bool,
    blob_head_refused: bool,
    mirrors: &'a [(&'a str, &'a str, &'a str)],
    search: &'a str,
}

/// What a row says unless it says otherwise.
const ROW: Row<'static> = Row {
    name: "",
    aliases: &[],
    labels: &[],
    host: "",
    token: None,
    realms: &[],
    library: false,
    open: false,
    login: true,
    blob_head_refused: false,
    mirrors: &[],
    search: "",
};

impl Row<'_> {
    /// The registry it stands for; none only if a constant is no URL, which a test would see.
    pub fn registry(&self) -> Option<Registry> {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let host = if self.host.is_empty() { self.name } else { self.host };
        let token = self.token.and_then(|(realm, service)| Some((Url::parse(realm).ok()?, service)));
        let mut realms: Vec<Url> = self.realms.iter().filter_map(|realm| Url::parse(realm).ok()).collect();
        realms.extend(token.iter().map(|(realm, _)| realm.clone()));
        Some(Registry {
            name: self.name.to_owned(),
            aliases: owned(self.aliases),
            labels: owned(self.labels),
            origin: Url::parse(&format!("https://{host}")).ok()?,
            realms,
            library: self.library,
            open: self.open,
            login: self.login,
            challenge: token.map(|(realm, service)| KnownChallenge {
                realm,
                service: (!service.is_empty()).then(|| service.to_owned()),
            }),
            blobs: Blobs::Proxy,
            blob_head_refused: self.blob_head_refused,
            mirrors: self
                .mirrors
                .iter()
                .map(|(registry, prefix, only)| Mirror {
                    registry: (*registry).to_owned(),
                    prefix: (*prefix).to_owned(),
                    only: (*only).to_owned(),
                })
                .collect(),
            search: Url::parse(self.search).ok(),
        })
    }
}

/// The registries served with no configuration. Challenges are those each registry sends (seen 2024 to 2026).
pub const ROWS: &[Row<'static>] = &[
    Row {
        name: "docker.io",
        aliases: &["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"],
        labels: &["docker", "hub"],
        host: "registry-1.docker.io",
        token: Some(("https://auth.docker.io/token", "registry.docker.io")),
        // Over IPv6 Docker Hub names another token host (lework/cloudflare-workers#2).
        realms: &["https://auth.ipv6.docker.com"],
        library: true,
        // Google's cache of what is often pulled, not counted by Docker Hub; Amazon's copy of the official images.
        mirrors: &[("mirror.gcr.io", "", ""), ("public.ecr.aws", "docker", "library/")],
        search: "https://index.docker.io/v1/search",
        ..ROW
    },
    Row { name: "quay.io", labels: &["quay"], token: Some(("https://quay.io/v2/auth", "quay.io")), open: true, ..ROW },
    Row { name: "gcr.io", labels: &["gcr"], token: Some(("https://gcr.io/v2/token", "gcr.io")), open: true, ..ROW },
    Row { name: "us.gcr.io", open: true, ..ROW },
    Row { name: "eu.gcr.io", open: true, ..ROW },
    Row { name: "asia.gcr.io", open: true, ..ROW },
    Row { name: "marketplace.gcr.io", open: true, ..ROW },
    Row { name: "mirror.gcr.io", library: true, open: true, ..ROW },
    // Frozen in 2023; every request is a 302 to registry.k8s.io, so it is asked at once.
    Row { name: "k8s.gcr.io", labels: &["k8s-gcr"], host: "registry.k8s.io", open: true, login: false, ..ROW },
    Row { name: "registry.k8s.io", labels: &["k8s"], open: true, login: false, ..ROW },
    Row { name: "ghcr.io", labels: &["ghcr"], token: Some(("https://ghcr.io/token", "ghcr.io")), ..ROW },
    Row { name: "mcr.microsoft.com", labels: &["mcr"], open: true, login: false, ..ROW },
    Row {
        name: "public.ecr.aws",
        labels: &["ecr"],
        // The trailing slash is the registry's own.
        token: Some(("https://public.ecr.aws/token/", "public.ecr.aws")),
        blob_head_refused: true,
        ..ROW
    },
    Row {
        name: "nvcr.io",
        labels: &["nvcr"],
        token: Some(("https://nvcr.io/proxy_auth", "")),
        // Seen in place of nvcr.io's own (NVIDIA/nvidia-container-toolkit#1945).
        realms: &["https://authn.nvidia.com"],
        ..ROW
    },
    Row {
        name: "registry.gitlab.com",
        labels: &["gitlab"],
        token: Some(("https://gitlab.com/jwt/auth", "container_registry")),
        ..ROW
    },
    Row {
        name: "docker.elastic.co",
        labels: &["elastic"],
        token: Some(("https://docker-auth.elastic.co/auth", "token-service")),
        ..ROW
    },
    Row { name: "registry.access.redhat.com", labels: &["redhat"], open: true, login: false, ..ROW },
    Row {
        name: "container-registry.oracle.com",
        labels: &["oracle"],
        token: Some(("https://container-registry.oracle.com/auth", "Oracle Registry")),
        ..ROW
    },
    Row { name: "cgr.dev", labels: &["cgr"], token: Some(("https://cgr.dev/token", "cgr.dev")), ..ROW },
    // A gateway of redirects in front of ghcr.io, whose challenge it repeats: asked at the source.
    Row { name: "lscr.io", labels: &["lscr"], host: "ghcr.io", token: Some(("https://ghcr.io/token", "ghcr.io")), ..ROW },
    Row {
        name: "codeberg.org",
        labels: &["codeberg"],
        token: Some(("https://codeberg.org/v2/token", "container_registry")),
        ..ROW
    },
    // Nobody has published its challenge: found out by asking.
    Row { name: "docker.cloudsmith.io", labels: &["cloudsmith"], ..ROW },
];

/// What matches the names of [`artifact_registry`].
pub const ARTIFACT_REGISTRIES: &str = "*-docker.pkg.dev";

/// `<location>-docker.pkg.dev`: one registry per Google Cloud location, all alike.
pub fn artifact_registry(name: &str) -> Option<Registry> {
    let location = name.strip_suffix("-docker.pkg.dev")?;
    let plain = !location.is_empty() && location.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !plain || location.starts_with('-') || location.len() > 40 {
        return None;
    }
    Row { name, open: true, ..ROW }.registry()
}
