//! Random draws that are the same on any number of threads.
//!
//! Each task of a computation draws from a stream of its own: `ChaCha` with 8 rounds (Bernstein 2008), keyed by the
//! project's seed, the stream numbered by the task. Tasks of some dozen draws, where a block of `ChaCha` is most of the time, draw from
//! xoshiro256++ (Blackman & Vigna 2021).

use rand::rngs::{ChaCha8Rng, Xoshiro256PlusPlus};
use rand::{RngExt, SeedableRng};

/// The generator of one task.
pub fn stream(seed: u64, task: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(task);
    generator
}

/// The generator of one task of few draws. Seeds below 2^32 and as many tasks have generators of their own; seeds that differ in their
/// high halves alone share some.
pub fn short_stream(seed: u64, task: u64) -> Xoshiro256PlusPlus {
    // What follows from both is mixed by the seeding.
    Xoshiro256PlusPlus::seed_from_u64(seed ^ task.rotate_left(32))
}

/// Draws distinct numbers below a bound, in random order, and can tell how many drawn ones lie below another.
///
/// It rejects what has been drawn before, so it is meant for draws of up to about half of the numbers.
#[derive(Debug)]
pub struct DistinctDraws {
    taken: Vec<u64>,
    below_word: Vec<usize>,
}

impl DistinctDraws {
    /// For numbers below `bound`. Memory: `bound / 8` bytes.
    pub fn new(bound: usize) -> Self {
        let n_words = bound.div_ceil(64);
        Self { taken: vec![0; n_words], below_word: vec![0; n_words] }
    }

    /// Fills `numbers` with distinct numbers below `bound`, which is at least their number. Expected time
    /// O(numbers + bound / 64).
    pub fn fill(&mut self, bound: usize, numbers: &mut [usize], generator: &mut ChaCha8Rng) {
        self.taken.fill(0);
        for number in numbers.iter_mut() {
            *number = loop {
                let drawn = generator.random_range(0..bound);
                let word = &mut self.taken[drawn / 64];
                let bit = 1_u64 << (drawn % 64);
                if *word & bit == 0 {
                    *word |= bit;
                    break drawn;
                }
            };
        }
    }

    /// Replaces each drawn number by the count of numbers below it that were *not* drawn.
    pub fn to_undrawn_below(&mut self, numbers: &mut [usize]) {
        let mut below = 0;
        for (count, word) in self.below_word.iter_mut().zip(&self.taken) {
            *count = below;
            below += word.count_ones() as usize;
        }
        for number in numbers {
            let word = *number / 64;
            let bits_below = (1_u64 << (*number % 64)) - 1;
            *number -= self.below_word[word] + (self.taken[word] & bits_below).count_ones() as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_distinct_and_cover_the_range() {
        let mut draws = DistinctDraws::new(100);
        let mut numbers = vec![0; 100];
        draws.fill(100, &mut numbers, &mut stream(1, 2));
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<usize>>());
        assert_ne!(numbers, sorted);
    }

    #[test]
    fn undrawn_numbers_below_are_counted() {
        let mut draws = DistinctDraws::new(200);
        let mut numbers = vec![0; 30];
        draws.fill(200, &mut numbers, &mut stream(3, 4));
        let expected: Vec<usize> =
            numbers.iter().map(|&number| (0..number).filter(|below| !numbers.contains(below)).count()).collect();
        draws.to_undrawn_below(&mut numbers);
        assert_eq!(numbers, expected);
    }

    #[test]
    fn a_stream_depends_on_seed_and_task_alone() {
        let first: u64 = stream(5, 6).random();
        assert_eq!(first, stream(5, 6).random::<u64>());
        assert_ne!(first, stream(5, 7).random::<u64>());
        assert_ne!(first, stream(6, 6).random::<u64>());
        let first: u64 = short_stream(5, 6).random();
        assert_eq!(first, short_stream(5, 6).random::<u64>());
        assert_ne!(first, short_stream(5, 7).random::<u64>());
        assert_ne!(first, short_stream(6, 6).random::<u64>());
    }
}
