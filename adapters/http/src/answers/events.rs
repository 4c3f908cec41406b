//! What is told of events that were taken.

use drifting_inference::events::Accepted;
use poem_openapi::Object;
use serde::Serialize;

/// Events that were taken.
#[derive(Debug, Object, Serialize)]
pub(crate) struct AcceptedEvents {
    /// Those whose rows will be fed.
    pub(crate) accepted: u64,
    /// Those that had come before.
    pub(crate) duplicates: u64,
    /// Those that bring no rows, such as the answers of a model.
    pub(crate) ignored: u64,
}

impl From<Accepted> for AcceptedEvents {
    fn from(Accepted { accepted, duplicates, ignored }: Accepted) -> Self {
        Self { accepted: accepted as u64, duplicates: duplicates as u64, ignored: ignored as u64 }
    }
}
