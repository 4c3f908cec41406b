//! The kind that suits the columns, and the types of columns that suit the kind.

use super::{DetectorRequest, InvalidSettings};
use crate::data::{ColumnType, Frame, InvalidData, Schema};
use crate::detectors::{ColumnTest, DetectorKind, Preset};
use crate::preprocess::Encoding;
use crate::project::DriftType;

/// Columns of up to so many different numbers are categories to Evidently.
const FEW_NUMBERS: usize = 5;

impl DetectorRequest {
    /// The kind that suits data when none is asked for.
    ///
    /// # Errors
    /// When no kind of this version suits them.
    pub fn kind_for(
        &self,
        drift_type: DriftType,
        schema: &Schema,
        reference: &Frame,
    ) -> Result<DetectorKind, InvalidSettings> {
        self.check_is_sequential(drift_type)?;
        match drift_type {
            // It looks at none of them.
            _ if self.kind == Some(DetectorKind::Dummy) => return Ok(DetectorKind::Dummy),
            DriftType::Label | DriftType::Tabular => {}
            DriftType::Text => return self.kind_for_features("texts"),
            DriftType::Image => return self.kind_for_features("images"),
            DriftType::Sequential => return self.kind_for_series(schema),
        }
        let categorical = schema.columns.iter().find(|column| column.kind != ColumnType::Numeric);
        let kind = match (self.kind, drift_type) {
            (Some(kind), _) => kind,
            (None, DriftType::Label) if schema.has_two_classes(0, reference) => DetectorKind::FetOnline,
            (None, DriftType::Label) if categorical.is_some() => DetectorKind::ChiSquare,
            (None, DriftType::Label) => DetectorKind::CvmOnline,
            (None, _) => DetectorKind::MmdOnline,
        };
        let instead = match kind {
            DetectorKind::CvmOnline => "`mmd_online`, or `fet_online` for two classes",
            kind if kind.is_streaming() && kind.encoding() == Encoding::Raw => "`hddm_a`, or `ddm`, for two classes",
            DetectorKind::Ks
            | DetectorKind::Cvm
            | DetectorKind::AndersonDarling
            | DetectorKind::Kuiper
            | DetectorKind::MannWhitney
            | DetectorKind::TTest
            | DetectorKind::EppsSingleton => "`tabular`, or `chi_square`",
            DetectorKind::Wasserstein | DetectorKind::Energy => "`jensen_shannon`, or `total_variation`",
            DetectorKind::ClassifierUncertainty | DetectorKind::RegressorUncertainty => {
                "the outputs of the model alone"
            }
            _ => return Ok(kind),
        };
        match categorical {
            None => Ok(kind),
            Some(column) => Err(InvalidSettings::one(
                "detector/kind",
                format!(
                    "`{kind}` expects columns of numbers, `{}` is categorical; leave it out, or take {instead}",
                    column.name
                ),
            )),
        }
    }

    /// A kind that judges the features of texts or images: numbers that are seen together, or each by itself.
    fn kind_for_features(&self, noun: &str) -> Result<DetectorKind, InvalidSettings> {
        let kind = self.kind.unwrap_or(DetectorKind::MmdOnline);
        match kind {
            DetectorKind::CvmOnline
            | DetectorKind::LsddOnline
            | DetectorKind::MmdOnline
            | DetectorKind::PcaCd
            | DetectorKind::Dummy
            | DetectorKind::Ks
            | DetectorKind::Kuiper
            | DetectorKind::Tabular
            | DetectorKind::Mmd
            | DetectorKind::Lsdd
            | DetectorKind::MmdFourier
            | DetectorKind::Classifier
            | DetectorKind::SpotTheDiff
            | DetectorKind::Psi
            | DetectorKind::KlDivergence
            | DetectorKind::JensenShannon
            | DetectorKind::Wasserstein
            | DetectorKind::Hellinger
            | DetectorKind::TotalVariation
            | DetectorKind::MannWhitney
            | DetectorKind::EppsSingleton
            | DetectorKind::Energy => Ok(kind),
            // They watch one column, and what is read of texts and images are many.
            _ if kind.is_streaming() => {
                Err(InvalidSettings::one("detector/kind", format!("`{kind}` judges no {noun}; take `mmd_online`")))
            }
            // Its p-values assume values that differ, and counts of words are mostly equal, as are sizes of images.
            _ => {
                let detail =
                    format!("`{kind}` judges no {noun}; take `mmd_online`, or `mmd` or `classifier` in windows");
                Err(InvalidSettings::one("detector/kind", detail))
            }
        }
    }

    /// The schema with the types of columns that a kind needs: numbers that are to be tested as categories are
    /// categories, columns of two classes are binary. `None` where it fits as it is.
    ///
    /// # Errors
    /// When a column cannot have such a type.
    pub fn schema_for(
        &self,
        kind: DetectorKind,
        schema: &Schema,
        reference: &Frame,
    ) -> Result<Option<Schema>, InvalidData> {
        let is_tested_by = |column: &str, test| self.test_of(column) == Some(test);
        match kind {
            DetectorKind::FetOnline | DetectorKind::FisherExact => schema.of_two_classes(reference, |_| true).map(Some),
            _ if kind.watches_errors() => schema.of_two_classes(reference, |_| true).map(Some),
            // Values from 0 to 1 are numbers; classes have two of them.
            DetectorKind::HddmA | DetectorKind::HddmW
                if schema.columns.iter().any(|column| column.kind != ColumnType::Numeric) =>
            {
                schema.of_two_classes(reference, |_| true).map(Some)
            }
            // A preset holds the first of several values against the others.
            DetectorKind::ZTest if self.preset.is_none() => schema.of_two_classes(reference, |_| true).map(Some),
            DetectorKind::ChiSquare | DetectorKind::GTest | DetectorKind::ZTest | DetectorKind::LInfinity => {
                schema.with_categories(reference, |_| true).map(Some)
            }
            DetectorKind::Tabular if self.tests.is_some() || self.preset == Some(Preset::Evidently) => {
                // A preset tells of more than two classes what it says of them.
                let is_of_two = |column: &str| {
                    [ColumnTest::FisherExact, ColumnTest::ZTest].iter().any(|test| is_tested_by(column, *test))
                };
                let of_several = |column: &str| self.preset.is_some() && is_of_two(column);
                let of_few = |column: &str| {
                    self.preset == Some(Preset::Evidently)
                        && self.test_of(column).is_none()
                        && schema.has_few_numbers(column, reference, FEW_NUMBERS)
                };
                let of_categories = |column: &str| {
                    [ColumnTest::ChiSquare, ColumnTest::GTest, ColumnTest::LInfinity]
                        .iter()
                        .any(|test| is_tested_by(column, *test))
                        || of_several(column)
                        || of_few(column)
                };
                let of_two_classes = |column: &str| self.preset.is_none() && is_of_two(column);
                schema.with_categories(reference, of_categories)?.of_two_classes(reference, of_two_classes).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The test that was asked for a column.
    pub(super) fn test_of(&self, column: &str) -> Option<ColumnTest> {
        self.tests.as_ref()?.get(column).copied()
    }
}
