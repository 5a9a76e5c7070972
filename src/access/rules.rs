//! What may be pulled, and from where: the operator's rules for each registry.

use std::net::IpAddr;

use regex_lite::{Regex, RegexBuilder};

use super::Network;
use crate::oci::{Code, OciError, Reference, Resource};

/// How large a pattern may become when it is compiled, in bytes: an isolate has 128 MB, and a start takes its time.
const MAX_PATTERN: usize = 256 * 1024;

/// The rules of every registry.
#[derive(Debug, Default)]
pub struct Rules {
    /// For those that have none of their own.
    pub everywhere: Rule,
    /// By canonical name.
    pub of: Vec<(String, Rule)>,
}

/// What may be pulled of a registry, and from where. What is absent lets everything through.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// The repositories there are, under the registry's own names; others are not.
    pub allow: Option<Vec<Pattern>>,
    /// Of those, the ones that are not.
    pub deny: Option<Vec<Pattern>>,
    /// The tags there are. What a digest names is not a matter of tags.
    pub tags: Option<Vec<Pattern>>,
    /// The clients' addresses.
    pub addresses: Option<Vec<Network>>,
    /// What is said to who is refused.
    pub reason: Option<String>,
}

/// A pattern that a whole text must match.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let compile =
            |text: &str| RegexBuilder::new(text).size_limit(MAX_PATTERN).build().map_err(|error| error.to_string());
        // By itself first: `a)|(?:b` would leave the anchors.
        compile(text)?;
        compile(&format!("^(?:{text})$")).map(Self)
    }

    fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl Rules {
    /// The rule of a registry.
    #[must_use]
    pub fn of(&self, registry: &str) -> &Rule {
        self.of.iter().find(|(name, _)| name == registry).map_or(&self.everywhere, |(_, own)| own)
    }
}

impl Rule {
    /// The same rule, with what it leaves out from another.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            allow: self.allow.or_else(|| other.allow.clone()),
            deny: self.deny.or_else(|| other.deny.clone()),
            tags: self.tags.or_else(|| other.tags.clone()),
            addresses: self.addresses.or_else(|| other.addresses.clone()),
            reason: self.reason.or_else(|| other.reason.clone()),
        }
    }

    /// Whether there is anything that may be pulled.
    #[must_use]
    pub fn serves(&self) -> bool {
        !self.allow.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether a client at `address` may use `registry` at all. One of which nothing is served carries nobody's login either.
    ///
    /// # Errors
    ///
    /// `DENIED`, with the rule's reason.
    pub fn check_client(&self, registry: &str, address: Option<IpAddr>) -> Result<(), OciError> {
        if !self.serves() {
            return Err(self.denied(&format!("nothing of `{registry}` is served here")));
        }
        let Some(addresses) = &self.addresses else { return Ok(()) };
        // A request without an address is none of those that are allowed.
        if address.is_some_and(|address| addresses.iter().any(|network| network.contains(address))) {
            return Ok(());
        }
        let address = address.map_or_else(|| "a client without an address".to_owned(), |address| format!("`{address}`"));
        Err(self.denied(&format!("{address} is not among the addresses that may use `{registry}` here")))
    }

    /// Whether a repository is served; `name` is the registry's own.
    ///
    /// # Errors
    ///
    /// `DENIED`, with the rule's reason.
    pub fn check_name(&self, registry: &str, name: &str) -> Result<(), OciError> {
        if self.allow.as_ref().is_some_and(|allow| !any(allow, name)) {
            return Err(self.denied(&format!("`{name}` is not among the repositories of `{registry}` that are served here")));
        }
        if self.deny.as_ref().is_some_and(|deny| any(deny, name)) {
            return Err(self.denied(&format!("`{name}` is among the repositories of `{registry}` that are not served here")));
        }
        Ok(())
    }

    /// Whether something of a repository may be pulled.
    ///
    /// # Errors
    ///
    /// `DENIED`, with the rule's reason.
    pub fn check(&self, registry: &str, name: &str, resource: &Resource) -> Result<(), OciError> {
        self.check_name(registry, name)?;
        match (resource, &self.tags) {
            (Resource::Manifest(Reference::Tag(tag)), Some(tags)) if !any(tags, &tag.to_string()) => {
                Err(self.denied(&format!("the tag `{tag}` is not among those of `{registry}` that are served here")))
            }
            _ => Ok(()),
        }
    }

    fn denied(&self, what: &str) -> OciError {
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        OciError::new(Code::Denied, format!("{what}{reason}"))
    }
}

