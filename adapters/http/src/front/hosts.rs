//! Which hosts a request may name, and which pages may send one.

use drifting_listening::{ServedHosts, normal_host};
use poem::Request;
use poem::http::{HeaderValue, header};

use crate::error::{Code, Failure};
use crate::settings::AllowedHosts;

/// The check of `Host` and `Origin`.
#[derive(Debug, Clone)]
pub(crate) struct HostCheck {
    /// The hosts that are served; `None`: any.
    hosts: Option<ServedHosts>,
    /// Whether a page must come from this server itself to change something.
    own_pages_only: bool,
}

impl HostCheck {
    /// The check that these settings ask for.
    pub(crate) fn new(allowed: &AllowedHosts) -> Self {
        let (hosts, own_pages_only) = match allowed {
            AllowedHosts::Any => (None, false),
            AllowedHosts::Loopback(hosts) => (Some(hosts), true),
            AllowedHosts::Named(hosts) => (Some(hosts), false),
        };
        Self { hosts: hosts.map(|hosts| ServedHosts::new(hosts)), own_pages_only }
    }

    /// Whether a request may be served.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Failure> {
        let Some(allowed) = &self.hosts else { return Ok(()) };
        let is_allowed = |host: &str| allowed.has(host);
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let (named, second) = (hosts.next(), hosts.next());
        let authority = request.uri().authority().map(poem::http::uri::Authority::as_str);
        // With HTTP/2 the authority takes the place of the header.
        let is_host_allowed = second.is_none()
            && (named.is_some() || authority.is_some())
            && named.is_none_or(|host| host.to_str().is_ok_and(is_allowed))
            && authority.is_none_or(is_allowed);
        if !is_host_allowed {
            let detail = "the request names a host that this server is not set to serve; see `--allowed-hosts`";
            return Err(Failure::new(Code::HostNotAllowed, detail));
        }
        let host = named.and_then(|host| host.to_str().ok()).or(authority).unwrap_or_default();
        let any_page = !self.own_pages_only || request.method().is_safe();
        for origin in request.headers().get_all(header::ORIGIN) {
            let origin = Origin::of(origin);
            if !origin.is_some_and(|origin| is_allowed(origin.host)) {
                let detail = "the request comes from a page of a host that this server is not set to serve";
                return Err(Failure::new(Code::OriginNotAllowed, detail));
            }
            if !any_page && !origin.is_some_and(|origin| origin.is_of(host)) {
                let detail = "the request would change something and comes from a page of another server; only pages \
                              of this server may, or of hosts that `--allowed-hosts` names";
                return Err(Failure::new(Code::OriginNotAllowed, detail));
            }
        }
        Ok(())
    }
}

/// Where a page comes from.
#[derive(Clone, Copy)]
struct Origin<'a> {
    /// With its port, if that is not the one by default.
    host: &'a str,
    port_by_default: &'static str,
}

impl<'a> Origin<'a> {
    fn of(header: &'a HeaderValue) -> Option<Self> {
        let (scheme, host) = header.to_str().ok()?.split_once("://")?;
        Some(Self { host, port_by_default: if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" } })
    }

    /// Whether a request to this host stays with the page's own server. The scheme of the request is not known here:
    /// a proxy may have taken TLS off.
    fn is_of(self, host: &str) -> bool {
        let port = |host| port(host).unwrap_or(self.port_by_default);
        normal_host(self.host) == normal_host(host) && port(self.host) == port(host)
    }
}

/// The port of a host, if it has one.
fn port(host: &str) -> Option<&str> {
    // What stands within brackets is an address.
    let after = host.trim().rsplit(']').next()?;
    after.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.is_empty() && is_port(port))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use poem::http::Method;

    use super::*;

    const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

    fn answer(allowed: &AllowedHosts, method: Method, host: Option<&str>, origin: Option<&str>) -> Option<Code> {
        let mut request = Request::builder().method(method).uri_str("/x");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        HostCheck::new(allowed).check(&request.finish()).err().map(|failure| failure.code)
    }

    fn code(host: Option<&str>, origin: Option<&str>) -> Option<Code> {
        answer(&AllowedHosts::Loopback(NAMES.map(str::to_owned).into()), Method::GET, host, origin)
    }

    #[test]
    fn loopback_names_are_served_with_and_without_a_port() {
        for host in ["localhost", "LOCALHOST:8080", "localhost.", "127.0.0.1:1", "[::1]", "[::1]:8080", "[0:0::1]"] {
            assert_eq!(code(Some(host), None), None, "{host}");
        }
    }

    #[test]
    fn other_hosts_are_refused() {
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
            assert_eq!(code(Some(host), None), Some(Code::HostNotAllowed), "{host}");
        }
        assert_eq!(code(None, None), Some(Code::HostNotAllowed));
    }

    #[test]
    fn pages_of_other_hosts_are_refused() {
        assert_eq!(code(Some("localhost"), Some("http://localhost:3000")), None);
        for origin in ["http://evil.example", "null", "", "http://localhost.evil.example"] {
            assert_eq!(code(Some("localhost"), Some(origin)), Some(Code::OriginNotAllowed), "{origin}");
        }
    }

    #[test]
    fn pages_of_other_local_servers_only_read() {
        let loopback = AllowedHosts::Loopback(NAMES.map(str::to_owned).into());
        for (host, origin, is_own) in [
            ("localhost:8080", "http://localhost:8080", true),
            ("LOCALHOST:8080", "http://localhost:8080", true),
            ("[::1]:8080", "http://[::1]:8080", true),
            ("localhost", "http://localhost", true),
            ("localhost", "http://localhost:80", true),
            ("localhost", "https://localhost", true),
            ("localhost:8080", "http://localhost:1234", false),
            ("localhost:8080", "http://localhost", false),
            ("localhost", "http://localhost:8080", false),
            ("localhost:8080", "http://127.0.0.1:8080", false),
            ("[::1]:8080", "http://[::1]", false),
        ] {
            let refused = (!is_own).then_some(Code::OriginNotAllowed);
            for method in [Method::POST, Method::DELETE, Method::PUT] {
                assert_eq!(answer(&loopback, method, Some(host), Some(origin)), refused, "{origin} to {host}");
            }
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(answer(&loopback, method, Some(host), Some(origin)), None, "{origin} to {host}");
            }
        }
        assert_eq!(answer(&loopback, Method::POST, Some("localhost:8080"), None), None, "no page at all");
        let evil = Some("http://evil.example");
        assert_eq!(answer(&loopback, Method::POST, Some("localhost"), evil), Some(Code::OriginNotAllowed));
    }

    #[test]
    fn pages_of_hosts_that_somebody_named_change_things() {
        let named = AllowedHosts::Named(vec!["drift.example".to_owned(), "localhost".to_owned()]);
        for (origin, expected) in [
            ("https://drift.example", None),
            ("http://localhost:1234", None),
            ("https://evil.example", Some(Code::OriginNotAllowed)),
        ] {
            assert_eq!(answer(&named, Method::POST, Some("drift.example"), Some(origin)), expected, "{origin}");
        }
    }
}
