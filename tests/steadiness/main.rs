//! What is promised of a server under load, held against the real program: overload, fits beside predictions, a key beyond its rate, slow
//! clients, SIGTERM under load, and a long time.
//!
//! `scripts/prove-steadiness` runs the full form with a release build, the server on a processor of its own, and holds the
//! figures against their limits. Without it a short form runs, in which nothing is asked of times: a busy machine is slow.

mod client;
mod drain;
mod fit_isolation;
mod form;
mod noisy_key;
mod overload;
mod projects;
mod resources;
#[path = "../support/server.rs"]
#[expect(dead_code, reason = "the front door uses the rest of it")]
mod server;
mod slow_clients;
mod soak;
