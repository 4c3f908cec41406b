//! TLS (1.2 and 1.3) for a listener. The files are read again when they change; what is open goes on with what it began with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::{Accept, TlsAcceptor};

/// What is spoken within TLS (RFC 7301), the best first. A client of gRPC asks for the first alone.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The files of TLS, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain of certificates, the server's first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities that a client's certificate must come from, if clients must have one.
    pub client_ca: Option<PathBuf>,
}

/// Why the files cannot be used. Nothing of what stands in them is repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsError {
    /// A file is not there.
    #[error("{file} cannot be read: {reason}")]
    Unreadable {
        /// Which file.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// A file holds something else.
    #[error("{file}: expected {expected} in PEM")]
    Content {
        /// Which file.
        file: String,
        /// What should be in it.
        expected: &'static str,
    },
    /// They do not go together.
    #[error("the certificate and the key cannot be used together: {0}")]
    Mismatch(String),
}

/// What a server shows of itself, and asks of clients.
pub struct Tls {
    files: TlsFiles,
    current: ArcSwap<Current>,
}

struct Current {
    /// The bytes of the files.
    read: Vec<Vec<u8>>,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// TLS with these files.
    ///
    /// # Errors
    /// When a file cannot be read or used.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let current = Current::of(read(&files)?, &files)?;
        Ok(Self { files, current: ArcSwap::from_pointee(current) })
    }

    pub(crate) fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        self.current.load().acceptor.accept(stream)
    }

    /// Reads the files again when they have changed, for ever. What cannot be used, such as a new certificate whose key has not come
    /// yet, changes nothing.
    pub async fn keep_fresh(&self) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut complaint = None;
        loop {
            ticks.tick().await;
            let files = self.files.clone();
            let read = tokio::task::spawn_blocking(move || read(&files)).await.unwrap_or_else(|error| {
                Err(TlsError::Unreadable { file: "the files of TLS".to_owned(), reason: error.to_string() })
            });
            if read.as_ref().is_ok_and(|read| *read == self.current.load().read) {
                complaint = None;
                continue;
            }
            match read.and_then(|read| Current::of(read, &self.files)) {
                Ok(current) => {
                    self.current.store(Arc::new(current));
                    complaint = None;
                    tracing::info!("the certificate has changed and was read again");
                }
                // Once, not at every look.
                Err(error) if complaint.as_ref() != Some(&error) => {
                    tracing::error!(%error, "the certificate from before holds");
                    complaint = Some(error);
                }
                Err(_) => {}
            }
        }
    }
}

fn read(files: &TlsFiles) -> Result<Vec<Vec<u8>>, TlsError> {
    let paths = [Some(&files.cert), Some(&files.key), files.client_ca.as_ref()];
    let read = |path: &PathBuf| {
        std::fs::read(path)
            .map_err(|error| TlsError::Unreadable { file: path.display().to_string(), reason: error.to_string() })
    };
    paths.into_iter().flatten().map(read).collect()
}

impl Current {
    fn of(read: Vec<Vec<u8>>, files: &TlsFiles) -> Result<Self, TlsError> {
        let mismatch = |error: tokio_rustls::rustls::Error| TlsError::Mismatch(error.to_string());
        let content = |file: &Path, expected| TlsError::Content { file: file.display().to_string(), expected };
        let cert = read.first().map(Vec::as_slice).unwrap_or_default();
        let chain = certificates(cert).ok_or_else(|| content(&files.cert, "a chain of certificates"))?;
        let key = PrivateKeyDer::from_pem_slice(read.get(1).map(Vec::as_slice).unwrap_or_default());
        let key = key.map_err(|_| content(&files.key, "a private key"))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(mismatch)?;
        let builder = match (&files.client_ca, read.get(2)) {
            (Some(file), Some(read)) => {
                let expected = "certificates of authorities";
                let mut roots = RootCertStore::empty();
                for certificate in certificates(read).ok_or_else(|| content(file, expected))? {
                    roots.add(certificate).map_err(|_| content(file, expected))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(|_| content(file, expected))?)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(mismatch)?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(Self { read, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

/// The certificates of a file, if there are any.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    read.ok().filter(|certificates| !certificates.is_empty())
}

#[cfg(test)]
mod tests;
