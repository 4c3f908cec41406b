//! What a failure of the database means to a caller.

use std::io;

use drifting_domain::ports::{PortError, PortErrorKind};
use sea_orm::sqlx::{self, error::DatabaseError};
use sea_orm::{DbErr, RuntimeErr, SqlxSqliteError};

/// The error of an operation through sea-orm.
pub(crate) fn port_error(operation: &'static str, error: DbErr) -> PortError {
    let kind = match &error {
        DbErr::ConnectionAcquire(_) => PortErrorKind::Unavailable,
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => kind_of(cause),
        DbErr::Type(_) | DbErr::TryIntoErr { .. } => PortErrorKind::Damaged,
        _ => PortErrorKind::Other,
    };
    PortError::new(kind, operation, error)
}

/// The error of an operation through sqlx.
pub(crate) fn sqlx_port_error(operation: &'static str, error: sqlx::Error) -> PortError {
    PortError::new(kind_of(&error), operation, error)
}

/// The error of an operation on a file.
pub(crate) fn io_port_error(operation: &'static str, error: io::Error) -> PortError {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => PortErrorKind::Permission,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PortErrorKind::Full,
        _ => PortErrorKind::Other,
    };
    PortError::new(kind, operation, error)
}

fn kind_of(error: &sqlx::Error) -> PortErrorKind {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => PortErrorKind::Unavailable,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => PortErrorKind::Damaged,
        sqlx::Error::Database(error) => kind_of_database_error(error.as_ref()),
        _ => PortErrorKind::Other,
    }
}

fn kind_of_database_error(error: &(dyn DatabaseError + 'static)) -> PortErrorKind {
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<SqlxSqliteError>().is_some() {
        code.parse().map_or(PortErrorKind::Other, kind_of_sqlite_code)
    } else {
        kind_of_sqlstate(&code)
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn kind_of_sqlstate(code: &str) -> PortErrorKind {
    match (code.get(..2).unwrap_or_default(), code) {
        // Connections, resources other than the disk, shutdowns and restarts, locks and conflicts; no such table or column:
        // somebody is at work on the database.
        (_, "53100") => PortErrorKind::Full,
        ("08" | "53" | "57" | "58" | "40", _) | (_, "42P01" | "42703") => PortErrorKind::Unavailable,
        (_, "55P03") => PortErrorKind::InUse,
        // A wrong password, a missing right, a read-only replica.
        ("28", _) | (_, "42501" | "25006") => PortErrorKind::Permission,
        ("XX", "XX001" | "XX002") => PortErrorKind::Damaged,
        // Values out of range or not in the encoding, constraints.
        ("22" | "23", _) => PortErrorKind::Refused,
        _ => PortErrorKind::Other,
    }
}

/// <https://www.sqlite.org/rescode.html>; the lowest byte of an extended code is the primary one.
fn kind_of_sqlite_code(code: u32) -> PortErrorKind {
    match code & 0xff {
        5 | 6 => PortErrorKind::InUse,
        3 | 8 | 23 => PortErrorKind::Permission,
        10 => PortErrorKind::Unavailable,
        11 | 26 => PortErrorKind::Damaged,
        13 => PortErrorKind::Full,
        18..=20 => PortErrorKind::Refused,
        _ => PortErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_have_a_kind() {
        assert_eq!(kind_of_sqlstate("53100"), PortErrorKind::Full);
        assert_eq!(kind_of_sqlstate("53300"), PortErrorKind::Unavailable);
        assert_eq!(kind_of_sqlstate("57P01"), PortErrorKind::Unavailable);
        assert_eq!(kind_of_sqlstate("28P01"), PortErrorKind::Permission);
        assert_eq!(kind_of_sqlstate("3D000"), PortErrorKind::Other);
        assert_eq!(kind_of_sqlstate("42P01"), PortErrorKind::Unavailable);
        assert_eq!(kind_of_sqlite_code(13), PortErrorKind::Full);
        assert_eq!(kind_of_sqlite_code(5 | 2 << 8), PortErrorKind::InUse, "an extended code");
        assert_eq!(kind_of_sqlite_code(1), PortErrorKind::Other);
        assert_eq!(
            (kind_of_sqlstate("22P05"), kind_of_sqlite_code(19)),
            (PortErrorKind::Refused, PortErrorKind::Refused)
        );
    }
}
