//! Floods of frames of HTTP/2 that cost a client little: the connection is ended with words, and others are served.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::frames::{
    CANCEL, CONTINUATION, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, beginning, begun, frame, head,
};
use crate::support::TestServer;

/// More frames than anybody sends by mistake.
const N_FRAMES: u32 = 3_000;

const ENHANCE_YOUR_CALM: u32 = 11;

/// What the server says at the end of a connection over which these frames come: the error of its GOAWAY, and its words.
async fn ended_with(server: &TestServer, frames: Vec<u8>) -> (u32, String) {
    let (mut read, mut write) = server.connect().await.into_split();
    // The server may end it before all is written.
    let writing = tokio::spawn(async move {
        let _ = write.write_all(&[beginning(), frames].concat()).await;
        write
    });
    let mut said = Vec::new();
    // A connection that is reset behind its last words has said them all the same.
    let _ = timeout(Duration::from_secs(20), read.read_to_end(&mut said)).await.expect("the server ends it");
    drop(writing.await);
    let mut rest = said.as_slice();
    while let Some((first, after)) = rest.split_first_chunk() {
        let (length, kind, ..) = begun(*first);
        assert!(after.len() >= length, "a frame is cut off");
        let (payload, next) = after.split_at(length);
        if kind == GOAWAY {
            let error = u32::from_be_bytes(payload[4..8].try_into().unwrap());
            return (error, String::from_utf8_lossy(&payload[8..]).into_owned());
        }
        rest = next;
    }
    panic!("it was ended without a word: {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_taken_back_at_once_again_and_again_end_their_connection() {
    let server = TestServer::start().await;
    let taken_back = |n: u32| {
        let stream = 2 * n + 1;
        let request = frame(HEADERS, END_STREAM | END_HEADERS, stream, &head("GET", "/livez"));
        [request, frame(RST_STREAM, 0, stream, &CANCEL)].concat()
    };
    let (error, words) = ended_with(&server, (0..N_FRAMES).flat_map(taken_back).collect()).await;
    assert_eq!((error, words.as_str()), (ENHANCE_YOUR_CALM, "too_many_resets"));
    assert_eq!(server.get("/livez").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_never_ends_ends_its_connection() {
    let server = TestServer::start().await;
    let begun = frame(HEADERS, END_STREAM, 1, &head("GET", "/livez"));
    let more = (0..N_FRAMES).flat_map(|_| frame(CONTINUATION, 0, 1, &[]));
    let (error, words) = ended_with(&server, begun.into_iter().chain(more).collect()).await;
    assert_eq!((error, words.as_str()), (ENHANCE_YOUR_CALM, "too_many_continuations"));
    assert_eq!(server.get("/livez").await.status, 200);
}
