//! Records as they are kept, page by page.

use std::collections::HashMap;

use chrono::SubsecRound;
use drifting_domain::ports::{PortError, TrendPage, TrendQuery};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::error::port_error;
use crate::row::{self, MICROSECONDS, feature, record, signed};

pub(crate) const READ: &str = "read the metrics";

pub(crate) fn failed(error: DbErr) -> PortError {
    port_error(READ, error)
}

/// A page of records.
pub(crate) async fn trend(database: &DatabaseConnection, query: &TrendQuery) -> Result<TrendPage, PortError> {
    let mut rows = select(database, query).await.map_err(failed)?;
    let more = rows.len() > query.page_size;
    rows.truncate(query.page_size);
    let next = rows.last().filter(|_| more).map(row::cursor);
    let mut features = HashMap::new();
    if query.with_features {
        features = features_of(database, &rows).await.map_err(failed)?;
    }
    let records = rows.into_iter().map(|row| {
        let features = features.remove(&(row.server_id, row.number)).unwrap_or_default();
        row::into_record(row, features.into_iter())
    });
    Ok(TrendPage { records: records.collect::<Result<_, _>>()?, next })
}

async fn select(database: &DatabaseConnection, query: &TrendQuery) -> Result<Vec<record::Model>, DbErr> {
    use record::Column;
    let mut select = record::Entity::find().filter(Column::Project.eq(query.project.as_str()));
    match (query.after, query.from) {
        (Some(after), _) => {
            let place = Expr::tuple([Column::At, Column::ServerId, Column::Number].map(ColumnTrait::into_expr));
            let (at, number) = (row::time_of(after.at_us), signed(after.number));
            let after = Expr::tuple([Expr::value(at), Expr::value(after.server), Expr::value(number)]);
            // A comparison of rows, so that the index is entered at the right place.
            select = select.filter(place.gt(after));
        }
        (None, Some(from)) => select = select.filter(Column::At.gte(from.trunc_subsecs(MICROSECONDS))),
        (None, None) => {}
    }
    if let Some(to) = query.to {
        select = select.filter(Column::At.lt(to.trunc_subsecs(MICROSECONDS)));
    }
    // One more than asked for tells whether another page follows.
    let limit = i64::try_from(query.page_size).unwrap_or(i64::MAX).saturating_add(1).unsigned_abs();
    let ordered = select.order_by_asc(Column::At).order_by_asc(Column::ServerId).order_by_asc(Column::Number);
    ordered.limit(limit).all(database).await
}

/// The columns of some records, by the numbers of these.
async fn features_of(
    database: &DatabaseConnection,
    rows: &[record::Model],
) -> Result<HashMap<(i64, i64), Vec<feature::Model>>, DbErr> {
    use feature::Column;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(HashMap::new()) };
    let place = || Expr::tuple([Column::At, Column::ServerId, Column::Number].map(ColumnTrait::into_expr));
    let of =
        |row: &record::Model| Expr::tuple([Expr::value(row.at), Expr::value(row.server_id), Expr::value(row.number)]);
    let found = feature::Entity::find()
        .filter(Column::Project.eq(&first.project))
        .filter(place().gte(of(first)))
        .filter(place().lte(of(last)))
        .order_by_asc(Column::Position)
        .all(database)
        .await?;
    let mut features = HashMap::<_, Vec<_>>::new();
    for feature in found {
        features.entry((feature.server_id, feature.number)).or_default().push(feature);
    }
    Ok(features)
}
