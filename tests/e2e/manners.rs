//! Every registry's manners, met over plain HTTP: what a client gets of each through the Worker, endpoint by endpoint.

use std::sync::Arc;

use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::client::{HTTP, Reply, parameter};
use crate::hub;
use crate::image::{Blob, Format, Image, sha256};
use crate::personality::hostile::{self, Outcome};
use crate::personality::{ALL, Accept, Personality, Post, Referrers, Said, Wants};
use crate::play::{Play, Repository};
use crate::stage::Stage;
use crate::token_server::{USER, basic};
use crate::upstream::Hosts;
use crate::world::World;

/// A registry, a Worker before it, and where the registry is found there.
struct Visit {
    play: Arc<Play>,
    world: World,
    host: String,
    /// What stands before a repository's name: nothing, or the registry's on a gateway.
    prefix: String,
}

/// How a request shows who asks.
type Bearer = Option<String>;

/// Meets a registry in all its endpoints.
pub async fn meet(stage: &Stage, manners: &'static Personality) {
    let play = Play::new(manners);
    let mut hosts = play.hosts();
    if manners.registry == "docker.io" {
        hosts.extend(hub::idle_mirrors()); // asked for what it refuses
    }
    let world = stage.world(hosts, &play.variables()).await;
    let (host, prefix) = match manners.label {
        Some(label) => (format!("{label}.localhost"), String::new()),
        None => ("localhost".to_owned(), format!("{}/", manners.registry)),
    };
    let visit = Visit { play, world, host, prefix };
    let public = &visit.play.public;

    visit.ping().await;
    if manners.wants != Wants::Login {
        let anonymous = visit.token(&public.name, None).await;
        visit.pull(public, &anonymous).await;
        visit.pull(public, &None).await; // containerd begins without, and is content
        visit.forget_tokens(public, &anonymous).await;
        visit.refusals(&anonymous).await;
        visit.missing(public, &anonymous).await;
        visit.closed("nobody/nothing", &None).await;
        visit.closed("nobody/nothing", &visit.token("nobody/nothing", None).await).await;
    }
    let Some(private) = visit.play.private.as_ref() else { return };
    visit.closed(&private.name, &None).await;
    if manners.tokens.is_none() {
        let login = Some(basic(USER));
        visit.pull(private, &login).await;
        visit.missing(private, &login).await;
        visit.closed(&private.name, &Some(basic((USER.0, "wrong")))).await;
        return;
    }
    if manners.wants != Wants::Login {
        visit.closed(&private.name, &visit.token(&private.name, None).await).await;
    }
    let login = visit.token(&private.name, Some(USER)).await;
    visit.pull(private, &login).await;
    visit.missing(private, &login).await;
    visit.closed(&private.name, &None).await; // what alice fetched is hers
    visit.login().await;
    visit.scopes(public, private).await;
    visit.posts(private).await;
    visit.wrong_password(&private.name).await;
    visit.expired(&private.name, &login).await;
}

