//! Which addresses a sink may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whom an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To the internet.
    Public,
    /// To this machine or to a network of its own: loopback, private ranges.
    Private,
    /// To nobody who could be a sink: link-local and other places of metadata services, groups, ranges without hosts.
    Never,
}

/// Metadata services of clouds that stand outside the link-local ranges.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

impl Reach {
    /// Of an address, and of one that is hidden in it.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => match embedded(address) {
                // Sites may translate other bits than the last ones (RFC 8215), so that these alone make nothing public.
                Some(hidden) if is_translated_here(address) && of_v4(hidden) == Self::Public => Self::Private,
                Some(hidden) => of_v4(hidden),
                None => of_v6(address),
            },
        }
    }
}

fn of_v4(address: Ipv4Addr) -> Reach {
    if METADATA_V4.contains(&address) {
        return Reach::Never;
    }
    match address.octets() {
        // Loopback, private (RFC 1918), carriers (RFC 6598), benchmarks (RFC 2544).
        [127 | 10, ..] | [192, 168, ..] | [198, 18..=19, ..] => Reach::Private,
        [172, second, ..] if (16..=31).contains(&second) => Reach::Private,
        [100, second, ..] if (64..=127).contains(&second) => Reach::Private,
        // This network, link-local, protocol assignments, documentation, relays, groups, reserved, broadcast (RFC 6890).
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Reach::Never,
        _ => Reach::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Reach {
    if METADATA_V6.contains(&address) {
        return Reach::Never;
    }
    let [first, second, ..] = address.segments();
    match first {
        _ if address.is_loopback() => Reach::Private,
        // Services of a cloud for its machines: metadata, time, names.
        0xfd00 if second == 0xec2 => Reach::Never,
        // Unique local (RFC 4193), and the site-local ones before them; addresses that are translated (RFC 6052).
        0xfc00..=0xfdff | 0xfec0..=0xfeff => Reach::Private,
        0x64 if second == 0xff9b => Reach::Private,
        // Teredo and other protocols (2001::/23), documentation.
        0x2001 if second < 0x200 || second == 0xdb8 => Reach::Never,
        // Everything that hosts are given.
        0x2000..=0x3ffe => Reach::Public,
        // Unspecified, discard-only, link-local, groups, reserved.
        _ => Reach::Never,
    }
}

/// Whether it stands for an IPv4 address by a translation of this site (`64:ff9b:1::/48`, RFC 8215).
fn is_translated_here(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0x64, 0xff9b, 1, ..])
}

/// The IPv4 address that a packet to this one would come to: mapped, compatible, translated (RFC 6052), 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let halves = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // The unspecified address and loopback are none of these.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        // At the end where the site's prefix has 96 bits, as nearly all have.
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => halves(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_has_its_reach() {
        for (text, reach) in [
            ("8.8.8.8", Reach::Public),
            ("172.15.255.255", Reach::Public),
            ("172.32.0.0", Reach::Public),
            ("100.63.0.1", Reach::Public),
            ("192.167.255.255", Reach::Public),
            ("2606:4700::1111", Reach::Public),
            ("::ffff:8.8.8.8", Reach::Public),
            ("127.0.0.1", Reach::Private),
            ("127.255.255.254", Reach::Private),
            ("10.0.0.1", Reach::Private),
            ("172.16.0.1", Reach::Private),
            ("172.31.255.255", Reach::Private),
            ("192.168.1.1", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("::1", Reach::Private),
            ("fc00::1", Reach::Private),
            ("fd12:3456::1", Reach::Private),
            ("::ffff:127.0.0.1", Reach::Private),
            ("::ffff:10.0.0.1", Reach::Private),
            ("::7f00:1", Reach::Private),
            ("64:ff9b::10.0.0.1", Reach::Private),
            ("64:ff9b:1::a00:1", Reach::Private),
            ("2002:7f00:1::1", Reach::Private),
            ("169.254.169.254", Reach::Never),
            ("169.254.170.2", Reach::Never),
            ("100.100.100.200", Reach::Never),
            ("168.63.129.16", Reach::Never),
            ("192.0.0.192", Reach::Never),
            ("0.0.0.0", Reach::Never),
            ("0.1.2.3", Reach::Never),
            ("224.0.0.1", Reach::Never),
            ("255.255.255.255", Reach::Never),
            ("::", Reach::Never),
            ("fe80::1", Reach::Never),
            ("ff02::1", Reach::Never),
            ("fd00:ec2::254", Reach::Never),
            ("fd20:ce::254", Reach::Never),
            ("fd00:ec2::1", Reach::Never),
            ("fd00:ec2:ffff::23", Reach::Never),
            ("fd00:ec3::254", Reach::Private),
            ("fd00:42::42", Reach::Never),
            ("fd00:42::43", Reach::Private),
            ("fd00:c1::a9fe:a9fe", Reach::Never),
            ("64:ff9b:1::a9fe:a9fe", Reach::Never),
            ("64:ff9b:1:7::a9fe:a9fe", Reach::Never),
            ("64:ff9b:1::6464:64c8", Reach::Never),
            ("64:ff9b:1::808:808", Reach::Private),
            ("::ffff:169.254.169.254", Reach::Never),
            ("::a9fe:a9fe", Reach::Never),
            ("64:ff9b::a9fe:a9fe", Reach::Never),
            ("2002:a9fe:a9fe::", Reach::Never),
            ("2001:0:1::1", Reach::Never),
            ("2001:db8::1", Reach::Never),
            ("4000::1", Reach::Never),
        ] {
            assert_eq!(Reach::of(text.parse().unwrap()), reach, "{text}");
        }
    }
}
