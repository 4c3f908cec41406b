//! Appending to a SQLite file.

use drifting_domain::ports::{DriftRecord, PortError};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, IntoActiveModel, QueryFilter, Set, Statement, Value,
};

use crate::connect::begin_writing_sqlite;
use crate::error::port_error;
use crate::rollup::{columns, merging, rollup, values_of};
use crate::row::{self, not_yet, server, signed};
use crate::start::ServerStart;

/// A statement takes at most 32,766 parameters; a row has up to 22. Larger chunks are no faster.
const ROWS_PER_INSERT: usize = 1_000;

/// Appends what is not there yet, all or none.
pub(crate) async fn append(
    database: &DatabaseConnection,
    start: &ServerStart,
    first: u64,
    records: &[DriftRecord],
) -> Result<(), PortError> {
    let appended = async {
        let transaction = begin_writing_sqlite(database).await?;
        let (server_id, delivered) = register(&transaction, start).await?;
        let (first, records) = not_yet(delivered, first, records);
        if records.is_empty() {
            return Ok(());
        }
        write(&transaction, server_id, first, records).await?;
        transaction.commit().await
    };
    appended.await.map_err(|error: DbErr| port_error("append to the metrics", error))
}

/// The number of this start, and that of the last record that it has appended.
async fn register(transaction: &DatabaseTransaction, start: &ServerStart) -> Result<(i64, i64), DbErr> {
    let known = server::Entity::find().filter(server::Column::Start.eq(&start.id)).one(transaction).await?;
    if let Some(known) = known {
        return Ok((known.id, known.delivered));
    }
    let ServerStart { id, instance, version, started_at } = start.clone();
    let new = server::ActiveModel {
        start: Set(id),
        instance: Set(instance),
        version: Set(version),
        started_at: Set(started_at),
        delivered: Set(0),
        ..Default::default()
    };
    Ok((server::Entity::insert(new).exec(transaction).await?.last_insert_id, 0))
}

async fn write(
    transaction: &DatabaseTransaction,
    server_id: i64,
    first: u64,
    records: &[DriftRecord],
) -> Result<(), DbErr> {
    let numbered = || (first..).zip(records);
    let rows = numbered().map(|(number, record)| row::of_record(record, server_id, number).into_active_model());
    insert_all(transaction, rows.collect()).await?;
    let features = numbered().flat_map(|(number, record)| row::of_features(record, server_id, number));
    insert_all(transaction, features.map(IntoActiveModel::into_active_model).collect()).await?;
    add_to_rollup(transaction, records).await?;
    let delivered = signed(first + records.len() as u64 - 1);
    let of_start = server::Entity::update_many().filter(server::Column::Id.eq(server_id));
    of_start.col_expr(server::Column::Delivered, Expr::value(delivered)).exec(transaction).await?;
    Ok(())
}

async fn insert_all<A: ActiveModelTrait>(transaction: &DatabaseTransaction, rows: Vec<A>) -> Result<(), DbErr> {
    let mut rows = rows.into_iter();
    loop {
        let chunk: Vec<A> = rows.by_ref().take(ROWS_PER_INSERT).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        A::Entity::insert_many(chunk).exec_without_returning(transaction).await?;
    }
}

async fn add_to_rollup(transaction: &DatabaseTransaction, records: &[DriftRecord]) -> Result<(), DbErr> {
    // Where either is null, `min` and `max` are null too.
    let of = |function: &'static str| {
        move |left: &str, right: &str| format!("{function}(coalesce({left}, {right}), coalesce({right}, {left}))")
    };
    let names = columns();
    let marks = vec!["?"; names.len()].join(", ");
    let head = format!("INSERT INTO drift_rollup ({}) VALUES ", names.join(", "));
    let tail = format!(" ON CONFLICT (project, minute) DO UPDATE SET {}", merging(of("min"), of("max")));
    let sums: Vec<_> = rollup(records).into_iter().collect();
    for chunk in sums.chunks(ROWS_PER_INSERT) {
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * names.len());
        for ((project, minute), sums) in chunk {
            values.extend([(*project).into(), (*minute).into()]);
            values.extend([sums.records, sums.rows, sums.drifts, sums.warm_ups].map(|count| signed(count).into()));
            for value in values_of(sums) {
                values.extend([signed(value.count).into(), value.sum.into()]);
                values.extend([value.range.map(|(min, _)| min).into(), value.range.map(|(_, max)| max).into()]);
            }
        }
        let rows = vec![format!("({marks})"); chunk.len()].join(", ");
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, format!("{head}{rows}{tail}"), values);
        transaction.execute_raw(statement).await?;
    }
    Ok(())
}
