//! Which rows train a model, and which ones it is asked about.

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::ModelTestProblem;
use super::pooled::Pooled;
use crate::statistics::draws::stream;

/// How rows are held out from training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredValidation", into = "StoredValidation")]
pub enum Validation {
    /// Every row once, by a model trained on the other folds: so many folds, at least 2, in each of which the reference
    /// and the window have their shares of rows.
    NFolds(usize),
    /// One model, trained on this share of all rows, between 0 and 1; the others are held out.
    TrainSize(f64),
}

/// As it is stored: one of both.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredValidation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n_folds: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    train_size: Option<f64>,
}

impl From<Validation> for StoredValidation {
    fn from(validation: Validation) -> Self {
        match validation {
            Validation::NFolds(n_folds) => Self { n_folds: Some(n_folds), train_size: None },
            Validation::TrainSize(train_size) => Self { n_folds: None, train_size: Some(train_size) },
        }
    }
}

impl TryFrom<StoredValidation> for Validation {
    type Error = &'static str;

    fn try_from(stored: StoredValidation) -> Result<Self, &'static str> {
        match (stored.n_folds, stored.train_size) {
            (Some(n_folds), None) => Ok(Self::NFolds(n_folds)),
            (None, Some(train_size)) => Ok(Self::TrainSize(train_size)),
            _ => Err("expected n_folds or train_size"),
        }
    }
}

/// Rows that train, and rows that do not, by their places among all.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    pub(crate) train: Vec<usize>,
    pub(crate) held_out: Vec<usize>,
}

/// Reference and window have at least so many rows: one trains, the other is held out.
pub(crate) const N_ROWS_MIN: usize = 2;
/// The stream of the generator that shuffles rows; those of models count from 0.
const SHUFFLE: u64 = u64::MAX;

impl Validation {
    /// How many models are trained.
    pub(crate) fn n_models(self) -> u64 {
        match self {
            Self::NFolds(n_folds) => n_folds as u64,
            Self::TrainSize(_) => 1,
        }
    }

    /// Whether both labels can stand among the rows that train and among those held out.
    pub(crate) fn check(self, pooled: &Pooled<'_>) -> Result<(), ModelTestProblem> {
        let (n_reference, n_window) = (pooled.n_reference(), pooled.n_window());
        if n_reference < N_ROWS_MIN {
            return Err(ModelTestProblem::TooFewReferenceRows { expected: N_ROWS_MIN, actual: n_reference });
        }
        if n_window < N_ROWS_MIN {
            return Err(ModelTestProblem::TooFewRows { expected: N_ROWS_MIN, actual: n_window });
        }
        match self {
            Self::NFolds(n_folds) => {
                let most = n_reference.max(n_window);
                if !(2..=most).contains(&n_folds) {
                    return Err(ModelTestProblem::NFolds { expected_max: most, actual: n_folds });
                }
            }
            Self::TrainSize(train_size) => {
                let n_rows = pooled.n_rows();
                let n_train = n_train(train_size, n_rows);
                if !(train_size > 0.0 && train_size < 1.0 && n_train >= 2 && n_rows - n_train >= 2) {
                    return Err(ModelTestProblem::TrainSize { actual: train_size, n_rows });
                }
            }
        }
        Ok(())
    }

