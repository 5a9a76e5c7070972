//! `WWW-Authenticate`, read as RFC 9110 section 11.6.1 defines it and written for our own realm.

use std::fmt;

use url::Url;

/// One challenge as an upstream sent it: a scheme and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme in lower case: `bearer`, `basic`.
    pub scheme: String,
    params: Vec<(String, String)>,
}

impl Challenge {
    /// Reads every challenge of a header value. Several header lines joined by `, ` read the same.
    ///
    /// Registries send what the RFC allows and a little more: unquoted values (gcr.io), no `service` (nvcr.io), two
    /// challenges in one line (older Forgejo) or on two (Gitea). What cannot be read ends the list: what was understood
    /// before it counts.
    #[must_use]
    pub fn parse_all(header: &str) -> Vec<Self> {
        let mut challenges: Vec<Self> = Vec::new();
        let mut rest = header;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let Some((word, after)) = token(rest) else { return challenges };
            let after_space = after.trim_start_matches([' ', '\t']);
            match after_space.strip_prefix('=') {
                // `word =`: a parameter of the challenge before it.
                Some(value) => {
                    let Some((value, after)) = value_of(value.trim_start_matches([' ', '\t'])) else { return challenges };
                    let Some(current) = challenges.last_mut() else { return challenges };
                    current.params.push((word.to_ascii_lowercase(), value));
                    rest = after;
                }
                // `word` alone: the scheme of the next one.
                None => {
                    challenges.push(Self { scheme: word.to_ascii_lowercase(), params: Vec::new() });
                    rest = after;
                }
            }
        }
    }

    /// A parameter's value. The first counts where one is given twice.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The token server of a Bearer challenge that names one, without any scope of its own.
    #[must_use]
    pub fn realm(&self) -> Option<Url> {
        if self.scheme != "bearer" {
            return None;
        }
        let mut realm = Url::parse(self.param("realm")?).ok()?;
        // What a token is for, the route says: no challenge may have more asked for beside it.
        if realm.query_pairs().any(|(key, _)| key == "scope") {
            let kept: Vec<_> = realm.query_pairs().into_owned().filter(|(key, _)| key != "scope").collect();
            realm.set_query(None);
            if !kept.is_empty() {
                realm.query_pairs_mut().extend_pairs(kept);
            }
        }
        Some(realm)
    }
}

/// RFC 9110 `token`, and what follows it.
fn token(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))).unwrap_or(text.len());
    let (token, rest) = text.split_at_checked(end)?;
    (!token.is_empty()).then_some((token, rest))
}

/// A parameter's value and what follows it: quoted, or bare up to the next comma or space.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        // More than a `token`: bare realms hold `:` and `/`.
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, quoted.split_at_checked(at + 1)?.1)),
            '\\' => value.push(chars.next()?.1),
            _ => value.push(c),
        }
    }
    None
}

/// A text in the characters of an `error_description` (RFC 6750, section 3).
fn described(text: &str) -> String {
    let allowed = |c| match c {
        '"' => '\'',
        ' '..='~' if c != '\\' => c,
        _ => ' ',
    };
    text.chars().map(allowed).collect()
}

/// The Bearer challenge this proxy sends. Every value is ours or was parsed: nothing can break out of its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BearerChallenge {
    /// Our own token endpoint.
    pub realm: String,
    /// Our own host.
    pub service: String,
    /// The repository under its client-visible name.
    pub scope: Option<String>,
    /// `insufficient_scope` or `invalid_token`, as RFC 6750 and distribution name it; and why, in words.
    pub error: Option<(&'static str, String)>,
}

