//! Bodies of whoever is not let in: next to nothing of them is read, however large they are said to be and over whichever protocol.

use std::fs;
use std::time::Duration;

use drifting_access::Scope;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::access::{key, server};
use crate::frames::{self, DATA, END_HEADERS, HEADERS, SETTINGS, WINDOW_UPDATE, beginning, begun, frame, header};
use crate::support::TestServer;

const TOLD: u64 = 10_000_000_000;
const READ_MAX: usize = 64 << 10;

const PATHS: [&str; 6] = [
    "/api/v1/projects/price/fit",
    "/api/v1/projects/price/predict",
    "/api/v1/backtest",
    "/v1/events/price",
    "/v2/models/fit?detector_name=price&drift_type=label",
    "/v2/models/price/infer",
];

/// The paths with keys that do not let in.
fn refused() -> impl Iterator<Item = (&'static str, String)> {
    let of_path = |path| {
        let keys = [key(Scope::Read, "here"), key(Scope::Fit, "elsewhere")];
        let keys = ["an unknown key", "a key that has expired"].map(str::to_owned).into_iter().chain(keys);
        keys.map(move |key| (path, key))
    };
    // Whoever may fit anything may replay what it sends.
    PATHS.into_iter().flat_map(of_path).filter(|(path, key)| *path != PATHS[2] || !key.contains("elsewhere"))
}

/// How many of the bytes that a client has written the server's program has read: neither system holds them.
fn taken(stream: &TcpStream, n_written: usize) -> Option<usize> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let (client, server) = (stream.local_addr().unwrap().port(), stream.peer_addr().unwrap().port());
    // Lines are `n: local remote state sent:received …`, in hexadecimal digits; what is not acknowledged or not read is in the queues.
    let queues = |from: u16, to: u16| {
        let of_line = |line: &str| {
            let mut parts = line.split_ascii_whitespace().skip(1);
            let port = |place: &str| u16::from_str_radix(place.split_once(':')?.1, 16).ok();
            let (local, remote, queues) = (port(parts.next()?)?, port(parts.next()?)?, parts.nth(1)?);
            let (sent, received) = queues.split_once(':')?;
            let bytes = |digits| usize::from_str_radix(digits, 16).ok();
            (local == from && remote == to).then_some((bytes(sent)?, bytes(received)?))
        };
        table.lines().skip(1).find_map(of_line)
    };
    Some(n_written - queues(client, server)?.0 - queues(server, client)?.1)
}

/// Sends a head and then its body for as long as any of it is taken; the answer, and how much of all that the server has read, if it was asked
/// in the time for which a connection is held up.
async fn send_all(stream: &mut TcpStream, head: &str) -> (String, Option<usize>) {
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4_096];
    let n_read = timeout(Duration::from_secs(5), stream.read(&mut answer)).await.unwrap().unwrap();
    let piece = [b'x'; 4_096];
    let mut n_written = head.len();
    while let Ok(written) = timeout(Duration::from_millis(100), stream.write(&piece)).await {
        let Ok(written) = written else { break };
        n_written += written;
    }
    (String::from_utf8_lossy(&answer[..n_read]).into_owned(), taken(stream, n_written))
}

async fn connect(server: &TestServer) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(4_096).unwrap();
    socket.connect(server.address).await.unwrap()
}

fn head(path: &str, key: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {TOLD}\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_with_a_bad_key_is_not_read() {
    let server = server().await;
    for (path, key) in refused() {
        // A machine that is too slow for it is asked again.
        let mut measured = None;
        for _ in 0..5 {
            let mut stream = connect(&server).await;
            let (answer, n_taken) = send_all(&mut stream, &head(path, &key)).await;
            let is_refused = answer.starts_with("HTTP/1.1 401") || answer.starts_with("HTTP/1.1 403");
            assert!(is_refused, "{path} {key}: {answer}");
            measured = n_taken;
            if measured.is_some() {
                break;
            }
        }
        let n_taken = measured.expect("the connection is held up");
        assert!(n_taken <= READ_MAX, "{path} {key}: {n_taken} bytes were read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_on_sending_it_is_cut_off() {
    let server = server().await;
    let mut stream = connect(&server).await;
    send_all(&mut stream, &head(PATHS[0], "an unknown key")).await;
    let rest = async { while stream.write_all(&[b'x'; 4_096]).await.is_ok() {} };
    timeout(Duration::from_secs(20), rest).await.expect("the connection is closed");
}

/// What a server lets a client send over HTTP/2 whose body it refuses.
struct Allowed {
    /// Of this body.
    of_stream: usize,
    /// Of others on the connection, once all that was allowed of this one has been sent.
    of_others: usize,
    /// The head of the answer, coded.
    answer: Vec<u8>,
}

async fn allowed_over_http2(server: &TestServer, path: &str, key: &str) -> Allowed {
    const INITIAL_WINDOW: u16 = 4;
    let mut stream = server.connect().await;
    let mut head = frames::head("POST", path);
    for (name, value) in [
        ("authorization", format!("Bearer {key}").as_str()),
        ("content-type", "application/json"),
        ("content-length", TOLD.to_string().as_str()),
    ] {
        head.extend(header(name, value));
    }
    stream.write_all(&[beginning(), frame(HEADERS, END_HEADERS, 1, &head)].concat()).await.unwrap();
    let (mut of_stream, mut of_connection, mut n_sent) = (65_535_usize, 65_535_usize, 0_usize);
    let mut answer = Vec::new();
    loop {
        // As much as may be sent is, in frames of the largest size.
        while n_sent < of_stream.min(of_connection) && !answer.is_empty() {
            let n_bytes = (of_stream.min(of_connection) - n_sent).min(16_384);
            stream.write_all(&frame(DATA, 0, 1, &vec![b'x'; n_bytes])).await.expect("the connection goes on");
            n_sent += n_bytes;
        }
        let mut head = [0; 9];
        let patience = if answer.is_empty() { Duration::from_secs(5) } else { Duration::from_millis(200) };
        let Ok(Ok(_)) = timeout(patience, stream.read_exact(&mut head)).await else {
            return Allowed { of_stream, of_others: of_connection - n_sent, answer };
        };
        let (n_bytes, kind, _, of) = begun(head);
        let mut payload = vec![0; n_bytes];
        stream.read_exact(&mut payload).await.unwrap();
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap()) as usize;
        match kind {
            SETTINGS => {
                let is_window = |setting: &&[u8]| setting[..2] == INITIAL_WINDOW.to_be_bytes();
                if let Some(setting) = payload.chunks(6).find(is_window) {
                    of_stream = number(&setting[2..]);
                }
            }
            WINDOW_UPDATE if of == 0 => of_connection += number(&payload),
            WINDOW_UPDATE => of_stream += number(&payload),
            HEADERS => answer = payload,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_is_it_over_http_2() {
    let server = server().await;
    for (path, key) in refused() {
        let Allowed { of_stream, of_others, answer } = allowed_over_http2(&server, path, &key).await;
        // Statuses that stand in no table, 401 and 403, in the code of Huffman (RFC 7541, appendix B).
        let says = |status: &[u8]| answer.windows(status.len()).any(|part| part == status);
        assert!(says(&[0x82, 0x68, 0x01]) || says(&[0x83, 0x68, 0x0c, 0xff]), "{path} {key}: {answer:x?}");
        assert!(of_stream <= READ_MAX, "{path} {key}: {of_stream} bytes may be sent");
        assert!(of_others >= 16_384, "{path} {key}: it keeps others of its connection waiting");
    }
}
