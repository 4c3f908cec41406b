//! Quadratic forms of the inverse of a small symmetric matrix, or of its pseudo-inverse where it has none.
//!
//! Laws take one for every draw. A regular matrix is solved by Cholesky's factor, in some fifty multiplications; its trace
//! tells that it is regular. What is left, as of values of which few differ, takes Jacobi's rotations.

use super::{D, Matrix};

/// Eigenvalues below this share of the largest count as 0.
const ZERO: f64 = 1e-15;
/// A matrix whose least eigenvalue is surely above this share of the largest element is regular.
const REGULAR: f64 = 1e-8;
/// Rotations end when no element beside the diagonal is above this share of the largest on it: each sweep is quadratic near
/// the end, so that it takes some four or five.
const DIAGONAL: f64 = 1e-18;
const SWEEPS_MAX: usize = 30;

/// `dᵀ S⁺ d` and the rank of a positive semidefinite `S`, whose eigenvalues below 1e-15 of the largest count as 0.
pub(super) fn inverse_form(matrix: Matrix, vector: [f64; D]) -> (f64, usize) {
    match regular_form(&matrix, vector) {
        Some(form) => (form, D),
        None => pseudo_inverse_form(matrix, vector),
    }
}

/// The form of a matrix that is regular beyond doubt.
fn regular_form(matrix: &Matrix, vector: [f64; D]) -> Option<f64> {
    let root = root(matrix);
    let largest = (0..D).map(|index| matrix[index][index]).fold(0.0, f64::max);
    let inverse_pivots: [f64; D] = std::array::from_fn(|index| 1.0 / root[index][index]);
    // Row by row, the inverse of the factor and its product with the vector.
    let (mut inverse, mut solved, mut trace, mut form) = ([[0.0; D]; D], [0.0; D], 0.0, 0.0);
    for row in 0..D {
        let rest = (0..row).map(|k| root[row][k] * solved[k]).sum::<f64>();
        solved[row] = (vector[row] - rest) * inverse_pivots[row];
        form += solved[row] * solved[row];
        let of_inverse: [f64; D] = std::array::from_fn(|column| {
            let unit = if row == column { 1.0 } else { 0.0 };
            let rest = (column..row).map(|k| root[row][k] * inverse[k][column]).sum::<f64>();
            (unit - rest) * inverse_pivots[row]
        });
        trace += of_inverse[..=row].iter().map(|value| value * value).sum::<f64>();
        inverse[row] = of_inverse;
    }
    // The trace of the inverse is at least the inverse of the least eigenvalue. A pivot of 0 makes it infinite or no number.
    (trace * largest * REGULAR < 1.0).then_some(form)
}

/// From eigenvalues and eigenvectors.
fn pseudo_inverse_form(mut matrix: Matrix, vector: [f64; D]) -> (f64, usize) {
    let mut vectors = [[0.0; D]; D];
    for (index, row) in vectors.iter_mut().enumerate() {
        row[index] = 1.0;
    }
    for _ in 0..SWEEPS_MAX {
        let mut beside = 0.0_f64;
        for p in 0..D {
            for q in p + 1..D {
                beside = beside.max(matrix[p][q].abs());
                rotate(&mut matrix, &mut vectors, p, q);
            }
        }
        if beside <= DIAGONAL * largest_on_diagonal(&matrix) {
            break;
        }
    }
    let largest = largest_on_diagonal(&matrix);
    let (mut form, mut rank) = (0.0, 0);
    for index in 0..D {
        let eigenvalue = matrix[index][index];
        if eigenvalue.abs() > ZERO * largest {
            let along: f64 = (0..D).map(|row| vectors[row][index] * vector[row]).sum();
            form += along * along / eigenvalue;
            rank += 1;
        }
    }
    (form, rank)
}

fn largest_on_diagonal(matrix: &Matrix) -> f64 {
    (0..D).map(|index| matrix[index][index].abs()).fold(0.0, f64::max)
}

