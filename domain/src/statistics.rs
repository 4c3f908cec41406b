//! Mathematics that several detectors share.

pub mod alternative;
pub mod binomial;
pub mod chi_square;
pub(crate) mod cholesky;
pub mod correction;
pub mod cramer_von_mises;
pub mod draws;
pub mod exponential;
pub mod fisher_exact;
pub mod hypergeometric;
pub(crate) mod inner_product;
pub mod kernel;
pub mod kolmogorov_smirnov;
pub mod parallel;
pub mod part;
pub mod permutation;
pub mod poisson;
pub mod pooled_values;
pub mod quantile;
pub mod run_length;
mod saddle_point;
pub mod sorted_sample;
