//! A registry's token server: GET and POST, anonymous pull of everything but `private/*`, one user with a password.

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use http::{Method, StatusCode, header};
use rcgen::{CertificateParams, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::upstream::{self, Answer, Asked};

/// The one user of every played registry, and her password.
pub const USER: (&str, &str) = ("alice", "open-sesame");
/// The refresh token (Docker's "identity token") she gets for asking with `offline_token`.
pub const REFRESH_TOKEN: &str = "refresh-token-of-alice";
const ISSUER: &str = "pierhead-e2e";

/// Signs the tokens that one docker-registry trusts.
pub struct TokenServer {
    service: String,
    key: EcdsaKeyPair,
    certificate: rcgen::Certificate,
}

impl TokenServer {
    pub fn new(service: &str) -> TokenServer {
        let pair = KeyPair::generate().expect("a P-256 key");
        let certificate = CertificateParams::new(vec![ISSUER.to_owned()])
            .and_then(|params| params.self_signed(&pair))
            .expect("a self-signed certificate");
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pair.serialize_der(), &random)
            .expect("the same key");
        TokenServer { service: service.to_owned(), key, certificate }
    }

    /// The `auth` section of a docker-registry configuration that trusts this server.
    pub fn registry_section(&self, realm: &str, bundle: &std::path::Path) -> Value {
        std::fs::write(bundle, self.certificate.pem()).expect("writing the certificate");
        json!({"token": {"realm": realm, "service": self.service, "issuer": ISSUER, "rootcertbundle": bundle}})
    }

    /// A token for `access`, a list of (repository, actions).
    pub fn sign(&self, subject: &str, access: &[(String, Vec<&str>)]) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
        let access: Vec<Value> =
            access.iter().map(|(name, actions)| json!({"type": "repository", "name": name, "actions": actions})).collect();
        let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [BASE64_STANDARD.encode(self.certificate.der())]});
        let claims = json!({
            "iss": ISSUER, "sub": subject, "aud": self.service, "access": access,
            "nbf": now - 60, "iat": now, "exp": now + 300,
        });
        let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signing");
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// Answers GET (Basic or anonymous) and POST (password or refresh token).
    pub fn answer(&self, asked: &Asked) -> Answer {
        let fields = match *asked.method() {
            Method::GET => asked.uri().query().unwrap_or("").as_bytes(),
            Method::POST => asked.body().as_ref(),
            _ => return upstream::text(StatusCode::METHOD_NOT_ALLOWED, "GET or POST"),
        };
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(fields).into_owned().collect();
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if field("service") != Some(self.service.as_str()) {
            return upstream::text(StatusCode::BAD_REQUEST, "unknown service");
        }
        let Ok(user) = who(asked, field) else {
            let error = json!({"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]});
            return upstream::json(StatusCode::UNAUTHORIZED, &error);
        };
        let scopes = fields.iter().filter(|(key, _)| key == "scope").map(|(_, value)| value.as_str());
        let access: Vec<_> = scopes.flat_map(str::split_whitespace).filter_map(|scope| grant(scope, user)).collect();
        let token = self.sign(user.unwrap_or(""), &access);
        let mut body = json!({"token": token, "access_token": token, "expires_in": 300});
        if user.is_some() && field("offline_token") == Some("true") {
            body["refresh_token"] = json!(REFRESH_TOKEN);
        }
        upstream::json(StatusCode::OK, &body)
    }
}

/// The user a token request speaks for; an error for wrong credentials.
fn who<'a>(asked: &Asked, field: impl Fn(&str) -> Option<&'a str>) -> Result<Option<&'static str>, ()> {
    if *asked.method() == Method::POST {
        let known = match field("grant_type") {
            Some("password") => field("username").zip(field("password")) == Some(USER),
            Some("refresh_token") => field("refresh_token") == Some(REFRESH_TOKEN),
            _ => false,
        };
        return if known { Ok(Some(USER.0)) } else { Err(()) };
    }
    match asked.headers().get(header::AUTHORIZATION) {
        None => Ok(None),
        Some(value) if value.as_bytes() == basic(USER).as_bytes() => Ok(Some(USER.0)),
        Some(_) => Err(()),
    }
}

/// What `scope` (`repository:<name>:<actions>`) gives `user`: pull, or nothing.
fn grant(scope: &str, user: Option<&str>) -> Option<(String, Vec<&'static str>)> {
    let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
    let wanted = actions.split(',').any(|action| action == "pull");
    let allowed = user.is_some() || !name.starts_with("private/");
    (wanted && allowed).then(|| (name.to_owned(), vec!["pull"]))
}

/// An `Authorization` value for a user and password.
pub fn basic((user, password): (&str, &str)) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}
