use chrono::DateTime;

use super::name;
use crate::operation::{OperationId, OperationNote};
use crate::ports::OperationJournal;

/// A note of an operation.
///
/// # Panics
/// When the name is not valid.
pub fn sample_note(bits: u128, project: &str, second: i64) -> OperationNote {
    let created_at = DateTime::from_timestamp(1_780_012_800 + second, 123_456_000).expect("a valid time");
    OperationNote { id: OperationId::new(bits), project: name(project), created_at }
}

/// The contract of [`OperationJournal`].
///
/// # Panics
/// Where the journal does other than the contract says.
pub async fn operation_journal(journal: &dyn OperationJournal) {
    assert_eq!(journal.notes().await.expect("read"), [], "an empty journal holds nothing");
    let (first, second) = (sample_note(u128::MAX, "a", 0), sample_note(7, "B.c-d_e", 1));
    journal.forget(first.id).await.expect("forgetting what is not noted succeeds");
    journal.note(&second).await.expect("note");
    journal.note(&first).await.expect("note");
    assert_eq!(journal.notes().await.expect("read"), [first.clone(), second.clone()], "the oldest comes first");
    journal.forget(first.id).await.expect("forget");
    journal.forget(first.id).await.expect("forgetting twice succeeds");
    let left = journal.notes().await.expect("read");
    assert_eq!(left, std::slice::from_ref(&second));
    journal.forget(second.id).await.expect("forget");
    assert_eq!(journal.notes().await.expect("read"), []);
}
