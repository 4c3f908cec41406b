//! Where a database is, and how its password is had.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use drifting_domain::ports::{PortError, PortErrorKind};
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions};

use crate::error::io_port_error;

/// A larger file holds no password.
const PASSWORD_BYTES_MAX: u64 = 64 << 10;

/// The address of a database: `postgres://…` (or `postgresql://…`), `sqlite://file`, or a SQLite file itself. Characters
/// such as `%` and `?` in the path of a `sqlite://` are percent-encoded.
#[derive(Clone)]
pub struct Address {
    place: Place,
    password_file: Option<PathBuf>,
}

#[derive(Clone)]
enum Place {
    Uri(String),
    File(PathBuf),
}

/// What a database is opened with.
pub(crate) enum Options {
    Postgres(PgConnectOptions),
    Sqlite(SqliteConnectOptions),
}

impl Address {
    /// The address of a text.
    pub fn of_uri(uri: &str) -> Self {
        Self { place: Place::Uri(uri.to_owned()), password_file: None }
    }

    /// A SQLite file.
    pub fn of_file(file: &Path) -> Self {
        Self { place: Place::File(file.to_owned()), password_file: None }
    }

    /// The password of a Postgres is what the file holds, without a line break at its end. It is read whenever a connection
    /// is made, so that it can be changed.
    #[must_use]
    pub fn with_password_file(self, file: Option<PathBuf>) -> Self {
        Self { password_file: file, ..self }
    }

    /// What it is opened with now.
    pub(crate) async fn options(&self) -> Result<Options, PortError> {
        let uri = match &self.place {
            Place::File(file) => return Ok(Options::Sqlite(sqlite(SqliteConnectOptions::new().filename(file)))),
            Place::Uri(uri) => uri,
        };
        match uri.split_once("://").map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => {
                let options: PgConnectOptions = parse(uri)?;
                let options = match &self.password_file {
                    Some(file) => options.password(&password(file).await?),
                    None => options,
                };
                Ok(Options::Postgres(options.application_name("drifting").disable_statement_logging()))
            }
            Some("sqlite") => Ok(Options::Sqlite(sqlite(parse(uri)?))),
            _ => Err(not_understood("neither postgres:// nor sqlite://")),
        }
    }
}

/// Without what may be secret.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

fn sqlite(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.disable_statement_logging()
}

fn parse<O: FromStr<Err = sqlx::Error>>(uri: &str) -> Result<O, PortError> {
    // The source is left out: a parser may quote what it read, and that may be a password.
    uri.parse().map_err(|_| not_understood("malformed"))
}

fn not_understood(why: &'static str) -> PortError {
    PortError::new(PortErrorKind::Other, "understand the address of the metrics database", why)
}

async fn password(file: &Path) -> Result<String, PortError> {
    let unreadable = |error: io::Error| io_port_error("read the file with the password of the metrics database", error);
    let invalid = |what: String| unreadable(io::Error::new(io::ErrorKind::InvalidData, what));
    let look = tokio::fs::metadata(file).await.map_err(unreadable)?;
    // A pipe would be waited for for ever, and has its text only once.
    if !look.is_file() {
        return Err(invalid("expected a file, something else is there".to_owned()));
    }
    if look.len() > PASSWORD_BYTES_MAX {
        return Err(invalid(format!("expected at most {PASSWORD_BYTES_MAX} bytes, it has {}", look.len())));
    }
    let text = tokio::fs::read_to_string(file).await.map_err(unreadable)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn a_password_is_what_a_small_file_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        for (text, expected) in
            [("word", "word"), ("word\n", "word"), ("wo rd\r\n", "wo rd"), ("", ""), ("a\n\n", "a\n")]
        {
            fs::write(&file, text).expect("it is written");
            assert_eq!(password(&file).await.expect("it is read"), expected);
        }
        fs::write(&file, vec![b'x'; 100_000]).expect("it is written");
        assert!(password(&file).await.expect_err("it is too large").source_text().contains("at most 65536 bytes"));
        assert!(password(folder.path()).await.expect_err("it is a folder").source_text().contains("expected a file"));
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
        assert!(made.success());
        assert!(password(&pipe).await.expect_err("it is a pipe").source_text().contains("expected a file"));
        assert!(password(&folder.path().join("none")).await.is_err());
    }
}
