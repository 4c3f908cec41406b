//! Why TLS cannot be spoken with a server, in words that say what to do.

use std::error::Error;
use std::io;

use tokio_rustls::rustls::{self, AlertDescription, CertificateError};

use super::ServerUrl;
use crate::commands::output::printable;

/// What is wrong with TLS, where that is among the causes of an error.
pub(super) fn fault<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref::<rustls::Error>() {
            return Some(fault);
        }
        // An error of the system that holds another one passes over it, and names the source of that.
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match held {
            Some(held) => Some(held as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

/// What is told of it.
pub(super) fn told(fault: &rustls::Error, server: &ServerUrl) -> String {
    match fault {
        rustls::Error::InvalidCertificate(reason) => of_certificate(reason, server),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => format!(
            "the server at {server} asks its clients for a certificate, and commands have none to show: name what shows one for \
             them, such as a proxy, with --url or DRIFTING_URL"
        ),
        rustls::Error::InvalidMessage(_) => format!(
            "what answers at {server} does not speak TLS: if it is drifting without a certificate, name it as http:// with --url \
             or DRIFTING_URL"
        ),
        other => format!("TLS cannot be spoken with the server at {server}: {}", printable(&other.to_string())),
    }
}

fn of_certificate(reason: &CertificateError, server: &ServerUrl) -> String {
    let because = printable(&reason.to_string());
    match reason {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
            "the certificate of the server at {server} is that of another name ({because}): name the server as its certificate \
             does, with --url or DRIFTING_URL"
        ),
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => format!(
            "the certificate of the server at {server} is not valid at this time ({because}): have it renewed, or set the clock \
             of this machine"
        ),
        _ => format!(
            "the certificate of the server at {server} is not one that this machine trusts ({because}): name the file with the \
             certificate of its authority in SSL_CERT_FILE"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it comes out of a handshake: within an error of the system, within another one.
    fn in_a_handshake(fault: rustls::Error) -> io::Error {
        io::Error::other(io::Error::new(io::ErrorKind::InvalidData, fault))
    }

    fn told_of(fault: rustls::Error) -> String {
        let error = in_a_handshake(fault);
        told(super::fault(&error).unwrap(), &"https://drift.example".parse().unwrap())
    }

    #[test]
    fn what_is_wrong_with_tls_is_found_in_whatever_holds_it() {
        let fault = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert_eq!(super::fault(&fault), Some(&fault));
        assert_eq!(super::fault(&in_a_handshake(fault.clone())), Some(&fault));
        for other in [io::Error::from(io::ErrorKind::ConnectionRefused), io::Error::other("no route")] {
            assert_eq!(super::fault(&other), None, "{other}");
        }
    }

    #[test]
    fn each_fault_is_told_with_what_to_do() {
        for (fault, parts) in [
            (
                rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer),
                ["not one that this machine trusts (UnknownIssuer)", "SSL_CERT_FILE"],
            ),
            (
                rustls::Error::InvalidCertificate(CertificateError::NotValidForName),
                ["that of another name", "with --url"],
            ),
            (rustls::Error::InvalidCertificate(CertificateError::Expired), ["not valid at this time", "renewed"]),
            (
                rustls::Error::AlertReceived(AlertDescription::CertificateRequired),
                ["asks its clients for a certificate", "proxy"],
            ),
            (
                rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType),
                ["does not speak TLS", "http://"],
            ),
            (
                rustls::Error::AlertReceived(AlertDescription::HandshakeFailure),
                ["TLS cannot be spoken with the server at https://drift.example", "HandshakeFailure"],
            ),
        ] {
            let told = told_of(fault);
            assert!(parts.iter().all(|part| told.contains(part)) && !told.contains("start one"), "{told}");
        }
    }
}
