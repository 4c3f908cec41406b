//! By which certificate the server is known.

use std::path::PathBuf;

/// The files of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The chain of certificates, the server's first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities that clients' certificates must come from, if clients must have one.
    pub client_ca: Option<PathBuf>,
}
