//! The principal components of many vectors, sparse ones or long ones, by a randomized method.
//!
//! A few random directions are sent through the centred vectors and back several times, and made orthonormal each time; what
//! is left of them are the directions in which the vectors differ most. With `z` non-zero weights, `F` features and `l`
//! directions (eight more than components), a pass costs O(z l + (n + F) l² + l³); there are ten. Nothing dense of size n F
//! is made, and the draws come from the seed alone.
//!
//! **Source**: Halko, Martinsson & Tropp, *Finding structure with randomness: probabilistic algorithms for constructing
//! approximate matrix decompositions* (2011), algorithm 4.4.

use rand::RngExt;
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::evd::EVDDecomposable;

use super::pca::Pca;
use crate::ports::Progress;
use crate::statistics::draws::stream;

/// Directions beside those that are wanted.
const OVERSAMPLED: usize = 8;
const N_PASSES: usize = 5;
/// A direction that carries less than this share of the largest variance is none.
const LEAST_SHARE: f64 = 1e-12;
/// The random stream of the directions.
const DIRECTIONS: u64 = 0x7465_7874_0001;

/// Vectors of more numbers than this are reduced by this method: the other one takes the third power of them.
const EXACT_MAX: usize = 256;

/// The entries of a vector that are not zero, each with its feature.
pub(super) type SparseVector = Vec<(u16, f32)>;

/// Nobody wants the result any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cancelled;

/// Directions, with what the mean has in each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Components {
    /// By feature, the entry of each component: `F` rows of `k`.
    pub(super) entries: Vec<f64>,
    /// Of the mean of the vectors, by component.
    pub(super) center: Vec<f64>,
}

