//! The levels of a column of categories.

use std::collections::HashMap;

use crate::data::{ColumnType, MISSING_CODE};

/// The levels of reference and window together: the reference's, then those that only the window has.
pub(super) struct Levels<'n> {
    reference: &'n [String],
    n_of_schema: usize,
    unseen: &'n [String],
    /// The level of each category that the schema does not hold.
    of_unseen: Vec<usize>,
    /// The unseen categories that are levels after the reference's.
    added: Vec<usize>,
    pub(super) n: usize,
}

impl<'n> Levels<'n> {
    pub(super) fn new(reference: &'n [String], n_of_schema: usize, unseen: &'n [String]) -> Self {
        let later: HashMap<&str, usize> =
            reference.iter().enumerate().skip(n_of_schema).map(|(level, name)| (name.as_str(), level)).collect();
        let mut added = Vec::new();
        let of_unseen = unseen
            .iter()
            .enumerate()
            .map(|(index, name)| {
                later.get(name.as_str()).copied().unwrap_or_else(|| {
                    added.push(index);
                    reference.len() + added.len() - 1
                })
            })
            .collect();
        let n = reference.len() + added.len();
        Self { reference, n_of_schema, unseen, of_unseen, added, n }
    }

    pub(super) fn of(&self, code: u32) -> usize {
        let code = code as usize;
        if code < self.n_of_schema { code } else { self.of_unseen[code - self.n_of_schema] }
    }

    pub(super) fn name(&self, level: usize) -> &'n str {
        match level.checked_sub(self.reference.len()) {
            None => &self.reference[level],
            Some(index) => &self.unseen[self.added[index]],
        }
    }
}

pub(super) fn names_of(kind: &ColumnType) -> Vec<String> {
    match kind {
        ColumnType::Numeric | ColumnType::Timestamp => Vec::new(),
        ColumnType::Categorical { categories, .. } => categories.clone(),
        ColumnType::Binary { categories, .. } => categories.to_vec(),
        // Only whether it is there is known.
        ColumnType::Text => vec!["text".to_owned()],
        ColumnType::Image => vec!["image".to_owned()],
    }
}

pub(super) fn counted(codes: &[u32], n_levels: usize) -> Vec<u64> {
    let mut counts = vec![0; n_levels];
    for code in codes.iter().filter(|code| **code != MISSING_CODE) {
        counts[*code as usize] += 1;
    }
    counts
}
