//! What an answer says of single columns.

use drifting_domain::detection::FeatureDetection;
use drifting_domain::detectors::{CategoryShift, Explanation, QUANTILES, Summary, WordWeight};
use poem_openapi::Object;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The verdict on one column, and what moved. What an online kind or `explain` leaves out is absent.
#[derive(Debug, Object)]
#[oai(rename = "FeatureDetection")]
pub(crate) struct Feature {
    /// The column.
    pub(crate) name: String,
    /// Whether it drifts.
    pub(crate) is_drift: bool,
    /// Its statistic.
    #[oai(nullable)]
    pub(crate) statistic: Option<f64>,
    /// Its p-value, of kinds that judge windows.
    #[oai(nullable)]
    pub(crate) p_value: Option<f64>,
    /// What its statistic, or its p-value, was compared with.
    #[oai(nullable)]
    pub(crate) threshold: Option<f64>,
    /// Its distance, of kinds that judge windows.
    #[oai(nullable)]
    pub(crate) distance: Option<f64>,
    /// How large the difference is, from 0 to 1: the share of rows that moved at least. The largest difference of the
    /// distribution functions of numbers, half the sum of the differences of the shares of categories.
    pub(crate) effect_size: Option<f64>,
    /// From which distance on the column drifts, of distances.
    pub(crate) distance_threshold: Option<f64>,
    /// The test or distance of the column, such as `ks`, `chi_square` or `psi`.
    pub(crate) test: Option<String>,
    /// Which way numbers moved: `up`, `down`, `wider`, `narrower`.
    pub(crate) direction: Option<String>,
    /// What the column contributes to telling window from reference, of kinds that learn it; all columns sum to 1.
    pub(crate) importance: Option<f64>,
    /// The column in the reference.
    pub(crate) reference: Option<ColumnSummary>,
    /// The column in the window.
    pub(crate) window: Option<ColumnSummary>,
    /// The categories whose shares moved most, the one that moved most first.
    pub(crate) categories: Option<Vec<CategoryShares>>,
    /// Categories of the window that the reference does not hold, the most frequent first.
    pub(crate) unseen_categories: Option<Vec<String>>,
    /// Categories of the reference of which the window holds none though five or more were expected, the most frequent
    /// first.
    pub(crate) vanished_categories: Option<Vec<String>>,
    /// The words by which a `classifier` told texts of the window from those of the reference, at most 25 of either: those of the window
    /// first, by falling weight, then those of the reference.
    pub(crate) words: Option<Vec<WordWeights>>,
}

/// How much a word tells.
#[derive(Debug, Object)]
pub(crate) struct WordWeights {
    /// The word, in lower case.
    pub(crate) word: String,
    /// Above 0 where it speaks for the window, below where it speaks for the reference.
    pub(crate) weight: f64,
    /// The share of the texts of the reference that hold it.
    pub(crate) reference_share: f64,
    /// The share of the texts of the window that hold it.
    pub(crate) window_share: f64,
}

/// A column in few numbers.
#[derive(Debug, Object)]
pub(crate) struct ColumnSummary {
    /// Rows.
    pub(crate) rows: u64,
    /// Share of them that had no value.
    pub(crate) missing_share: f64,
    /// Quantiles, of numbers.
    pub(crate) quantiles: Option<Quantiles>,
}

/// Quantiles of numbers.
#[derive(Debug, Object)]
pub(crate) struct Quantiles {
    /// Below it are 5 % of the values.
    pub(crate) p05: f64,
    /// Below it are 25 %.
    pub(crate) p25: f64,
    /// The median.
    pub(crate) p50: f64,
    /// Below it are 75 %.
    pub(crate) p75: f64,
    /// Below it are 95 %.
    pub(crate) p95: f64,
}

/// The shares of a category.
#[derive(Debug, Object)]
pub(crate) struct CategoryShares {
    /// The category.
    pub(crate) category: String,
    /// Its share of the reference.
    pub(crate) reference_share: f64,
    /// Its share of the window.
    pub(crate) window_share: f64,
}

