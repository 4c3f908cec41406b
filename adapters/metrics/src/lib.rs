//! The metrics repository, in Postgres or SQLite through sea-orm.

mod connect;
mod error;
mod repository;
mod row;

pub use repository::SeaOrmMetrics;
