//! Everything that goes wrong, and what becomes of it.

use super::fault::{Answered, Does, Fault, Place};
use crate::personality::{HTML, JSON, Said, TEXT, XML, said};
use crate::play::{self, ANONYMOUS, Lie};

use Answered::{BreaksOff, Ours, Passes, Told, Waits};
use Does::*;
use Place::{Blob, DockerHub, Large, Manifest, Storage, Tokens};

const fn fault(at: Place, what: &'static str, does: Does, answer: Answered) -> Fault {
    Fault { what, at, does, once: false, answer }
}

const fn once(at: Place, what: &'static str, does: Does, answer: Answered) -> Fault {
    Fault { once: true, ..fault(at, what, does, answer) }
}

/// Clients that heed it try again soon.
const SOON: (&str, &str) = ("retry-after", "1");

const PAGE: &str = "<!DOCTYPE html><html><head><title>Sorry</title></head><body>Please come back later.</body></html>";

const CHALLENGE: (&str, &str) = (
    "www-authenticate",
    r#"Bearer realm="https://gitlab.com/jwt/auth",service="container_registry",scope="repository:{name}:pull",error="invalid_token""#,
);

/// Docker Hub's other limit, with a time that a test can wait.
const ABUSE: Said = Said { headers: &[TEXT, SOON], ..play::ABUSE };

const LIMITED: &str = "`registry.gitlab.com` limits this proxy, which asked without an account: wait, or log in with yours; the proxy's \
                       operator can set one in CREDENTIALS";
const LIMITED_BY_DOCKER_HUB: &str = "`docker.io` limits this proxy, which asked without an account: wait, or log in with yours; the \
                                     proxy's operator can set one in CREDENTIALS";
const WANTS_A_LOGIN: &str = "`registry.gitlab.com` wants a login for this, or has no such image (authentication required)";
const UNREACHABLE: &str = "`registry.gitlab.com` cannot be reached; try again later";
const BROKE_OFF: &str = "the manifest from `registry.gitlab.com` broke off; try again";
const BLOB_BROKE_OFF: &str =
    "the blob from `cdn.registry.gitlab-static.net` (for `registry.gitlab.com`) broke off; try again";
const ANOTHER: &str = "the manifest from `registry.gitlab.com` has the digest `sha256:…`, not `sha256:…`; try again later";
const ANOTHER_BLOB: &str = "the blob from `cdn.registry.gitlab-static.net` (for `registry.gitlab.com`) has the digest `sha256:…`, \
                            not `sha256:…`; try again later";