/// A column as it is written.
pub(super) struct FeatureAnswer<'a> {
    name: &'a str,
    feature: &'a FeatureDetection,
}

impl<'a> FeatureAnswer<'a> {
    pub(super) fn of(name: &'a str, feature: &'a FeatureDetection) -> Self {
        Self { name, feature }
    }
}

impl Serialize for FeatureAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let FeatureDetection { is_drift, statistic, p_value, threshold, distance, .. } = self.feature;
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("name", self.name)?;
        members.serialize_entry("is_drift", is_drift)?;
        members.serialize_entry("statistic", statistic)?;
        members.serialize_entry("p_value", p_value)?;
        members.serialize_entry("threshold", threshold)?;
        members.serialize_entry("distance", distance)?;
        if let Some(threshold) = self.feature.distance_threshold {
            members.serialize_entry("distance_threshold", &threshold)?;
        }
        if let Some(effect_size) = self.feature.effect_size {
            members.serialize_entry("effect_size", &effect_size)?;
        }
        if let Some(explanation) = &self.feature.explanation {
            explain(explanation, &mut members)?;
        }
        members.end()
    }
}

fn explain<M: SerializeMap>(explanation: &Explanation, members: &mut M) -> Result<(), M::Error> {
    members.serialize_entry("test", explanation.test.as_str())?;
    if let Some(direction) = explanation.direction {
        members.serialize_entry("direction", direction.as_str())?;
    }
    if let Some(importance) = explanation.importance {
        members.serialize_entry("importance", &importance)?;
    }
    members.serialize_entry("reference", &SummaryAnswer(&explanation.reference))?;
    members.serialize_entry("window", &SummaryAnswer(&explanation.window))?;
    if !explanation.words.is_empty() {
        let words: Vec<WordAnswer> = explanation.words.iter().map(WordAnswer).collect();
        members.serialize_entry("words", &words)?;
    } else if explanation.window.quantiles.is_none() {
        let shares: Vec<ShareAnswer> = explanation.categories.iter().map(ShareAnswer).collect();
        members.serialize_entry("categories", &shares)?;
        members.serialize_entry("unseen_categories", &explanation.unseen)?;
        members.serialize_entry("vanished_categories", &explanation.vanished)?;
    }
    Ok(())
}

struct WordAnswer<'a>(&'a WordWeight);

impl Serialize for WordAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let WordWeight { word, weight, reference_share, window_share } = self.0;
        let mut members = serializer.serialize_map(Some(4))?;
        members.serialize_entry("word", word)?;
        members.serialize_entry("weight", weight)?;
        members.serialize_entry("reference_share", reference_share)?;
        members.serialize_entry("window_share", window_share)?;
        members.end()
    }
}

struct SummaryAnswer<'a>(&'a Summary);

impl Serialize for SummaryAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("rows", &self.0.n_rows)?;
        members.serialize_entry("missing_share", &self.0.missing_share)?;
        if let Some(quantiles) = self.0.quantiles {
            members.serialize_entry("quantiles", &QuantilesAnswer(quantiles))?;
        }
        members.end()
    }
}

struct QuantilesAnswer([f64; QUANTILES.len()]);

impl Serialize for QuantilesAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const NAMES: [&str; QUANTILES.len()] = ["p05", "p25", "p50", "p75", "p95"];
        serializer.collect_map(NAMES.into_iter().zip(self.0))
    }
}

struct ShareAnswer<'a>(&'a CategoryShift);

impl Serialize for ShareAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let CategoryShift { category, reference_share, window_share } = self.0;
        let mut members = serializer.serialize_map(Some(3))?;
        members.serialize_entry("category", category)?;
        members.serialize_entry("reference_share", reference_share)?;
        members.serialize_entry("window_share", window_share)?;
        members.end()
    }
}
