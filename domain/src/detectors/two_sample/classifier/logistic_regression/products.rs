//! Products of a block's columns, which the method spends its time in.

use multiversion::multiversion;

/// Interleaved parts of a sum: faster than one chain of additions, and the same on every machine.
pub(super) const PARTS: usize = 8;

// Wider vector instructions where the processor has them, with the same operations in the same order.

#[expect(clippy::inline_always, reason = "a loop becomes vector instructions only with this inside")]
#[inline(always)]
fn sum_of_products(x: &[f64], y: &[f64]) -> f64 {
    let mut parts = [0.0; PARTS];
    let (x_chunks, y_chunks) = (x.chunks_exact(PARTS), y.chunks_exact(PARTS));
    let rest: f64 = x_chunks.remainder().iter().zip(y_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in x_chunks.zip(y_chunks) {
        for ((part, x), y) in parts.iter_mut().zip(x).zip(y) {
            *part += x * y;
        }
    }
    parts.iter().sum::<f64>() + rest
}

/// A sum of products.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    sum_of_products(x, y)
}

/// Adds the columns of a block, each times its weight.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn add_multiples(block: &[f64], weights: &[f64], sums: &mut [f64]) {
    for (column, weight) in block.chunks_exact(sums.len()).zip(weights) {
        for (sum, value) in sums.iter_mut().zip(column) {
            *sum += weight * value;
        }
    }
}

/// Adds, for each column of a block, the sum of its products with these numbers; for the column of ones, last, their sum.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn add_products(block: &[f64], of_rows: &[f64], sums: &mut [f64]) {
    for (column, sum) in block.chunks_exact(of_rows.len()).zip(&mut *sums) {
        *sum += sum_of_products(column, of_rows);
    }
    if let Some(last) = sums.last_mut() {
        *last += of_rows.iter().sum::<f64>();
    }
}
