//! The store on a directory of its own, seen through its port and through the files that it leaves.

#![expect(clippy::unwrap_used, reason = "a failure in what the tests share fails the test, too")]

mod calls;
mod contract;
#[cfg(debug_assertions)]
mod crash;
mod damage;
mod directory;
mod files;
mod look;
mod support;
mod sweep;
mod turns;
