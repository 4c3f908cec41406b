//! The metrics repository, in Postgres or SQLite through sea-orm.

mod connect;
mod error;
mod rehearsal;
mod repository;
mod row;

pub use rehearsal::{Rehearsal, rehearse, rehearse_file};
pub use repository::SeaOrmMetrics;
