//! A certificate for a server on loopback, and the authority that vouches for it: new ones for each server.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::account::Account;

/// Files of PEM.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificates {
    /// Makes them in a folder, for `localhost` and `127.0.0.1`. Clients find out which authority it is by its name.
    pub(crate) fn make(folder: &Path, account: Account, name: &str) -> Self {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, name);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = new_key();
        let authority_certificate = authority.self_signed(&authority_key).expect("an authority vouches for itself");

        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut server = CertificateParams::new(names).expect("the names are valid");
        server.distinguished_name.push(DnType::CommonName, "localhost");
        let server_key = new_key();
        let issuer = Issuer::new(authority, authority_key);
        let certificate = server.signed_by(&server_key, &issuer).expect("the authority signs");

        let file = |name: &str, content: String| {
            let path = folder.join(name);
            fs::write(&path, content).expect("the folder is ours");
            path
        };
        let files = Self {
            authority: file("authority.pem", authority_certificate.pem()),
            certificate: file("server.pem", certificate.pem()),
            key: file("server.key", server_key.serialize_pem()),
        };
        // Postgres takes no key that others can read.
        fs::set_permissions(&files.key, Permissions::from_mode(0o600)).expect("the file is ours");
        account.own(&files.key);
        files
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("there is randomness")
}
