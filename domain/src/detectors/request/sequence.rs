//! What a client asks of a series: how it is read, and the kinds that judge one.

use super::{DetectorRequest, InvalidSettings, SettingIssue, issue};
use crate::data::{ColumnType, Schema};
use crate::detectors::DetectorKind;
use crate::detectors::calibration::REPLAYED_ERT_MAX;
use crate::detectors::streaming::sensitivity_of;
use crate::preprocess::{Encoding, SEQUENCE_LENGTH_MAX, Season, SequenceSpec};
use crate::project::DriftType;

/// The wanted mean number of rows between alarms.
const ERT: f64 = 400.0;

/// How a series is read, as a client asks for it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SequenceRequest {
    /// Rows from a number to the one that it is differenced with.
    pub difference: Option<usize>,
    /// Which rows of the reference a row is compared with.
    pub season: Option<Season>,
    /// Mean rows of the blocks that streams for the calibration are drawn in; by default as suits the reference.
    pub block_length: Option<f64>,
}

impl DetectorRequest {
    /// Whether settings of series came for other data, or for a kind that reads nothing.
    pub(super) fn check_is_sequential(&self, drift_type: DriftType) -> Result<(), InvalidSettings> {
        let SequenceRequest { difference, season, block_length } = &self.sequence;
        let came = [
            ("sequence/difference", difference.is_some()),
            ("sequence/season", season.is_some()),
            ("sequence/block_length", block_length.is_some()),
        ];
        let issues: Vec<SettingIssue> = came
            .into_iter()
            .filter(|(_, came)| *came)
            .filter_map(|(setting, _)| match self.kind {
                _ if drift_type != DriftType::Sequential => {
                    Some(issue(setting, format!("`{drift_type}` has no such setting, `sequential` has")))
                }
                Some(kind @ DetectorKind::Dummy) => {
                    Some(issue(setting, format!("`{kind}` reads no rows and has no such setting")))
                }
                _ => None,
            })
            .collect();
        if issues.is_empty() { Ok(()) } else { Err(InvalidSettings { issues }) }
    }

    /// The kind that suits a series: `adwin` for one column, `mmd_online` for several.
    pub(super) fn kind_for_series(&self, schema: &Schema) -> Result<DetectorKind, InvalidSettings> {
        let season = self.sequence.season.as_ref().and_then(Season::column);
        let mut judged = schema.columns.iter().filter(|column| Some(column.name.as_str()) != season);
        let usual = if judged.clone().count() > 1 { DetectorKind::MmdOnline } else { DetectorKind::Adwin };
        let kind = self.kind.unwrap_or(usual);
        if !kind.is_online() {
            let detail = format!(
                "`{kind}` judges windows of independent rows; take `adwin`, `mmd_online` or another kind that judges row by row"
            );
            return Err(InvalidSettings::one("detector/kind", detail));
        }
        if kind.encoding() == Encoding::Binary {
            return Ok(kind);
        }
        match judged.find(|column| column.kind != ColumnType::Numeric) {
            None => Ok(kind),
            Some(column) => {
                let detail = format!(
                    "`{kind}` expects series of numbers, `{}` is none; leave it out, name it as the `season`, or take `hddm_a` or `fet_online` for two classes",
                    column.name
                );
                Err(InvalidSettings::one("detector/kind", detail))
            }
        }
    }