/// The first `k` principal components of vectors over `n_features` features, each of unit length, with the entry of largest
/// magnitude above 0. Where the vectors differ in fewer directions, the others are zero.
///
/// # Errors
/// When cancelled.
pub(super) fn principal_components(
    vectors: &[SparseVector],
    n_features: usize,
    k: usize,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Components, Cancelled> {
    let l = (k + OVERSAMPLED).min(n_features).max(k);
    let mean = mean(vectors, n_features);
    let mut generator = stream(seed, DIRECTIONS);
    let mut directions: Vec<f64> =
        (0..n_features * l).map(|_| if generator.random::<bool>() { 1.0 } else { -1.0 }).collect();
    for _ in 0..N_PASSES {
        if progress.is_cancelled() {
            return Err(Cancelled);
        }
        let mut scores = forth(vectors, &mean, &directions, l);
        orthonormalise(&mut scores, l);
        directions = back(vectors, &mean, &scores, l);
        orthonormalise(&mut directions, l);
    }
    let mut entries = Vec::with_capacity(n_features * k);
    directions.chunks_exact(l).for_each(|row| entries.extend_from_slice(&row[..k]));
    for component in 0..k {
        let of_component = || entries.iter().skip(component).step_by(k).copied();
        let largest =
            of_component().fold(0.0, |largest: f64, entry| if entry.abs() > largest.abs() { entry } else { largest });
        if largest < 0.0 {
            entries.iter_mut().skip(component).step_by(k).for_each(|entry| *entry = -*entry);
        }
    }
    let center = product(&mean, &entries, k);
    Ok(Components { entries, center })
}

/// The first `k` principal components of the vectors of an encoder, rows of `width` numbers; none where they cannot be computed.
/// O(n width²) up to 256 numbers, else O(n width k).
///
/// # Errors
/// When cancelled.
pub(super) fn of_vectors(
    rows: &[f64],
    width: usize,
    k: usize,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Option<Pca>, Cancelled> {
    if width <= EXACT_MAX {
        return Ok(Pca::fit(rows, width, k));
    }
    #[expect(clippy::cast_possible_truncation, reason = "they came in single precision")]
    let sparse = |row: &[f64]| -> SparseVector {
        let entries = (0_u16..).zip(row).filter(|(_, value)| **value != 0.0);
        entries.map(|(feature, value)| (feature, *value as f32)).collect()
    };
    let vectors: Vec<SparseVector> = rows.chunks_exact(width).map(sparse).collect();
    let Components { entries, .. } = principal_components(&vectors, width, k, seed, progress)?;
    let component = |number: usize| entries.iter().skip(number).step_by(k).copied();
    let pca = Pca::of(mean(&vectors, width), (0..k).flat_map(component).collect());
    Ok(pca.is_finite().then_some(pca))
}

fn mean(vectors: &[SparseVector], n_features: usize) -> Vec<f64> {
    let mut mean = vec![0.0; n_features];
    for (feature, weight) in vectors.iter().flatten() {
        mean[usize::from(*feature)] += f64::from(*weight);
    }
    for mean in &mut mean {
        *mean /= vectors.len() as f64;
    }
    mean
}

/// A row times a matrix of rows of `l`.
fn product(row: &[f64], matrix: &[f64], l: usize) -> Vec<f64> {
    let mut sums = vec![0.0; l];
    for (factor, row) in row.iter().zip(matrix.chunks_exact(l)) {
        add(&mut sums, *factor, row);
    }
    sums
}

fn add(sums: &mut [f64], factor: f64, row: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += factor * value;
    }
}

/// The centred vectors times directions: a row of `l` a vector.
fn forth(vectors: &[SparseVector], mean: &[f64], directions: &[f64], l: usize) -> Vec<f64> {
    let of_mean = product(mean, directions, l);
    let mut scores = vec![0.0; vectors.len() * l];
    for (vector, scores) in vectors.iter().zip(scores.chunks_exact_mut(l)) {
        project(vector, directions, l, scores);
        add(scores, -1.0, &of_mean);
    }
    scores
}

/// Adds a vector times a matrix of rows of `l`, one a feature.
pub(super) fn project(vector: &SparseVector, matrix: &[f64], l: usize, into: &mut [f64]) {
    for (feature, weight) in vector {
        add(into, f64::from(*weight), &matrix[usize::from(*feature) * l..][..l]);
    }
}

/// The transposed centred vectors times scores: a row of `l` a feature.
fn back(vectors: &[SparseVector], mean: &[f64], scores: &[f64], l: usize) -> Vec<f64> {
    let mut directions = vec![0.0; mean.len() * l];
    let mut sums = vec![0.0; l];
    for (vector, scores) in vectors.iter().zip(scores.chunks_exact(l)) {
        for (feature, weight) in vector {
            add(&mut directions[usize::from(*feature) * l..][..l], f64::from(*weight), scores);
        }
        add(&mut sums, 1.0, scores);
    }
    for (mean, direction) in mean.iter().zip(directions.chunks_exact_mut(l)) {
        add(direction, -mean, &sums);
    }
    directions
}

/// Makes the columns of a matrix of rows of `l` orthonormal, those first that carry most of it; columns that carry nothing are
/// zero.
fn orthonormalise(matrix: &mut [f64], l: usize) {
    let mut products = vec![0.0; l * l];
    for row in matrix.chunks_exact(l) {
        for (i, value) in row.iter().enumerate() {
            add(&mut products[i * l..][..=i], *value, &row[..=i]);
        }
    }
    for i in 0..l {
        for j in 0..i {
            products[j * l + i] = products[i * l + j];
        }
    }
    let decomposed = DenseMatrix::new(l, l, products, false).ok().and_then(|products| products.evd(true).ok());
    let Some(decomposed) = decomposed else {
        matrix.fill(0.0);
        return;
    };
    let mut order: Vec<usize> = (0..l).collect();
    order.sort_by(|&a, &b| decomposed.d[b].total_cmp(&decomposed.d[a]));
    let least = decomposed.d[order[0]] * LEAST_SHARE;
    let mut rotation = vec![0.0; l * l];
    for (column, &eigenvector) in order.iter().enumerate() {
        let variance = decomposed.d[eigenvector];
        if variance > least && variance.is_normal() {
            for row in 0..l {
                rotation[row * l + column] = decomposed.V.get((row, eigenvector)) / variance.sqrt();
            }
        }
    }
    for row in matrix.chunks_exact_mut(l) {
        let rotated = product(row, &rotation, l);
        row.copy_from_slice(&rotated);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Silent;

    fn vectors(n: usize, n_features: u16) -> Vec<SparseVector> {
        let mut generator = stream(1, 2);
        // Three directions, the first the strongest, and a little of everything.
        (0..n)
            .map(|_| {
                let scores: [f32; 3] = [4.0, 2.0, 1.0].map(|size| size * (generator.random::<f32>() - 0.5));
                let weight = |feature: u16| scores[usize::from(feature) % 3] + 0.05 * generator.random::<f32>();
                (0..n_features).zip((0..n_features).map(weight).collect::<Vec<_>>()).collect()
            })
            .collect()
    }

    #[test]
    fn they_are_those_of_the_dense_decomposition() {
        let (n_features, k) = (30, 3);
        let vectors = vectors(200, 30);
        let dense: Vec<f64> = vectors.iter().flatten().map(|(_, weight)| f64::from(*weight)).collect();
        let expected = Pca::fit(&dense, n_features, k).unwrap();
        let components = principal_components(&vectors, n_features, k, 7, &Silent).unwrap();
        for (vector, row) in vectors.iter().zip(dense.chunks_exact(n_features)) {
            let mut scores = vec![0.0; k];
            project(vector, &components.entries, k, &mut scores);
            for ((score, center), expected) in scores.iter().zip(&components.center).zip(expected.project(row)) {
                assert!((score - center - expected).abs() < 1e-6, "{} {expected}", score - center);
            }
        }
    }

    #[test]
    fn long_vectors_have_the_components_of_the_dense_decomposition() {
        let (width, k) = (300, 3);
        let rows: Vec<f64> = vectors(80, 300).iter().flatten().map(|(_, weight)| f64::from(*weight)).collect();
        let expected = Pca::fit(&rows, width, k).unwrap();
        let reduced = of_vectors(&rows, width, k, 7, &Silent).unwrap().unwrap();
        assert_eq!(reduced.n_components(), k);
        for row in rows.chunks_exact(width) {
            for (actual, expected) in reduced.project(row).zip(expected.project(row)) {
                assert!((actual - expected).abs() < 1e-5, "{actual} {expected}");
            }
        }
        // Those of few numbers are exact.
        assert_eq!(of_vectors(&rows, 100, k, 7, &Silent).unwrap(), Pca::fit(&rows, 100, k));
    }

    #[test]
    fn directions_that_are_not_there_are_zero() {
        let vectors: Vec<SparseVector> = (0..10_u8).map(|row| vec![(0, f32::from(row)), (1, 1.0)]).collect();
        let components = principal_components(&vectors, 4, 3, 0, &Silent).unwrap();
        let expected = [1.0, 0.0, 0.0];
        for (entry, expected) in components.entries[..3].iter().zip(expected) {
            assert!((entry - expected).abs() < 1e-9, "{:?}", components.entries);
        }
        assert!(components.entries[3..].iter().all(|entry| entry.abs() < 1e-9), "{:?}", components.entries);
        // All alike.
        let alike = vec![vec![(0, 1.0)]; 5];
        let components = principal_components(&alike, 4, 2, 0, &Silent).unwrap();
        assert!(components.entries.iter().all(|entry| *entry == 0.0));
    }
}
