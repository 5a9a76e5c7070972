//! registry.k8s.io: nobody logs in; manifests are Artifact Registry's, blobs are up to three redirects away.

use super::*;

pub const K8S: Personality = Personality {
    id: "k8s",
    registry: "registry.k8s.io",
    label: Some("k8s"),
    origin: "registry.k8s.io",
    public: "pause",
    ping: said(200, &[], ""),
    moved: Some(Moved { status: 307, host: "us-east4-docker.pkg.dev", path: "/v2/k8s-artifacts-prod/images/" }),
    blobs: Blobs {
        ways: &[
            &[Hop {
                status: 307,
                location: "https://d1be1w964nk82h.cloudfront.net/containers/images/{digest}",
                headers: &[HTML],
                body: "<a href=\"https://d1be1w964nk82h.cloudfront.net/\">Temporary Redirect</a>.\n\n",
            }],
            // A blob that is in no bucket yet.
            &[
                Hop {
                    status: 307,
                    location: "https://us-east4-docker.pkg.dev/v2/k8s-artifacts-prod/images/{name}/blobs/{digest}",
                    headers: &[HTML],
                    body: "<a href=\"https://us-east4-docker.pkg.dev/\">Temporary Redirect</a>.\n\n",
                },
                Hop {
                    status: 302,
                    location: "/artifacts-downloads/namespaces/k8s-artifacts-prod/repositories/images/downloads/AAAA-{hex}==",
                    headers: &[HTML],
                    body: "<a href=\"/artifacts-downloads\">Found</a>.\n\n",
                },
            ],
        ],
        head: Head::Redirected,
        store: S3,
        ..PLAIN.blobs
    },
    ..PLAIN
};
