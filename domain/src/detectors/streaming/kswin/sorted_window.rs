//! The last values of a stream, by age and in ascending order at once.

use std::cmp::Ordering;

/// A window of finite values; once it is full, a new value takes the place of the oldest one. Each value stands in a slot.
///
/// Memory: 20 bytes for each value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SortedWindow {
    n_most: usize,
    /// By slot: each value in that of the one that it replaced.
    values: Vec<f64>,
    /// The slot of the oldest value.
    oldest: usize,
    /// Of a full window: its values in ascending order, equal ones by age, the oldest first.
    sorted: Vec<f64>,
    /// Their slots.
    slots: Vec<u16>,
    /// For each of them, all bits where the next value is another one, none where it is equal.
    ends: Vec<i16>,
}

impl SortedWindow {
    /// For so many values, fewer than 65,536.
    pub(super) fn new(n_most: usize) -> Self {
        let (values, sorted) = (Vec::with_capacity(n_most), Vec::with_capacity(n_most));
        let (slots, ends) = (Vec::with_capacity(n_most), Vec::with_capacity(n_most));
        Self { n_most, values, oldest: 0, sorted, slots, ends }
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.oldest = 0;
        self.sorted.clear();
        self.slots.clear();
        self.ends.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == self.n_most
    }

    /// The values, the oldest first.
    pub(super) fn by_age(&self) -> impl Iterator<Item = f64> {
        let (newer, older) = self.values.split_at(self.oldest);
        older.iter().chain(newer).copied()
    }

    /// The slot of the value that came so many values after the oldest one of a full window.
    pub(super) fn slot(&self, age: usize) -> usize {
        let slot = self.oldest + age;
        if slot < self.n_most { slot } else { slot - self.n_most }
    }

    /// The slots of the oldest values of a full window, the oldest first.
    pub(super) fn slots_by_age(&self, n_values: usize) -> impl Iterator<Item = u16> {
        let slot = |slot: usize| u16::try_from(slot).unwrap_or(u16::MAX);
        let end = (self.oldest + n_values).min(self.n_most);
        let n_others = n_values - (end - self.oldest);
        (slot(self.oldest)..slot(end)).chain(0..slot(n_others))
    }

    /// The slots of a full window, in ascending order of their values.
    pub(super) fn slots(&self) -> &[u16] {
        &self.slots
    }

    /// For each of these, all bits where the next value is another one, none where it is equal.
    pub(super) fn ends(&self) -> &[i16] {
        &self.ends
    }

    /// Takes a value in, and gives its slot. O(n), two searches and three moves within arrays; O(n log n) for the one that makes it full.
    pub(super) fn push(&mut self, x: f64) -> usize {
        if self.is_full() {
            return self.replace_oldest(x);
        }
        self.values.push(x);
        if self.is_full() {
            self.sort();
        }
        self.len() - 1
    }

    fn sort(&mut self) {
        self.slots.extend((0_u16..).take(self.n_most));
        // Stable, and by the order that the searches have: both zeros are equal.
        self.slots.sort_by(|a, b| {
            let [a, b] = [a, b].map(|slot| self.values[usize::from(*slot)]);
            a.partial_cmp(&b).unwrap_or(Ordering::Equal)
        });
        self.sorted.extend(self.slots.iter().map(|slot| self.values[usize::from(*slot)]));
        self.ends.resize(self.n_most, 0);
        for place in 0..self.n_most {
            self.mark_end(place);
        }
    }

    fn replace_oldest(&mut self, x: f64) -> usize {
        let slot = self.oldest;
        let gone = std::mem::replace(&mut self.values[slot], x);
        self.oldest = if slot + 1 < self.n_most { slot + 1 } else { 0 };
        // The first of its equals is the oldest of them.
        let from = self.sorted.partition_point(|value| *value < gone);
        let behind = self.sorted.partition_point(|value| *value <= x);
        let (moved, by, to) =
            if behind > from { (from + 1..behind, from, behind - 1) } else { (behind..from, behind + 1, behind) };
        self.sorted.copy_within(moved.clone(), by);
        self.slots.copy_within(moved.clone(), by);
        self.ends.copy_within(moved, by);
        self.sorted[to] = x;
        self.slots[to] = u16::try_from(slot).unwrap_or(u16::MAX);
        // Where a value has another one behind it now: at both places, and before them.
        for place in [to, to.saturating_sub(1), from, from.saturating_sub(1)] {
            self.mark_end(place);
        }
        slot
    }

    fn mark_end(&mut self, place: usize) {
        self.ends[place] = -i16::from(self.sorted.get(place + 1) != self.sorted.get(place));
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::statistics::draws::stream;

    #[test]
    fn it_stays_sorted_whatever_comes() {
        for n_levels in [1_i32, 2, 5, 100_000] {
            let mut generator = stream(1, 1);
            let mut window = SortedWindow::new(17);
            let mut all: Vec<f64> = Vec::new();
            for _ in 0..400 {
                // Both zeros among them.
                let x = f64::from(generator.random_range(-n_levels / 2..n_levels)) * -0.25;
                let slot = window.push(x);
                all.push(x);
                let last = &all[all.len().saturating_sub(17)..];
                assert_eq!(window.by_age().collect::<Vec<f64>>(), last);
                assert_eq!(window.values[slot].to_bits(), x.to_bits());
                if !window.is_full() {
                    continue;
                }
                assert_eq!((window.slot(0), window.slot(16)), (window.oldest, slot));
                let by_slot: Vec<f64> = window.slots().iter().map(|slot| window.values[usize::from(*slot)]).collect();
                assert!(by_slot.is_sorted() && by_slot == window.sorted);
                let mut slots = window.slots().to_vec();
                slots.sort_unstable();
                assert_eq!(slots, (0..17).collect::<Vec<u16>>());
                let ends = |place: usize| by_slot.get(place + 1).is_none_or(|next| *next != by_slot[place]);
                assert_eq!(window.ends(), (0..17).map(|place| -i16::from(ends(place))).collect::<Vec<i16>>());
            }
        }
    }
}
