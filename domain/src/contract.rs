//! One suite per port, called by the tests of every adapter. Each takes an empty adapter and panics where the adapter
//! does other than its port's contract says.

mod artifact_store;
mod metrics_repository;
mod operation_journal;
mod project_index;

pub use artifact_store::{artifact_store, sample_project};
pub use metrics_repository::{metrics_repository, sample_record};
pub use operation_journal::{operation_journal, sample_note};
pub use project_index::project_index;

use crate::project::ProjectName;

/// A name for a test.
///
/// # Panics
/// When the text is no project name.
pub fn name(text: &str) -> ProjectName {
    text.parse().expect("a test uses a valid name")
}
