//! The checks of a request that is a window.

use super::checks::{CheckedColumn, Counted, Event, N_EVENTS, Seen};
use super::findings::{Evidence, QualityFinding};
use super::unseen::{UnseenCounts, UnseenLaw};
use crate::data::{Cells, Frame};

/// Tests every column of a window, each check at a level. Time O(1) a cell, and O(sqrt(rows)) for a value that stands out.
pub(super) fn check(columns: &[CheckedColumn], rows: &Frame<'_>, level: f64, findings: &mut Vec<QualityFinding>) {
    for (index, (column, cells)) in columns.iter().zip(rows.columns()).enumerate() {
        check_column(index, column, cells, level, findings);
    }
}

/// What a window's column holds.
#[derive(Default)]
struct Counts<'c> {
    n_events: [u64; N_EVENTS],
    n_present: u64,
    first: Option<u64>,
    has_varied: bool,
    /// Rows of new categories: where, which, and its text.
    new: Vec<(usize, u64, &'c str)>,
}

fn check_column(
    index: usize,
    column: &CheckedColumn,
    cells: &Cells<'_>,
    level: f64,
    findings: &mut Vec<QualityFinding>,
) {
    let mut counts = Counts::default();
    let counts_new = column.categories.is_some();
    column.for_each(cells, |row, seen| {
        let (identity, event) = match seen {
            Seen::Missing => {
                counts.n_events[Event::Missing as usize] += 1;
                return;
            }
            Seen::Value { identity, event } => (identity, event),
            Seen::New { identity, event, text } => {
                if counts_new {
                    counts.new.push((row, identity, text));
                }
                (identity, event)
            }
        };
        counts.n_present += 1;
        if let Some(event) = event {
            counts.n_events[event as usize] += 1;
        }
        counts.has_varied |= *counts.first.get_or_insert(identity) != identity;
    });
    let n_rows = cells.len() as u64;
    let row = cells.len().saturating_sub(1);
    let mut find = |evidence: Evidence<'_>, n_rows, of_rows, expected_share, p_value: f64| {
        if p_value <= level {
            findings.push(
                column.finding(evidence, Counted { column: index, row, n_rows, of_rows, expected_share, p_value }),
            );
        }
    };
    for event in Event::ALL {
        let Some(share) = column.shares[event as usize] else { continue };
        let (count, of) = match event {
            Event::Missing => (counts.n_events[event as usize], n_rows),
            Event::OutOfRange | Event::OtherType => (counts.n_events[event as usize], counts.n_present),
        };
        if count > 0 {
            find(column.evidence(event), count, of, share.value(), share.tail(count, of));
        }
    }
    if let (Some(categories), Some((_, _, example))) = (&column.categories, counts.new.last()) {
        let p_value = new_categories(categories.n_rows, &categories.frequencies, n_rows, &counts.new);
        let n_new = counts.new.len() as u64;
        find(Evidence::NewCategory { example }, n_new, counts.n_present, categories.expected_share(), p_value);
    }
    if let (Some((share, _)), false, 2..) = (column.most, counts.has_varied, counts.n_present) {
        let p_value = share.all_of(counts.n_present - 1);
        find(Evidence::AllEqual, counts.n_present, counts.n_present, share.value(), p_value);
    }
}

/// The p-value of rows of new categories in a window. The law is one of fewer rows than the reference has, so a larger window
/// is looked at in pieces.
fn new_categories(n_reference: u64, frequencies: &[u64], n_rows: u64, new: &[(usize, u64, &str)]) -> f64 {
    let n_pieces = n_rows.div_ceil(UnseenLaw::block_max(n_reference)).max(1);
    let piece = n_rows.div_ceil(n_pieces);
    let law = UnseenLaw::new(n_reference, piece, frequencies);
    let pieces = new.chunk_by(|(a, ..), (b, ..)| *a as u64 / piece == *b as u64 / piece);
    let p_values = pieces.map(|rows| {
        let mut counts = UnseenCounts::default();
        for (_, category, _) in rows {
            counts.push(*category);
        }
        law.p_value(&counts)
    });
    (p_values.fold(1.0, f64::min) * n_pieces as f64).min(1.0)
}
