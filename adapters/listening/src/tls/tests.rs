use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::*;
use crate::{Accepting, Guard, GuardedStream, Places};

/// An authority, and a folder with certificates of it.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn files(&self, asks_clients: bool) -> TlsFiles {
        let path = |name: &str| self.folder.path().join(name);
        TlsFiles { cert: path("cert.pem"), key: path("key.pem"), client_ca: asks_clients.then(|| path("ca.pem")) }
    }

    fn renew(&self) -> String {
        let (cert, key) = self.issue();
        let files = self.files(false);
        fs::write(files.cert, &cert).unwrap();
        fs::write(files.key, key).unwrap();
        cert
    }

    /// A client that believes this authority and has a certificate of one, if of any.
    fn client(&self, issuer: Option<&Self>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let mut config = if let Some(issuer) = issuer {
            let (cert, key) = issuer.issue();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(certificates(cert.as_bytes()).unwrap(), key).unwrap()
        } else {
            builder.with_no_client_auth()
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

/// Watches nothing.
struct Careless;

impl Guard for Careless {
    fn came(&mut self, _: &[u8]) {}

    fn poll_end(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Error> {
        std::task::Poll::Pending
    }

    fn taken(&mut self, _: &[u8]) {}

    fn rests(&mut self) -> bool {
        false
    }
}

/// Sends back what comes.
async fn echo(tls: Arc<Tls>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut accepting = Accepting::new(listener, Places::new(10), Some(tls), Duration::from_secs(10));
        while let Ok(accepted) = accepting.next().await {
            let mut stream = GuardedStream::new(accepted, Careless, Duration::from_secs(10));
            tokio::spawn(async move {
                let mut bytes = [0; 4];
                if stream.read_exact(&mut bytes).await.is_ok() {
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.shutdown().await;
                }
            });
        }
    });
    address
}

/// What a client hears, and by which certificate and protocol.
async fn hear(address: std::net::SocketAddr, client: ClientConfig) -> std::io::Result<(Vec<u8>, Option<Vec<u8>>)> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await?;
    stream.write_all(b"ping").await?;
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await?;
    assert_eq!(heard, b"ping");
    let session = stream.get_ref().1;
    let certificate = session.peer_certificates().unwrap()[0].to_vec();
    Ok((certificate, session.alpn_protocol().map(<[u8]>::to_vec)))
}

fn der(pem: &str) -> Vec<u8> {
    certificates(pem.as_bytes()).unwrap()[0].to_vec()
}

#[tokio::test]
async fn clients_see_the_certificate_and_the_one_that_replaces_it() {
    let authority = Authority::new();
    let first = authority.renew();
    let tls = Arc::new(Tls::open(authority.files(false)).unwrap());
    let address = echo(Arc::clone(&tls)).await;
    let (certificate, protocol) = hear(address, authority.client(None)).await.unwrap();
    assert_eq!((certificate, protocol.as_deref()), (der(&first), Some(&b"h2"[..])));
    // A certificate without its key holds nobody up.
    let (other, _) = authority.issue();
    fs::write(authority.files(false).cert, other).unwrap();
    let watching = tokio::spawn({
        let tls = Arc::clone(&tls);
        async move { tls.keep_fresh().await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(hear(address, authority.client(None)).await.unwrap().0, der(&first));
    let second = authority.renew();
    let deadline = tokio::time::Instant::now() + LOOK_EVERY * 3;
    while hear(address, authority.client(None)).await.unwrap().0 != der(&second) {
        assert!(tokio::time::Instant::now() < deadline, "the certificate is not read again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    watching.abort();
}

#[tokio::test]
async fn clients_without_a_certificate_are_refused_where_one_is_asked_for() {
    let authority = Authority::new();
    authority.renew();
    let address = echo(Arc::new(Tls::open(authority.files(true)).unwrap())).await;
    assert!(hear(address, authority.client(Some(&authority))).await.is_ok());
    assert!(hear(address, authority.client(None)).await.is_err());
    let mixed = authority.client(Some(&Authority::new()));
    assert!(hear(address, mixed).await.is_err());
}

#[tokio::test]
async fn whoever_speaks_no_tls_holds_up_nobody() {
    let authority = Authority::new();
    authority.renew();
    let address = echo(Arc::new(Tls::open(authority.files(false)).unwrap())).await;
    let _silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut plain = tokio::net::TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(hear(address, authority.client(None)).await.is_ok());
    let mut heard = Vec::new();
    let _ = plain.read_to_end(&mut heard).await;
    assert!(!heard.starts_with(b"HTTP"), "{heard:?}");
}

#[test]
fn files_that_hold_something_else_are_told_by_name() {
    let authority = Authority::new();
    authority.renew();
    let files = authority.files(true);
    let told = |files: &TlsFiles| Tls::open(files.clone()).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(told(&files), "");
    assert!(told(&TlsFiles { cert: "/nowhere/cert.pem".into(), ..files.clone() }).contains("/nowhere/cert.pem"));
    assert!(told(&TlsFiles { cert: files.key.clone(), ..files.clone() }).contains("a chain of certificates"));
    assert!(told(&TlsFiles { key: files.cert.clone(), ..files.clone() }).contains("a private key"));
    assert!(told(&TlsFiles { client_ca: Some(files.key.clone()), ..files.clone() }).contains("authorities"));
    let (other, _) = authority.issue();
    fs::write(&files.cert, other).unwrap();
    assert!(told(&files).contains("cannot be used together"));
}
