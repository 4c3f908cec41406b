//! Bodies: read once, with limits on their size and their slowness, which are counted while reading.

mod coding;
mod described;
mod event;
mod inference;
mod media_type;
mod multipart;
mod unread;

pub(crate) use coding::{Coding, accepted, encode, weighted};
pub(crate) use described::{BacktestBody, FitBody, PredictBody};
pub(crate) use event::{BATCH, EventBody, EventForm, STRUCTURED};
pub(crate) use inference::{InferenceBody, JSON_LENGTH, OptionalBody};
pub(crate) use media_type::{EXPECTED, MediaType};
pub(crate) use unread::{Unread, leave_body, leave_unread};

use bytes::Bytes;

use crate::error::Failure;
use crate::input::{Data, DataFormat, Limits};

/// Parsing fewer bytes than this takes less time than handing them to another thread.
pub(crate) const PARSED_INLINE_MAX: usize = 64 * 1024;

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

/// Parses data, which are the body or a part of it. What is encoded may be large whatever its size.
pub(crate) async fn parse_data(
    format: DataFormat,
    body: Bytes,
    limits: Limits,
) -> Result<Result<Data, Failure>, Failure> {
    if body.len() <= PARSED_INLINE_MAX && !format.is_dense() {
        return Ok(format.read(body, limits));
    }
    let parsed = tokio::task::spawn_blocking(move || format.read(body, limits)).await;
    parsed.map_err(|error| Failure::internal(format!("parsing a body: {error}")))
}