/// Cholesky's factor; a column of it is 0 where the matrix has no direction left, as of two different values.
pub(super) fn root(matrix: &Matrix) -> Matrix {
    let largest = (0..D).map(|index| matrix[index][index]).fold(0.0, f64::max);
    let mut root = [[0.0; D]; D];
    for column in 0..D {
        let before = |root: &Matrix, row: usize| (0..column).map(|k| root[row][k] * root[column][k]).sum::<f64>();
        let pivot = matrix[column][column] - before(&root, column);
        if pivot <= 1e-12 * largest {
            continue;
        }
        let pivot = pivot.sqrt();
        root[column][column] = pivot;
        for row in column + 1..D {
            root[row][column] = (matrix[row][column] - before(&root, row)) / pivot;
        }
    }
    root
}

/// The rotation that makes one element and its mirror 0.
fn rotate(matrix: &mut Matrix, vectors: &mut Matrix, p: usize, q: usize) {
    if matrix[p][q] == 0.0 {
        return;
    }
    let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
    let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    for row in matrix.iter_mut() {
        let (at_p, at_q) = (row[p], row[q]);
        row[p] = cosine * at_p - sine * at_q;
        row[q] = sine * at_p + cosine * at_q;
    }
    let (of_p, of_q) = (matrix[p], matrix[q]);
    for (column, (at_p, at_q)) in of_p.into_iter().zip(of_q).enumerate() {
        matrix[p][column] = cosine * at_p - sine * at_q;
        matrix[q][column] = sine * at_p + cosine * at_q;
    }
    for row in vectors.iter_mut() {
        let (at_p, at_q) = (row[p], row[q]);
        row[p] = cosine * at_p - sine * at_q;
        row[q] = sine * at_p + cosine * at_q;
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::statistics::draws::stream;

    #[test]
    fn the_form_is_that_of_the_inverse() {
        let matrix = [[4.0, 1.0, 0.0, 0.0], [1.0, 3.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.5], [0.0, 0.0, 0.5, 1.0]];
        let (form, rank) = inverse_form(matrix, [1.0, 2.0, 3.0, 4.0]);
        // By hand: (3 - 4 + 16) / 11 + (9 - 12 + 32) / 1.75.
        assert!((form - (15.0 / 11.0 + 29.0 / 1.75)).abs() < 1e-12 && rank == 4, "{form} {rank}");
        let (form, rank) = inverse_form([[2.0; D]; D], [1.0; D]);
        assert!((form - 0.5).abs() < 1e-12 && rank == 1, "{form} {rank}");
        assert_eq!(inverse_form([[0.0; D]; D], [1.0; D]), (0.0, 0));
    }

    #[test]
    fn both_ways_to_the_form_agree() {
        let mut generator = stream(23, 0);
        let mut of_factor = 0;
        for round in 0..2_000 {
            // The last row is nearly a multiple of the first, more so from round to round.
            let mut factor: Matrix = std::array::from_fn(|_| std::array::from_fn(|_| generator.random::<f64>() - 0.5));
            let nearly = 0.98_f64.powi(round);
            let first = factor[0];
            for (last, first) in factor[D - 1].iter_mut().zip(first) {
                *last = first + nearly * *last;
            }
            let product = |row: usize, column: usize| (0..D).map(|k| factor[row][k] * factor[column][k]).sum::<f64>();
            let matrix: Matrix = std::array::from_fn(|row| std::array::from_fn(|column| product(row, column)));
            let vector = std::array::from_fn(|_| generator.random());
            let Some(form) = regular_form(&matrix, vector) else { continue };
            of_factor += 1;
            let (expected, rank) = pseudo_inverse_form(matrix, vector);
            // What is lost of 16 digits at the condition that is still regular.
            assert!((form / expected - 1.0).abs() < 1e-6 && rank == D, "{round}: {form} {expected} {rank}");
        }
        // Until the last eigenvalue is some 1e-8 of the largest, after half of -8 / log10(0.98) rounds.
        assert!((300..1_200).contains(&of_factor), "{of_factor}");
    }

    #[test]
    fn the_factor_is_that_of_the_matrix() {
        let matrix = [[4.0, 1.0, 2.0, 0.0], [1.0, 3.0, 0.5, 0.0], [2.0, 0.5, 1.0, 0.0], [0.0; D]];
        let root = root(&matrix);
        for row in 0..D {
            for column in 0..D {
                let product: f64 = (0..D).map(|k| root[row][k] * root[column][k]).sum();
                assert!((product - matrix[row][column]).abs() < 1e-12, "{row} {column}: {product}");
            }
        }
    }
}
