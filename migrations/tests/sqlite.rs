//! Up and down on a SQLite file.

use drifting_migrations::Migrator;
use sea_orm_migration::sea_orm::{Database, DatabaseConnection};
use sea_orm_migration::{MigratorTrait, SchemaManager};

async fn database(folder: &tempfile::TempDir) -> DatabaseConnection {
    let file = folder.path().join("metrics.sqlite");
    Database::connect(format!("sqlite://{}?mode=rwc", file.display())).await.expect("a SQLite file can be created")
}

#[tokio::test]
async fn up_creates_the_table_and_its_indexes_and_down_removes_them() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let schema = SchemaManager::new(&database);

    Migrator::up(&database, None).await.unwrap();
    for column in [
        "id",
        "project",
        "generation",
        "at",
        "time",
        "rows",
        "statistic",
        "threshold",
        "p_value",
        "distance",
        "is_drift",
        "warm_up",
    ] {
        assert!(schema.has_column("drift_record", column).await.unwrap(), "no column {column}");
    }
    for index in ["drift_record_project_id", "drift_record_project_at"] {
        assert!(schema.has_index("drift_record", index).await.unwrap(), "no index {index}");
    }

    Migrator::down(&database, None).await.unwrap();
    assert!(!schema.has_table("drift_record").await.unwrap());
    Migrator::up(&database, None).await.unwrap();
    assert!(schema.has_table("drift_record").await.unwrap(), "up again after down");
}

#[tokio::test]
async fn a_second_up_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    Migrator::up(&database, None).await.unwrap();
    Migrator::up(&database, None).await.unwrap();
    assert!(Migrator::get_pending_migrations(&database).await.unwrap().is_empty());
}
