//! The exact law of the statistic: all orders of the pooled values are equally likely.
//!
//! An order is a path over a lattice, one step for each value. At the place of `i` reference and `j` window values the
//! distribution functions differ by `i/n - j/m`; the sum of the squares over the path, in units of one over the least
//! common multiple of the sizes, is the statistic up to scale. All paths to a place have sums that differ by multiples
//! of one number, so how many paths have which sum is a short list.
//!
//! **Source**: Xiao, Gordon & Yakovlev, *A C++ program for the Cramér-von Mises two-sample test* (2007).

/// How many paths to one place have which sum: the sum is `remainder + modulus q` for `counts[q]` of them.
#[derive(Debug, Clone, Default)]
struct Sums {
    remainder: u64,
    counts: Vec<u64>,
}

impl Sums {
    /// Adds the paths that come from another place; `length` sums are kept at most.
    fn add_paths(&mut self, from: &Self, weight: u64, modulus: u64, length: usize) {
        let sum = from.remainder + weight;
        self.remainder = sum % modulus;
        let shift = usize::try_from(sum / modulus).unwrap_or(usize::MAX);
        let n_kept = from.counts.len().min(length.saturating_sub(shift));
        if n_kept == 0 {
            return;
        }
        if self.counts.len() < shift + n_kept {
            self.counts.resize(shift + n_kept, 0);
        }
        for (count, more) in self.counts[shift..].iter_mut().zip(&from.counts[..n_kept]) {
            *count += more;
        }
    }
}

/// The share of the paths of `n` and `m` steps, up to 20 each, whose sum is at least `goal`. Time O(n m goal / (n +
/// m)).
pub(super) fn share_at_least(n: u64, m: u64, goal: u64) -> f64 {
    let divisor = super::greatest_common_divisor(n, m);
    // Heights in units of 1 / lcm(n, m).
    let (rise, fall) = (m / divisor, n / divisor);
    // Exchanging two neighbouring steps changes the sum by (rise + fall) (2 height + rise - fall).
    let modulus = rise + fall;
    // Sums from the goal on are not needed: such paths are all others.
    let length = usize::try_from(goal.div_ceil(modulus)).unwrap_or(usize::MAX);
    let mut row: Vec<Sums> = Vec::new();
    for i in 0..=n {
        for j in 0..=m {
            let weight = (i * rise).abs_diff(j * fall).pow(2);
            let mut sums = Sums::default();
            if i == 0 && j == 0 {
                sums.counts.resize(length.min(1), 1);
            }
            let place = usize::try_from(j).unwrap_or(usize::MAX);
            if i > 0 {
                sums.add_paths(&row[place], weight, modulus, length);
            }
            if j > 0 {
                sums.add_paths(&row[place - 1], weight, modulus, length);
            }
            if i == 0 { row.push(sums) } else { row[place] = sums }
        }
    }
    let total = (1..=m).fold(1_u64, |ways, j| ways * (n + j) / j);
    let below: u64 = row.last().map_or(0, |sums| {
        let sum = (0_u64..).map(|q| sums.remainder + modulus * q);
        sums.counts.iter().zip(sum).filter(|(_, sum)| *sum < goal).map(|(count, _)| count).sum()
    });
    (total - below) as f64 / total as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums of all paths, one by one.
    fn all_sums(n: u64, m: u64) -> Vec<u64> {
        let divisor = super::super::greatest_common_divisor(n, m);
        let orders = (0_u32..1 << (n + m)).filter(|order| u64::from(order.count_ones()) == n);
        orders
            .map(|order| {
                let (mut i, mut j, mut sum) = (0, 0, 0);
                for step in 0..n + m {
                    if order >> step & 1 == 1 {
                        i += 1;
                    } else {
                        j += 1;
                    }
                    sum += (i * m / divisor).abs_diff(j * n / divisor).pow(2);
                }
                sum
            })
            .collect()
    }

    #[test]
    fn shares_are_those_of_all_orders() {
        for (n, m) in [(2, 2), (2, 3), (5, 5), (4, 6), (7, 4), (3, 9), (6, 7)] {
            let sums = all_sums(n, m);
            let largest = sums.iter().copied().max().unwrap();
            for goal in (0..=largest + 1).step_by(1 + usize::try_from(largest / 200).unwrap()) {
                let expected = sums.iter().filter(|sum| **sum >= goal).count() as f64 / sums.len() as f64;
                assert_eq!(share_at_least(n, m, goal), expected, "{n} {m} {goal}");
            }
        }
    }
}
