//! The metrics repository, in Postgres or SQLite through sea-orm.
