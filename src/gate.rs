//! The gate at work: what access, rules and limits say to one request.

use std::net::IpAddr;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, WWW_AUTHENTICATE};
use url::Url;

use crate::access::Caller;
use crate::answer::{self, Answer};
use crate::auth::BearerChallenge;
use crate::exchange::Exchange;
use crate::headers::{self, CF_CONNECTING_IP};
use crate::oci::{Code, Endpoint, OciError};
use crate::platform::Platform;
use crate::route::{Route, Spelling, no_such_path};

/// The client's address, as Cloudflare's edge saw it.
#[must_use]
pub fn address(client: &HeaderMap) -> Option<IpAddr> {
    headers::text(client, &CF_CONNECTING_IP)?.parse().ok().map(|address: IpAddr| address.to_canonical())
}

impl<P: Platform> Exchange<P> {
    /// What a stranger gets for whatever is below `/v2/`, be it there or not: the way to the token endpoint. `presented` tells
    /// whether the stranger has shown something.
    ///
    /// # Errors
    ///
    /// `UNSUPPORTED` with 404 for any other path.
    pub fn turn_away(&self, url: &Url, why: &OciError, presented: bool) -> Result<Answer<P>, OciError> {
        let Spelling { registry, scope } = Spelling::read(url).ok_or_else(no_such_path)?;
        self.record.borrow_mut().endpoint = Some("gate");
        let mut answer = self.fail(why);
        // containerd gets a new token in the place of one that has expired only where it is told that it has.
        let error = presented.then(|| ("invalid_token", why.message.clone()));
        let (realm, service) = (self.site.realm(&registry), self.site.authority.clone());
        let challenge = BearerChallenge { realm, service, scope, error }.to_string();
        answer::set(answer.headers_mut(), WWW_AUTHENTICATE, &challenge);
        Ok(answer)
    }

    /// Lets a request through the rules and the limit.
    ///
    /// # Errors
    ///
    /// `DENIED` or `TOOMANYREQUESTS`.
    pub async fn admit(&self, route: &Route, endpoint: &Endpoint) -> Result<(), OciError> {
        let registry = &route.registry.name;
        let rule = self.config.rules.of(registry);
        match endpoint {
            // On a gateway nothing tells yet which registry it will be.
            Endpoint::Ping if route.by_default => {}
            Endpoint::Ping => rule.check_client(registry, self.address)?,
            Endpoint::Repository(name, resource) => {
                rule.check_client(registry, self.address)?;
                rule.check(registry, &route.registry.upstream_name(name.as_str()), resource)?;
            }
        }
        self.count(self.user()).await
    }

    /// The name of the user who asks.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match &self.caller {
            Caller::User { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Counts a request of a user's, or else of an address's.
    ///
    /// # Errors
    ///
    /// `TOOMANYREQUESTS` beyond the limit that the operator has set.
    pub async fn count(&self, user: Option<&str>) -> Result<(), OciError> {
        let of_address = || format!("address {}", self.address.map(network).unwrap_or_default());
        let who = user.map_or_else(of_address, |user| format!("user {user}"));
        if self.platform.admits(&who).await {
            return Ok(());
        }
        Err(OciError::new(
            Code::TooManyRequests,
            "this proxy's own limit for one user or address is reached; try again later",
        ))
    }

    /// Lets an answer with a blob through, if the blob is no larger than the operator allows. One of a size that nobody tells
    /// could be, and is refused.
    ///
    /// # Errors
    ///
    /// `DENIED`.
    pub fn check_size(&self, answer: Answer<P>) -> Result<Answer<P>, OciError> {
        let Some(limit) = self.config.limits.blob_bytes.filter(|_| answer.status().is_success()) else { return Ok(answer) };
        let part = headers::text(answer.headers(), &CONTENT_RANGE).and_then(|range| range.rsplit_once('/'));
        let total = part.map(|(_, total)| total).or_else(|| headers::text(answer.headers(), &CONTENT_LENGTH));
        let size = total.and_then(|total| total.parse::<u64>().ok());
        if size.is_some_and(|size| size <= limit) {
            return Ok(answer);
        }
        let size = size.map_or_else(|| "of unknown size".to_owned(), |size| format!("of {size} bytes"));
        Err(OciError::new(Code::Denied, format!("a blob {size} is not served here; expected {limit} bytes at most")))
    }
}

/// An address as it is counted. Whoever has an IPv6 network has all of its addresses, and it is a /64 at least.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x}::/64", address.to_bits() >> 64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn an_address_is_the_edges_word() {
        let read = |value: &'static str| {
            address(&HeaderMap::from_iter([(CF_CONNECTING_IP, HeaderValue::from_static(value))])).map(network)
        };
        assert_eq!(read("192.0.2.7"), Some("192.0.2.7".to_owned()));
        assert_eq!(read("::ffff:192.0.2.7"), Some("192.0.2.7".to_owned()));
        assert_eq!(read("2001:db8:0:1:a::1"), read("2001:db8:0:1::2"));
        assert_ne!(read("2001:db8:0:1::1"), read("2001:db8:0:2::1"));
        for bad in ["", "192.0.2.7, 10.0.0.1", "192.0.2", "x"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(address(&HeaderMap::new()), None);
    }
}