pub const ALL: &[Fault] = &[
    fault(
        Tokens,
        "503",
        Says(said(503, &[HTML, SOON], PAGE)),
        Ours(502, "the token server `gitlab.com` (for `registry.gitlab.com`) answered 503; try again later"),
    ),
    fault(
        Tokens,
        "connection closed without a word",
        HangsUp,
        Ours(502, "`gitlab.com` (for `registry.gitlab.com`) cannot be reached; try again later"),
    ),
    fault(
        Tokens,
        "silence",
        IsSilent,
        Ours(504, "`gitlab.com` (for `registry.gitlab.com`) did not answer within 20 s; try again later"),
    ),
    fault(
        Tokens,
        "200, a web page",
        Says(said(200, &[HTML], PAGE)),
        Ours(
            502,
            "the reply of the token server `gitlab.com` (for `registry.gitlab.com`) is an HTML page (line 1, column 1); try again later",
        ),
    ),
    fault(
        Tokens,
        "200, ten megabytes",
        SaysTooMuch,
        Ours(
            502,
            "the reply of the token server `gitlab.com` (for `registry.gitlab.com`) is longer than 65536 bytes; try again later",
        ),
    ),
    fault(
        Tokens,
        "200, half a JSON",
        Says(said(200, &[JSON], r#"{"token":"#)),
        Ours(
            502,
            "the reply of the token server `gitlab.com` (for `registry.gitlab.com`) is no token reply (line 1, column 9); try again later",
        ),
    ),
    fault(
        Tokens,
        "200, JSON without a token",
        Says(said(200, &[JSON], r#"{"expires_in":300}"#)),
        Ours(
            502,
            "the reply of the token server `gitlab.com` (for `registry.gitlab.com`) is a reply with neither `token` nor `access_token`; \
             try again later",
        ),
    ),
    fault(
        Tokens,
        "403",
        Says(said(403, &[JSON], r#"{"errors":[{"code":"DENIED","message":"access forbidden"}]}"#)),
        Told(403, "access forbidden"),
    ),
    fault(
        Tokens,
        "403, a web page",
        Says(said(403, &[HTML], PAGE)),
        Told(
            403,
            "`gitlab.com` (for `registry.gitlab.com`) answered 403 Forbidden (Sorry Please come back later.); it may want a login for \
             this, or refuse this proxy",
        ),
    ),
    fault(Tokens, "404, a web page", Says(said(404, &[HTML], PAGE)), Told(401, WANTS_A_LOGIN)),
    fault(Tokens, "429", Says(said(429, &[TEXT, SOON], "slow down")), Told(429, LIMITED)),
    fault(
        Manifest,
        "401 to every token",
        Says(said(401, &[JSON, CHALLENGE], r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#)),
        Told(401, WANTS_A_LOGIN),
    ),
    fault(
        Manifest,
        "403",
        Says(said(403, &[JSON], r#"{"errors":[{"code":"DENIED","message":"your plan does not include this"}]}"#)),
        Told(403, "your plan does not include this"),
    ),
    fault(
        Manifest,
        "403, a web page",
        Says(said(403, &[HTML], PAGE)),
        Told(
            403,
            "`registry.gitlab.com` answered 403 Forbidden (Sorry Please come back later.); it may want a login for this, or refuse this \
             proxy",
        ),
    ),
    fault(
        Manifest,
        "404, a web page",
        Says(said(404, &[HTML], PAGE)),
        Told(
            404,
            "`registry.gitlab.com` answered 404 Not Found (Sorry Please come back later.); check the image's name and tag",
        ),
    ),
    fault(
        Manifest,
        "404, a text",
        Says(said(404, &[TEXT], "404 page not found\n")),
        Told(404, "`registry.gitlab.com` answered 404 Not Found (404 page not found); check the image's name and tag"),
    ),
    fault(Manifest, "429 with `Retry-After`", Says(said(429, &[JSON, SOON], "")), Told(429, LIMITED)),
    fault(Manifest, "429 without", Says(said(429, &[TEXT], "slow down")), Told(429, LIMITED)),
    fault(DockerHub, "429, its limit of pulls", Says(ANONYMOUS), Told(429, LIMITED_BY_DOCKER_HUB)),
    fault(DockerHub, "429, its limit of requests", Says(ABUSE), Told(429, LIMITED_BY_DOCKER_HUB)),
    fault(
        Manifest,
        "500",
        Says(said(500, &[TEXT, SOON], "panic: nil")),
        Told(500, "`registry.gitlab.com` answered 500 Internal Server Error (panic: nil); try again later"),
    ),
    fault(
        Manifest,
        "502",
        Says(said(502, &[HTML, SOON], PAGE)),
        Told(502, "`registry.gitlab.com` answered 502 Bad Gateway (Sorry Please come back later.); try again later"),
    ),
    fault(
        Manifest,
        "503",
        Says(said(503, &[HTML, SOON], PAGE)),
        Told(503, "`registry.gitlab.com` answered 503 Service Unavailable (Sorry Please come back later.); try again later"),
    ),
    fault(
        Manifest,
        "504",
        Says(said(504, &[HTML, SOON], PAGE)),
        Told(504, "`registry.gitlab.com` answered 504 Gateway Timeout (Sorry Please come back later.); try again later"),
    ),
    fault(Manifest, "connection refused", Refuses, Ours(502, UNREACHABLE)),
    fault(Manifest, "connection closed without a word", HangsUp, Ours(502, UNREACHABLE)),
    fault(Manifest, "connection reset within the head", ResetsInHead, Ours(502, UNREACHABLE)),
    fault(Manifest, "silence", IsSilent, Ours(504, "`registry.gitlab.com` did not answer within 20 s; try again later")),
    fault(Manifest, "half of it, then silence", Stalls, Ours(502, BROKE_OFF)),
    fault(Manifest, "half of it, then the end", Lies(Lie::Cut), Ours(502, BROKE_OFF)),
    fault(Manifest, "half of it, then a reset", Resets, Ours(502, BROKE_OFF)),
    fault(Manifest, "half of it, as if it were all", Lies(Lie::Half), Ours(502, ANOTHER)),
    fault(Manifest, "another one", Lies(Lie::Content), Ours(502, ANOTHER)),
    fault(
        Manifest,
        "200, a web page",
        Says(said(200, &[HTML], PAGE)),
        Ours(502, "`registry.gitlab.com` sent a web page in place of an answer; try again later"),
    ),
    fault(
        Manifest,
        "redirects for ever",
        RedirectsToItself,
        Ours(502, "`registry.gitlab.com` redirected more than 5 times; try again later"),
    ),
    fault(
        Manifest,
        "redirect to a private address",
        Says(said(307, &[("location", "https://10.0.0.1/v2/")], "")),
        Ours(502, "`registry.gitlab.com` redirects to `10.0.0.1`, which is no public name; this is not followed"),
    ),
    fault(
        Manifest,
        "redirect to http",
        Says(said(307, &[("location", "http://registry.gitlab.com/v2/")], "")),
        Ours(
            502,
            "`registry.gitlab.com` redirects to `http://registry.gitlab.com`, which is not https; this is not followed",
        ),
    ),
    fault(
        Blob,
        "404, a text",
        Says(said(404, &[TEXT], "404 page not found\n")),
        Told(
            404,
            "`registry.gitlab.com` answered 404 Not Found (404 page not found); the image may be gone or damaged there",
        ),
    ),
    fault(Blob, "429", Says(said(429, &[TEXT, SOON], "slow down")), Told(429, LIMITED)),
    fault(
        Blob,
        "redirect to a private address",
        Says(said(307, &[("location", "https://169.254.169.254/latest/")], "")),
        Ours(502, "`registry.gitlab.com` redirects to `169.254.169.254`, which is no public name; this is not followed"),
    ),
    fault(
        Storage,
        "403, its address has expired",
        Says(said(403, &[XML], "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")),
        Ours(
            502,
            "the storage at `cdn.registry.gitlab-static.net` (for `registry.gitlab.com`) answered 403 Forbidden; try again",
        ),
    ),
    fault(
        Storage,
        "404",
        Says(said(404, &[XML], "<Error><Code>NoSuchKey</Code></Error>")),
        Told(
            404,
            "`cdn.registry.gitlab-static.net` (for `registry.gitlab.com`) answered 404 Not Found (NoSuchKey); the image may be gone or \
             damaged there",
        ),
    ),
    fault(
        Storage,
        "503",
        Says(said(503, &[XML, SOON], "<Error><Code>SlowDown</Code></Error>")),
        Told(
            503,
            "`cdn.registry.gitlab-static.net` (for `registry.gitlab.com`) answered 503 Service Unavailable (SlowDown); try again later",
        ),
    ),
    fault(
        Storage,
        "connection closed without a word",
        HangsUp,
        Ours(502, "`cdn.registry.gitlab-static.net` (for `registry.gitlab.com`) cannot be reached; try again later"),
    ),
    once(
        Storage,
        "silence, once",
        IsSilent,
        Ours(
            504,
            "`cdn.registry.gitlab-static.net` (for `registry.gitlab.com`) did not answer within 20 s; try again later",
        ),
    ),
    once(Storage, "half of it, then the end, once", Lies(Lie::Cut), Ours(502, BLOB_BROKE_OFF)),
    once(Storage, "half of it, then silence, once", Stalls, Ours(502, BLOB_BROKE_OFF)),
    fault(Storage, "half of it, as if it were all", Lies(Lie::Half), Ours(502, ANOTHER_BLOB)),
    fault(Storage, "another one", Lies(Lie::Content), Ours(502, ANOTHER_BLOB)),
    once(Large, "half of it, then the end, once", Lies(Lie::Cut), BreaksOff),
    once(Large, "half of it, then a reset, once", Resets, BreaksOff),
    fault(Large, "half of it, then the end", Lies(Lie::Cut), BreaksOff),
    fault(Large, "half of it, as if it were all", Lies(Lie::Half), Passes),
    fault(Large, "another one", Lies(Lie::Content), Passes),
    fault(Large, "half of it, then silence", Stalls, Waits),
];
