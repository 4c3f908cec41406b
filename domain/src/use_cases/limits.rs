//! What bounds a service.

use super::once::AnswerLimits;
use crate::data::{COLUMNS_MAX, InvalidData, Table};
use crate::detectors::{DetectorSpec, InvalidSettings, PERMUTATIONS_MAX, SIMULATED_MAX};

/// What the owner of the server lets it take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServiceLimits {
    /// Of the answers that are kept for requests that come again.
    pub answers: AnswerLimits,
    /// Bytes that loaded projects may take; any number where there is none.
    pub projects_memory: Option<u64>,
    /// Predictions that may wait or be at work.
    pub predict_queue: usize,
    /// Fits that may compute at once.
    pub concurrent_fits: usize,
    /// Fits that may wait for their turn.
    pub fit_queue: usize,
    /// What a single request may ask for.
    pub request: RequestLimits,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            answers: AnswerLimits::default(),
            projects_memory: None,
            predict_queue: 1_000,
            concurrent_fits: usize::MAX,
            fit_queue: 16,
            request: RequestLimits::default(),
        }
    }
}

/// What a single request may ask for; by default as much as detectors take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Columns of data.
    pub columns: usize,
    /// Permutations behind a p-value.
    pub permutations: usize,
    /// Streams that are simulated for thresholds.
    pub bootstraps: usize,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { columns: COLUMNS_MAX, permutations: PERMUTATIONS_MAX, bootstraps: SIMULATED_MAX }
    }
}

impl RequestLimits {
    /// Refuses data of too many columns.
    pub(super) fn check_columns(&self, table: &Table) -> Result<(), InvalidData> {
        let (n_columns, most) = (table.columns().len(), self.columns);
        if n_columns > most {
            return Err(InvalidData::whole(format!("expected at most {most} columns, {n_columns} came")));
        }
        Ok(())
    }

    /// Refuses a detector that takes too long to compute, also where its other settings ask for that by default.
    pub(super) fn check_detector(&self, spec: &DetectorSpec) -> Result<(), InvalidSettings> {
        let (setting, what, wanted, most) = match spec {
            DetectorSpec::Online(spec) => ("detector/n_bootstraps", "bootstraps", spec.n_bootstraps(), self.bootstraps),
            DetectorSpec::Batch(spec) => {
                ("detector/n_permutations", "permutations", spec.n_permutations(), self.permutations)
            }
        };
        match wanted {
            Some(wanted) if wanted > most => {
                let detail = format!("expected at most {most} {what}, as this server is set, {wanted} are asked for");
                Err(InvalidSettings::one(setting, detail))
            }
            _ => Ok(()),
        }
    }
}
