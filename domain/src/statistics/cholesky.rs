//! Cholesky's decomposition of symmetric positive definite matrices, whole and of low rank, and the sums that go with it.
//!
//! **Source**: Golub & Van Loan, *Matrix Computations* (2013); for the pivoted one, Fine & Scheinberg, *Efficient SVM
//! training using low-rank kernel representations*, JMLR (2001).

use multiversion::multiversion;

use super::inner_product::dot;

/// The upper triangular factor `U` of a matrix `U' U`.
#[derive(Debug)]
pub(crate) struct Cholesky {
    n: usize,
    /// Row-major; what stands below the diagonal means nothing.
    factor: Vec<f64>,
}

impl Cholesky {
    /// Decomposes a matrix of `n` rows, row-major, of which the upper triangle is looked at. Time O(n^3). `None` when it
    /// is not positive definite.
    pub(crate) fn of(mut matrix: Vec<f64>, n: usize) -> Option<Self> {
        decompose(&mut matrix, n).then_some(Self { n, factor: matrix })
    }

    /// Solves the system of the matrix for a right-hand side, in place. Time O(n^2).
    pub(crate) fn solve(&self, right: &mut [f64]) {
        solve(&self.factor, self.n, right);
    }
}

// Below, wider vector instructions are used where the processor has them, with the same operations in the same order.

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn decompose(matrix: &mut [f64], n: usize) -> bool {
    for pivot in 0..n {
        let (done, below) = matrix.split_at_mut((pivot + 1) * n);
        let row = &mut done[pivot * n..][pivot..];
        // Written so that NaN is refused.
        if !(row[0] > 0.0 && row[0].is_finite()) {
            return false;
        }
        let root = row[0].sqrt();
        for entry in &mut *row {
            *entry /= root;
        }
        for (offset, later) in below.chunks_exact_mut(n).enumerate() {
            let row = &row[offset + 1..];
            let factor = row[0];
            for (entry, value) in later[pivot + 1 + offset..].iter_mut().zip(row) {
                *entry -= factor * value;
            }
        }
    }
    true
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn solve(factor: &[f64], n: usize, right: &mut [f64]) {
    for pivot in 0..n {
        let row = &factor[pivot * n..][pivot..n];
        let (done, later) = right[..n].split_at_mut(pivot + 1);
        done[pivot] /= row[0];
        for (entry, value) in later.iter_mut().zip(&row[1..]) {
            *entry -= done[pivot] * value;
        }
    }
    for pivot in (0..n).rev() {
        let row = &factor[pivot * n..][pivot..n];
        let (earlier, done) = right[..n].split_at_mut(pivot + 1);
        let entry = &mut earlier[pivot];
        *entry = (*entry - dot(&row[1..], done)) / row[0];
    }
}

/// Adds rows, each times its weight, to `sums`, which has the width of a row. Time O(rows width), the least when the width
/// is a multiple of 8.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn add_weighted_rows(weights: &[f64], rows: &[f64], sums: &mut [f64]) {
    let width = sums.len();
    let mut from = 0;
    while width - from >= 32 {
        add_columns::<32, 1>(weights, rows, width, from, &mut sums[from..from + 32]);
        from += 32;
    }
    while width - from >= 8 {
        add_columns::<8, 4>(weights, rows, width, from, &mut sums[from..from + 8]);
        from += 8;
    }
    while width > from {
        add_columns::<1, 8>(weights, rows, width, from, &mut sums[from..=from]);
        from += 1;
    }
}

/// The same for some columns. So many rows are summed apart from each other that additions need not wait.
#[expect(clippy::inline_always, reason = "a loop becomes vector instructions only with this inside")]
#[inline(always)]
fn add_columns<const COLUMNS: usize, const APART: usize>(
    weights: &[f64],
    rows: &[f64],
    width: usize,
    from: usize,
    sums: &mut [f64],
) {
    let mut parts = [[0.0; COLUMNS]; APART];
    for (weights, rows) in weights.chunks(APART).zip(rows.chunks(APART * width)) {
        for ((weight, row), part) in weights.iter().zip(rows.chunks_exact(width)).zip(&mut parts) {
            for (part, value) in part.iter_mut().zip(&row[from..from + COLUMNS]) {
                *part += weight * value;
            }
        }
    }
    for part in &parts {
        for (sum, part) in sums.iter_mut().zip(part) {
            *sum += part;
        }
    }
}

/// Of rows of `width` numbers, the sum over rows of the products of each two numbers, times the weight of the row: a
/// matrix of `width` rows of which the upper triangle means something. Rows of weight 0 cost nothing. Time
/// O(rows width^2).
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn weighted_gram(rows: &[f64], width: usize, weights: &[f64]) -> Vec<f64> {
    let mut gram = vec![0.0; width * width];
    let counted: Vec<(&[f64], f64)> =
        rows.chunks_exact(width).zip(weights.iter().copied()).filter(|(_, weight)| *weight != 0.0).collect();
    // Four rows at a time: the sums are taken from memory and put back a fourth as often.
    let mut fours = counted.chunks_exact(4);
    for four in &mut fours {
        let [(a, a_weight), (b, b_weight), (c, c_weight), (d, d_weight)] = [four[0], four[1], four[2], four[3]];
        for (first, sums) in gram.chunks_exact_mut(width).enumerate() {
            let factors = [a_weight * a[first], b_weight * b[first], c_weight * c[first], d_weight * d[first]];
            let values = a[first..].iter().zip(&b[first..]).zip(c[first..].iter().zip(&d[first..]));
            for (sum, ((a, b), (c, d))) in sums[first..].iter_mut().zip(values) {
                *sum += (factors[0] * a + factors[1] * b) + (factors[2] * c + factors[3] * d);
            }
        }
    }
    for (row, weight) in fours.remainder() {
        for (first, sums) in gram.chunks_exact_mut(width).enumerate() {
            let factor = weight * row[first];
            for (sum, value) in sums[first..].iter_mut().zip(&row[first..]) {
                *sum += factor * value;
            }
        }
    }
    gram
}

