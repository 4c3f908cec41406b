//! Mathematics that several detectors share.

pub mod alternative;
pub mod binomial;
pub mod chi_square;
pub mod correction;
pub mod draws;
pub mod exponential;
pub mod fisher_exact;
pub mod hypergeometric;
pub mod kernel;
pub mod parallel;
pub mod part;
pub mod poisson;
pub mod quantile;
pub mod run_length;
mod saddle_point;
