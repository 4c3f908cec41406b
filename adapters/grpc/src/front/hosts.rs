//! Which hosts a request may name. As with HTTP: whoever gets a name of theirs to point to the loopback must not get to a
//! server there, which needs no key.

use std::net::Ipv6Addr;

use http::Request;
use http::header::HOST;
use http::uri::Authority;

/// The check of `:authority`.
#[derive(Debug, Clone)]
pub(crate) struct HostCheck {
    /// The hosts that are served; `None`: any.
    hosts: Option<Vec<String>>,
}

impl HostCheck {
    pub(crate) fn new(allowed: Option<&[String]>) -> Self {
        Self { hosts: allowed.map(|hosts| hosts.iter().map(|host| normal(host)).collect()) }
    }

    /// Whether a request may be served: every host that it names must be allowed, and it must name one.
    pub(crate) fn allows<B>(&self, request: &Request<B>) -> bool {
        let Some(allowed) = &self.hosts else { return true };
        let is_allowed = |authority: &Authority| {
            // Before a host may stand a user, and after it anything for a port.
            let is_plain = authority.as_str() == authority.host() || authority.port_u16().is_some();
            is_plain && !authority.as_str().contains('@') && allowed.contains(&normal(authority.host()))
        };
        let named = request.uri().authority();
        let mut headers = request.headers().get_all(HOST).iter().peekable();
        (named.is_some() || headers.peek().is_some())
            && named.is_none_or(is_allowed)
            && headers.all(|host| Authority::try_from(host.as_bytes()).is_ok_and(|host| is_allowed(&host)))
    }
}

/// A host in lower case, addresses in one spelling and without brackets.
fn normal(host: &str) -> String {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<Ipv6Addr>() {
        Ok(address) => address.to_string(),
        // A name with a dot at its end is the same name, fully qualified.
        Err(_) => host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(uri: &str, headers: &[&str]) -> bool {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut request = Request::builder().uri(uri);
        for host in headers {
            request = request.header(HOST, *host);
        }
        HostCheck::new(Some(&names)).allows(&request.body(()).unwrap())
    }

    #[test]
    fn loopback_names_are_served_with_and_without_a_port() {
        for host in ["localhost", "LOCALHOST:8081", "localhost.", "127.0.0.1:1", "[::1]", "[::1]:8081", "[0:0::1]:1"] {
            assert!(allows(&format!("http://{host}/x"), &[]), "{host}");
            assert!(allows("/x", &[host]), "{host}");
        }
        assert!(HostCheck::new(None).allows(&Request::builder().uri("http://any.example/x").body(()).unwrap()));
    }

    #[test]
    fn other_hosts_are_refused() {
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", "a@localhost"] {
            assert!(!allows(&format!("http://{host}/x"), &[]), "{host}");
            assert!(!allows("/x", &[host]), "{host}");
        }
        assert!(!allows("/x", &[]));
        assert!(!allows("/x", &["localhost", "evil.example"]));
        assert!(!allows("http://localhost/x", &["evil.example"]));
        assert!(!allows("/x", &["localhost:x"]));
    }
}