impl Visit {
    fn manners(&self) -> &'static Personality {
        self.play.manners
    }

    fn target(&self, name: &str, rest: &str) -> String {
        format!("/v2/{}{name}/{rest}", self.prefix)
    }

    async fn ask(&self, method: Method, name: &str, rest: &str, bearer: &Bearer) -> Reply {
        self.ask_with(method, name, rest, bearer, &[]).await
    }

    async fn ask_with(
        &self,
        method: Method,
        name: &str,
        rest: &str,
        bearer: &Bearer,
        headers: &[(header::HeaderName, &str)],
    ) -> Reply {
        let mut request = self.world.ask(method, &self.host, &self.target(name, rest));
        if let Some(bearer) = bearer {
            request = request.header(header::AUTHORIZATION, bearer);
        }
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        Reply::to(request).await
    }

    /// A challenge leads to the Worker and nowhere else.
    fn check_challenge(&self, challenge: &str) {
        if let Some(basic) = challenge.strip_prefix("Basic ") {
            assert_eq!(parameter(basic, "realm"), self.world.authority(&self.host), "{challenge}");
            return;
        }
        let realm = parameter(challenge, "realm");
        assert!(realm.starts_with(&self.world.url(&self.host, "/token/")), "a foreign realm: {challenge}");
        assert_eq!(parameter(challenge, "service"), self.world.authority(&self.host), "{challenge}");
    }

    /// 200 where nobody logs in, else 401 with a challenge.
    async fn ping(&self) {
        let ping = self.world.get(&self.host, "/v2/").await;
        assert_eq!(ping.header("docker-distribution-api-version"), "registry/2.0");
        let manners = self.manners();
        let gateway = !self.prefix.is_empty(); // whose ping is the default registry's
        if manners.tokens.is_none() && !manners.basic && !gateway {
            ping.expect(StatusCode::OK);
            return;
        }
        let ping = ping.expect_challenge();
        ping.error_code("/v2/");
        let challenge = ping.header(header::WWW_AUTHENTICATE);
        self.check_challenge(challenge);
        assert_eq!(challenge.starts_with("Basic "), manners.tokens.is_none(), "{challenge}");
    }

    /// The `Authorization` that docker would get for pulling `name`; none where it does not ask for a token.
    async fn token(&self, name: &str, user: Option<(&str, &str)>) -> Bearer {
        let ping = self.world.get(&self.host, "/v2/").await;
        if ping.status == StatusCode::OK {
            return None;
        }
        let token = self.ask_for_token(name, user).await.expect(StatusCode::OK).json();
        Some(format!("Bearer {}", token["token"].as_str().expect("a token")))
    }

    async fn ask_for_token(&self, name: &str, user: Option<(&str, &str)>) -> Reply {
        let scope = self.scope(name);
        self.ask_token_server(&[("service", &self.world.authority(&self.host)), ("scope", &scope)], user).await
    }

    fn scope(&self, name: &str) -> String {
        format!("repository:{}{name}:pull", self.prefix)
    }

    async fn ask_token_server(&self, fields: &[(&str, &str)], user: Option<(&str, &str)>) -> Reply {
        let realm = self.world.url(&self.host, &format!("/token/{}", self.manners().registry));
        let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = HTTP.get(format!("{realm}?{query}"));
        if let Some((user, password)) = user {
            // A gateway's logins say whose they are.
            let user = if self.prefix.is_empty() { user.to_owned() } else { format!("{}{user}", self.prefix) };
            request = request.basic_auth(user, Some(password));
        }
        Reply::to(request).await
    }

    /// Everything a repository has, each byte checked.
    async fn pull(&self, repository: &Repository, bearer: &Bearer) {
        self.tag_list(repository, bearer).await;
        for image in [&repository.oci, &repository.docker] {
            self.image(&repository.name, image, bearer).await;
        }
        let artifact = &repository.artifact;
        self.manifest(&repository.name, "artifact", artifact, Format::Oci.manifest(), bearer).await;
        let content: Value = serde_json::from_slice(&artifact.bytes).expect("a manifest");
        for descriptor in [&content["config"], &content["layers"][0]] {
            let digest = descriptor["digest"].as_str().expect("a digest");
            let blob = self.ask(Method::GET, &repository.name, &format!("blobs/{digest}"), bearer).await;
            assert_eq!(sha256(&blob.expect(StatusCode::OK).body), digest);
        }
        self.accept(repository, bearer).await;
        self.referrers(repository, bearer).await;
    }

    /// Who says nothing of what it understands gets what is there; who says so gets what the registry makes of it.
    async fn accept(&self, repository: &Repository, bearer: &Bearer) {
        let target = self.target(&repository.name, "manifests/1");
        let host = self.world.authority(&self.host);
        let authorization = bearer.iter().map(|bearer| format!("Authorization: {bearer}\r\n")).collect::<String>();
        // By hand, for the HTTP client would say `*/*`.
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{authorization}Connection: close\r\n\r\n");
        let silent = self.world.raw(request.as_bytes()).await.expect("an answer").expect(StatusCode::OK);
        assert_eq!(silent.header(header::CONTENT_TYPE), repository.oci.format.index());
        if let Accept::Exact(_) = self.manners().manifests.accept {
            let request = HTTP.get(self.world.url(&self.host, &target)).header(header::ACCEPT, Format::Docker.manifest());
            let request = bearer.iter().fold(request, |request, bearer| request.header(header::AUTHORIZATION, bearer));
            readable("Docker's types alone", &Reply::to(request).await.expect(StatusCode::NOT_FOUND));
        }
    }

    /// All pages of the tag list, each found by the `Link` of the one before.
    async fn tag_list(&self, repository: &Repository, bearer: &Bearer) {
        for start in ["tags/list", "tags/list?n=1"] {
            let own = self.target(&repository.name, "tags/list");
            let mut tags = Vec::new();
            let mut next = self.target(&repository.name, start);
            for page in 0.. {
                assert!(page < 20, "tags without end: {tags:?}");
                let mut request = self.world.ask(Method::GET, &self.host, &next);
                if let Some(bearer) = bearer {
                    request = request.header(header::AUTHORIZATION, bearer);
                }
                let reply = Reply::to(request).await.expect(StatusCode::OK);
                let list = reply.json();
                let page = list["tags"].as_array().expect("tags").iter();
                tags.extend(page.map(|tag| tag.as_str().expect("a tag").to_owned()));
                let link = reply.header(header::LINK);
                if link.is_empty() {
                    break;
                }
                assert!(link.ends_with(r#">; rel="next""#), "{link}");
                next = link.split(['<', '>']).nth(1).expect("a target").to_owned();
                assert!(next.starts_with(&format!("{own}?")), "the upstream's host or name leaks: {link}");
            }
            assert_eq!(tags, repository.tags, "{start}");
        }
    }

    /// The index by tag and digest, every platform's manifest, config and layers.
    async fn image(&self, name: &str, image: &Image, bearer: &Bearer) {
        for reference in [&image.tag, &image.index.digest] {
            self.manifest(name, reference, &image.index, image.format.index(), bearer).await;
        }
        for platform in &image.platforms {
            let manifest = &platform.manifest;
            self.manifest(name, &manifest.digest, manifest, image.format.manifest(), bearer).await;
            for blob in platform.layers.iter().chain([&platform.config]) {
                self.blob(name, blob, bearer).await;
            }
        }
    }

    async fn manifest(&self, name: &str, reference: &str, expected: &Blob, media: &str, bearer: &Bearer) {
        let rest = format!("manifests/{reference}");
        for method in [Method::HEAD, Method::GET] {
            let reply = self.ask(method.clone(), name, &rest, bearer).await.expect(StatusCode::OK);
            assert_eq!(reply.header(header::CONTENT_TYPE), media, "{method} {rest}");
            // Of a digest the Worker knows it itself, and of what it has held; what it only hands on is the registry's own.
            let handed_on = reply.header("x-pierhead-cache") == "bypass" && reference != expected.digest;
            let digest = if handed_on && !self.manners().manifests.digest { "" } else { &expected.digest };
            assert_eq!(reply.header("docker-content-digest"), digest, "{method} {rest}");
            let length = reply.header(header::CONTENT_LENGTH);
            // docker insists on it with HEAD; a GET has its body.
            let needed = method == Method::HEAD || self.manners().manifests.length;
            assert!(!needed || length == expected.bytes.len().to_string(), "{method} {rest}: length {length:?}");
            // What is answered from the store says nothing of limits.
            let asked = reply.header("x-pierhead-cache") == "miss";
            let limits = self.manners().manifests.headers.iter().filter(|(name, _)| asked && name.contains("ratelimit"));
            for (name, value) in limits {
                assert_eq!(reply.header(*name), *value, "{method} {rest}");
            }
            assert_eq!(reply.body.is_empty(), method == Method::HEAD);
            assert!(method == Method::HEAD || sha256(&reply.body) == expected.digest, "{method} {rest}");
            if self.manners().manifests.etag && self.manners().manifests.hop.is_none() {
                let known = [(header::IF_NONE_MATCH, reply.header(header::ETAG))];
                let again = self.ask_with(method, name, &rest, bearer, &known).await;
                again.expect(StatusCode::NOT_MODIFIED);
            }
        }
    }

    async fn blob(&self, name: &str, blob: &Blob, bearer: &Bearer) {
        let (rest, size) = (format!("blobs/{}", blob.digest), blob.bytes.len());
        let head = self.ask(Method::HEAD, name, &rest, bearer).await.expect(StatusCode::OK);
        assert_eq!(head.header(header::CONTENT_LENGTH), size.to_string(), "HEAD {rest}");
        assert_eq!(head.header("docker-content-digest"), blob.digest, "HEAD {rest}");
        assert!(head.body.is_empty());
        let whole = self.ask(Method::GET, name, &rest, bearer).await.expect(StatusCode::OK);
        assert_eq!(sha256(&whole.body), blob.digest);
        assert_eq!(whole.header(header::CONTENT_LENGTH), size.to_string(), "GET {rest}");
        assert_eq!(whole.header("docker-content-digest"), blob.digest, "GET {rest}");
        let range = [(header::RANGE, "bytes=3-11")];
        let part = self.ask_with(Method::GET, name, &rest, bearer, &range).await.expect(StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.body, blob.bytes.slice(3..12));
        assert_eq!(part.header(header::CONTENT_RANGE), format!("bytes 3-11/{size}"));
    }

    /// A list of them, or 404: that is how a client comes to ask for the referrers tag.
    async fn referrers(&self, repository: &Repository, bearer: &Bearer) {
        let rest = format!("referrers/{}", repository.oci.index.digest);
        let reply = self.ask(Method::GET, &repository.name, &rest, bearer).await;
        if let Referrers::Listed = self.manners().referrers {
            let list = reply.expect(StatusCode::OK);
            assert_eq!(list.header(header::CONTENT_TYPE), "application/vnd.oci.image.index.v1+json");
            assert_eq!(list.json()["manifests"][0]["digest"], repository.artifact.digest);
            return;
        }
        reply.expect(StatusCode::NOT_FOUND).error_code(&rest);
        // What the client asks for next. That a subject is no list is for it to see.
        let tag = format!("manifests/{}", repository.oci.index.digest.replace(':', "-"));
        let fallback = self.ask(Method::GET, &repository.name, &tag, bearer).await;
        if self.manners().manifests.fallback_is_subject {
            assert_eq!(fallback.expect(StatusCode::OK).body, repository.oci.index.bytes);
            return;
        }
        readable(&tag, &fallback.expect(StatusCode::NOT_FOUND));
    }

    /// The registry takes no token any more that it gave: the server side gets new ones, and nobody notices.
    async fn forget_tokens(&self, repository: &Repository, bearer: &Bearer) {
        self.play.revoke_tokens();
        let layer = &repository.oci.platforms[0].layers[0];
        self.manifest(&repository.name, "1", &repository.oci.index, repository.oci.format.index(), bearer).await;
        self.play.revoke_tokens();
        self.blob(&repository.name, layer, bearer).await;
    }

    /// What the registry refuses, a client that cannot do better hears in the registry's words, and when to come back.
    async fn refusals(&self, anonymous: &Bearer) {
        for (name, refusal) in self.manners().refusing {
            if anonymous.is_some() {
                let pass = self.token(name, None).await;
                let refused = self.ask(Method::GET, name, "manifests/1", &pass).await;
                assert_eq!(refused.status.as_u16(), refusal.status, "{name}");
                check_refusal(name, &refused, refusal);
            }
            let refused = self.ask(Method::GET, name, "manifests/1", &None).await;
            check_refusal(name, &refused, refusal);
            if refused.status == StatusCode::UNAUTHORIZED {
                self.check_challenge(refused.header(header::WWW_AUTHENTICATE));
            }
        }
    }

    /// A tag and a blob that are not there.
    async fn missing(&self, repository: &Repository, bearer: &Bearer) {
        let nowhere = format!("blobs/{}", sha256(b"nothing"));
        for rest in ["manifests/no-such-tag", &nowhere] {
            let reply = self.ask(Method::GET, &repository.name, rest, bearer).await.expect(StatusCode::NOT_FOUND);
            readable(rest, &reply);
            self.ask(Method::HEAD, &repository.name, rest, bearer).await.expect(StatusCode::NOT_FOUND);
        }
    }

    /// A repository that is not for everybody, or not there: a refusal one can read, and the way to a login.
    async fn closed(&self, name: &str, bearer: &Bearer) {
        for method in [Method::GET, Method::HEAD] {
            let refused = self.ask(method.clone(), name, "manifests/1", bearer).await;
            assert!(matches!(refused.status.as_u16(), 401 | 403 | 404), "{method} {name}: {}", refused.status);
            if method == Method::GET {
                readable(name, &refused);
            }
            let challenge = refused.header(header::WWW_AUTHENTICATE);
            assert!(refused.status != StatusCode::UNAUTHORIZED || !challenge.is_empty(), "{name}: 401, no challenge");
            if !challenge.is_empty() {
                self.check_challenge(challenge);
            }
            if challenge.contains("scope=") {
                assert_eq!(parameter(challenge, "scope"), format!("repository:{}{name}:pull", self.prefix));
            }
            let to_log_in = refused.status == StatusCode::UNAUTHORIZED || self.manners().private != Some(name);
            assert!(bearer.is_some() || to_log_in, "{name}: nobody is asked to log in");
        }
    }

    /// `docker login`: a token without a scope opens `/v2/`.
    async fn login(&self) {
        let fields = [("account", USER.0), ("client_id", "docker"), ("offline_token", "true"), ("service", "any")];
        let token = self.ask_token_server(&fields, Some(USER)).await.expect(StatusCode::OK).json();
        let ping = self.world.ask(Method::GET, &self.host, "/v2/").bearer_auth(token["token"].as_str().expect("a token"));
        Reply::to(ping).await.expect(StatusCode::OK);
    }

    /// Several scopes in one request, as for a mount across repositories, and one of them twice.
    async fn scopes(&self, public: &Repository, private: &Repository) {
        let (one, other) = (self.scope(&public.name), self.scope(&private.name));
        let fields = [("service", "any"), ("scope", &one), ("scope", &other), ("scope", &one)];
        let token = self.ask_token_server(&fields, Some(USER)).await.expect(StatusCode::OK).json();
        let bearer = Some(format!("Bearer {}", token["token"].as_str().expect("a token")));
        for repository in [public, private] {
            self.ask(Method::GET, &repository.name, "manifests/1", &bearer).await.expect(StatusCode::OK);
        }
    }

    /// POST for a token: with the password, then with the refresh token, or a refusal that sends clients to GET.
    async fn posts(&self, repository: &Repository) {
        let tokens = self.manners().tokens.as_ref().expect("who logs in by a token has a token server");
        let realm = self.world.url(&self.host, &format!("/token/{}", self.manners().registry));
        let scope = format!("repository:{}{}:pull", self.prefix, repository.name);
        let user = format!("{}{}", self.prefix, USER.0);
        let common = [("service", "any"), ("client_id", "e2e"), ("scope", scope.as_str()), ("access_type", "offline")];
        let post = async |fields: &[(&str, &str)]| {
            let all = common.iter().chain(fields);
            let form: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
            let request = HTTP.post(&realm).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            Reply::to(request.body(form)).await
        };
        let password = |password| [("grant_type", "password"), ("username", user.as_str()), ("password", password)];
        let reply = post(&password(USER.1)).await;
        if let Post::Refused(_) = tokens.post {
            // containerd goes on to GET on these, and on no other.
            assert!(matches!(reply.status.as_u16(), 400 | 401 | 404 | 405), "POST: {}", reply.status);
            reply.error_code("POST");
            return;
        }
        let mut replies = vec![reply.expect(StatusCode::OK).json()];
        post(&password("wrong")).await.expect(StatusCode::UNAUTHORIZED).error_code("a wrong password by POST");
        if tokens.refresh {
            let refresh = replies[0]["refresh_token"].as_str().expect("a refresh token").to_owned();
            let reply = post(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
            replies.push(reply.expect(StatusCode::OK).json());
        }
        for reply in replies {
            let bearer = Some(format!("Bearer {}", reply["access_token"].as_str().expect("a token")));
            self.ask(Method::GET, &repository.name, "manifests/1", &bearer).await.expect(StatusCode::OK);
        }
    }

    /// A user's token that the registry takes no more: the client hears that it must get another.
    async fn expired(&self, name: &str, login: &Bearer) {
        self.play.revoke_tokens();
        for method in [Method::HEAD, Method::GET] {
            let refused = self.ask(method, name, "manifests/1", login).await.expect_challenge();
            let challenge = refused.header(header::WWW_AUTHENTICATE);
            assert!(challenge.starts_with("Bearer "), "{challenge}");
            self.check_challenge(challenge);
        }
    }

    async fn wrong_password(&self, name: &str) {
        let refused = self.ask_for_token(name, Some((USER.0, "wrong"))).await;
        readable("a wrong password", &refused);
        // ghcr.io and gitlab.com say 403, and clients take that as well.
        let wrong = self.manners().tokens.as_ref().map_or(401, |tokens| tokens.wrong_password.status);
        assert_eq!(refused.status.as_u16(), wrong);
    }
}

/// The registry's status and words, or a 401 of the Worker's that repeats them; a 429 says when to come back.
fn check_refusal(name: &str, refused: &Reply, refusal: &Said) {
    readable(name, refused);
    assert!([refusal.status, 401].contains(&refused.status.as_u16()), "{name}: {}", refused.status);
    if refused.status == StatusCode::TOO_MANY_REQUESTS {
        assert!(!refused.header(header::RETRY_AFTER).is_empty(), "{name}: when to come back?");
    }
    if let Ok(said) = serde_json::from_str::<Value>(refusal.body) {
        let words = said["errors"][0]["message"].as_str().expect("a message");
        let text = refused.json().to_string();
        assert!(text.contains(&words.replace('"', "\\\"")), "{name}: not the registry's words: {text}");
    }
}

/// JSON with an OCI error in it, be the code the registry's own.
fn readable(what: &str, reply: &Reply) {
    let shown = format!("{what}: {} {:?}", reply.status, String::from_utf8_lossy(&reply.body));
    assert!(reply.header(header::CONTENT_TYPE).starts_with("application/json"), "not JSON: {shown}");
    let error = &reply.json()["errors"][0];
    assert!(error["code"].as_str().is_some_and(|code| !code.is_empty()), "no code: {shown}");
    assert!(error["message"].is_string(), "no message: {shown}");
}

/// The operator's account opens to everybody what wants a login.
pub async fn operators_accounts(stage: &Stage) {
    for manners in ALL.into_iter().filter(|manners| manners.wants == Wants::Login) {
        let play = Play::new(manners);
        let mut variables = play.variables();
        variables.push(("ACCESS", json!("public")));
        variables.push(("CREDENTIALS", json!({manners.registry: format!("{}:{}", USER.0, USER.1)}).to_string().into()));
        let world = stage.world(play.hosts(), &variables).await;
        let host = format!("{}.localhost", manners.label.expect("an operator's registry has a label"));
        let visit = Visit { play, world, host, prefix: String::new() };
        let anonymous = visit.token(manners.public, None).await;
        visit.pull(&visit.play.public, &anonymous).await;
        visit.pull(&visit.play.public, &None).await;
    }
}

/// The registry that means no good, in the place of quay.io.
pub async fn hostile(stage: &Stage) {
    let world = stage.world(Hosts::from([("quay.io".to_owned(), hostile::host())]), &[]).await;
    for (name, outcome) in hostile::TRICKS {
        let target = format!("/v2/{name}/manifests/1");
        match outcome {
            Outcome::Error(code) => {
                let refused = world.get("quay.localhost", &target).await;
                assert_eq!(refused.error_code(name), *code, "{name}");
                assert!(!refused.header(header::CONTENT_TYPE).contains("html"), "{name}");
            }
            Outcome::Passed => {
                let reply = world.get("quay.localhost", &target).await.expect(StatusCode::OK);
                assert_eq!(reply.body, hostile::manifest().bytes, "{name}");
            }
        }
    }
    let tags = world.get("quay.localhost", "/v2/team/app/tags/list").await.expect(StatusCode::OK);
    assert_eq!(tags.json()["tags"], json!(null));
}
