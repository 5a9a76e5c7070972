//! The manners of the public registries, as data: one file each, played by [`crate::play`].
//!
//! Hosts, headers and bodies are the registries' own, word for word (seen 2020 to 2026). In every text `{name}` stands
//! for the repository; a text that knows more says so where it is declared.

mod acr;
mod ar;
mod cgr;
mod distribution;
pub mod ecrpublic;
mod elastic;
mod forgejo;
mod gcr;
mod ghcr;
mod gitea;
pub mod gitlab;
mod harbor;
pub mod hostile;
pub mod hub;
mod jfrog;
mod k8s;
mod lscr;
mod mcr;
pub mod mirror_gcr;
mod nvcr;
mod ocir;
mod oracle;
mod quay;
mod redhat_access;
mod redhat_io;

/// Every registry that serves images; `hostile` serves none.
pub const ALL: [&Personality; 24] = [
    &hub::HUB,
    &quay::QUAY,
    &gcr::GCR,
    &ar::ARTIFACT_REGISTRY,
    &k8s::K8S,
    &ghcr::GHCR,
    &mcr::MCR,
    &ecrpublic::ECR_PUBLIC,
    &nvcr::NVCR,
    &gitlab::GITLAB,
    &elastic::ELASTIC,
    &redhat_access::REDHAT_ACCESS,
    &redhat_io::REDHAT_IO,
    &oracle::ORACLE,
    &lscr::LSCR,
    &cgr::CGR,
    &forgejo::FORGEJO,
    &gitea::GITEA,
    &acr::ACR,
    &harbor::HARBOR,
    &jfrog::JFROG,
    &distribution::DISTRIBUTION,
    &ocir::OCIR,
    &mirror_gcr::MIRROR_GCR,
];

/// One registry's manners.
#[derive(Clone, Copy)]
pub struct Personality {
    /// What the tests call it.
    pub id: &'static str,
    /// Its name at the proxy.
    pub registry: &'static str,
    /// The host label that means it.
    pub label: Option<&'static str>,
    /// What an operator writes under its name in `REGISTRIES`, as JSON; empty where it is built in.
    pub settings: &'static str,
    /// The host that answers.
    pub origin: &'static str,
    /// A repository everybody may read, and one that only the user may.
    pub public: &'static str,
    pub private: Option<&'static str>,
    pub wants: Wants,
    /// It takes the user's name and password in place of a token.
    pub basic: bool,
    /// What `GET /v2/` says to a request without authority.
    pub ping: Said,
    /// What a repository says to one, unless it is for everybody.
    pub challenge: Said,
    /// What is said to a token that is none (any more), or to a wrong password.
    pub bad_token: Said,
    /// What is said to good authority that does not reach this repository, or of one that is not there.
    pub denied: Said,
    /// On every answer of the registry proper.
    pub always: &'static [(&'static str, &'static str)],
    pub tokens: Option<Tokens>,
    pub manifests: Manifests,
    pub tags: Tags,
    pub blobs: Blobs,
    pub referrers: Referrers,
    /// Repositories that always answer the same: rate limits and other refusals.
    pub refusing: &'static [(&'static str, Said)],
    /// Everything but blobs is at another host.
    pub moved: Option<Moved>,
}

/// Whom a registry serves.
#[derive(Clone, Copy, PartialEq)]
pub enum Wants {
    /// What is public it serves to anybody.
    Nothing,
    /// It wants a token for everything, which anybody gets for what is public.
    Token,
    /// Everybody has to log in.
    Login,
}

/// An answer, word for word.
#[derive(Clone, Copy)]
pub struct Said {
    pub status: u16,
    pub headers: &'static [(&'static str, &'static str)],
    pub body: &'static str,
}

