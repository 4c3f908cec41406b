//! Which hosts a request may name, and which pages may send one.

use drifting_listening::{LOOPBACK_NAMES, ServedHosts, normal_host};
use poem::Request;
use poem::http::{HeaderValue, header};

use super::cross_origin::CrossOrigins;
use crate::error::{Code, Failure};
use crate::settings::AllowedHosts;

/// Whoever starts the server asks these by the names of its own machine, whatever others call it.
const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// The check of `Host` and `Origin`.
#[derive(Debug, Clone)]
pub(crate) struct HostCheck {
    /// The hosts that are served; `None`: any.
    hosts: Option<ServedHosts>,
    /// Those that a probe may name besides.
    of_this_machine: ServedHosts,
    /// Whether a page must come from this server itself to change something.
    own_pages_only: bool,
    /// Pages of other servers that may do everything.
    cross_origins: CrossOrigins,
}

impl HostCheck {
    /// The check that these settings ask for.
    pub(crate) fn new(allowed: &AllowedHosts, cross_origins: &[String]) -> Self {
        let (hosts, own_pages_only) = match allowed {
            AllowedHosts::Any => (None, true),
            AllowedHosts::Loopback(hosts) => (Some(hosts), true),
            AllowedHosts::Named(hosts) => (Some(hosts), false),
        };
        Self {
            hosts: hosts.map(|hosts| ServedHosts::new(hosts)),
            of_this_machine: ServedHosts::new(&LOOPBACK_NAMES),
            own_pages_only,
            cross_origins: CrossOrigins::new(cross_origins),
        }
    }

    /// Pages of other servers that may use this one.
    pub(crate) fn cross_origins(&self) -> &CrossOrigins {
        &self.cross_origins
    }

    /// Whether a request may be served.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Failure> {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let (named, second) = (hosts.next(), hosts.next());
        let authority = request.uri().authority().map(poem::http::uri::Authority::as_str);
        let is_probe = || PROBES.contains(&request.uri().path());
        let is_served = |host: &str| {
            self.hosts.as_ref().is_none_or(|hosts| hosts.has(host)) || (is_probe() && self.of_this_machine.has(host))
        };
        // With HTTP/2 the authority takes the place of the header.
        let is_host_allowed = second.is_none()
            && (named.is_some() || authority.is_some())
            && named.is_none_or(|host| host.to_str().is_ok_and(is_served))
            && authority.is_none_or(is_served);
        if self.hosts.is_some() && !is_host_allowed {
            let detail = "the request names a host that this server is not set to serve; see `--allowed-hosts`";
            return Err(Failure::new(Code::HostNotAllowed, detail));
        }
        let host = named.and_then(|host| host.to_str().ok()).or(authority).unwrap_or_default();
        self.check_page(request, host)
    }

    /// Whether the page that a request comes from, if it comes from one, may send it.
    fn check_page(&self, request: &Request, host: &str) -> Result<(), Failure> {
        // Browsers say this where a page cannot, so it is true of a browser's request; other clients say what they like anyway.
        let site = request.header("sec-fetch-site");
        let mut is_allowed_origin = false;
        for origin in request.headers().get_all(header::ORIGIN) {
            if self.cross_origins.has(origin) {
                is_allowed_origin = true;
                continue;
            }
            let origin = Origin::of(origin);
            let is_own =
                origin.is_some_and(|origin| origin.is_of(host)) || (origin.is_some() && site == Some("same-origin"));
            let is_of_served_host = match &self.hosts {
                Some(hosts) => origin.is_some_and(|origin| hosts.has(origin.host)),
                // Where any host is served, pages of others may still read what they can read.
                None => is_own || request.method().is_safe(),
            };
            if !is_of_served_host {
                let detail = "the request comes from a page of a host that this server is not set to serve";
                return Err(Failure::new(Code::OriginNotAllowed, detail));
            }
            if self.own_pages_only && !request.method().is_safe() && !is_own {
                let detail = "the request would change something and comes from a page of another server; only pages \
                              of this server may, or of hosts that `--allowed-hosts` names, or of `--cors-origins`";
                return Err(Failure::new(Code::OriginNotAllowed, detail));
            }
            is_allowed_origin |= !self.own_pages_only;
        }
        let is_navigation = request.method().is_safe() && request.header("sec-fetch-mode") == Some("navigate");
        if site == Some("cross-site") && !is_allowed_origin && !is_navigation {
            let detail = "the request comes from a page of another site; only pages of `--cors-origins` may send one";
            return Err(Failure::new(Code::OriginNotAllowed, detail));
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
        HostCheck::new(allowed, &[]).check(&request.finish()).err().map(|failure| failure.code)
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
    fn probes_are_answered_by_the_names_of_the_machine_too_and_by_no_others() {
        let hosts = HostCheck::new(&AllowedHosts::Named(vec!["drift.example".to_owned()]), &[]);
        let is_served = |path: &str, host: &str| {
            hosts.check(&Request::builder().uri_str(path).header("host", host).finish()).is_ok()
        };
        for probe in PROBES {
            assert!(is_served(probe, "127.0.0.1:8080") && is_served(probe, "drift.example"), "{probe}");
            assert!(!is_served(probe, "evil.example") && !is_served(probe, "10.0.0.1"), "{probe}");
        }
        assert!(!is_served("/metrics", "127.0.0.1:8080") && is_served("/metrics", "drift.example"));
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
