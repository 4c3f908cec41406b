//! Clients that begin and do not go on: heads without an end, bodies of a byte a second, answers that nobody reads. Each is closed
//! by its time-out while others are served.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::{Client, run};
use crate::form::{Form, conclude, ms, percentile, row};
use crate::projects::{fit, label_fit, label_row, predict_path};
use crate::resources::Resources;

/// How a client is slow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slowness {
    /// Its head has no end.
    Head,
    /// Its body comes at a byte a second.
    Body,
    /// It asks and reads no answer.
    Reader,
}

impl Slowness {
    fn name(self) -> &'static str {
        match self {
            Self::Head => "heads without an end",
            Self::Body => "bodies of a byte a second",
            Self::Reader => "answers that nobody reads",
        }
    }

    /// When such a client must have been closed: the time-out of the server, and what closing so many takes.
    fn closed_within(self) -> Duration {
        Duration::from_secs(match self {
            Self::Head => 10 + 5,
            Self::Body => 20 + 10,
            // Buffers on the way may grow once more, which is a byte that was taken.
            Self::Reader => 2 * 25 + 10,
        })
    }

    /// Is slow until the server closes the connection; when that was.
    async fn suffer(self, host: &str) -> std::io::Result<Duration> {
        let mut stream = TcpStream::connect(host).await?;
        let begin = Instant::now();
        let mut answer = [0; 1024];
        match self {
            Self::Head => {
                stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await?;
                while stream.read(&mut answer).await.is_ok_and(|n| n > 0) {}
            }
            Self::Body => {
                let head = "POST /api/v1/projects/label/predict HTTP/1.1\r\nHost: localhost\r\n\
                            Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n";
                stream.write_all(head.as_bytes()).await?;
                loop {
                    tokio::select! {
                        read = stream.read(&mut answer) => if !read.is_ok_and(|n| n > 0) { break },
                        () = tokio::time::sleep(Duration::from_secs(1)) => {
                            if stream.write_all(b" ").await.is_err() { break }
                        }
                    }
                }
            }
            Self::Reader => {
                let request = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
                // So much that no buffer on the way takes all answers. What has no room is not sent.
                while tokio::time::timeout(Duration::from_millis(500), stream.write_all(request))
                    .await
                    .is_ok_and(|sent| sent.is_ok())
                {}
                while stream.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
        Ok(begin.elapsed())
    }
}

/// What came of slow clients.
struct Outcome {
    closed: Vec<Duration>,
    /// What others waited for their answers.
    others: Vec<Duration>,
    n_descriptors_most: usize,
}

async fn attack(url: &str, process: u32, slowness: Slowness, n_clients: usize) -> Outcome {
    let host = url.strip_prefix("http://").expect("a plain address").to_owned();
    let mut slow = JoinSet::new();
    for _ in 0..n_clients {
        let host = host.clone();
        slow.spawn(async move { slowness.suffer(&host).await });
    }
    let (mut client, path) = (Client::new(url), predict_path("label"));
    let (mut closed, mut others, mut n_descriptors_most) = (Vec::new(), Vec::new(), 0);
    let begin = Instant::now();
    let mut n = 0;
    while closed.len() < n_clients {
        assert!(
            begin.elapsed() < slowness.closed_within() * 3,
            "{}: {} of {n_clients} are still there",
            slowness.name(),
            n_clients - closed.len()
        );
        tokio::select! {
            Some(one) = slow.join_next() => closed.push(one.expect("a client ends").expect("it connects")),
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                let answer = client.post(&path, label_row(n)).await.expect("others are served");
                assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                others.push(answer.took);
                n_descriptors_most = n_descriptors_most.max(Resources::of(process).n_descriptors);
                n += 1;
            }
        }
    }
    Outcome { closed, others, n_descriptors_most }
}

#[test]
fn slow_clients_are_closed_while_others_are_served() {
    let form = Form::of_environment();
    let directory = tempfile::tempdir().expect("a folder");
    // More than the slow ones, so that none has to wait for a place or makes room for another.
    let server = form.start(directory.path(), form.choose(&[], &["--max-connections", "10100"]));
    fit(&server, "label", &label_fit());
    let process = server.child.id();
    let kinds: &[(Slowness, usize)] = form.choose(
        // Nobody waits half a minute for readers here.
        &[(Slowness::Head, 300), (Slowness::Body, 100)],
        &[(Slowness::Head, 10_000), (Slowness::Body, 1_000), (Slowness::Reader, 1_000)],
    );
    let mut findings = Vec::new();
    for &(slowness, n_clients) in kinds {
        let before = Resources::of(process);
        let Outcome { mut closed, mut others, n_descriptors_most } =
            run(attack(&server.url, process, slowness, n_clients));
        let deadline = Instant::now() + Duration::from_secs(10);
        while Resources::of(process).n_descriptors > before.n_descriptors + 2 {
            assert!(Instant::now() < deadline, "{}: connections are kept: {before:?}", slowness.name());
            std::thread::sleep(Duration::from_millis(50));
        }
        let (first, last) = (percentile(&mut closed, 0.0), percentile(&mut closed, 1.0));
        row(&format!(
            "| {n_clients} {} | {:.1} to {:.1} s | {} | {} | {n_descriptors_most} | {} KiB |",
            slowness.name(),
            first.as_secs_f64(),
            last.as_secs_f64(),
            others.len(),
            ms(percentile(&mut others, 0.99)),
            Resources::of(process).memory_kib,
        ));
        findings.push(form.limit(last <= slowness.closed_within(), slowness.name()));
    }
    conclude(findings);
}