/// A token server.
#[derive(Clone, Copy)]
pub struct Tokens {
    pub host: &'static str,
    pub path: &'static str,
    /// The `service` it insists on; `wrong_service` is what it says to another, or to none.
    pub service: Option<&'static str>,
    pub wrong_service: Said,
    /// A token is good for the repositories of its scopes only.
    pub scoped: bool,
    /// What it says to a scope that is malformed, empty or given twice; `None` where it does not mind.
    pub odd_scope: Option<Said>,
    /// What it says to a scope that is not to be had; `None` where the token just does not have it.
    pub no_access: Option<Said>,
    /// What it says to somebody without a password; `None` where anybody gets a token.
    pub anonymous: Option<Said>,
    pub wrong_password: Said,
    pub post: Post,
    /// It has refresh tokens, for those who ask with `offline_token` or `access_type`.
    pub refresh: bool,
    pub token: Shape,
    /// The reply: `{token}`, and `{now}`, the time now without a zone.
    pub media: &'static str,
    pub reply: &'static str,
    /// The reply says no length.
    pub chunked: bool,
}

/// How a token looks.
#[derive(Clone, Copy)]
pub struct Shape {
    pub prefix: &'static str,
    pub bytes: usize,
}

/// What a token server does with a POST.
#[derive(Clone, Copy)]
pub enum Post {
    Served,
    Refused(Said),
}

/// Manifests.
#[derive(Clone, Copy)]
pub struct Manifests {
    pub accept: Accept,
    pub digest: bool,
    pub etag: bool,
    pub length: bool,
    /// On every manifest.
    pub headers: &'static [(&'static str, &'static str)],
    /// Of a tag that is not there.
    pub unknown: Said,
    /// The tag that would list a manifest's referrers is the manifest itself.
    pub fallback_is_subject: bool,
    /// Where a GET finds them, if not here.
    pub hop: Option<Hop>,
}

/// What a registry makes of `Accept`.
#[derive(Clone, Copy)]
pub enum Accept {
    /// Nothing.
    Ignored,
    /// OCI types must be named, and this is said where they are not; a manifest list becomes its amd64 image.
    Exact(Said),
    /// Who names no type it knows gets a manifest of the first schema.
    OrSchema1,
}

/// Tag lists.
#[derive(Clone, Copy)]
pub struct Tags {
    /// Beside those of the images.
    pub more: &'static [&'static str],
    /// How many it gives at most, and unasked.
    pub page: usize,
    /// The link to the next page: `{name}`, `{n}` and `{last}`; empty where all come at once.
    pub link: &'static str,
}

/// Blobs.
#[derive(Clone, Copy)]
pub struct Blobs {
    /// The ways to the bytes, of which a blob has one; none where the registry has the bytes itself.
    pub ways: &'static [&'static [Hop]],
    pub head: Head,
    pub store: Store,
    pub unknown: Said,
}

/// A redirect, and the host and target it leads to, byte for byte: `{name}`, `{digest}`, `{hex}` and `{ab}`, the hex
/// digest's first two.
#[derive(Clone, Copy)]
pub struct Hop {
    pub status: u16,
    pub location: &'static str,
    pub headers: &'static [(&'static str, &'static str)],
    pub body: &'static str,
}

/// What a registry does with HEAD of a blob.
#[derive(Clone, Copy)]
pub enum Head {
    /// As with GET.
    Redirected,
    /// It answers itself.
    Direct,
    Refused(Said),
}

/// What the storage behind a registry is particular about. All insist on their target byte for byte.
#[derive(Clone, Copy)]
pub struct Store {
    /// What it says to `Authorization`.
    pub authorization: Option<Said>,
    /// The signature is for GET: HEAD is 403.
    pub get_only: bool,
}

/// What a registry knows of referrers.
#[derive(Clone, Copy)]
pub enum Referrers {
    Listed,
    Missing(Said),
    /// A redirect to a page for people, and what is there.
    Page(Hop, Said),
}

/// Everything but blobs is answered with a redirect to the same resource of another host, where anybody may read it.
/// The query is lost on the way.
#[derive(Clone, Copy)]
pub struct Moved {
    pub status: u16,
    pub host: &'static str,
    /// What stands there before the repository's name.
    pub path: &'static str,
}

pub const JSON: (&str, &str) = ("content-type", "application/json");
const JSON_UTF8: (&str, &str) = ("content-type", "application/json; charset=utf-8");
pub const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");
pub const TEXT: (&str, &str) = ("content-type", "text/plain; charset=utf-8");
pub const XML: (&str, &str) = ("content-type", "application/xml");
const OCTETS: (&str, &str) = ("content-type", "application/octet-stream");
const REGISTRY_2: (&str, &str) = ("docker-distribution-api-version", "registry/2.0");

