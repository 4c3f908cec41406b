//! Postgres servers for tests, on loopback and on free ports, with everything in a temporary folder, and a link to them
//! whose faults a test chooses.
//!
//! A server lives as long as its value, and ends with it, also when the test panics. All of it is blocking, so that it
//! serves tests inside and outside of an async runtime.
//!
//! | value | what for | starts in about |
//! |---|---|---|
//! | [`PostgresServer`] | a real Postgres that a test stops, kills and starts again | 1 s |
//! | [`FaultyLink`] | the way to it: slow, silent, refusing, or cut in the middle | 1 ms |
//!
//! The programs of an installed Postgres do the work. They are looked for on the `PATH`, where `pg_config` says, and
//! where Debian puts them. Root runs them as an unprivileged account.

mod account;
mod certificates;
mod faulty_link;
mod programs;
mod server;
mod setup;

pub use faulty_link::FaultyLink;
pub use programs::psql;
pub use server::PostgresServer;
pub use setup::Setup;
