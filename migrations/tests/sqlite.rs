//! Up and down on a SQLite file.

use drifting_migrations::Migrator;
use sea_orm_migration::sea_orm::{Database, DatabaseConnection};
use sea_orm_migration::{MigratorTrait, SchemaManager};

async fn database(folder: &tempfile::TempDir) -> DatabaseConnection {
    let file = folder.path().join("metrics.sqlite");
    Database::connect(format!("sqlite://{}?mode=rwc", file.display())).await.expect("a SQLite file can be created")
}

#[tokio::test]
async fn up_creates_the_tables_and_down_removes_them() {
    const TABLES: [&str; 4] = ["drift_record", "drift_feature", "drift_rollup", "drift_server"];
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let schema = SchemaManager::new(&database);

    for _ in 0..2 {
        Migrator::up(&database, None).await.unwrap();
        for table in TABLES {
            assert!(schema.has_table(table).await.unwrap(), "no table {table}");
        }
        Migrator::down(&database, Some(1)).await.unwrap();
        assert!(schema.has_column("drift_record", "id").await.unwrap(), "the table of the first migration");
        for index in ["drift_record_project_id", "drift_record_project_at"] {
            assert!(schema.has_index("drift_record", index).await.unwrap(), "no index {index}");
        }
        Migrator::down(&database, None).await.unwrap();
        for table in TABLES {
            assert!(!schema.has_table(table).await.unwrap(), "{table} is left");
        }
    }
}

#[tokio::test]
async fn a_second_up_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    Migrator::up(&database, None).await.unwrap();
    Migrator::up(&database, None).await.unwrap();
    assert!(Migrator::get_pending_migrations(&database).await.unwrap().is_empty());
}
