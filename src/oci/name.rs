//! Repository names.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use regex_lite::Regex;

use super::{Code, OciError};

/// Distribution's own limit for a whole name (`RepositoryNameTotalLengthMax`); every client shares it.
const MAX_LENGTH: usize = 255;

/// A repository name such as `library/nginx`: `/`-separated lower-case components, at most 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first component and what follows it, where the name has more than one.
    #[must_use]
    pub fn split_first(&self) -> Option<(&str, &str)> {
        self.0.split_once('/')
    }
}

impl FromStr for RepositoryName {
    type Err = OciError;

    /// # Errors
    ///
    /// `NAME_INVALID` naming the text, when it is not a `<name>` of the distribution spec ("Pulling manifests").
    fn from_str(text: &str) -> Result<Self, OciError> {
        #[expect(clippy::unwrap_used, reason = "a constant pattern; every test of this file compiles it")]
        static GRAMMAR: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$").unwrap()
        });
        if text.len() > MAX_LENGTH {
            return Err(OciError::new(
                Code::NameInvalid,
                format!("a repository name of {} bytes; at most {MAX_LENGTH} are allowed", text.len()),
            ));
        }
        if !GRAMMAR.is_match(text) {
            return Err(OciError::new(
                Code::NameInvalid,
                format!("`{text}` is not a repository name; expected lower-case components such as `library/nginx`"),
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_the_spec_accepts() {
        for good in [
            "a",
            "library/nginx",
            "a/b/c/d/e",
            "my.org/app",
            "a__b/c--d/e.f",
            "manifests/blobs/tags",
            "0/1",
            &"a".repeat(255),
        ] {
            assert_eq!(good.parse::<RepositoryName>().map(|n| n.to_string()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn refuses_the_rest_with_name_invalid() {
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "A",
            "a/B",
            "a..b",
            "a._b",
            "a___b",
            "-a",
            "a-",
            "a:b",
            "a%2fb",
            "..",
            "a/../b",
            "a b",
            "ä",
            "a\n",
            &"a".repeat(256),
        ] {
            let error = bad.parse::<RepositoryName>().unwrap_err();
            assert_eq!(error.code, Code::NameInvalid, "{bad}");
        }
    }
}
