//! The gRPC interface as a client meets it: a real server over sockets, with everything behind it in memory.

#![expect(clippy::unwrap_used, reason = "a failure in what the tests share fails the test, too")]

mod access;
mod body_memory;
mod calls;
mod connections;
#[path = "../../../../tests/support/http2_frames.rs"]
#[expect(dead_code, reason = "the tests over HTTP use the rest of it")]
mod frames;
mod health;
mod hostile;
mod infer;
mod limits;
mod open_streams;
mod raw;
mod reflection;
mod stop;
mod streams;
mod support;
