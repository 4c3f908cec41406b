//! A Postgres cluster that the server creates, starts and stops for itself.
//!
//! ```text
//! <directory>/          owned by the account that Postgres runs as, closed to all others
//! ├── data/             the cluster
//! ├── data.unfinished.* one that is being created, or whose creation was interrupted: the next start removes it
//! ├── socket/           the only way in (in the system's folder for temporary files where this path is too long)
//! ├── postgres.log      what the cluster's server says
//! └── in-use.lock       held while a server of ours uses the directory
//! ```
//!
//! The programs of an installed Postgres do the work; nothing is downloaded. Postgres refuses to run as root, so root
//! runs it as `postgres` or `nobody`.

mod account;
mod cluster;
mod diagnosis;
mod error;
mod look;
mod place;
mod postmaster;
mod probe;
mod processes;
mod programs;
mod search_path;
mod server;
mod settings;
mod unfinished;

pub use error::LocalPostgresError;
pub use look::Cluster;
pub use search_path::SearchPath;
pub use server::LocalPostgres;
