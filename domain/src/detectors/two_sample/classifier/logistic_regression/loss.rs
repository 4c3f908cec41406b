//! The logarithmic loss of many rows at once.

use multiversion::multiversion;

use crate::statistics::exponential::exp2_of_negative;
use crate::statistics::inner_product::PARTS;

/// Rows whose factors fit into one product: each is at most 2.
const ROWS_OF_A_PRODUCT: usize = 512;

// Wider vector instructions where the processor has them, with the same operations in the same order.

/// The sum of the losses of rows with these log odds; a sign is 1 for the window, -1 for the reference.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn loss(log_odds: &[f64], signs: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (log_odds, signs) in log_odds.chunks(ROWS_OF_A_PRODUCT).zip(signs.chunks(ROWS_OF_A_PRODUCT)) {
        // log(1 + exp(-s)) is max(0, -s) + log(1 + exp(-|s|)), and a sum of logarithms is that of a product.
        let mut products = [1.0_f64; PARTS];
        let mut linear = [0.0; PARTS];
        for (log_odds, signs) in log_odds.chunks(PARTS).zip(signs.chunks(PARTS)) {
            let parts = products.iter_mut().zip(&mut linear);
            for ((log_odds, sign), (product, linear)) in log_odds.iter().zip(signs).zip(parts) {
                let margin = log_odds * sign;
                *linear += (-margin).max(0.0);
                *product *= 1.0 + exp2_of_negative(-margin.abs() * std::f64::consts::LOG2_E);
            }
        }
        sum += linear.iter().sum::<f64>() + products.iter().product::<f64>().ln();
    }
    sum
}

/// The derivatives of the losses by the log odds (first) and their second derivatives.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn derivatives(log_odds: &[f64], signs: &[f64], first: &mut [f64], second: &mut [f64]) {
    let rows = log_odds.iter().zip(signs).zip(first.iter_mut().zip(second));
    for ((log_odds, sign), (first, second)) in rows {
        let margin = log_odds * sign;
        let small = exp2_of_negative(-margin.abs() * std::f64::consts::LOG2_E);
        let larger = 1.0 / (1.0 + small);
        // The probability of the other label.
        let wrong = if margin > 0.0 { small * larger } else { larger };
        *first = -sign * wrong;
        *second = small * larger * larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_and_derivatives_are_those_of_the_definition() {
        let log_odds: Vec<f64> = (0..1_300).map(|row| (f64::from(row) - 650.0) * 0.05).collect();
        let signs: Vec<f64> = (0..1_300).map(|row| if row % 3 == 0 { 1.0 } else { -1.0 }).collect();
        let margins = log_odds.iter().zip(&signs).map(|(log_odds, sign)| log_odds * sign);
        let expected: f64 = margins.map(|margin| (-margin).exp().ln_1p()).sum();
        assert!((loss(&log_odds, &signs) / expected - 1.0).abs() < 1e-12);
        let (mut first, mut second) = (vec![0.0; 1_300], vec![0.0; 1_300]);
        derivatives(&log_odds, &signs, &mut first, &mut second);
        for row in 0..1_300 {
            let probability = 1.0 / (1.0 + (-log_odds[row]).exp());
            let label = f64::from(u8::from(signs[row] > 0.0));
            assert!((first[row] - (probability - label)).abs() < 1e-14, "{row}");
            assert!((second[row] - probability * (1.0 - probability)).abs() < 1e-14, "{row}");
        }
    }

    #[test]
    fn extreme_odds_have_finite_losses() {
        let (log_odds, signs) = ([1e6, 1e6, -1e6], [1.0, -1.0, 1.0]);
        assert_eq!(loss(&log_odds, &signs), 2e6);
        let (mut first, mut second) = ([0.0; 3], [0.0; 3]);
        derivatives(&log_odds, &signs, &mut first, &mut second);
        assert!(first[0].abs() < 1e-300 && first[1] == 1.0 && first[2] == -1.0, "{first:?}");
        assert!(second.iter().all(|value| (0.0..1e-300).contains(value)), "{second:?}");
    }
}
