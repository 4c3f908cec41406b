//! Distances between the shares of cells: of bins of numbers, or of categories.
//!
//! All take the shares of reference and window, cells in the same order. Time O(cells).
//!
//! **Source**: Kullback & Leibler, *On information and sufficiency* (1951); Lin, *Divergence measures based on the Shannon
//! entropy* (1991); Endres & Schindelin, *A new metric for probability distributions* (2003); Siddiqi, *Credit risk
//! scorecards* (2006), for the population stability index.

/// The shares of counts; all 0 where there is none.
pub fn shares(counts: &[u64]) -> Vec<f64> {
    let total = counts.iter().sum::<u64>().max(1) as f64;
    counts.iter().map(|count| *count as f64 / total).collect()
}

/// The shares of counts with half a row more in every cell (Jeffreys 1946; Krichevsky & Trofimov 1981). No cell is empty
/// then, and what an empty cell adds to a divergence shrinks as rows grow.
pub fn smoothed_shares(counts: &[u64]) -> Vec<f64> {
    let total = counts.iter().sum::<u64>() as f64 + 0.5 * counts.len() as f64;
    counts.iter().map(|count| (*count as f64 + 0.5) / total).collect()
}

fn pairs<'s>(reference: &'s [f64], window: &'s [f64]) -> impl Iterator<Item = (f64, f64)> + 's {
    reference.iter().copied().zip(window.iter().copied())
}

/// The divergence of Kullback and Leibler, in nats: the sum of `r ln(r / w)`. Infinite where a cell is empty in the window
/// alone.
pub fn kullback_leibler(reference: &[f64], window: &[f64]) -> f64 {
    pairs(reference, window).map(|(r, w)| if r > 0.0 { r * (r / w).ln() } else { 0.0 }).sum()
}

/// The population stability index: the sum of `(r - w) ln(r / w)`. No cell may be empty on one side alone.
pub fn population_stability(reference: &[f64], window: &[f64]) -> f64 {
    pairs(reference, window).map(|(r, w)| if r == w { 0.0 } else { (r - w) * (r / w).ln() }).sum()
}

/// The Jensen–Shannon distance: the square root of the mean divergence of both from their mean, in nats; at most
/// √ln 2. Divided by √ln 2 it is the one of logarithms to the base 2.
pub fn jensen_shannon(reference: &[f64], window: &[f64]) -> f64 {
    let part = |p: f64, mean: f64| if p > 0.0 { p * (p / mean).ln() } else { 0.0 };
    let sum: f64 = pairs(reference, window)
        .map(|(r, w)| {
            let mean = f64::midpoint(r, w);
            part(r, mean) + part(w, mean)
        })
        .sum();
    (sum.max(0.0) / 2.0).sqrt()
}

/// The Hellinger distance, from 0 to 1: the root of half the sum of `(√r - √w)²`.
pub fn hellinger(reference: &[f64], window: &[f64]) -> f64 {
    let sum: f64 = pairs(reference, window).map(|(r, w)| (r.sqrt() - w.sqrt()).powi(2)).sum();
    (sum / 2.0).sqrt()
}

/// The total variation distance, from 0 to 1: half the sum of `|r - w|`.
pub fn total_variation(reference: &[f64], window: &[f64]) -> f64 {
    pairs(reference, window).map(|(r, w)| (r - w).abs()).sum::<f64>() / 2.0
}

/// The L-infinity distance, from 0 to 1: the largest `|r - w|`.
pub fn l_infinity(reference: &[f64], window: &[f64]) -> f64 {
    pairs(reference, window).map(|(r, w)| (r - w).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_disjoint_shares_are_the_largest() {
        let (reference, window) = ([1.0, 0.0], [0.0, 1.0]);
        assert!((jensen_shannon(&reference, &window) - 2_f64.ln().sqrt()).abs() < 1e-15);
        assert!((hellinger(&reference, &window) - 1.0).abs() < 1e-15);
        assert_eq!(total_variation(&reference, &window), 1.0);
        assert_eq!(l_infinity(&reference, &window), 1.0);
        assert_eq!(kullback_leibler(&reference, &window), f64::INFINITY);
    }

    #[test]
    fn equal_shares_are_at_no_distance() {
        let same = [0.2, 0.0, 0.8];
        for distance in [kullback_leibler, population_stability, jensen_shannon, hellinger, total_variation, l_infinity]
        {
            assert_eq!(distance(&same, &same), 0.0);
        }
    }

    #[test]
    fn an_empty_cell_adds_less_the_more_rows_there_are() {
        let index = |rows: u64| {
            let full = smoothed_shares(&[rows, rows, 0]);
            population_stability(&full, &smoothed_shares(&[rows, rows, 1]))
        };
        assert!(index(1_000) < index(100) && index(100) < index(10));
        assert!(index(10) < 0.1, "{}", index(10));
    }
}
