//! Where a redirect may lead.

use http::StatusCode;
use http::header::{HeaderMap, LOCATION};
use url::Url;

use crate::config::Config;
use crate::headers;
use crate::oci::{Code, OciError};
use crate::registry::{Registry, is_public_name, same_origin};
use crate::route::Site;

/// Whether a status leads to the `Location` beside it; 300, 304 and 305 do not.
#[must_use]
pub fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where an answer redirects to, if it does.
///
/// Allowed is any https host with a public name on the default port that is not ours: storage hosts change too often
/// for a list, and no credential goes there. The registry's own origin is allowed whatever its port.
///
/// # Errors
///
/// `UNAVAILABLE` naming the host, for a redirect to anywhere else or without a `Location`.
pub fn next_hop(
    config: &Config,
    registry: &Registry,
    site: &Site,
    from: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Url>, OciError> {
    if !is_redirect(status) {
        return Ok(None);
    }
    let refuse =
        |why: &str| OciError::new(Code::Unavailable, format!("`{}` redirects {why}; this is not followed", registry.name));
    let location = headers::text(headers, &LOCATION).ok_or_else(|| refuse("without saying where"))?;
    // A relative one is resolved against the hop that sent it (gcr.io, Artifact Registry). What a signature covers,
    // `%3A`, `%2F` and `//`, the WHATWG parser leaves as it is.
    let mut target = from.join(location).map_err(|_| refuse("to something that is no URL"))?;
    target.set_fragment(None);
    let host = target.host_str().unwrap_or_default();
    if !target.username().is_empty() || target.password().is_some() {
        return Err(refuse(&format!("to `{host}` with a user name in the address")));
    }
    if same_origin(&target, &registry.origin) {
        return Ok(Some(target));
    }
    if target.scheme() != "https" {
        return Err(refuse(&format!("to `{}://{host}`, which is not https", target.scheme())));
    }
    if let Some(port) = target.port() {
        return Err(refuse(&format!("to port {port} of `{host}`")));
    }
    if !is_public_name(&target) {
        return Err(refuse(&format!("to `{host}`, which is no public name")));
    }
    if site.is_ours(config, host) {
        return Err(refuse(&format!("to `{host}`, which is this proxy")));
    }
    Ok(Some(target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use std::collections::BTreeMap;

    fn hop(status: u16, location: Option<&str>) -> Result<Option<String>, String> {
        let config =
            Config::read(&BTreeMap::from([("ROUTES".to_owned(), serde_json::json!({"hub.example.net": "docker.io"}))]))
                .unwrap();
        let site = Site::of(&config, &Url::parse("https://docker.example.com/v2/").unwrap()).unwrap();
        let from = Url::parse("https://gcr.io/v2/p/i/blobs/x").unwrap();
        let registry = config.registries.by_name("gcr.io").unwrap();
        let headers = location.iter().map(|l| (LOCATION, HeaderValue::from_str(l).unwrap())).collect();
        next_hop(&config, &registry, &site, &from, StatusCode::from_u16(status).unwrap(), &headers)
            .map(|target| target.map(String::from))
            .map_err(|e| e.message)
    }

    #[test]
    fn storage_addresses_stay_as_they_are() {
        for location in [
            "https://x.r2.cloudflarestorage.com/chainguard-images-prod/sha256%3Aab?X-Amz-Credential=a%2Fauto%2Fs3&X-Amz-SignedHeaders=host",
            "https://westus2.data.mcr.microsoft.com/01031d-abc//docker/registry/v2/blobs/sha256/ab/abcd/data?sig=a%2Fb%3D&sp=r",
            "https://cdn01.quay.io/q/sha256/ab/abcd?akamai_signature=exp=1~hmac=ab",
        ] {
            assert_eq!(hop(307, Some(location)), Ok(Some(location.to_owned())));
        }
        assert_eq!(hop(302, Some("/artifacts-downloads/x")), Ok(Some("https://gcr.io/artifacts-downloads/x".to_owned())));
        assert_eq!(hop(200, Some("https://x.example/")), Ok(None));
        assert_eq!(hop(304, None), Ok(None));
    }

    #[test]
    fn nothing_private_is_followed() {
        for location in [
            "http://cdn01.quay.io/x",
            "//127.0.0.1/x",
            "https://127.0.0.1/x",
            "https://0x7f000001/x",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/x",
            "https://localhost/x",
            "https://metadata.google.internal/x",
            "https://cdn01.quay.io:8443/x",
            "https://user:pw@cdn01.quay.io/x",
            "https://docker.example.com/v2/",
            "https://DOCKER.example.com./v2/",
            "https://ghcr.example.com/v2/",
            "https://hub.example.net/v2/",
            "https://user:pw@gcr.io/v2/",
            "https://a!b.quay.io/x",
            "ftp://cdn01.quay.io/x",
            "data:text/plain,x",
            "https://",
        ] {
            assert!(hop(307, Some(location)).is_err(), "{location}");
        }
        assert!(hop(307, None).is_err());
    }
}
