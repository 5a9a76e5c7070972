//! What the clients' own files say of mirrors.

/// containerd's `hosts.toml`: one mirror for a registry, without a `server` line: what the mirror refuses is asked of the
/// registry itself.
pub fn hosts_toml(url: &str, more: &str) -> String {
    format!("[host.{url:?}]\ncapabilities = [\"pull\", \"resolve\"]\n{more}\n")
}

/// podman's and skopeo's `registries.conf`: `mirror` (host, port and path) for `registry`.
pub fn registries_conf(registry: &str, mirror: &str) -> String {
    format!(
        "unqualified-search-registries = []\n[[registry]]\nlocation = \"{registry}\"\n\
         [[registry.mirror]]\nlocation = \"{mirror}\"\ninsecure = true\n"
    )
}

/// The same mirror, asked with a header that the operator of the daemon has set.
pub fn hosts_toml_with(url: &str, more: &str, (header, value): (&str, &str)) -> String {
    hosts_toml(url, &format!("{more}\n[host.{url:?}.header]\n{header} = {value:?}"))
}
