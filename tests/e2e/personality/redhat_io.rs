//! registry.redhat.io: everybody has to log in, and even a good password does not open `/v2/`.

use super::*;

const CHALLENGE: Said = said(
    401,
    &[
        JSON,
        (
            "www-authenticate",
            r#"Bearer realm="https://registry.redhat.io/auth/realms/rhcc/protocol/redhat-docker-v2/auth",service="docker-registry""#,
        ),
    ],
    r#"{"errors":[{"code":"UNAUTHORIZED","message":"Access to the requested resource is not authorized"}]}"#,
);
const PLEASE_LOG_IN: &str = r#"{"errors":[{"code":"UNAUTHORIZED","message":"Please login to the Red Hat Registry using your Customer Portal credentials. Further instructions can be found here: https://access.redhat.com/RegistryAuthentication"}]}"#;

pub const REDHAT_IO: Personality = Personality {
    id: "redhat_io",
    registry: "registry.redhat.io",
    label: Some("rhio"),
    settings: r#"{"labels":["rhio"]}"#,
    origin: "registry.redhat.io",
    public: "ubi9/ubi",
    private: Some("ubi9/ubi"),
    wants: Wants::Login,
    ping: CHALLENGE,
    challenge: CHALLENGE,
    bad_token: CHALLENGE,
    denied: said(404, &[JSON], r#"{"errors":[{"code":"UNKNOWN","message":"Not Found"}]}"#),
    always: &[REGISTRY_2, ("registry-proxy-request-id", "1c2d")],
    tokens: Some(Tokens {
        host: "registry.redhat.io",
        path: "/auth/realms/rhcc/protocol/redhat-docker-v2/auth",
        service: Some("docker-registry"),
        anonymous: Some(said(401, &[JSON], PLEASE_LOG_IN)),
        wrong_password: said(401, &[JSON], PLEASE_LOG_IN),
        post: Post::Refused(said(405, &[TEXT], "")),
        ..TOKENS
    }),
    manifests: Manifests {
        unknown: said(404, &[JSON], r#"{"errors":[{"code":"UNKNOWN","message":"Not Found"}]}"#),
        ..PLAIN.manifests
    },
    blobs: redhat_access::REDHAT_ACCESS.blobs,
    ..PLAIN
};