fn any(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Endpoint;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| Pattern::new(text).unwrap()).collect()
    }

    fn check(rules: &Rules, path: &str) -> Result<(), String> {
        let Ok(Endpoint::Repository(name, resource)) = Endpoint::parse(path) else { panic!("{path}") };
        rules.of("docker.io").check("docker.io", name.as_str(), &resource).map_err(|error| error.message)
    }

    #[test]
    fn patterns_match_whole_names() {
        let pattern = Pattern::new("library/.*|grafana/grafana").unwrap();
        for (text, expected) in [
            ("library/nginx", true),
            ("grafana/grafana", true),
            ("grafana/grafana-enterprise", false),
            ("evil/library/nginx", false),
            ("grafana/grafana\n", false),
            ("library/nginx\nevil", false),
        ] {
            assert_eq!(pattern.matches(text), expected, "{text:?}");
        }
        for bad in ["(", "a{2,1}", "a{99999}", "(?:a{1000}){1000}", "a)|(?:b", "a\\", "(?x)a # b"] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_allow_and_deny() {
        let rule = Rule {
            allow: Some(patterns(&["library/.*", "team/.*"])),
            deny: Some(patterns(&["team/secret"])),
            tags: Some(patterns(&["v[0-9.]+"])),
            reason: Some("ask ops".to_owned()),
            ..Rule::default()
        };
        let rules = Rules { of: vec![("docker.io".to_owned(), rule)], ..Rules::default() };
        assert_eq!(check(&rules, "library/nginx/manifests/v1.2"), Ok(()));
        assert_eq!(check(&rules, "library/nginx/tags/list"), Ok(()));
        assert_eq!(check(&rules, &format!("team/a/manifests/sha256:{}", "0".repeat(64))), Ok(()));
        for (path, words) in [
            ("library/nginx/manifests/latest", "the tag `latest` is not among"),
            (
                "team/secret/manifests/v1",
                "`team/secret` is among the repositories of `docker.io` that are not served here: ask ops",
            ),
            ("other/nginx/tags/list", "`other/nginx` is not among"),
        ] {
            assert!(check(&rules, path).is_err_and(|message| message.contains(words)), "{path}");
        }
        assert!(rules.of("quay.io").check("quay.io", "other/nginx", &Resource::Tags).is_ok());
    }

    #[test]
    fn what_a_rule_leaves_out_is_as_everywhere() {
        let addresses = vec!["10.0.0.0/8".parse().unwrap()];
        let everywhere = Rule { allow: Some(Vec::new()), addresses: Some(addresses), ..Rule::default() };
        let own = Rule { allow: Some(patterns(&["library/.*"])), ..Rule::default() }.or(&everywhere);
        let rules = Rules { everywhere, of: vec![("docker.io".to_owned(), own)] };
        assert!(check(&rules, "library/nginx/tags/list").is_ok());
        assert!(rules.of("quay.io").check("quay.io", "library/nginx", &Resource::Tags).is_err());
        assert!(rules.of("docker.io").check_client("docker.io", None).is_err());
    }

    #[test]
    fn addresses_are_allowed_by_network() {
        let rule = Rule { addresses: Some(vec!["10.0.0.0/8".parse().unwrap()]), ..Rule::default() };
        let rules = Rules { everywhere: rule, ..Rules::default() };
        assert!(rules.of("docker.io").check_client("docker.io", "10.1.2.3".parse().ok()).is_ok());
        let denied = rules.of("docker.io").check_client("docker.io", "192.0.2.1".parse().ok()).unwrap_err();
        assert!(denied.message.starts_with("`192.0.2.1` is not among the addresses"), "{denied:?}");
        assert!(rules.of("docker.io").check_client("docker.io", None).is_err());
    }
}
