//! Where the server listens, and for whom.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use drifting_listening::LOOPBACK_NAMES;

/// An address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Host(pub(super) IpAddr);

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("localhost") {
            return Ok(Self(Ipv4Addr::LOCALHOST.into()));
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        bare.parse()
            .map(Self)
            .map_err(|_| format!("expected an IP address such as 127.0.0.1 or `localhost`, got `{text}`"))
    }
}

/// A port to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Port(pub(super) u16);

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("expected a port from 0 to 65535, got `{text}`"))
    }
}

/// A port to listen on for gRPC, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GrpcPort(pub(super) Option<u16>);

impl FromStr for GrpcPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("none") || text.eq_ignore_ascii_case("off") {
            return Ok(Self(None));
        }
        let expected = |_| format!("expected a port from 0 to 65535, or `none`, got `{text}`");
        text.parse().map(Some).map(Self).map_err(expected)
    }
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Switch(pub(super) bool);

impl FromStr for Switch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(Self(true)),
            "false" | "no" | "off" | "0" => Ok(Self(false)),
            _ => Err(format!("expected true or false, got `{text}`")),
        }
    }
}

/// Names that a Host header may carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AllowedHosts(pub(super) Vec<String>);

impl FromStr for AllowedHosts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(host_name).collect::<Result<_, _>>().map(Self)
    }
}

fn host_name(text: &str) -> Result<String, String> {
    let refused =
        || Err(format!("expected host names or IP addresses without port, separated by commas, got `{text}`"));
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let is_name_character = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    if text.chars().all(is_name_character) { Ok(text.to_ascii_lowercase()) } else { refused() }
}

/// Whether an address is reached from this machine alone.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// What a browser or a client on this machine calls a loopback address.
pub(super) fn loopback_names(address: IpAddr) -> Vec<String> {
    let mut names = LOOPBACK_NAMES.map(str::to_owned).to_vec();
    let own = address.to_canonical().to_string();
    if !names.contains(&own) {
        names.push(own);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_hosts() {
        assert_eq!("localhost".parse::<Host>().unwrap().0.to_string(), "127.0.0.1");
        assert_eq!("[::1]".parse::<Host>().unwrap().0.to_string(), "::1");
        assert_eq!("0.0.0.0".parse::<Host>().unwrap().0.to_string(), "0.0.0.0");
        assert!("example.org".parse::<Host>().unwrap_err().contains("expected an IP address"));
    }

    #[test]
    fn the_port_of_grpc_may_be_none() {
        for (text, port) in [("none", None), ("None", None), ("off", None), ("0", Some(0)), ("8081", Some(8081))] {
            assert_eq!(text.parse(), Ok(GrpcPort(port)));
        }
        let error = "70000".parse::<GrpcPort>().unwrap_err();
        assert_eq!(error, "expected a port from 0 to 65535, or `none`, got `70000`");
    }

    #[test]
    fn loopback_is_recognised_in_every_spelling() {
        for address in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(is_loopback(address.parse().unwrap()), "{address}");
        }
        for address in ["0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1"] {
            assert!(!is_loopback(address.parse().unwrap()), "{address}");
        }
        assert!(loopback_names("127.8.8.8".parse().unwrap()).contains(&"127.8.8.8".to_owned()));
    }

    #[test]
    fn allowed_hosts_are_names_without_port() {
        let hosts: AllowedHosts = " Drift.Example.org, [::1] ,10.0.0.1,".parse().unwrap();
        assert_eq!(hosts.0, ["drift.example.org", "::1", "10.0.0.1"]);
        for refused in ["example.org:8080", "http://example.org", "a b", "*"] {
            assert!(refused.parse::<AllowedHosts>().is_err(), "{refused}");
        }
    }
}