    /// The splits, shuffled by the seed. They follow from the labels alone, never from the values of rows, so they leave
    /// the test its level. What it is asked has passed [`Self::check`].
    pub(crate) fn splits(self, pooled: &Pooled<'_>, seed: u64) -> Vec<Split> {
        match self {
            Self::NFolds(n_folds) => {
                let all: Vec<usize> = (0..pooled.n_rows()).collect();
                folds(&all, pooled, n_folds, seed, 0)
            }
            Self::TrainSize(train_size) => vec![single(train_size, pooled, seed)],
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the rows; wrong ones saturate")]
fn n_train(train_size: f64, n_rows: usize) -> usize {
    (train_size * n_rows as f64).floor() as usize
}

/// Stratified folds of some rows: those of each label are shuffled and dealt out, the second label where the first one
/// ended, so that the sizes of folds differ by one row at most.
pub(crate) fn folds(rows: &[usize], pooled: &Pooled<'_>, n_folds: usize, seed: u64, shuffle: u64) -> Vec<Split> {
    let mut generator = stream(seed, SHUFFLE - shuffle);
    let (mut window, mut reference): (Vec<usize>, Vec<usize>) = rows.iter().partition(|row| pooled.is_window(**row));
    reference.shuffle(&mut generator);
    window.shuffle(&mut generator);
    let mut held_out = vec![Vec::new(); n_folds];
    for (place, row) in reference.into_iter().chain(window).enumerate() {
        held_out[place % n_folds].push(row);
    }
    held_out.into_iter().map(|held_out| without(rows, held_out)).collect()
}

/// The split that holds some of the rows out.
pub(crate) fn without(rows: &[usize], held_out: Vec<usize>) -> Split {
    let mut is_held_out = vec![false; rows.iter().max().map_or(0, |last| last + 1)];
    for row in &held_out {
        is_held_out[*row] = true;
    }
    Split { train: rows.iter().copied().filter(|row| !is_held_out[*row]).collect(), held_out }
}

fn single(train_size: f64, pooled: &Pooled<'_>, seed: u64) -> Split {
    let mut rows: Vec<usize> = (0..pooled.n_rows()).collect();
    rows.shuffle(&mut stream(seed, SHUFFLE));
    let held_out = rows.split_off(n_train(train_size, rows.len()));
    let mut split = Split { train: rows, held_out };
    // Few rows of a label may all fall on one side, where no model could learn or be asked about them.
    for label in [false, true] {
        let place = |rows: &[usize], label| rows.iter().position(|row| pooled.is_window(*row) == label);
        let (trains, is_asked) = (place(&split.train, label), place(&split.held_out, label));
        let exchange = match (trains, is_asked) {
            (Some(trains), None) => place(&split.held_out, !label).map(|other| (trains, other)),
            (None, Some(is_asked)) => place(&split.train, !label).map(|other| (other, is_asked)),
            _ => None,
        };
        if let Some((trains, is_asked)) = exchange {
            std::mem::swap(&mut split.train[trains], &mut split.held_out[is_asked]);
        }
    }
    split
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn has_both(rows: &[usize], pooled: &Pooled<'_>) -> bool {
        rows.iter().any(|row| pooled.is_window(*row)) && rows.iter().any(|row| !pooled.is_window(*row))
    }

    proptest! {
        #[test]
        fn folds_hold_every_row_out_once_and_labels_in_their_shares(
            n in 2..60_usize, m in 2..60_usize, n_folds in 2..8_usize, seed: u64,
        ) {
            let (reference, window) = (vec![0.0; n], vec![0.0; m]);
            let pooled = Pooled::new(&reference, &window, 1);
            prop_assume!(Validation::NFolds(n_folds).check(&pooled).is_ok());
            let splits = Validation::NFolds(n_folds).splits(&pooled, seed);
            prop_assert_eq!(splits.len(), n_folds);
            let mut all: Vec<usize> = splits.iter().flat_map(|split| split.held_out.clone()).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n + m).collect::<Vec<usize>>());
            for split in &splits {
                let n_window = split.held_out.iter().filter(|row| pooled.is_window(**row)).count();
                prop_assert!((m / n_folds..=m.div_ceil(n_folds)).contains(&n_window));
                let size = split.held_out.len();
                prop_assert!(((n + m) / n_folds..=(n + m).div_ceil(n_folds)).contains(&size));
                prop_assert!(has_both(&split.train, &pooled));
                prop_assert!(split.train.iter().all(|row| !split.held_out.contains(row)));
                prop_assert_eq!(split.train.len() + size, n + m);
            }
        }

        #[test]
        fn a_single_split_has_both_labels_on_both_sides(
            n in 2..40_usize, m in 2..40_usize, train_size in 0.05..0.95_f64, seed: u64,
        ) {
            let (reference, window) = (vec![0.0; n], vec![0.0; m]);
            let pooled = Pooled::new(&reference, &window, 1);
            let validation = Validation::TrainSize(train_size);
            prop_assume!(validation.check(&pooled).is_ok());
            let splits = validation.splits(&pooled, seed);
            prop_assert_eq!(splits.len(), 1);
            prop_assert_eq!(splits[0].train.len(), n_train(train_size, n + m));
            let mut all = [splits[0].train.clone(), splits[0].held_out.clone()].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n + m).collect::<Vec<usize>>());
            prop_assert!(has_both(&splits[0].train, &pooled) && has_both(&splits[0].held_out, &pooled));
        }
    }
}
