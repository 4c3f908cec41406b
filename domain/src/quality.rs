//! Quality of the rows themselves, told beside the verdict on drift: values that a reference has not prepared anybody for.
//!
//! Five checks look at each column, each a test of its own with a p-value, and each can be turned off:
//!
//! * *new category*: rows with a category that the reference did not hold;
//! * *type change*: texts that are numbers or truth values in a column of words, or the other way round, where the columns'
//!   types tolerate it (a text in a column of numbers is refused when it is read, as ever);
//! * *missing burst*: more missing values than in the reference, where the policy on missing values takes them;
//! * *out of range*: numbers below the least or above the largest one of the reference;
//! * *constant column*: one value over and over, in a column that varied.
//!
//! What they find never changes the verdict of the detector: `is_drift` speaks for that alone.
//!
//! **Calibration**. Nothing is assumed of the values but that, while nothing changes, new rows and those of the reference
//! could stand in any order (they are exchangeable; independent rows of one law are). A request that is a window
//! is tested once: all checks of all columns together find something with a probability of at most the significance. Rows that
//! come one by one, or are collected, are counted in blocks of 32, 256 and 2,048 rows; a block finds something as soon as its
//! count is one that a whole block reaches too rarely. So that findings without a change are, on average over references and
//! rows, at most the significance in each stretch of rows (see [`QualitySettings::significance`]). The laws: `law` for counts,
//! `unseen` for new categories.
//!
//! **Cost**: a row takes a comparison or two a column, and a count where a value stands out: O(1) a column. Memory
//! O(1) a column and check, and O(new categories) of the last block. Nothing is stored of the rows.
//!
//! A reference that moves on leaves the checks as they were fitted: they tell of the first reference.

mod apparent_type;
mod checks;
mod findings;
mod law;
mod profile;
mod settings;
mod stream;
#[cfg(test)]
mod tests;
mod unseen;
mod window;

pub(crate) use self::checks::{Quality, RowsCome};
pub use self::findings::QualityFinding;
pub use self::settings::{QualityCheck, QualityRequest, QualitySettings};
pub(crate) use self::stream::QualityState;
