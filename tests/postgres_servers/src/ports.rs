//! Free ports for servers that keep theirs while they are stopped.

use std::net::{Ipv4Addr, TcpListener};

/// Below the ports that systems hand out by themselves, so that no outgoing connection takes one while the server is
/// stopped; above those of the object stores that other tests start.
const FIRST: u16 = 30_000;
const LAST: u16 = 32_700;

/// A port that no other test gets while this lives, in whatever process it runs: the one below it is listened on here,
/// and only who does so may use it.
#[derive(Debug)]
pub(crate) struct Port {
    guard: TcpListener,
}

impl Port {
    /// One that nobody listens on.
    pub(crate) fn reserve() -> Self {
        let n_pairs = u32::from((LAST - FIRST) / 2);
        // Processes that start together look in different places first.
        let start = std::process::id().wrapping_mul(2_654_435_761) % n_pairs;
        let pairs = (0..n_pairs).map(|step| (start + step) % n_pairs);
        let reserved = pairs.map(|pair| FIRST + 2 * u16::try_from(pair).expect("few pairs")).find_map(|first| {
            let guard = listen(first)?;
            // Others than tests may listen too.
            listen(first + 1).map(|_| Self { guard })
        });
        reserved.expect("some ports are free")
    }

    pub(crate) fn number(&self) -> u16 {
        self.guard.local_addr().expect("a listener has an address").port() + 1
    }
}

fn listen(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_given_once() {
        let (one, other) = (Port::reserve(), Port::reserve());
        assert_ne!(one.number(), other.number());
        assert!(listen(one.number()).is_some() && listen(other.number()).is_some(), "they are free");
    }
}
