//! Scopes: what a token is asked for.

use std::fmt;

use crate::oci::RepositoryName;

/// One scope of distribution's token specification ("Resource scope grammar").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `repository[(class)]:<name>:<actions>`.
    Repository {
        /// `repository`, or `repository(plugin)`.
        resource: String,
        /// The repository.
        name: RepositoryName,
        /// `pull`, `pull,push`, `*`, …
        actions: String,
    },
    /// Any other: `registry:catalog:*`, public.ecr.aws's `aws`.
    Other(String),
}

impl Scope {
    /// Reads one scope. `None` for a text that cannot stand in a scope at all.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > 1024 || !text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\') {
            return None;
        }
        // Actions hold no colon, the name may not either: hosts with ports are no registry of ours.
        let repository = text.split_once(':').and_then(|(resource, rest)| {
            let (name, actions) = rest.rsplit_once(':')?;
            let known = resource == "repository" || (resource.starts_with("repository(") && resource.ends_with(')'));
            if !known {
                return None;
            }
            Some((resource, name, actions))
        });
        match repository {
            None => Some(Self::Other(text.to_owned())),
            Some((resource, name, actions)) => Some(Self::Repository {
                resource: resource.to_owned(),
                name: name.parse().ok()?,
                actions: actions.to_owned(),
            }),
        }
    }

    /// Read access to one repository: the only scope this proxy ever asks for by itself.
    ///
    /// ghcr.io refuses anonymous requests for more; and no client or challenge can widen it.
    #[must_use]
    pub fn pull(name: &str) -> String {
        format!("repository:{name}:pull")
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository { resource, name, actions } => write!(f, "{resource}:{name}:{actions}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_recognised_and_all_read_back() {
        for (text, repository) in [
            ("repository:library/nginx:pull", Some("library/nginx")),
            ("repository:ghcr.io/o/i:pull,push", Some("ghcr.io/o/i")),
            ("repository(plugin):vieux/sshfs:pull", Some("vieux/sshfs")),
            ("registry:catalog:*", None),
            ("aws", None),
            ("*", None),
        ] {
            let scope = Scope::parse(text).unwrap();
            assert_eq!(scope.to_string(), text);
            let name = match &scope {
                Scope::Repository { name, .. } => Some(name.as_str()),
                Scope::Other(_) => None,
            };
            assert_eq!(name, repository);
        }
    }

    #[test]
    fn nonsense_is_no_scope() {
        for bad in [
            "",
            "repository:UPPER:pull",
            "repository:a/../b:pull",
            "a b",
            "a\"b",
            "a\r\nb",
            "repository::pull",
            &"x".repeat(1025),
        ] {
            assert_eq!(Scope::parse(bad), None, "{bad}");
        }
    }
}
