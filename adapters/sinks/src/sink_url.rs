//! The address of a sink.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use crate::address::Reach;

/// Where events are posted to. Its text leaves out what may be secret: many services have a token in the path.
#[derive(Clone, PartialEq, Eq)]
pub struct SinkUrl(Url);

/// A text that is no address of a sink. Its own text does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidSinkUrl;

impl fmt::Display for InvalidSinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an address such as https://events.example/drift, without user, password and fragment")
    }
}

impl std::error::Error for InvalidSinkUrl {}

impl FromStr for SinkUrl {
    type Err = InvalidSinkUrl;

    fn from_str(text: &str) -> Result<Self, InvalidSinkUrl> {
        let url = Url::parse(text).map_err(|_| InvalidSinkUrl)?;
        let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if ["http", "https"].contains(&url.scheme()) && url.has_host() && url.port() != Some(0) && is_bare {
            Ok(Self(url))
        } else {
            Err(InvalidSinkUrl)
        }
    }
}

impl SinkUrl {
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// The host, and the port where it is not that of the scheme.
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Why an address that stands in the URL itself, in whatever spelling, cannot be the sink's; of names nothing is known
    /// before a connection is made.
    pub fn forbidden(&self, allow_private: bool) -> Option<&'static str> {
        let address: IpAddr = match self.0.host()? {
            Host::Domain(_) => return None,
            Host::Ipv4(address) => address.into(),
            Host::Ipv6(address) => address.into(),
        };
        match Reach::of(address) {
            Reach::Public => None,
            Reach::Private if allow_private => None,
            Reach::Private => {
                Some("it is an address of this machine or of a private network, which the sink does not allow")
            }
            Reach::Never => Some("it is an address that no sink can have, such as those of metadata services"),
        }
    }
}

impl fmt::Display for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.host())?;
        let is_bare = self.0.path() == "/" && self.0.query().is_none();
        f.write_str(if is_bare { "/" } else { "/***" })
    }
}

impl fmt::Debug for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_what_may_be_secret() {
        for (text, shown, host) in [
            ("https://hooks.example/services/geheim", "https://hooks.example/***", "hooks.example"),
            ("http://broker:8080/?token=geheim", "http://broker:8080/***", "broker:8080"),
            ("HTTP://Broker:80", "http://broker/", "broker"),
            ("http://[::1]:9/x", "http://[::1]:9/***", "[::1]:9"),
        ] {
            let url: SinkUrl = text.parse().unwrap();
            assert_eq!((url.to_string().as_str(), url.host().as_str()), (shown, host));
            assert!(!format!("{url:?}").contains("geheim"));
        }
        for text in [
            "events.example",
            "ftp://x/",
            "http://",
            "https://a:geheim@b/",
            "http://a@b/",
            "http://a/#b",
            "http://a:0/",
        ] {
            let error = text.parse::<SinkUrl>().unwrap_err().to_string();
            assert!(error.starts_with("expected an address") && !error.contains("geheim"), "{text}: {error}");
        }
    }

    #[test]
    fn addresses_are_known_in_every_spelling() {
        let loopback = [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[0:0:0:0:0:ffff:7f00:1]/",
            "http://127。0。0。1/",
        ];
        for text in loopback {
            let url: SinkUrl = text.parse().unwrap();
            assert!(url.forbidden(false).is_some(), "{text}");
            assert!(url.forbidden(true).is_none(), "{text}");
        }
        for text in [
            "http://169.254.169.254/",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://[fe80::1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://0/",
            "http://[fd00:ec2::254]/",
        ] {
            let url: SinkUrl = text.parse().unwrap();
            assert!(url.forbidden(true).is_some(), "{text}");
        }
        for text in ["http://localhost/", "https://events.example/", "http://8.8.8.8/"] {
            assert_eq!(text.parse::<SinkUrl>().unwrap().forbidden(false), None, "{text}");
        }
    }
}
