//! Where a server is.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The URL of a server, perhaps with a path that a proxy put before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

impl ServerUrl {
    /// An endpoint of the native interface.
    pub fn endpoint(&self, path: &[&str]) -> Url {
        self.at(&[&["api", "v1"], path].concat())
    }

    /// Where the server tells whether it takes requests.
    pub fn readiness(&self) -> Url {
        self.at(&["readyz"])
    }

    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.0.clone();
        // A URL with a host, which was checked, always has segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// Whether the server is on this machine.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
            None => false,
        }
    }
}

impl FromStr for ServerUrl {
    type Err = String;

    // The error does not repeat the text, which may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).ok().filter(Url::has_host);
        let Some(url) = url else {
            return Err("expected the URL of a server such as http://127.0.0.1:8080".to_owned());
        };
        if !["http", "https"].contains(&url.scheme()) {
            return Err(format!("expected an http:// or https:// URL, got {}://", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err("expected the URL of a server without user, password, query and fragment".to_owned());
        }
        Ok(Self(url))
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_keep_the_path_of_a_proxy() {
        for (server, expected) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v1/projects/a.b/fit"),
            ("http://drift.example/", "http://drift.example/api/v1/projects/a.b/fit"),
            ("http://x/drifting/", "http://x/drifting/api/v1/projects/a.b/fit"),
            ("http://x/drifting", "http://x/drifting/api/v1/projects/a.b/fit"),
        ] {
            let server: ServerUrl = server.parse().unwrap();
            assert_eq!(server.endpoint(&["projects", "a.b", "fit"]).as_str(), expected);
        }
    }

    #[test]
    fn only_urls_of_http_are_servers() {
        for text in ["127.0.0.1:8080", "localhost:8080", "x", "ftp://x", "http://u:geheim@x", "http://x?a=b", ""] {
            let error = text.parse::<ServerUrl>().unwrap_err();
            assert!(error.contains("expected") && !error.contains("geheim"), "{text}: {error}");
        }
    }

    #[test]
    fn loopback_is_recognised() {
        for (server, expected) in [
            ("http://localhost:1", true),
            ("http://[::1]:1", true),
            ("http://127.0.0.1", true),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(server.parse::<ServerUrl>().unwrap().is_loopback(), expected, "{server}");
        }
    }
}
