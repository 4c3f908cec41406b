//! Why a use case fails: what a caller can act on.

use crate::data::InvalidData;
use crate::detectors::{FitProblem, InvalidSettings};
use crate::ports::PortError;
use crate::preprocess::EncoderError;

const READ_ONLY: &str = "this server serves read-only; ask the server that writes to the store";

const KEY_REUSED: &str = "expected the request that came first under this idempotency key, another one came; take a new key for \
                          each request";

/// Why a fit fails.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The server serves read-only.
    #[error("{READ_ONLY}")]
    ReadOnly,
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// The reference cannot be used.
    #[error(transparent)]
    Data(#[from] InvalidData),
    /// The mathematics of the kind fails on this reference.
    #[error(transparent)]
    Problem(#[from] FitProblem),
    /// The encoding fails on this reference.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// There is a project of that name, possibly in another case.
    #[error("a project `{existing}` exists; set `overwrite` to true to replace it, or take another name")]
    Exists {
        /// Its name.
        existing: String,
    },
    /// Another request came under the same idempotency key.
    #[error("{KEY_REUSED}")]
    KeyReused,
    /// The project that it was to replace has been deleted meanwhile.
    #[error("the project was deleted while this fit of it was under way; fit it again if it is wanted after all")]
    Deleted,
    /// Another fit of that name is under way.
    #[error("a fit of this project is under way; wait for it to end")]
    InProgress,
    /// As many fits wait as may.
    #[error("too many fits wait for their turn; try again")]
    QueueFull,
    /// The server stops and begins no operation.
    #[error("the server is shutting down")]
    Stopping,
    /// The server stopped before the operation had ended.
    #[error("the server stopped before the fit had ended; fit again")]
    Interrupted,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] PortError),
    /// The computation ended without a result.
    #[error("the fit ended unexpectedly")]
    Crashed,
}

/// Why a prediction fails.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// The server serves read-only, and the rows would move the project's state.
    #[error(
        "this server serves read-only, and this project keeps something of its rows between requests; send them to the server that writes to the store"
    )]
    ReadOnly,
    /// The rows cannot be used. Nothing of them has been fed.
    #[error(transparent)]
    Data(#[from] InvalidData),
    /// The project was unloaded after the request had found it.
    #[error("the project is inactive; load it first")]
    Inactive,
    /// As many predictions are on their way as may be.
    #[error("the server has more predictions than it can answer in time; try again")]
    Overloaded,
    /// Another request came under the same idempotency key.
    #[error("{KEY_REUSED}")]
    KeyReused,
    /// A request that came again, whose first answer was too large to be kept.
    #[error(
        "the rows of this request have been fed, and its first answer was too large to be kept; send fewer rows at a time, \
         and the next ones under a new idempotency key"
    )]
    AnswerNotKept,
    /// The state could not be saved, with [`super::StateDurability::Always`]. The rows have been fed.
    #[error(transparent)]
    Storage(#[from] PortError),
    /// The computation ended without a result.
    #[error("the prediction ended unexpectedly")]
    Crashed,
}

/// Why something else with a project fails.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The server serves read-only.
    #[error("{READ_ONLY}")]
    ReadOnly,
    /// There is none of that name.
    #[error("there is no project of this name")]
    NotFound,
    /// It has been unloaded.
    #[error("the project is inactive; load it first")]
    Inactive,
    /// It cannot be loaded.
    #[error("the project cannot be loaded: {reason}")]
    Failed {
        /// Why, in words for people.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] PortError),
}
