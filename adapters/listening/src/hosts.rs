//! Which hosts a request may name. Without this a web page could have a browser talk to a server on the loopback (DNS rebinding),
//! which needs no key.

use std::net::Ipv6Addr;

/// The names that a machine has for itself.
pub const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The hosts that are served.
#[derive(Debug, Clone)]
pub struct ServedHosts(Vec<String>);

impl ServedHosts {
    /// These hosts, with any port and in any spelling.
    pub fn new(hosts: &[impl AsRef<str>]) -> Self {
        Self(hosts.iter().map(|host| normal_host(host.as_ref())).collect())
    }

    /// Whether a host, with or without a port, is one of them.
    pub fn has(&self, host: &str) -> bool {
        self.0.contains(&normal_host(host))
    }
}

/// A host without its port, in lower case, addresses in one spelling.
pub fn normal_host(host: &str) -> String {
    let host = host.trim();
    if let Ok(address) = host.parse::<Ipv6Addr>() {
        return address.to_string();
    }
    if let Some((address, rest)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        let has_port = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        return match address.parse::<Ipv6Addr>() {
            Ok(address) if has_port => address.to_string(),
            _ => host.to_ascii_lowercase(),
        };
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    // A name with a dot at its end is the same name, fully qualified.
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_with_and_without_a_port_and_no_others_are() {
        let served = ServedHosts::new(&["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        for host in ["localhost", "LOCALHOST:8080", "localhost.", "127.0.0.1:1", "[::1]", "[::1]:8080", "[0:0::1]"] {
            assert!(served.has(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "[::2]",
            "[::1]x",
            "",
            "localhost:x",
            "a@localhost",
        ] {
            assert!(!served.has(host), "{host}");
        }
    }
}
