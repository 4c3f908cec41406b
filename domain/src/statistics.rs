//! Mathematics that several detectors share.

pub mod alternative;
pub(crate) mod cholesky;
pub mod draws;
pub mod exponential;
pub mod kernel;
pub mod parallel;
pub mod part;
pub mod permutation;
pub mod poisson;
pub mod quantile;
pub mod run_length;
