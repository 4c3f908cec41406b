//! Requests that are not framed as HTTP, and bodies that are cut off, contradict their heads, or do not end.
//!
//! What the HTTP library refuses itself (hyper: request lines, names of headers, contradicting lengths, floods) has a
//! status and no body, since it asks nobody. Such rows are [`Row::unseen`].

use crate::row::{CSV, JSON, PREDICT, Row};
use crate::table::Limits;

/// A head without its end.
const GET: &str = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";

pub fn rows(limits: Limits) -> Vec<Row> {
    [request_lines(), headers(), lengths(limits), chunks(limits)].concat()
}

fn unseen(what: &str, request: impl Into<Vec<u8>>, status: u16) -> Row {
    Row::raw(what, request, status, "").unseen().then_closed()
}

fn request_lines() -> Vec<Row> {
    let line = |line: &str| format!("{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    vec![
        unseen("bytes that are no request", b"\x00\x01\x02\x03\r\n\r\n".to_vec(), 400),
        unseen("a TLS greeting", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03".repeat(4), 400).hanging_up(),
        unseen("no version", "GET /livez\r\n\r\n", 400),
        unseen("HTTP/2 in a line", line("GET /livez HTTP/2.0"), 400),
        unseen("HTTP/3 in a line", line("GET /livez HTTP/3.0"), 400),
        unseen("a method of other signs", line("G@T /livez HTTP/1.1"), 400),
        unseen("a blank in the target", line("GET /liv ez HTTP/1.1"), 400),
        unseen("a control character in the target", line("GET /liv\u{1}ez HTTP/1.1"), 400),
        unseen("Latin-1 in the target", b"GET /liv\xe9z HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 400),
        unseen("a line break in the target", line("GET /livez\r\nX: y HTTP/1.1"), 400),
        unseen("a target of 70,000 bytes", line(&format!("GET /{} HTTP/1.1", "a".repeat(70_000))), 414),
        unseen("a query of 70,000 bytes", line(&format!("GET /livez?{} HTTP/1.1", "a".repeat(70_000))), 414),
        unseen("a target of 2 MB", line(&format!("GET /{} HTTP/1.1", "a".repeat(2_000_000))), 431),
        Row::bare("GET", &format!("/{}", "a".repeat(60_000)), 414, "target_too_long").about("a target of 60,000 bytes"),
    ]
}

fn headers() -> Vec<Row> {
    let with = |lines: &str| format!("{GET}{lines}\r\n\r\n");
    let many = |n: usize| (0..n).map(|i| format!("X-{i}: 1\r\n")).collect::<Vec<_>>().concat();
    vec![
        unseen("a header without a colon", with("Foo"), 400),
        unseen("a blank before the colon", with("Foo : bar"), 400),
        unseen("a header that goes on in the next line", with("Foo: a\r\n b"), 400),
        unseen("a NUL in a header", with("Foo: a\0b"), 400),
        unseen("a name of other signs", with("F(o): a"), 400),
        Row::raw("200 headers", with(many(200).trim_end()), 431, "headers_too_large").then_closed(),
        unseen("300 headers", with(many(300).trim_end()), 431),
        unseen("a header of 2 MB", with(&format!("X: {}", "x".repeat(2_000_000))), 431),
        Row::with_headers("GET", "/nothing", &[("X", &"x".repeat(100_000))], "", 431, "headers_too_large")
            .about("a header of 100,000 bytes"),
    ]
}

/// The head of a prediction with these lines, and what follows it.
fn prediction(lines: &str, rest: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!("POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n\r\n");
    [head.as_bytes(), rest.as_ref()].concat()
}

fn lengths(limits: Limits) -> Vec<Row> {
    let length = |length: &str| prediction(&format!("Content-Length: {length}"), "{}");
    let deleting = "DELETE /api/v1/projects/off HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    // On a connection that is to be kept.
    let kept = format!("POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\n");
    let no_chunks = format!("0\r\n\r\n{deleting}");
    let length_of_all = format!("Content-Length: {}\r\n", no_chunks.len());
    let smuggling = format!("{kept}{length_of_all}Transfer-Encoding: chunked\r\n\r\n{no_chunks}");
    let turned_round = format!("{kept}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n{no_chunks}");
    let good = "e\r\n{\"data\":[0.5]}\r\n0\r\n\r\n";
    let with_more = |lines: &str| format!("{kept}{lines}\r\n\r\n{good}{deleting}");
    let over = limits.predict + 1;
    vec![
        unseen("two lengths", prediction("Content-Length: 2\r\nContent-Length: 3", "{}}"), 400),
        unseen("a list of lengths", length("2, 2"), 400),
        unseen("a length below 0", length("-1"), 400),
        unseen("a length with a sign", length("+2"), 400),
        unseen("a length in hexadecimal", length("0x2"), 400),
        unseen("a length that is empty", length(""), 400),
        unseen("a length beyond 64 bits", length("99999999999999999999999"), 400),
        unseen("the last length of 64 bits", length("18446744073709551615"), 431),
        // Somebody in between may have believed the other one; the connection ends, and what would follow is not read.
        Row::raw("a length and chunks", smuggling, 400, "malformed").then_closed(),
        Row::raw("chunks and a length", turned_round, 400, "malformed").then_closed(),
        Row::raw(
            "a length and chunks that are good",
            with_more("Content-Length: 2\r\nTransfer-Encoding: chunked"),
            400,
            "malformed",
        )
        .then_closed(),
        Row::raw(
            "good chunks and a length",
            with_more("Transfer-Encoding: chunked\r\nContent-Length: 2"),
            400,
            "malformed",
        )
        .then_closed(),
        Row::raw(
            "a coding that is not undone, in chunks",
            with_more("Transfer-Encoding: gzip, chunked"),
            400,
            "malformed",
        )
        .then_closed(),
        unseen("chunks, but not at last", prediction("Transfer-Encoding: chunked, gzip", "0\r\n\r\n"), 400),
        unseen("another transfer coding", prediction("Transfer-Encoding: xchunked", "0\r\n\r\n"), 400),
        unseen(
            "chunks and no chunks",
            prediction("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n"),
            400,
        ),
        unseen(
            "chunks in HTTP/1.0",
            format!("POST {PREDICT} HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400,
        ),
        Row::raw("a body that ends early", length("50"), 400, "malformed").hanging_up(),
        Row::raw("a length above the limit, by one", length(&over.to_string()), 413, "body_too_large"),
        Row::raw("a length of 18 EB", length("18446744073709551613"), 413, "body_too_large"),
        Row::post(PREDICT, JSON, " ".repeat(over), 413, "body_too_large").about("a body above the limit, by one"),
        Row::post(PREDICT, CSV, " ".repeat(4 * over), 413, "body_too_large").about("a body of four times the limit"),
        Row::post("/api/v1/projects/new/fit", JSON, " ".repeat(limits.fit + 1), 413, "body_too_large")
            .about("a body above the limit of fits, by one"),
        Row::with_headers(
            "POST",
            PREDICT,
            &[("Expect", "100-continue"), ("Content-Length", &over.to_string())],
            "",
            413,
            "body_too_large",
        )
        .about("a client that asks before it sends too much"),
    ]
}

fn chunks(limits: Limits) -> Vec<Row> {
    let chunked = |body: &[u8]| prediction("Transfer-Encoding: chunked", body);
    let in_chunks = |size: usize, n: usize| {
        let chunk = [format!("{size:x}\r\n").as_bytes(), &vec![b' '; size], b"\r\n"].concat();
        chunked(&[chunk.repeat(n), b"0\r\n\r\n".to_vec()].concat())
    };
    let bad = |what: &str, body: &[u8]| Row::raw(what, chunked(body), 400, "malformed");
    let trailers = (0..300).map(|i| format!("X-{i}: 1\r\n")).collect::<Vec<_>>().concat();
    let extension = format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "a".repeat(200_000));
    vec![
        bad("a size of a chunk that is no number", b"xyz\r\n{}\r\n0\r\n\r\n"),
        bad("a size of a chunk below 0", b"-2\r\n{}\r\n0\r\n\r\n"),
        bad("a size of a chunk beyond 64 bits", b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        bad("a chunk that is longer than its size", b"2\r\n{}}}}\r\n0\r\n\r\n"),
        bad("a chunk that is cut off", b"10\r\n{}").hanging_up(),
        bad("chunks without their end", b"2\r\n{}\r\n").hanging_up(),
        bad("an extension of a chunk of 200,000 bytes", extension.as_bytes()),
        bad("300 trailers", format!("2\r\n{{}}\r\n0\r\n{trailers}\r\n").as_bytes()),
        Row::raw("4,000 chunks of one byte", in_chunks(1, 4_000), 400, "malformed"),
        Row::raw("chunks above the limit", in_chunks(65_536, limits.predict / 65_536 + 1), 413, "body_too_large"),
        Row::raw("chunks of four times the limit", in_chunks(65_536, limits.predict / 16_384), 413, "body_too_large"),
    ]
}
