//! The store in a bucket: on a real S3 server, on a stub of Google's with preconditions, on an emulator without them.

#![expect(clippy::unwrap_used, reason = "a failure in what the tests share fails the test, too")]

mod aws_chains;
mod chains;
mod child;
mod conditions;
mod contract;
#[cfg(debug_assertions)]
mod crash;
mod damage;
mod faults;
mod files;
mod google_chains;
mod lease;
mod look;
mod many;
mod pause;
mod raw;
mod support;
mod sweep;
