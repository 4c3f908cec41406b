//! What answers over TLS have browsers remember: to come back over TLS alone (RFC 6797).

use std::net::IpAddr;

use poem::http::header::{self, HeaderMap, HeaderValue};

/// A day. It holds for every port of the host's name, so for other servers beside this one, and cannot be taken back before it has
/// passed; whoever wants more lets a proxy say so for the whole host.
const FOR_A_DAY: &str = "max-age=86400";

/// What is said of it, if anything is.
#[derive(Debug, Clone, Default)]
pub(crate) struct TransportSecurity(Option<HeaderValue>);

impl TransportSecurity {
    /// Of a server at this address that speaks TLS alone. On loopback nothing is said: `localhost` is the name of whatever else is
    /// being worked on there.
    pub(crate) fn over_tls(address: IpAddr) -> Self {
        let is_shared = address.to_canonical().is_loopback();
        Self((!is_shared).then_some(HeaderValue::from_static(FOR_A_DAY)))
    }

    /// Puts it among the headers of an answer.
    pub(super) fn say(&self, headers: &mut HeaderMap) {
        if let Some(policy) = &self.0 {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, policy.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_beyond_loopback_alone() {
        let said = |address: &str| {
            let mut headers = HeaderMap::new();
            TransportSecurity::over_tls(address.parse().unwrap()).say(&mut headers);
            headers.get(header::STRICT_TRANSPORT_SECURITY).cloned()
        };
        for address in ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1"] {
            assert_eq!(said(address).as_ref().map(HeaderValue::as_bytes), Some(&b"max-age=86400"[..]), "{address}");
        }
        for address in ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(said(address), None, "{address}");
        }
    }
}
