//! The kind that suits the columns, and the types of columns that suit the kind.

use super::{DetectorRequest, InvalidSettings};
use crate::data::{ColumnType, Frame, InvalidData, Schema};
use crate::detectors::{ColumnTest, DetectorKind};
use crate::project::DriftType;

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
        match drift_type {
            // It looks at none of them.
            _ if self.kind == Some(DetectorKind::Dummy) => return Ok(DetectorKind::Dummy),
            DriftType::Label | DriftType::Tabular => {}
            DriftType::Text => return self.kind_for_features("texts"),
            DriftType::Image => return self.kind_for_features("images"),
            DriftType::Sequential => {
                return Err(InvalidSettings::one(
                    "drift_type",
                    format!(
                        "expected `label`, `tabular`, `text` or `image`: this version has no detector for `{drift_type}` yet"
                    ),
                ));
            }
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
            DetectorKind::Ks | DetectorKind::Cvm => "`tabular`, or `chi_square`",
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
            | DetectorKind::Dummy
            | DetectorKind::Ks
            | DetectorKind::Tabular
            | DetectorKind::Mmd
            | DetectorKind::Lsdd
            | DetectorKind::Classifier
            | DetectorKind::SpotTheDiff => Ok(kind),
            // Its p-values assume values that differ, and counts of words are mostly equal, as are sizes of images.
            DetectorKind::Cvm
            | DetectorKind::FetOnline
            | DetectorKind::ChiSquare
            | DetectorKind::FisherExact
            | DetectorKind::ContextMmd
            | DetectorKind::ClassifierUncertainty
            | DetectorKind::RegressorUncertainty => {
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
            DetectorKind::ChiSquare => schema.with_categories(reference, |_| true).map(Some),
            DetectorKind::Tabular if self.tests.is_some() => {
                let schema = schema.with_categories(reference, |column| is_tested_by(column, ColumnTest::ChiSquare))?;
                schema.of_two_classes(reference, |column| is_tested_by(column, ColumnTest::FisherExact)).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The test that was asked for a column.
    pub(super) fn test_of(&self, column: &str) -> Option<ColumnTest> {
        self.tests.as_ref()?.get(column).copied()
    }
}
