//! Whether a server answers, asked in Postgres's own protocol: a server that still recovers from a crash accepts
//! connections, only to refuse them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// The role and the database.
pub(crate) const NAME: &str = "drifting";
/// No port is opened; the number only names the socket.
pub(crate) const PORT: &str = "5432";

const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// No message before readiness comes near; a longer one is not from Postgres.
const MESSAGE_LENGTH_MAX: u32 = 64 * 1024;

/// The socket in a folder for sockets.
pub(crate) fn socket_in(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

/// Whether the server behind the socket lets us work in our database now.
pub(crate) async fn answers(folder: &Path) -> bool {
    matches!(timeout(ANSWER_TIMEOUT, log_in(&socket_in(folder))).await, Ok(Ok(true)))
}

/// <https://www.postgresql.org/docs/current/protocol-message-formats.html>
async fn log_in(socket: &Path) -> io::Result<bool> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(&startup_message()).await?;
    loop {
        let kind = stream.read_u8().await?;
        // The length counts itself.
        let length = stream.read_u32().await?.saturating_sub(4);
        if kind == b'E' || length > MESSAGE_LENGTH_MAX {
            return Ok(false);
        }
        tokio::io::copy(&mut (&mut stream).take(length.into()), &mut tokio::io::sink()).await?;
        if kind == b'Z' {
            // Says goodbye, so that the server does not log a lost connection.
            stream.write_all(&[b'X', 0, 0, 0, 4]).await?;
            return Ok(true);
        }
    }
}

fn startup_message() -> Vec<u8> {
    const PROTOCOL_3_0: u32 = 0x0003_0000;
    let parameters = format!("user\0{NAME}\0database\0{NAME}\0\0");
    let length = u32::try_from(8 + parameters.len()).expect("the names are short");
    [&length.to_be_bytes(), &PROTOCOL_3_0.to_be_bytes(), parameters.as_bytes()].concat()
}