impl fmt::Display for BearerChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"Bearer realm="{}",service="{}""#, self.realm, self.service)?;
        if let Some(scope) = &self.scope {
            write!(f, r#",scope="{scope}""#)?;
        }
        let Some((error, why)) = &self.error else { return Ok(()) };
        write!(f, r#",error="{error}""#)?;
        // docker prints this in the place of the body's message, and "authentication required" where it is missing.
        if why.is_empty() { Ok(()) } else { write!(f, r#",error_description="{}""#, described(why)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line a challenge: `scheme k=v k=v`.
    fn read(header: &str) -> Vec<String> {
        let show = |c: Challenge| c.params.iter().fold(c.scheme, |text, (k, v)| format!("{text} {k}={v}"));
        Challenge::parse_all(header).into_iter().map(show).collect()
    }

    #[test]
    fn reads_what_registries_send() {
        for (header, expected) in [
            // Docker Hub
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull",error="invalid_token""#,
                vec![
                    "bearer realm=https://auth.docker.io/token service=registry.docker.io scope=repository:library/alpine:pull error=invalid_token",
                ],
            ),
            // gcr.io: the service is not quoted
            (
                r#"Bearer realm="https://gcr.io/v2/token",service=gcr.io"#,
                vec!["bearer realm=https://gcr.io/v2/token service=gcr.io"],
            ),
            // Artifact Registry: no service; nvcr.io: an empty scope
            (
                r#"Bearer realm="https://us-central1-docker.pkg.dev/v2/token""#,
                vec!["bearer realm=https://us-central1-docker.pkg.dev/v2/token"],
            ),
            (
                r#"Bearer realm="https://nvcr.io/proxy_auth",scope="""#,
                vec!["bearer realm=https://nvcr.io/proxy_auth scope="],
            ),
            // ghcr.io: a placeholder scope; public.ecr.aws: a bare word
            (
                r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull""#,
                vec!["bearer realm=https://ghcr.io/token service=ghcr.io scope=repository:user/image:pull"],
            ),
            (
                r#"Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws""#,
                vec!["bearer realm=https://public.ecr.aws/token/ service=public.ecr.aws scope=aws"],
            ),
            // Oracle: a space in the service
            (
                r#"Bearer realm="https://container-registry.oracle.com/auth",service="Oracle Registry""#,
                vec!["bearer realm=https://container-registry.oracle.com/auth service=Oracle Registry"],
            ),
            // a comma within quotes
            (
                r#"Bearer realm="https://r.example/t",service="s",scope="repository:x:pull,push""#,
                vec!["bearer realm=https://r.example/t service=s scope=repository:x:pull,push"],
            ),
            // older Forgejo: two challenges in one line
            (
                r#"Bearer realm="https://c.example/v2/token",service="container_registry",scope="*",Basic realm="https://c.example/v2",service="container_registry",scope="*""#,
                vec![
                    "bearer realm=https://c.example/v2/token service=container_registry scope=*",
                    "basic realm=https://c.example/v2 service=container_registry scope=*",
                ],
            ),
            // Gitea: two lines, which the runtime joins
            (
                r#"Bearer realm="https://g.example/v2/token",service="container_registry",scope="*", Basic realm="Gitea Container Registry""#,
                vec![
                    "bearer realm=https://g.example/v2/token service=container_registry scope=*",
                    "basic realm=Gitea Container Registry",
                ],
            ),
            (r#"Basic realm="Registry Realm""#, vec!["basic realm=Registry Realm"]),
            // RFC 9110: case, spaces, empty list members, escapes, a scheme without parameters
            (
                "Negotiate, , bEaReR  Realm = \"https://r.example/\\\"t\" , SERVICE=s",
                vec!["negotiate", "bearer realm=https://r.example/\"t service=s"],
            ),
            ("Bearer realm=https://r.example/t?a=b,service=s", vec!["bearer realm=https://r.example/t?a=b service=s"]),
        ] {
            assert_eq!(read(header), expected, "{header}");
        }
    }

    #[test]
    fn what_cannot_be_read_ends_the_list() {
        for (header, expected) in [
            ("", vec![]),
            ("\"", vec![]),
            ("realm=\"x\"", vec![]),
            ("Bearer realm=\"open", vec!["bearer"]),
            ("Bearer realm=\"a\", \"b\"", vec!["bearer realm=a"]),
            ("Bearer realm=\"a\\", vec!["bearer"]),
        ] {
            assert_eq!(read(header), expected, "{header}");
        }
    }

    #[test]
    fn a_realm_is_a_url_of_a_bearer_challenge() {
        let realm = |header| Challenge::parse_all(header).first().and_then(Challenge::realm);
        assert!(realm(r#"Bearer realm="https://r.example/t""#).is_some());
        assert!(realm(r#"Basic realm="https://r.example/t""#).is_none());
        assert!(realm(r#"Bearer realm="/token""#).is_none());
        assert!(realm("Bearer service=x").is_none());
        let without = realm(r#"Bearer realm="https://r.example/t?a=1&scope=x&b=2&%73cope=y""#);
        assert_eq!(without.as_ref().map(Url::as_str), Some("https://r.example/t?a=1&b=2"));
        let alone = realm(r#"Bearer realm="https://r.example/t?scope=x""#);
        assert_eq!(alone.as_ref().map(Url::as_str), Some("https://r.example/t"));
    }

    #[test]
    fn ours_reads_back() {
        let ours = BearerChallenge {
            realm: "https://docker.example.com/token/docker.io".into(),
            service: "docker.example.com".into(),
            scope: Some("repository:nginx:pull".into()),
            error: Some(("insufficient_scope", "`a` says \"no\"\\\r\nX: ü".into())),
        };
        assert_eq!(
            read(&ours.to_string()),
            [
                "bearer realm=https://docker.example.com/token/docker.io service=docker.example.com scope=repository:nginx:pull error=insufficient_scope error_description=`a` says 'no'   X:  "
            ]
        );
    }
}
