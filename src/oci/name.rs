//! Repository names.

use std::fmt;
use std::str::FromStr;

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
        if text.len() > MAX_LENGTH {
            return Err(OciError::new(
                Code::NameInvalid,
                format!("a repository name of {} bytes; at most {MAX_LENGTH} are allowed", text.len()),
            ));
        }
        if !text.split('/').all(is_component) {
            return Err(OciError::new(
                Code::NameInvalid,
                format!("`{text}` is not a repository name; expected lower-case components such as `library/nginx`"),
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`: words of letters and digits, with one separator between two of them.
///
/// By hand: every request has names, and an engine for patterns is 20 KB of the Worker, gzipped.
fn is_component(text: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut rest = text.as_bytes();
    loop {
        let word = rest.iter().take_while(|b| is_word(**b)).count();
        let Some((_, after)) = rest.split_at_checked(word).filter(|_| word > 0) else { return false };
        let separator = after.iter().take_while(|b| !is_word(**b)).count();
        match after.split_at_checked(separator) {
            Some(([], _)) => return true,
            Some((b"." | b"_" | b"__", next)) => rest = next,
            Some((dashes, next)) if dashes.iter().all(|b| *b == b'-') => rest = next,
            _ => return false,
        }
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