pub const fn said(status: u16, headers: &'static [(&'static str, &'static str)], body: &'static str) -> Said {
    Said { status, headers, body }
}

const AUTHENTICATION_REQUIRED: &str =
    r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":null}]}"#;
const DENIED: &str = r#"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}"#;
const OPEN: Said = said(200, &[JSON], "{}");
const MANIFEST_UNKNOWN: Said = said(
    404,
    &[JSON_UTF8],
    r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":"unknown tag"}]}"#,
);
const NAME_UNKNOWN: Said = said(
    404,
    &[JSON_UTF8],
    r#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry","detail":{"name":"{name}"}}]}"#,
);
const BLOB_UNKNOWN: Said =
    said(404, &[JSON_UTF8], r#"{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}"#);
const NO_SUCH_PAGE: Said = said(404, &[TEXT], "404 page not found\n");

/// A registry that is open to all and has nothing of its own: what a file leaves out.
const PLAIN: Personality = Personality {
    id: "",
    registry: "",
    label: None,
    settings: "",
    origin: "",
    public: "team/app",
    private: None,
    wants: Wants::Nothing,
    basic: false,
    ping: OPEN,
    challenge: NAME_UNKNOWN,
    bad_token: said(401, &[JSON], AUTHENTICATION_REQUIRED),
    denied: NAME_UNKNOWN,
    always: &[REGISTRY_2],
    tokens: None,
    manifests: Manifests {
        accept: Accept::Ignored,
        digest: true,
        etag: false,
        length: true,
        headers: &[],
        unknown: MANIFEST_UNKNOWN,
        fallback_is_subject: false,
        hop: None,
    },
    tags: Tags { more: &["2", "3"], page: 2, link: r#"</v2/{name}/tags/list?last={last}&n={n}>; rel="next""# },
    blobs: Blobs { ways: &[], head: Head::Direct, store: SIGNED, unknown: BLOB_UNKNOWN },
    referrers: Referrers::Missing(NO_SUCH_PAGE),
    refusing: &[],
    moved: None,
};

/// A token server as the token specification has it.
const TOKENS: Tokens = Tokens {
    host: "",
    path: "/token",
    service: None,
    wrong_service: said(400, &[JSON], r#"{"errors":[{"code":"UNSUPPORTED","message":"unknown service"}]}"#),
    scoped: true,
    odd_scope: None,
    no_access: None,
    anonymous: None,
    wrong_password: said(401, &[JSON], r#"{"details":"incorrect username or password"}"#),
    post: Post::Refused(said(404, &[TEXT], "404 page not found\n")),
    refresh: false,
    token: Shape { prefix: "eyJhbGciOiJSUzI1NiJ9.", bytes: 900 },
    media: "application/json",
    reply: r#"{"token":"{token}"}"#,
    chunked: false,
};

/// A store whose refusals nobody has published: no credential may reach it, as none may reach any.
const SIGNED: Store = Store { authorization: None, get_only: false };

/// Cloudflare R2.
const R2: Store = Store {
    authorization: Some(said(
        400,
        &[XML],
        r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>InvalidRequest</Code><Message>Missing x-amz-content-sha256</Message></Error>"#,
    )),
    get_only: true,
};

/// Amazon S3, presigned.
const S3: Store = Store {
    authorization: Some(said(
        400,
        &[XML],
        "<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed; only the X-Amz-Algorithm query \
         parameter, Signature query string parameter or the Authorization header should be specified</Message>\
         <ArgumentName>Authorization</ArgumentName></Error>",
    )),
    get_only: true,
};

/// Azure Blob Storage, by SAS.
const AZURE: Store = Store {
    authorization: Some(said(
        400,
        &[XML],
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>InvalidAuthenticationInfo</Code><Message>Authentication \
         information is not given in the correct format. Check the value of Authorization header.</Message></Error>",
    )),
    get_only: false,
};
