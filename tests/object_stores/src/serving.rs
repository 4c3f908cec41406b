//! An HTTP/1.1 server on a thread of its own, which may reset a connection instead of answering.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::thread::JoinHandle;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// What is answered.
pub(crate) type Answer = Response<Full<Bytes>>;

/// An answer on its way, or none: then the connection is reset.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Answer, Reset>> + Send>>;

/// Instead of an answer the connection is reset.
#[derive(Debug)]
pub(crate) struct Reset;

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is reset on purpose")
    }
}

impl std::error::Error for Reset {}

/// A running server; stopped when dropped, with every request that is still open.
pub(crate) struct Serving {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Serves on a free port of loopback.
    pub(crate) fn start(answer: impl Fn(Request<Incoming>) -> Answering + Clone + Send + Unpin + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        listener.set_nonblocking(true).expect("a listener need not block");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, answer) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed, and requests without an answer have failed the test.
            let _ = thread.join();
        }
    }
}

async fn accept(
    listener: TcpListener,
    answer: impl Fn(Request<Incoming>) -> Answering + Clone + Send + Unpin + 'static,
) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("the runtime takes the listener");
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answer.clone()));
        }
    }
}

async fn serve(stream: TcpStream, answer: impl Fn(Request<Incoming>) -> Answering + Unpin) {
    let _ = stream.set_nodelay(true);
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
    let end = std::future::poll_fn(|context| connection.poll_without_shutdown(context)).await;
    if end.is_err() {
        // With nothing left to linger for, closing the stream resets it.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}
