//! `Range` and the conditions that go with it (RFC 9110 sections 13 and 14), for what is answered from the store.

use std::ops::RangeInclusive;

use http::HeaderMap;
use http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
use http_range_header::{SyntacticallyCorrectRange, parse_range_header};

use crate::headers;

/// One range as a client wrote it: it becomes bytes once the size is known.
pub type Span = SyntacticallyCorrectRange;

/// The one range that is asked for of a thing with this entity tag.
///
/// A header that cannot be read, or several ranges, ask for the whole: RFC 9110 lets a server ignore `Range`, and no
/// registry client sends either.
#[must_use]
pub fn asked(client: &HeaderMap, etag: &str) -> Option<Span> {
    let range = headers::text(client, &RANGE)?;
    if headers::text(client, &IF_RANGE).is_some_and(|condition| condition != etag) {
        return None;
    }
    match parse_range_header(range).ok()?.into_ranges().as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

/// The bytes of a thing of `size` bytes that a span means; `None` where it has none of them (416).
#[must_use]
pub fn bytes(span: Span, size: u64) -> Option<RangeInclusive<u64>> {
    let last = size.checked_sub(1)?;
    match span {
        Span::FromStart(start) => (start <= last).then_some(start..=last),
        Span::FromLast(count) => (count > 0).then(|| size.saturating_sub(count)..=last),
        Span::Indexed(start, end) => (start <= last).then(|| start..=end.min(last)),
    }
}

/// Whether the client has a thing with this entity tag already (304).
#[must_use]
pub fn is_known(client: &HeaderMap, etag: &str) -> bool {
    let listed = headers::text(client, &IF_NONE_MATCH).unwrap_or_default();
    listed.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_range_becomes_bytes() {
        for (text, size, expected) in [
            ("bytes=0-0", 10, Some(0..=0)),
            ("bytes=2-5", 10, Some(2..=5)),
            ("bytes=2-500", 10, Some(2..=9)),
            ("bytes=9-", 10, Some(9..=9)),
            ("bytes=-3", 10, Some(7..=9)),
            ("bytes=-30", 10, Some(0..=9)),
            ("bytes=10-", 10, None),
            ("bytes=-0", 10, None),
            ("bytes=0-0", 0, None),
        ] {
            let span = asked(&of(&[(RANGE, text)]), "\"a\"").unwrap();
            assert_eq!(bytes(span, size), expected, "{text} of {size}");
        }
    }

    #[test]
    fn what_is_no_single_range_asks_for_the_whole() {
        for text in ["bytes=5-2", "bytes=a-b", "items=0-1", "bytes=0-1,3-4", "bytes=", ""] {
            assert_eq!(asked(&of(&[(RANGE, text)]), "\"a\""), None, "{text}");
        }
        assert_eq!(asked(&HeaderMap::new(), "\"a\""), None);
    }

    #[test]
    fn conditions_are_about_the_entity_tag() {
        assert!(asked(&of(&[(RANGE, "bytes=0-1"), (IF_RANGE, "\"a\"")]), "\"a\"").is_some());
        assert!(asked(&of(&[(RANGE, "bytes=0-1"), (IF_RANGE, "\"b\"")]), "\"a\"").is_none());
        for (text, known) in [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false)] {
            assert_eq!(is_known(&of(&[(IF_NONE_MATCH, text)]), "\"a\""), known, "{text}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"a\""));
    }
}
