//! The migrations of the metrics database.
//!
//! One file per migration, never edited after a release: a database remembers by name which of them it has seen.

mod m20261123_000001_create_drift_record;
mod m20261128_000002_number_the_records;

use async_trait::async_trait;
use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// All migrations, oldest first. They run on Postgres and on SQLite.
pub struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_create_drift_record::Migration),
            Box::new(m20261128_000002_number_the_records::Migration),
        ]
    }
}
