//! Which hosts a request may name. Without this a web page could have a browser talk to a server on the loopback
//! (DNS rebinding), which needs no key.

use std::net::Ipv6Addr;

use poem::Request;
use poem::http::header;

use crate::error::{Code, Failure};

/// The hosts that are served; `None`: any.
#[derive(Debug, Clone)]
pub(crate) struct AllowedHosts(Option<Vec<String>>);

impl AllowedHosts {
    /// Names and addresses, with or without a port.
    pub(crate) fn new(hosts: Option<&[String]>) -> Self {
        Self(hosts.map(|hosts| hosts.iter().map(|host| normal(host)).collect()))
    }

    /// Whether a request may be served.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Failure> {
        let Some(allowed) = &self.0 else { return Ok(()) };
        let is_allowed = |host: &str| {
            let host = normal(host);
            allowed.contains(&host)
        };
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
        let mut origins = request.headers().get_all(header::ORIGIN).iter();
        let is_origin_allowed = |origin: &poem::http::HeaderValue| {
            origin.to_str().ok().and_then(|origin| origin.split_once("://")).is_some_and(|(_, host)| is_allowed(host))
        };
        if !origins.all(is_origin_allowed) {
            let detail = "the request comes from a page of a host that this server is not set to serve";
            return Err(Failure::new(Code::OriginNotAllowed, detail));
        }
        Ok(())
    }
}

/// A host without its port, in lower case, addresses in one spelling.
fn normal(host: &str) -> String {
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

    fn loopback() -> AllowedHosts {
        AllowedHosts::new(Some(&["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()]))
    }

    fn code(host: Option<&str>, origin: Option<&str>) -> Option<Code> {
        let mut request = Request::builder().uri_str("/x");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        loopback().check(&request.finish()).err().map(|failure| failure.code)
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
}
