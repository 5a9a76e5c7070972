//! mcr.microsoft.com: nobody logs in; storage addresses with `//` in the path and `%2F` in the signature.

use super::*;

pub const MCR: Personality = Personality {
    id: "mcr",
    registry: "mcr.microsoft.com",
    label: Some("mcr"),
    origin: "mcr.microsoft.com",
    public: "windows/servercore/iis",
    manifests: Manifests { accept: Accept::OrSchema1, ..PLAIN.manifests },
    blobs: Blobs {
        ways: &[&[Hop {
            status: 307,
            location: "https://westus2.data.mcr.microsoft.com/01031d61e1024861afee5d512651eb9f-h36fskt2ei//docker/registry/v2/blobs/sha256/{ab}/{hex}/data?se=2026-01-01T00%3A20%3A00Z&sig=a%2Fb%2Bc%3D&sp=r&spr=https&sr=b&sv=2016-05-31&regid=01031d61e1024861afee5d512651eb9f",
            headers: &[OCTETS],
            body: "",
        }]],
        head: Head::Redirected,
        store: AZURE,
        ..PLAIN.blobs
    },
    ..PLAIN
};
