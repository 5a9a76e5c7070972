//! Addresses that a rule names.

use std::net::IpAddr;
use std::str::FromStr;

/// An address, or a range of them in CIDR notation: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many bits of it count.
    prefix: u32,
}

impl Network {
    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (Some(own), Some(other)) = (self.prefix_of(self.address), self.prefix_of(address)) else { return false };
        self.address.is_ipv4() == address.is_ipv4() && own == other
    }

    /// The bits of an address that count here.
    fn prefix_of(&self, address: IpAddr) -> Option<u128> {
        let (bits, width) = bits(address);
        // A shift by the whole width is none of its own.
        Some(bits.checked_shr(width.checked_sub(self.prefix)?).unwrap_or(0))
    }
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (address.to_bits().into(), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

impl FromStr for Network {
    type Err = ();

    /// # Errors
    ///
    /// A text that is no address or range, or whose address has bits beyond its range: one of the two is a slip of the pen.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(drop)?;
        // Clients' addresses are told in their plain form: a network of mapped ones would hold none.
        if address != address.to_canonical() {
            return Err(());
        }
        let (all, width) = bits(address);
        let prefix = match prefix {
            None => width,
            // `u32` would read `+8` too.
            Some(text) => text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit())).ok_or(())?,
        };
        let beyond = width.checked_sub(prefix).ok_or(())?;
        let clean = all.trailing_zeros() >= beyond || all == 0;
        clean.then_some(Self { address, prefix }).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_in_their_networks() {
        for (network, inside, outside) in [
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("0.0.0.0/0", "255.1.2.3", "::1"),
            ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::/0", "2001:db8::", "10.0.0.1"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{network:?} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{network:?} {outside}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "10.0.0.1/8",
            "10/8",
            "010.0.0.0/8",
            "::/129",
            "::ffff:10.0.0.1",
            "::ffff:10.0.0.0/104",
            "example.com",
            "*",
        ] {
            assert_eq!(bad.parse::<Network>(), Err(()), "{bad}");
        }
    }
}
