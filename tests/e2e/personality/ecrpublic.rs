//! public.ecr.aws: a scope that is one word, 400 for an expired token, 401 for HEAD of any blob.

use super::*;

const CHALLENGE: Said = said(
    401,
    &[
        JSON_UTF8,
        ("www-authenticate", r#"Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws""#),
    ],
    r#"{"errors":[{"code":"DENIED","message":"Your authorization token is invalid or has expired."}]}"#,
);

pub const ECR_PUBLIC: Personality = Personality {
    id: "ecrpublic",
    registry: "public.ecr.aws",
    label: Some("ecr"),
    origin: "public.ecr.aws",
    public: "docker/library/hello",
    wants: Wants::Token,
    ping: CHALLENGE,
    challenge: CHALLENGE,
    bad_token: said(
        400,
        &[JSON_UTF8],
        r#"{"errors":[{"code":"DENIED","message":"Your Authorization Token has expired. Please run 'aws ecr-public get-login-password' to fetch a new one."}]}"#,
    ),
    denied: said(
        404,
        &[JSON_UTF8],
        r#"{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name '{name}' does not exist in the registry"}]}"#,
    ),
    tokens: Some(Tokens {
        host: "public.ecr.aws",
        path: "/token/",
        service: Some("public.ecr.aws"),
        scoped: false,
        token: Shape { prefix: "eyJwYXlsb2FkIjoi", bytes: 2500 },
        ..TOKENS
    }),
    tags: Tags { link: "", ..PLAIN.tags },
    blobs: Blobs {
        ways: &[&[Hop {
            status: 307,
            location: "https://d5l0dvt14r5h8.cloudfront.net/4b15-{ab}/{hex}?Expires=1767225600&Signature=a-b~c__&Key-Pair-Id=KPID",
            headers: &[OCTETS],
            body: "",
        }]],
        head: Head::Refused(said(401, &[JSON_UTF8], r#"{"errors":[{"code":"UNAUTHORIZED","message":"Not Authorized"}]}"#)),
        ..PLAIN.blobs
    },
    referrers: Referrers::Listed,
    refusing: &[("docker/library/limited", said(429, &[TEXT], "toomanyrequests: Rate exceeded"))],
    ..PLAIN
};
