//! A token request, read: GET with a query and perhaps Basic, or POST with an OAuth2 form.

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use url::{Url, form_urlencoded};

use crate::auth::{Authorization, Basic, Pass, PassKind, Scope};
use crate::headers;
use crate::oci::{Code, OciError};
use crate::platform::{ClientRequest, Platform};
use crate::secret::Secret;

/// The largest form that is read, in bytes: a refresh token of some KB and a few scopes.
const MAX_FORM: usize = 32 * 1024;

/// The parameters that go on to the upstream as they are, beside scopes and credentials.
const KEPT: [&str; 3] = ["client_id", "offline_token", "access_type"];

/// What a client wants a token with.
pub enum Credentials {
    /// Nothing: anybody's.
    None,
    /// A user's name and password.
    Password(Basic),
    /// A refresh token, and the registry it names where it is one of ours.
    Refresh { registry: Option<String>, token: Secret },
}

/// A token request.
pub struct TokenRequest {
    /// GET or POST.
    pub method: Method,
    /// Every scope, under the client's names.
    pub scopes: Vec<Scope>,
    /// With what.
    pub credentials: Credentials,
    /// The parameters of [`KEPT`].
    pub kept: Vec<(String, String)>,
    /// The client named the account beside the credentials, as docker and podman do.
    pub account: bool,
}

impl Credentials {
    /// What the log calls them.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Password(_) => "basic",
            Self::Refresh { .. } => "refresh",
        }
    }
}

impl TokenRequest {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// `UNSUPPORTED` with 400 for what is no token request, `UNAUTHORIZED` for a token of ours that is no refresh token.
    pub async fn read<P: Platform>(platform: &P, url: &Url, request: ClientRequest<P::Body>) -> Result<Self, OciError> {
        let method = request.method;
        let form = match (method == Method::POST, request.body) {
            (false, _) => url.query().unwrap_or_default().as_bytes().to_vec(),
            (true, None) => return Err(bad("a token request by POST has a form")),
            (true, Some(body)) => {
                let kind = headers::text(&request.headers, &CONTENT_TYPE).unwrap_or_default();
                let kind = kind.split(';').next().unwrap_or_default().trim();
                if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
                    return Err(bad("a token request by POST is a form (`application/x-www-form-urlencoded`)"));
                }
                platform.read(body, MAX_FORM).await.map_err(|_| bad("the form is too long or broke off"))?
            }
        };
        let (mut scopes, mut kept, mut account) = (Vec::new(), Vec::new(), false);
        let (mut user, mut password, mut refresh) = (None, None, None);
        for (key, value) in form_urlencoded::parse(&form) {
            match &*key {
                // POST has all in one, separated by spaces; GET may have several, and some clients do both.
                "scope" => {
                    for text in value.split_ascii_whitespace() {
                        scopes.push(scope(text)?);
                    }
                }
                "account" => account = true,
                "username" => user = Some(value.into_owned()),
                "password" => password = Some(value.into_owned()),
                "refresh_token" => refresh = Some(value.into_owned()).filter(|token| !token.is_empty()),
                key if KEPT.contains(&key) => kept.push((key.to_owned(), value.into_owned())),
                _ => {}
            }
        }
        let credentials = match Authorization::read(&request.headers) {
            Authorization::Basic(basic) => Credentials::Password(basic),
            // Secrets in a URL end in logs: the token specification has them in the header and the form alone.
            Authorization::None if method != Method::POST => Credentials::None,
            Authorization::None => posted(user, password, refresh)?,
            _ => return Err(bad("a token request has Basic credentials or none")),
        };
        Ok(Self { method, scopes, credentials, kept, account })
    }
}

/// The credentials of a form.
fn posted(user: Option<String>, password: Option<String>, refresh: Option<String>) -> Result<Credentials, OciError> {
    if let Some(token) = refresh {
        return refresh_token(&token);
    }
    let (Some(user), Some(password)) = (user, password) else {
        return Err(bad("a token request by POST has a password or refresh token"));
    };
    // Both must stand in a Basic header too, where a colon ends the user's name.
    let basic = Basic::from_pair(&format!("{user}:{password}")).filter(|basic| basic.user == user);
    basic.map(Credentials::Password).ok_or_else(|| bad("user name or password are empty or cannot be sent"))
}

/// A refresh token: one of ours names its registry, one without our mark is the client's own.
fn refresh_token(token: &str) -> Result<Credentials, OciError> {
    if !Pass::is_marked(token) {
        return Ok(Credentials::Refresh { registry: None, token: Secret::new(token) });
    }
    match Pass::parse(token) {
        Some(Pass { registry, kind: PassKind::Refresh(token) }) => {
            Ok(Credentials::Refresh { registry: Some(registry), token })
        }
        _ => Err(OciError::new(Code::Unauthorized, "this is no refresh token of this proxy")),
    }
}

fn scope(text: &str) -> Result<Scope, OciError> {
    Scope::parse(text).ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        bad(&format!("`{shown}` is not a scope; expected such as `repository:library/nginx:pull`"))
    })
}

fn bad(message: &str) -> OciError {
    OciError::new(Code::Unsupported, message).with_status(StatusCode::BAD_REQUEST)
}
