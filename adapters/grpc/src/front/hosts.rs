//! Which hosts a request may name. As with HTTP: whoever gets a name of theirs to point to the loopback must not get to a
//! server there, which needs no key.

use drifting_listening::ServedHosts;
use http::Request;
use http::header::HOST;

/// The check of `:authority`.
#[derive(Debug, Clone)]
pub(crate) struct HostCheck {
    /// The hosts that are served; `None`: any.
    hosts: Option<ServedHosts>,
}

impl HostCheck {
    pub(crate) fn new(allowed: Option<&[String]>) -> Self {
        Self { hosts: allowed.map(ServedHosts::new) }
    }

    /// Whether a request may be served: every host that it names must be allowed, and it must name one.
    pub(crate) fn allows<B>(&self, request: &Request<B>) -> bool {
        let Some(allowed) = &self.hosts else { return true };
        let named = request.uri().authority();
        let mut headers = request.headers().get_all(HOST).iter().peekable();
        (named.is_some() || headers.peek().is_some())
            && named.is_none_or(|authority| allowed.has(authority.as_str()))
            && headers.all(|host| host.to_str().is_ok_and(|host| allowed.has(host)))
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
