//! Products of a block's columns, which the method spends its time in.

use multiversion::multiversion;

use crate::statistics::inner_product;

// Wider vector instructions where the processor has them, with the same operations in the same order.

/// A sum of products.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    inner_product::dot(x, y)
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
        *sum += inner_product::dot(column, of_rows);
    }
    if let Some(last) = sums.last_mut() {
        *last += of_rows.iter().sum::<f64>();
    }
}
