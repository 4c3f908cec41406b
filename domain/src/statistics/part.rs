//! Parts of a computation, for whoever watches the whole.

use crate::ports::Progress;

/// A part: what it reports becomes a share of the whole.
pub struct Part<'p> {
    whole: &'p dyn Progress,
    from: f64,
    to: f64,
}

/// Steps that a part divides the whole into.
const STEPS: usize = 1_000;

impl<'p> Part<'p> {
    /// The parts of a computation that follow each other, by what each costs in any unit.
    pub fn split<const N: usize>(whole: &'p dyn Progress, costs: [f64; N]) -> [Self; N] {
        let total: f64 = costs.iter().sum();
        let mut before = 0.0;
        costs.map(|cost| {
            let from = before / total;
            before += cost;
            Self { whole, from, to: before / total }
        })
    }

    /// The part of that index, from 0, of so many that follow each other and cost the same.
    pub fn nth(whole: &'p dyn Progress, index: usize, n_parts: usize) -> Self {
        let edge = |index: usize| index as f64 / n_parts.max(1) as f64;
        Self { whole, from: edge(index), to: edge(index + 1) }
    }
}

impl Progress for Part<'_> {
    fn stage(&self, words: &'static str) {
        self.whole.stage(words);
    }

    fn report(&self, done: usize, total: usize) {
        let share = done as f64 / total.max(1) as f64;
        let steps = (self.from + (self.to - self.from) * share) * STEPS as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and STEPS")]
        self.whole.report(steps as usize, STEPS);
    }

    fn is_cancelled(&self) -> bool {
        self.whole.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<(usize, usize)>>);

    impl Progress for Told {
        fn report(&self, done: usize, total: usize) {
            self.0.lock().expect("nobody panics").push((done, total));
        }

        fn is_cancelled(&self) -> bool {
            false
        }
    }

    #[test]
    fn parts_follow_each_other_in_proportion_to_their_costs() {
        let told = Told::default();
        let [first, second] = Part::split(&told, [1.0, 3.0]);
        first.report(1, 2);
        first.report(2, 2);
        let [half, other_half] = Part::split(&second, [5.0, 5.0]);
        half.report(7, 7);
        other_half.report(1, 1);
        assert_eq!(*told.0.lock().expect("nobody panics"), [(125, 1_000), (250, 1_000), (625, 1_000), (1_000, 1_000)]);
        told.0.lock().expect("nobody panics").clear();
        Part::nth(&told, 0, 4).report(1, 1);
        Part::nth(&told, 3, 4).report(1, 2);
        assert_eq!(*told.0.lock().expect("nobody panics"), [(250, 1_000), (875, 1_000)]);
    }
}
