//! Metrics of vectors, from terms that add up over columns.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the distance of two vectors is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DistanceMetric {
    /// The root of the sum of squared differences.
    #[default]
    Euclidean,
    /// 1 less the cosine of the angle, from 0 to 2; 1 where a vector has no direction.
    Cosine,
    /// The sum of differences.
    Cityblock,
    /// The largest difference.
    Chebyshev,
}

/// What columns add to a distance: the first number, of angles the product of the vectors and both squares.
pub(super) type Terms = [f64; 3];

impl DistanceMetric {
    /// Every metric.
    pub const ALL: [Self; 4] = [Self::Euclidean, Self::Cosine, Self::Cityblock, Self::Chebyshev];

    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Euclidean => "euclidean",
            Self::Cosine => "cosine",
            Self::Cityblock => "cityblock",
            Self::Chebyshev => "chebyshev",
        }
    }

    /// The distance of two vectors of one length.
    pub fn between(self, x: &[f64], y: &[f64]) -> f64 {
        self.distance(self.terms(x.iter().copied().zip(y.iter().copied())))
    }

    /// The length of a vector; angles know none.
    pub(super) fn length(self, x: &[f64]) -> Option<f64> {
        (self != Self::Cosine).then(|| self.distance(self.terms(x.iter().map(|x| (*x, 0.0)))))
    }

    /// What each difference adds to the distance.
    pub(super) fn contributions(self, differences: &[f64]) -> Option<Vec<f64>> {
        let of_each: fn(&f64) -> f64 = match self {
            Self::Euclidean => |difference| difference * difference,
            Self::Cityblock | Self::Chebyshev => |difference| difference.abs(),
            Self::Cosine => return None,
        };
        Some(differences.iter().map(of_each).collect())
    }

    /// The terms of some columns of two vectors.
    pub(super) fn terms(self, pairs: impl Iterator<Item = (f64, f64)>) -> Terms {
        pairs.fold([0.0; 3], |[first, x_square, y_square], (x, y)| {
            let difference = (x - y).abs();
            match self {
                Self::Euclidean => [first + difference * difference, 0.0, 0.0],
                Self::Cosine => [first + x * y, x_square + x * x, y_square + y * y],
                Self::Cityblock => [first + difference, 0.0, 0.0],
                Self::Chebyshev => [first.max(difference), 0.0, 0.0],
            }
        })
    }

    /// The terms of the columns of both.
    pub(super) fn joined(self, some: Terms, others: Terms) -> Terms {
        if self == Self::Chebyshev {
            return [some[0].max(others[0]), 0.0, 0.0];
        }
        std::array::from_fn(|index| some[index] + others[index])
    }

    /// The distance that the terms of all columns make.
    pub(super) fn distance(self, [first, x_square, y_square]: Terms) -> f64 {
        match self {
            Self::Euclidean => first.sqrt(),
            Self::Cityblock | Self::Chebyshev => first,
            Self::Cosine => {
                let lengths = x_square.sqrt() * y_square.sqrt();
                if lengths > 0.0 { (1.0 - first / lengths).clamp(0.0, 2.0) } else { 1.0 }
            }
        }
    }
}

impl fmt::Display for DistanceMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
