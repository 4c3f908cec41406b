//! Bodies: read once, with limits on their size and their slowness, which are counted while reading.

mod unread;

pub(crate) use unread::{FitBody, MediaType, PredictBody, Unread};

use bytes::Bytes;

use crate::error::Failure;

/// Parsing fewer bytes than this takes less time than handing them to another thread.
const PARSED_INLINE_MAX: usize = 64 * 1024;

/// Parses a body: a small one at once, a large one on a thread that may be kept busy.
pub(crate) async fn parse<T, E>(
    body: Bytes,
    parse: impl FnOnce(&[u8]) -> Result<T, E> + Send + 'static,
) -> Result<Result<T, E>, Failure>
where
    T: Send + 'static,
    E: Send + 'static,
{
    if body.len() <= PARSED_INLINE_MAX {
        return Ok(parse(&body));
    }
    let parsed = tokio::task::spawn_blocking(move || parse(&body)).await;
    parsed.map_err(|error| Failure::internal(format!("parsing a body: {error}")))
}