/// Columns `G` with `G G'` near a symmetric positive semidefinite matrix of low rank: as many as are needed until no entry
/// of the diagonal is off by more than `tolerance`, at most `rank_max`.
///
/// `column` puts a column of the matrix where there is room for it. Time O(n r^2) for rank `r`.
pub(crate) fn low_rank(
    mut diagonal: Vec<f64>,
    tolerance: f64,
    rank_max: usize,
    column: impl Fn(usize, &mut [f64]),
) -> Vec<Vec<f64>> {
    let mut columns: Vec<Vec<f64>> = Vec::new();
    while columns.len() < rank_max {
        // The first of the largest.
        let (pivot, largest) = diagonal
            .iter()
            .enumerate()
            .fold((0, 0.0), |largest, (index, value)| if *value > largest.1 { (index, *value) } else { largest });
        if largest <= tolerance {
            break;
        }
        let mut next = vec![0.0; diagonal.len()];
        column(pivot, &mut next);
        for earlier in &columns {
            subtract(earlier[pivot], earlier, &mut next);
        }
        let root = largest.sqrt();
        for (entry, left) in next.iter_mut().zip(&mut diagonal) {
            *entry /= root;
            *left -= *entry * *entry;
        }
        // But for rounding.
        diagonal[pivot] = 0.0;
        columns.push(next);
    }
    columns
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn subtract(factor: f64, column: &[f64], from: &mut [f64]) {
    for (entry, value) in from.iter_mut().zip(column) {
        *entry -= factor * value;
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::statistics::draws::stream;

    fn numbers(n: usize, seed: u64) -> Vec<f64> {
        let mut generator = stream(seed, 1);
        (0..n).map(|_| generator.random::<f64>() - 0.5).collect()
    }

    fn gram_of(rows: &[f64], width: usize) -> Vec<f64> {
        let n_rows = rows.len() / width;
        let mut gram = weighted_gram(rows, width, &vec![1.0; n_rows]);
        for i in 0..width {
            for j in 0..i {
                gram[i * width + j] = gram[j * width + i];
            }
        }
        gram
    }

    #[test]
    fn a_solution_solves_the_system() {
        for n in [1, 2, 7, 40] {
            let mut matrix = gram_of(&numbers(3 * n * n, 1), n);
            for entry in matrix.iter_mut().step_by(n + 1) {
                *entry += 0.1;
            }
            let right = numbers(n, 2);
            let mut solution = right.clone();
            Cholesky::of(matrix.clone(), n).unwrap().solve(&mut solution);
            for (row, right) in matrix.chunks_exact(n).zip(&right) {
                assert!((dot(row, &solution) - right).abs() < 1e-10, "{n}");
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_refused() {
        assert!(Cholesky::of(vec![1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(Cholesky::of(vec![0.0], 1).is_none());
        assert!(Cholesky::of(vec![f64::NAN], 1).is_none());
    }

    #[test]
    fn weighted_rows_are_summed() {
        for width in [1, 31, 32, 33, 70] {
            let (weights, rows) = (numbers(9, 1), numbers(9 * width, 2));
            let mut sums = numbers(width, 3);
            let expected: Vec<f64> = (0..width)
                .map(|column| sums[column] + (0..9).map(|row| weights[row] * rows[row * width + column]).sum::<f64>())
                .collect();
            add_weighted_rows(&weights, &rows, &mut sums);
            assert!(sums.iter().zip(&expected).all(|(sum, expected)| (sum - expected).abs() < 1e-12), "{width}");
        }
    }

    #[test]
    fn a_matrix_of_low_rank_has_few_columns() {
        let (n, rank) = (30, 4);
        let rows = numbers(n * rank, 1);
        let entry = |i: usize, j: usize| dot(&rows[i * rank..(i + 1) * rank], &rows[j * rank..(j + 1) * rank]);
        let factor = |rank_max| {
            let diagonal = (0..n).map(|i| entry(i, i)).collect();
            low_rank(diagonal, 1e-12, rank_max, |pivot, column| {
                column.iter_mut().enumerate().for_each(|(row, value)| *value = entry(row, pivot));
            })
        };
        let columns = factor(n);
        assert_eq!(columns.len(), rank);
        for i in 0..n {
            for j in 0..n {
                let product: f64 = columns.iter().map(|column| column[i] * column[j]).sum();
                assert!((product - entry(i, j)).abs() < 1e-11, "{i} {j}");
            }
        }
        assert_eq!(factor(2), columns[..2]);
    }
}