    /// How a series of a schema is read by a kind.
    ///
    /// # Errors
    /// When a value is out of its range, names no column, or does not go with the kind.
    pub fn sequence_specification(
        &self,
        kind: DetectorKind,
        schema: &Schema,
        n_rows: usize,
    ) -> Result<SequenceSpec, InvalidSettings> {
        let SequenceRequest { difference, season, block_length } = &self.sequence;
        let mut issues = Vec::new();
        if let Some(difference) = difference
            && !(1..=SEQUENCE_LENGTH_MAX.min(n_rows / 2)).contains(difference)
        {
            let most = SEQUENCE_LENGTH_MAX.min(n_rows / 2);
            let detail = format!("expected 1 to {most} rows (half of the reference at most), {difference} came");
            issues.push(issue("sequence/difference", detail));
        }
        match season {
            Some(Season::Period { period }) if !(2..=SEQUENCE_LENGTH_MAX.min(n_rows / 2)).contains(period) => {
                let most = SEQUENCE_LENGTH_MAX.min(n_rows / 2);
                let detail =
                    format!("expected a period of 2 to {most} rows (half of the reference at most), {period} came");
                issues.push(issue("sequence/season/period", detail));
            }
            Some(Season::Timestamp { by, .. }) if by.is_empty() || (1..by.len()).any(|n| by[..n].contains(&by[n])) => {
                let detail = "expected `hour_of_day`, `day_of_week` or both, each once".to_owned();
                issues.push(issue("sequence/season/by", detail));
            }
            _ => {}
        }
        if let Some(name) = season.as_ref().and_then(Season::column) {
            if schema.columns.iter().all(|column| column.name != name) {
                issues.push(issue("sequence/season", format!("expected a column of the data, there is no `{name}`")));
            } else if schema.columns.len() == 1 {
                issues.push(issue("sequence/season", format!("expected a column beside `{name}` that is judged")));
            }
        }
        if let Some(length) = block_length
            && !(1.0..=n_rows as f64 / 2.0).contains(length)
        {
            let detail = format!("expected 1 to {} rows (half of the reference), {length} came", n_rows / 2);
            issues.push(issue("sequence/block_length", detail));
        }
        if kind.encoding() == Encoding::Binary {
            for (setting, came) in
                [("sequence/difference", difference.is_some()), ("sequence/season", season.is_some())]
            {
                if came {
                    issues.push(issue(
                        setting,
                        format!("`{kind}` watches two classes as they are; leave it out, or take `adwin`"),
                    ));
                }
            }
        }
        if !issues.is_empty() {
            return Err(InvalidSettings { issues });
        }
        Ok(SequenceSpec { difference: *difference, season: season.clone(), calibration: None })
    }

    /// The run time that a detector of a series is calibrated for; nothing where the client gave its sensitivity, or it has none.
    ///
    /// # Errors
    /// When both came; when it is too long to be replayed.
    pub fn replayed_ert(&self, kind: DetectorKind) -> Result<Option<f64>, InvalidSettings> {
        if kind == DetectorKind::Dummy {
            return Ok(None);
        }
        let ert = self.ert.unwrap_or(ERT);
        if !(2.0..=REPLAYED_ERT_MAX).contains(&ert) {
            let detail = format!("expected 2 to {REPLAYED_ERT_MAX} rows for a series, {ert} came");
            return Err(InvalidSettings::one("detector/ert", detail));
        }
        if !kind.is_streaming() {
            return Ok(Some(ert));
        }
        let sensitivity = sensitivity_of(kind);
        let has_come = sensitivity.is_some_and(|name| {
            self.came().chain(self.streaming.came()).any(|setting| setting.trim_start_matches("detector/") == name)
        });
        match (sensitivity, self.ert) {
            (None, Some(_)) => {
                let detail = format!("no setting of `{kind}` can be chosen for it; leave it out, or take `adwin`");
                Err(InvalidSettings::one("detector/ert", detail))
            }
            (Some(name), Some(_)) if has_come => {
                Err(InvalidSettings::one("detector/ert", format!("expected `ert` or `{name}`, both came")))
            }
            (Some(_), _) if !has_come => Ok(Some(ert)),
            _ => Ok(None),
        }
    }

    /// The same for a specification of a kind: the run time of streaming kinds is kept by [`Self::replayed_ert`], not by themselves.
    #[must_use]
    pub fn without_replayed(&self, kind: DetectorKind) -> Self {
        Self { ert: self.ert.filter(|_| !kind.is_streaming()), ..self.clone() }
    }
}
