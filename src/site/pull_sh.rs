//! `/pull.sh`: the script that pulls through this proxy, with the proxy's address in it.

use crate::config::Config;
use crate::registry::{ARTIFACT_REGISTRIES, Registry};
use crate::route::Site;

/// What it is.
pub const SHELL: &str = "text/x-shellscript; charset=utf-8";

const SCRIPT: &str = include_str!("pull.sh");

/// The script as it is served at this site.
pub fn script(config: &Config, site: &Site) -> String {
    let base = plain(&site.base());
    if !site.gateway {
        let elsewhere = elsewhere(config, site);
        return fill(&base, "", &names(&site.home).join(" "), &elsewhere);
    }
    // Their regions have no rows: what holds for them is what holds for all.
    let regions = Some(ARTIFACT_REGISTRIES.to_owned()).filter(|_| config.rules.everywhere.serves());
    let names = config.served().flat_map(names).chain(regions);
    fill(&base, "yes", &names.collect::<Vec<_>>().join(" "), "")
}

fn fill(base: &str, gateway: &str, served: &str, elsewhere: &str) -> String {
    let values = [("@BASE@", base), ("@GATEWAY@", gateway), ("@SERVED@", served), ("@ELSEWHERE@", elsewhere)];
    values.iter().fold(SCRIPT.to_owned(), |script, (mark, value)| script.replacen(mark, value, 1))
}

/// The names by which references call a registry; one that could not stand in a reference is none.
fn names(registry: &Registry) -> Vec<String> {
    let all = registry.aliases.iter().chain([&registry.name]);
    let mut names: Vec<_> = all.map(|name| plain(name)).filter(|name| !name.is_empty()).collect();
    names.rotate_right(1); // what it is called first
    names
}

/// Where the other registries may be: the hosts of `ROUTES`, else the label hosts beside this one, if the operator has them.
fn elsewhere(config: &Config, site: &Site) -> String {
    let zone = site.authority.split_once('.').map_or("", |(_, zone)| zone);
    let others = config.served().filter(|other| other.name != site.home.name);
    let hosts = others.filter_map(|other| {
        let routes = config.routes.iter().filter(|(_, registry)| registry.name == other.name);
        let beside = || other.labels.first().map(|label| format!("{label}.{zone}"));
        let host = plain(&routes.map(|(host, _)| host.clone()).min().or_else(beside)?);
        Some(names(other).into_iter().map(move |name| format!("{name}={host}")))
    });
    hosts.flatten().collect::<Vec<_>>().join(" ")
}

/// What a single-quoted word of a shell may hold without a second thought, and a pattern too. All that gets here is a host, a
/// name of the table or a key, and was checked before; the script does not rely on that.
fn plain(text: &str) -> String {
    text.chars().filter(|&c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | '[' | ']')).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};
    use url::Url;

    use super::*;

    fn lines_of(settings: &[(&str, Value)], url: &str) -> Vec<String> {
        let settings: BTreeMap<_, _> = settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let config = Config::read(&settings).unwrap();
        let script = script(&config, &Site::of(&config, &Url::parse(url).unwrap()).unwrap());
        assert_eq!(script.lines().count(), SCRIPT.lines().count());
        assert!(!script.contains("@BASE@") && script.ends_with("\nmain \"$@\"\n"));
        ["BASE=", "GATEWAY=", "SERVED=", "ELSEWHERE="]
            .iter()
            .map(|name| script.lines().find(|line| line.starts_with(name)).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_gateway_serves_all() {
        let [base, gateway, served, elsewhere] = &lines_of(&[], "https://mirror.example.com/pull.sh")[..] else { panic!() };
        assert_eq!((base.as_str(), gateway.as_str()), ("BASE='https://mirror.example.com'", "GATEWAY='yes'"));
        assert_eq!(elsewhere, "ELSEWHERE=''");
        assert!(served.starts_with("SERVED='docker.io index.docker.io registry-1.docker.io"), "{served}");
        assert!(served.ends_with(" *-docker.pkg.dev'"), "{served}");
        let local = lines_of(&[], "http://localhost:8787/pull.sh");
        assert_eq!(local[0], "BASE='http://localhost:8787'");
    }

    #[test]
    fn a_registrys_host_serves_one_and_knows_of_others() {
        let routes = ("ROUTES", json!({"images.example.net": "ghcr.io", "containers.example.net": "ghcr.io"}));
        let lines = lines_of(&[routes], "https://docker.example.com/pull.sh");
        assert_eq!(lines[1], "GATEWAY=''");
        assert_eq!(lines[2], "SERVED='docker.io index.docker.io registry-1.docker.io registry.hub.docker.com'");
        assert!(lines[3].contains("quay.io=quay.example.com "), "{}", lines[3]);
        assert!(lines[3].contains(" ghcr.io=containers.example.net "), "{}", lines[3]);
    }

    #[test]
    fn what_is_filled_in_stays_within_its_quotes() {
        assert_eq!(plain("a'b\"c$(d)`e`\n\\f;g h*i?j&k"), "abcdefghijk");
        let registries = ("REGISTRIES", json!({"harbor.example.com": {"aliases": ["'; touch x; '", "$(x)"]}}));
        let settings: BTreeMap<_, _> = [(registries.0.to_owned(), registries.1)].into();
        // Such names are refused long before.
        assert!(Config::read(&settings).is_err());
    }
}
