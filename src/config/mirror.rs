//! `REGISTRIES."<name>".mirrors`: where else a registry's images are.

use serde::Deserialize;

use super::{ConfigError, error};
use crate::oci::RepositoryName;
use crate::registry::{Mirror, Registries};

/// A mirror as an operator writes it.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum MirrorSettings {
    /// `"mirror.gcr.io"`, or with what stands before names there: `"harbor.example.com/dockerhub"`.
    Name(String),
    /// The same, for names that begin with `only`.
    Part {
        /// As above.
        mirror: String,
        /// `library/`
        only: String,
    },
}

impl MirrorSettings {
    pub(super) fn mirror(self) -> Mirror {
        let (text, only) = match self {
            Self::Name(text) => (text, String::new()),
            Self::Part { mirror, only } => (mirror, only),
        };
        let (registry, prefix) = text.split_once('/').unwrap_or((&text, ""));
        Mirror { registry: registry.to_owned(), prefix: prefix.to_owned(), only }
    }
}

/// Every mirror is a registry of the table: nothing is fetched from a host that is not in it.
pub(super) fn check_mirrors(registries: &Registries) -> Result<(), ConfigError> {
    for registry in registries.iter() {
        for mirror in &registry.mirrors {
            let key = format!("REGISTRIES.\"{}\".mirrors", registry.name);
            let found = registries.by_name(&mirror.registry).ok_or_else(|| {
                error(&key, format!("no registry `{}`; a mirror needs an entry in REGISTRIES of its own", mirror.registry))
            })?;
            if found.name == registry.name {
                return Err(error(&key, format!("`{}` cannot be its own mirror", mirror.registry)));
            }
            if !mirror.prefix.is_empty() && mirror.prefix.parse::<RepositoryName>().is_err() {
                return Err(error(&key, format!("`{}` cannot stand before a repository's name", mirror.prefix)));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::registry::Mirror;
    use serde_json::{Value, json};

    fn mirrors(mirrors: &Value) -> Result<Vec<Mirror>, String> {
        let variables = json!({"REGISTRIES": {
            "docker.io": {"mirrors": mirrors},
            "harbor.example.com": {},
        }});
        let config = Config::read(&serde_json::from_value(variables).unwrap()).map_err(|e| e.to_string())?;
        Ok(config.registries.by_name("docker.io").unwrap().mirrors.clone())
    }

    #[test]
    fn they_are_registries_of_the_table() {
        let found = mirrors(&json!([
            "mirror.gcr.io", "harbor.example.com/hub", {"mirror": "public.ecr.aws/docker", "only": "library/"},
        ]));
        let mirror = |registry: &str, prefix: &str, only: &str| Mirror {
            registry: registry.to_owned(),
            prefix: prefix.to_owned(),
            only: only.to_owned(),
        };
        let expected = [
            mirror("mirror.gcr.io", "", ""),
            mirror("harbor.example.com", "hub", ""),
            mirror("public.ecr.aws", "docker", "library/"),
        ];
        assert_eq!(found.unwrap(), expected);
        assert_eq!(mirrors(&json!([])).unwrap(), []);
    }

    #[test]
    fn anything_else_is_an_error_that_names_the_key() {
        for (value, start) in [
            (json!(["nobody.example"]), "REGISTRIES.\"docker.io\".mirrors: no registry `nobody.example`"),
            (json!(["index.docker.io"]), "REGISTRIES.\"docker.io\".mirrors: `index.docker.io` cannot be its own"),
            (json!(["mirror.gcr.io/A"]), "REGISTRIES.\"docker.io\".mirrors: `A` cannot stand"),
            (json!("mirror.gcr.io"), "REGISTRIES.\"docker.io\": expected"),
        ] {
            let problem = mirrors(&value).unwrap_err();
            assert!(problem.starts_with(start), "{value}: {problem}");
        }
    }
}
