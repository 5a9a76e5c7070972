//! `RULES`: what may be pulled of each registry, and from where. What a registry's entry leaves out, it has from the entry `"*"`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{ConfigError, entries, error};
use crate::access::{Network, Pattern, Rule, Rules};
use crate::registry::Registries;

/// One entry, as an operator writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    allow: Option<Vec<String>>,
    deny: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    addresses: Option<Vec<String>>,
    reason: Option<String>,
}

/// What stands for every registry.
const EVERYWHERE: &str = "*";

/// Reads the rules; absent are none.
pub(super) fn read(variables: &BTreeMap<String, Value>, registries: &Registries) -> Result<Rules, ConfigError> {
    let mut rules = Rules::default();
    for (name, settings) in entries::<Settings>(variables, "RULES")? {
        let key = format!("RULES.\"{name}\"");
        let rule = settings.rule(&key)?;
        if name == EVERYWHERE {
            rules.everywhere = rule;
            continue;
        }
        let registry =
            registries.by_name(&name).ok_or_else(|| error(&key, "no such registry; expected its name, or \"*\""))?;
        if rules.of.iter().any(|(name, _)| *name == registry.name) {
            return Err(error(&key, format!("`{}` has rules under another of its names", registry.name)));
        }
        rules.of.push((registry.name.clone(), rule));
    }
    for (_, rule) in &mut rules.of {
        *rule = std::mem::take(rule).or(&rules.everywhere);
    }
    Ok(rules)
}

impl Settings {
    fn rule(self, key: &str) -> Result<Rule, ConfigError> {
        let patterns = |field: &str, texts: Vec<String>| {
            let pattern = |text: &String| {
                Pattern::new(text).map_err(|problem| {
                    error(&format!("{key}.{field}"), format!("`{text}` is not a regular expression: {problem}"))
                })
            };
            texts.iter().map(pattern).collect::<Result<Vec<_>, _>>()
        };
        let network = |text: &String| {
            text.parse::<Network>().map_err(|()| {
                let expected = "is not an address or network; expected such as `192.0.2.7`, `10.0.0.0/8` or `2001:db8::/32`";
                error(&format!("{key}.addresses"), format!("`{text}` {expected}"))
            })
        };
        Ok(Rule {
            allow: self.allow.map(|texts| patterns("allow", texts)).transpose()?,
            deny: self.deny.map(|texts| patterns("deny", texts)).transpose()?,
            tags: self.tags.map(|texts| patterns("tags", texts)).transpose()?,
            addresses: self.addresses.map(|texts| texts.iter().map(network).collect::<Result<Vec<_>, _>>()).transpose()?,
            reason: self.reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(value: Value) -> Result<Rules, String> {
        read(&BTreeMap::from([("RULES".to_owned(), value)]), &Registries::built_in()).map_err(|error| error.to_string())
    }

    #[test]
    fn they_are_by_registry_and_for_all() {
        let rules = rules(json!({
            "*": {"addresses": ["10.0.0.0/8"]}, "index.docker.io": {"allow": ["library/.*"], "reason": "only official ones"},
        }))
        .unwrap();
        assert!(rules.everywhere.addresses.is_some());
        assert_eq!(rules.of[0].1.reason.as_deref(), Some("only official ones"));
        assert!(rules.of[0].1.addresses.is_some());
    }

    #[test]
    fn errors_name_their_key() {
        for (value, start) in [
            (json!({"nobody.example": {}}), "RULES.\"nobody.example\": no such registry"),
            (json!({"docker.io": {"alow": []}}), "RULES.\"docker.io\": unknown field `alow`"),
            (json!({"docker.io": {"allow": "x"}}), "RULES.\"docker.io\": expected"),
            (json!({"docker.io": {"allow": ["("]}}), "RULES.\"docker.io\".allow: `(` is not a regular expression"),
            (json!({"docker.io": {"deny": ["a)|(?:b"]}}), "RULES.\"docker.io\".deny: `a)|(?:b` is not"),
            (json!({"docker.io": {"tags": ["["]}}), "RULES.\"docker.io\".tags: `[` is not"),
            (json!({"docker.io": {"addresses": ["10.0.0.0/40"]}}), "RULES.\"docker.io\".addresses: `10.0.0.0/40` is not"),
            (json!({"docker.io": {}, "index.docker.io": {}}), "RULES.\"index.docker.io\": `docker.io` has rules"),
        ] {
            let message = rules(value.clone()).unwrap_err();
            assert!(message.starts_with(start), "{value}: {message}");
        }
    }
}
