//! Free ports for servers that must be told theirs, or keep them while they are stopped. For tests alone.

use std::net::{Ipv4Addr, TcpListener};

/// Below the ports that systems hand out by themselves, so that no outgoing connection takes one in between; and so low
/// that the ports ten thousand above, which some programs take for granted, are nobody's either.
const FIRST: u16 = 10_000;
const LAST: u16 = 20_000;
/// How many ports belong together.
const BLOCK: u16 = 16;

/// A few ports in a row. No other test gets them while this lives, in whatever process it runs: the first port is
/// listened on here, and only who does so may use the others.
#[derive(Debug)]
pub struct Ports {
    guard: TcpListener,
}

impl Ports {
    /// Ports that nobody listens on.
    ///
    /// # Panics
    /// When there are none left.
    pub fn reserve() -> Self {
        let n_blocks = u32::from((LAST - FIRST) / BLOCK);
        // Processes that start together look in different places first.
        let start = std::process::id().wrapping_mul(2_654_435_761) % n_blocks;
        let blocks = (0..n_blocks).map(|step| (start + step) % n_blocks);
        let reserved =
            blocks.map(|block| FIRST + BLOCK * u16::try_from(block).expect("few blocks")).find_map(|first| {
                let guard = listen(first)?;
                // Others than tests may listen too.
                (1..BLOCK).all(|n| listen(first + n).is_some()).then_some(Self { guard })
            });
        reserved.expect("some ports are free")
    }

    /// The `n`-th of them, from 0.
    ///
    /// # Panics
    /// When a block has fewer.
    pub fn port(&self, n: u16) -> u16 {
        assert!(n + 1 < BLOCK, "a block has {BLOCK} ports");
        self.guard.local_addr().expect("a listener has an address").port() + 1 + n
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
        let (one, other) = (Ports::reserve(), Ports::reserve());
        let ports = |ports: &Ports| (0..BLOCK - 1).map(|n| ports.port(n)).collect::<Vec<u16>>();
        assert!(ports(&one).iter().all(|port| !ports(&other).contains(port)));
        assert!(ports(&one).iter().all(|port| listen(*port).is_some()), "they are free");
    }
}
