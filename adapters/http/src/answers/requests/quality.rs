//! The checks of quality as a request gives them.

use poem_openapi::Object;

/// Which checks of quality are on, and how rarely they may be wrong; what is left out or null takes its default.
#[derive(Debug, Object)]
pub(crate) struct QualitySettings {
    /// How rarely the checks, all of them and of all columns together, may find something though nothing has changed: in a
    /// request that is a window with this probability; by rows that come one by one so often in 100 rows, on average; by
    /// collected rows so often in as many as a window's stride, at least 100. Above 0, up to 0.5; by default 0.001.
    #[oai(nullable, validator(minimum(value = "0", exclusive), maximum(value = "0.5")))]
    pub(crate) significance: Option<f64>,
    /// Whether categories are told that the reference did not hold; by default they are.
    #[oai(nullable)]
    pub(crate) new_category: Option<bool>,
    /// Whether texts are told that are numbers or truth values in a column of words, or the other way round; by default they are.
    #[oai(nullable)]
    pub(crate) type_change: Option<bool>,
    /// Whether more missing values than in the reference are told; by default they are.
    #[oai(nullable)]
    pub(crate) missing_burst: Option<bool>,
    /// Whether numbers outside of the range of the reference are told; by default they are.
    #[oai(nullable)]
    pub(crate) out_of_range: Option<bool>,
    /// Whether one value over and over is told, in a column that varied; by default it is.
    #[oai(nullable)]
    pub(crate) constant_column: Option<bool>,
}
