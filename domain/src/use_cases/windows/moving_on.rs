//! How rows of windows take their place in a reference.

use crate::data::Frame;
use crate::project::{ReferenceUpdate, UpdateMethod};

/// A reference that has seen `n_seen` rows, moved on by those of a window. Time O(rows of both).
///
/// Vitter's algorithm R keeps every row since the first in the reservoir with the same probability. A window that fits in
/// whole is put in without a draw, as the reference library does.
pub(crate) fn moved_on(
    mut reference: Frame<'static>,
    rows: &Frame<'_>,
    update: ReferenceUpdate,
    n_seen: u64,
    mut uniform: impl FnMut() -> f64,
) -> Frame<'static> {
    let rows_max = update.rows;
    let too_many = |reference: &Frame<'_>| reference.n_rows().saturating_sub(rows_max);
    if update.method == UpdateMethod::Last {
        reference.append(rows);
        reference.drop_front(too_many(&reference));
        return reference;
    }
    reference.drop_front(too_many(&reference));
    if n_seen.saturating_add(rows.n_rows() as u64) <= rows_max as u64 {
        reference.append(rows);
        return reference;
    }
    for row in 0..rows.n_rows() {
        if reference.n_rows() < rows_max {
            reference.append(&rows.range(row..row + 1));
            continue;
        }
        let n_seen = n_seen.saturating_add(row as u64 + 1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the number of rows seen")]
        let slot = (uniform() * n_seen as f64) as usize;
        if slot < rows_max {
            reference.replace_row(slot, rows, row);
        }
    }
    reference
}
