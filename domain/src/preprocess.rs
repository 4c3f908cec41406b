//! From the cells of a schema to the numbers that a detector sees.

use serde::{Deserialize, Serialize};

/// How the columns are encoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Whether numeric columns are centred and scaled by the reference's mean and standard deviation.
    pub standardize: bool,
    /// How many principal components of the encoded columns are kept; all columns without it.
    pub n_components: Option<usize>,
}
