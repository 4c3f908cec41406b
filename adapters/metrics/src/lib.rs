//! The metrics repository, in Postgres or SQLite through sea-orm.

mod address;
mod buckets;
mod connect;
mod copy;
mod error;
mod history;
mod postgres;
mod rehearsal;
mod removal;
mod repository;
mod rollup;
mod row;
mod sqlite;
mod start;

pub use address::Address;
pub use rehearsal::{Rehearsal, rehearse};
pub use repository::{SeaOrmMetrics, migrate_only};
pub use start::ServerStart;
