//! What bounds a service.

use std::time::Duration;

use super::once::AnswerLimits;
use crate::data::{COLUMNS_MAX, InvalidData, Table};
use crate::detectors::{DetectorSpec, InvalidSettings, PERMUTATIONS_MAX, SIMULATED_MAX, SettingIssue};

/// What the owner of the server lets it take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServiceLimits {
    /// Of the answers that are kept for requests that come again.
    pub answers: AnswerLimits,
    /// Bytes that loaded projects may take; any number where there is none.
    pub projects_memory: Option<u64>,
    /// Predictions that may wait or be at work.
    pub predict_queue: usize,
    /// How long the last one of them may be expected to wait, unless they are few; twice as long the only one of its project, and a tenth of it
    /// in a flood; any time where there is none.
    pub predict_wait: Option<Duration>,
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
            predict_wait: Some(Duration::from_millis(250)),
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
    /// Streams that are simulated for thresholds, draws from the reference behind a p-value, and random frequencies.
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
        let (permutations, bootstraps, frequencies) = match spec {
            DetectorSpec::Online(spec) => (None, spec.n_bootstraps(), None),
            DetectorSpec::Batch(spec) => (spec.n_permutations(), spec.n_bootstraps(), spec.n_frequencies()),
        };
        let issues: Vec<SettingIssue> = [
            ("detector/n_permutations", "permutations", permutations, self.permutations),
            ("detector/n_bootstraps", "bootstraps", bootstraps, self.bootstraps),
            ("detector/n_frequencies", "random frequencies", frequencies, self.bootstraps),
        ]
        .into_iter()
        .filter_map(|(setting, what, wanted, most)| {
            let wanted = wanted.filter(|wanted| *wanted > most)?;
            let detail = format!("expected at most {most} {what}, as this server is set, {wanted} are asked for");
            Some(SettingIssue { setting, detail })
        })
        .collect();
        if issues.is_empty() { Ok(()) } else { Err(InvalidSettings { issues }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ColumnSchema, ColumnType, MissingValues, Schema};
    use crate::detectors::{BatchSpec, DetectorKind, DetectorRequest, Preset};

    const LIMITS: RequestLimits = RequestLimits { columns: 10, permutations: 50, bootstraps: 400 };

    /// What a kind is refused with, at so many bootstraps where it takes them.
    fn refused(kind: DetectorKind, request: &DetectorRequest) -> Option<String> {
        let column = |name: &str| ColumnSchema { name: name.to_owned(), kind: ColumnType::Numeric };
        let schema = Schema { columns: vec![column("a"), column("b")], missing_values: MissingValues::Reject };
        let spec: BatchSpec = request.batch_specification(kind, &schema, 1_000).expect("settings");
        LIMITS.check_detector(&DetectorSpec::Batch(spec)).err().map(|error| error.to_string())
    }

    #[test]
    fn draws_from_the_reference_are_bounded_like_simulated_streams() {
        for kind in [
            DetectorKind::Psi,
            DetectorKind::Wasserstein,
            DetectorKind::EppsSingleton,
            DetectorKind::PcaReconstruction,
            DetectorKind::MmdFourier,
            DetectorKind::Hdddm,
            DetectorKind::KdqTree,
        ] {
            let asked = |n| DetectorRequest { n_bootstraps: Some(n), ..DetectorRequest::default() };
            assert_eq!(refused(kind, &asked(400)), None, "{kind}");
            // Too many by default as well as asked for.
            for request in [asked(401), DetectorRequest::default()] {
                let error = refused(kind, &request).unwrap_or_default();
                assert!(error.contains("detector/n_bootstraps: expected at most 400 bootstraps"), "{kind}: {error}");
            }
        }
    }

    #[test]
    fn what_draws_nothing_is_not_bounded() {
        let fixed = DetectorRequest { threshold: Some(0.2), ..DetectorRequest::default() };
        assert_eq!(refused(DetectorKind::Psi, &fixed), None);
        let menelaus = DetectorRequest { preset: Some(Preset::Menelaus), ..DetectorRequest::default() };
        assert_eq!(refused(DetectorKind::Hdddm, &menelaus), None);
        let nannyml = DetectorRequest { preset: Some(Preset::Nannyml), ..DetectorRequest::default() };
        assert_eq!(refused(DetectorKind::PcaReconstruction, &nannyml), None);
        // Its threshold is drawn with the preset too.
        assert!(refused(DetectorKind::KdqTree, &menelaus).is_some());
        assert_eq!(refused(DetectorKind::Ks, &DetectorRequest::default()), None);
    }

    #[test]
    fn everything_beyond_a_limit_is_named_at_once() {
        let request =
            DetectorRequest { n_bootstraps: Some(401), n_frequencies: Some(401), ..DetectorRequest::default() };
        let error = refused(DetectorKind::MmdFourier, &request).unwrap_or_default();
        assert!(error.contains("detector/n_bootstraps") && error.contains("401 are asked for"), "{error}");
        assert!(error.contains("detector/n_frequencies: expected at most 400 random frequencies"), "{error}");
        let error = refused(DetectorKind::Mmd, &DetectorRequest::default()).unwrap_or_default();
        assert!(error.contains("detector/n_permutations: expected at most 50 permutations"), "{error}");
    }
}
