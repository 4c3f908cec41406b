//! The exact law of both sides as an entry of a power of a matrix.
//!
//! **Source**: Durbin, *Distribution theory for tests based on the sample distribution function* (1973); Marsaglia,
//! Tsang & Wang, *Evaluating Kolmogorov's distribution* (2003).

/// Entries above this are scaled down, and how often is remembered.
const LARGE: f64 = 1e140;

/// `P(D < t / k)` for `k` values. Time O(t^3 log k), memory O(t^2).
pub(super) fn distribution(k: u64, t: f64) -> f64 {
    let ceiling = t.ceil();
    let h = ceiling - t;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of values")]
    let middle = ceiling as usize - 1;
    let mut square = Square::transitions(middle, h);
    // The row `middle` of the power, one binary digit of k after the other.
    let mut row = vec![0.0; square.size];
    row[middle] = 1.0;
    let mut scale = 0;
    let mut rest = k;
    loop {
        if rest % 2 == 1 {
            row = square.times_row(&row);
            scale += square.scale + scale_down(&mut row);
        }
        rest /= 2;
        if rest == 0 {
            break;
        }
        square = square.squared();
    }
    // k! / k^k, factor by factor, so that neither it nor the power leaves the range of doubles.
    let mut result = row[middle];
    for i in 1..=k {
        result *= i as f64 / k as f64;
        if result < 1.0 / LARGE {
            result *= LARGE;
            scale -= 1;
        }
    }
    result * LARGE.powi(scale)
}

/// A square matrix, row after row, times `LARGE^scale`.
#[derive(Debug, Clone)]
struct Square {
    size: usize,
    entries: Vec<f64>,
    scale: i32,
}

impl Square {
    /// The matrix of `2 middle + 1` rows.
    fn transitions(middle: usize, h: f64) -> Self {
        let size = 2 * middle + 1;
        let inverse_factorials: Vec<f64> = (0..=size)
            .scan(1.0, |factorial, i| {
                *factorial *= (i as f64).max(1.0);
                Some(1.0 / *factorial)
            })
            .collect();
        let mut entries = vec![0.0; size * size];
        for i in 0..size {
            for j in 0..size.min(i + 2) {
                entries[i * size + j] = inverse_factorials[i + 1 - j];
            }
        }
        let mut power = 1.0;
        for i in 0..size {
            power *= h;
            let edge = (1.0 - power) * inverse_factorials[i + 1];
            entries[i * size] = edge;
            entries[(size - 1) * size + size - 1 - i] = edge;
        }
        // `power` is h^size here.
        let both = 1.0 - 2.0 * power + (2.0 * h - 1.0).max(0.0).powf(size as f64);
        entries[(size - 1) * size] = both * inverse_factorials[size];
        Self { size, entries, scale: 0 }
    }

    fn times_row(&self, row: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.size];
        add_combination(&mut product, row, &self.entries);
        product
    }

    fn squared(&self) -> Self {
        let mut entries = vec![0.0; self.entries.len()];
        for (product, row) in entries.chunks_exact_mut(self.size).zip(self.entries.chunks_exact(self.size)) {
            add_combination(product, row, &self.entries);
        }
        let scale = 2 * self.scale + scale_down(&mut entries);
        Self { size: self.size, entries, scale }
    }
}

/// Adds rows, each times its factor.
fn add_combination(sum: &mut [f64], factors: &[f64], rows: &[f64]) {
    for (factor, row) in factors.iter().zip(rows.chunks_exact(sum.len())) {
        for (sum, entry) in sum.iter_mut().zip(row) {
            *sum += factor * entry;
        }
    }
}

/// Divides large entries by `LARGE`, and returns how often.
fn scale_down(entries: &mut [f64]) -> i32 {
    if entries.iter().all(|entry| *entry < LARGE) {
        return 0;
    }
    for entry in entries {
        *entry /= LARGE;
    }
    1
}
