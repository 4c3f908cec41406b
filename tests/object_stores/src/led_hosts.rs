//! A proxy that leads clients of hosts of the wide world to stubs on loopback, also where they insist on TLS.
//!
//! Clients of clouds ask for tokens at addresses that cannot be chosen. Told by their environment to take this proxy and
//! to trust its authority, they reach the stub that stands for the host, and nothing else.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

const AUTHORITY: &str = include_str!("led_hosts/worthless_test_authority.pem");
const CERTIFICATE: &str = include_str!("led_hosts/worthless_test_certificate.pem");
const KEY: &str = include_str!("led_hosts/worthless_test_key.pem");
const HEAD_SIZE_MAX: usize = 64 * 1024;

/// A running proxy; stopped when dropped.
pub struct LedHosts {
    address: SocketAddr,
    folder: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Where the hosts are led, and which have been asked for.
struct Leading {
    hosts: Vec<(String, SocketAddr)>,
    asked: Arc<Mutex<Vec<String>>>,
    tls: TlsAcceptor,
}

impl LedHosts {
    /// Starts one for pairs of a host and the stub, `http://127.0.0.1:PORT`, that stands for it. The authority vouches
    /// for the hosts of Amazon and Google that give out tokens.
    ///
    /// # Panics
    ///
    /// When a stub is at no such address.
    pub fn start(hosts: &[(&str, &str)]) -> Self {
        let hosts = hosts.iter().map(|(host, stub)| {
            let address = stub.strip_prefix("http://").and_then(|address| address.parse().ok());
            ((*host).to_owned(), address.unwrap_or_else(|| panic!("{stub} is not of the form http://IP:PORT")))
        });
        let asked = Arc::default();
        let leading = Leading { hosts: hosts.collect(), asked: Arc::clone(&asked), tls: tls() };
        let folder = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(folder.path().join("authority.pem"), AUTHORITY).expect("a temporary file can be written");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        listener.set_nonblocking(true).expect("a listener need not block");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, Arc::new(leading)) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, folder, asked, stop: Some(stop), thread: Some(thread) }
    }

    /// What leads a process there: the proxy for everything but loopback, and the authority that it trusts.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let proxy = format!("http://{}", self.address);
        let authority = self.folder.path().join("authority.pem").to_string_lossy().into_owned();
        let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"].map(|name| (name, proxy.clone()));
        let direct = ["NO_PROXY", "no_proxy"].map(|name| (name, "127.0.0.1".to_owned()));
        proxies.into_iter().chain(direct).chain([("SSL_CERT_FILE", authority)]).collect()
    }

    /// The hosts that were asked for, one for each connection, whether they are led anywhere or not.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for LedHosts {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed, and connections without an answer have failed the test.
            let _ = thread.join();
        }
    }
}

fn tls() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("the certificate of the tests");
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).expect("the key of the tests");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the key fits the certificate");
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(listener: TcpListener, leading: Arc<Leading>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("the runtime takes the listener");
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let leading = Arc::clone(&leading);
            // What breaks on the way, the client has seen.
            tokio::spawn(async move { leading.lead(stream).await });
        }
    }
}

impl Leading {
    async fn lead(&self, mut client: TcpStream) -> io::Result<()> {
        let head = head(&mut client).await?;
        let mut words = head.split(' ');
        let (is_tunnel, target) = (words.next() == Some("CONNECT"), words.next().unwrap_or_default());
        let authority = target.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let host = authority.split(':').next().unwrap_or_default();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(host.to_owned());
        let Some((_, stub)) = self.hosts.iter().find(|(led, _)| led == host) else {
            return client
                .write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .await;
        };
        let mut upstream = TcpStream::connect(stub).await?;
        if is_tunnel {
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            let mut client = self.tls.accept(client).await?;
            copy_bidirectional(&mut client, &mut upstream).await?;
        } else {
            upstream.write_all(head.as_bytes()).await?;
            copy_bidirectional(&mut client, &mut upstream).await?;
        }
        Ok(())
    }
}

/// The head of a request, and nothing of what comes after it.
async fn head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_SIZE_MAX {
        head.push(client.read_u8().await?);
    }
    String::from_utf8(head).map_err(io::Error::other)
}
