//! Whatever a registry sends as `Link`, the client is told of nothing but the next page of what it asked for, at the address that it
//! asked at.

use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LINK};
use http::{Method, StatusCode};
use pierhead::platform::{ClientRequest, Inbound};
use url::Url;

use super::Promise;
use super::house::KEY;
use crate::world::flow::Step;
use crate::world::{Stage, ready};

pub const PROMISE: Promise = Promise {
    name: "link",
    check,
    pieces: &[
        "<",
        ">",
        "; rel=\"next\"",
        ";rel=next",
        "; rel=prev",
        ", ",
        "/v2/ns/repo/tags/list",
        "?n=2",
        "&last=b",
        "?last=b&n=0",
        "ns=evil.example",
        "%6es=x",
        "https://quay.io",
        "https://evil.example",
        "//evil.example",
        "http://",
        "..",
        "#x",
        "\"",
        "\\",
        "%3E",
        "\t",
        ";",
    ],
};

/// Each way to address it.
const ASKED: [&str; 6] = [
    "https://quay.example.com/v2/ns/repo/tags/list?n=2",
    "https://mirror.example.com/v2/quay.io/ns/repo/tags/list",
    "https://mirror.example.com/quay/v2/ns/repo/tags/list?last=a",
    "https://mirror.example.com/v2/ns/repo/tags/list?ns=quay.io",
    "https://mirror.example.com/{key}/quay/v2/ns/repo/tags/list",
    "https://mirror.example.com/v2/{key}/quay.io/ns/repo/tags/list?n=1",
];

fn check(text: &str) {
    let Ok(value) = HeaderValue::from_str(text) else { return };
    thread_local! {
        static OPEN: std::cell::RefCell<Stage> = Stage::default().into();
        static GATED: std::cell::RefCell<Stage> = gated().into();
    }
    for asked in ASKED {
        let stage = if asked.contains("{key}") { &GATED } else { &OPEN };
        let asked = Url::parse(&asked.replace("{key}", KEY)).unwrap();
        stage.with_borrow_mut(|stage| {
            let Some(link) = link_for(stage, &asked, &value) else { return };
            let next = check_link(&asked, &link);
            // The next page has the same link, and so it goes on.
            assert_eq!(link_for(stage, &next, &value).as_ref(), Some(&link), "{text:?} at {next}");
        });
    }
}

fn gated() -> Stage {
    let mut stage = Stage::default();
    for (key, value) in [("ACCESS", "path"), ("PATH_SECRET", KEY)] {
        stage.take(Step::Set(key.to_owned(), value.to_owned()));
    }
    stage
}

/// The link that is told for one of the registry's.
fn link_for(stage: &mut Stage, asked: &Url, link: &HeaderValue) -> Option<String> {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json")), (LINK, link.clone())]);
    let world = stage.world(move |request| {
        assert!(request.url.as_str().starts_with("https://quay.io/v2/ns/repo/tags/list"), "{}", request.url);
        assert!(request.url.query_pairs().all(|(key, _)| key != "ns"), "{}", request.url);
        Ok(Inbound { status: StatusCode::OK, headers: headers.clone(), body: None })
    });
    let request = ClientRequest { method: Method::GET, url: asked.to_string(), headers: HeaderMap::new(), body: None };
    let answer = ready(stage.proxy().serve(&world, request));
    assert_eq!(answer.status(), StatusCode::OK, "{asked}: {}", world.log.borrow());
    let all: Vec<_> = answer.headers().get_all(HeaderName::from_static("link")).iter().collect();
    assert!(all.len() <= 1);
    Some(all.first()?.to_str().unwrap().to_owned())
}

/// Where a client comes to that follows the link.
pub fn check_link(asked: &Url, link: &str) -> Url {
    let target =
        link.strip_prefix('<').and_then(|link| link.strip_suffix(r#">; rel="next""#)).unwrap_or_else(|| panic!("{link:?}"));
    assert!(!target.contains(['<', '>', '"', ' ']), "{link:?}");
    let next = asked.join(target).unwrap();
    let plain = |url: &Url| url.path().replace("%3A", ":").replace("%3a", ":");
    assert_eq!((next.origin(), plain(&next)), (asked.origin(), plain(asked)), "{link:?}");
    assert_eq!(next.fragment(), None, "{link:?}");
    let ns = |url: &Url| url.query_pairs().filter(|(key, _)| key == "ns").map(|(_, ns)| ns.into_owned()).collect::<Vec<_>>();
    assert_eq!(ns(&next), ns(asked), "{link:?}");
    next
}
