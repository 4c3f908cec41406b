//! An honest estimate of how often alarms start: a trial fit on the beginning of the reference, the rest replayed.

use super::FitError;
use super::reading::{Reading, for_kernels};
use crate::data::{Frame, InvalidData};
use crate::detectors::{CvmThresholds, DetectorKind, DetectorRequest, FitProblem, fit_online};
use crate::ports::{CpuPool, Progress};
use crate::preprocess::{Encoder, Preprocessing};
use crate::project::RunLengthReport;

/// The share of the reference that the trial is fitted on, in percent.
pub(super) const TRIAL_PERCENT: usize = 80;

/// What a trial is fitted with.
pub(super) struct Trial<'t> {
    pub(super) kind: DetectorKind,
    pub(super) detector: &'t DetectorRequest,
    pub(super) preprocessing: &'t Preprocessing,
    /// Of texts and images, what gave the columns.
    pub(super) reading: Option<&'t Reading>,
    pub(super) thresholds: &'t CvmThresholds,
    pub(super) pool: &'t dyn CpuPool,
    pub(super) progress: &'t dyn Progress,
}

impl Trial<'_> {
    /// Fits on the first rows of the reference and replays the others; where that cannot be done, says why.
    ///
    /// Costs another fit, and a step for each row of the last fifth.
    ///
    /// # Errors
    /// When cancelled.
    pub(super) fn report(&self, reference: &Frame) -> Result<Result<RunLengthReport, String>, FitError> {
        let (beginning, rest) = reference.split_at(reference.n_rows() * TRIAL_PERCENT / 100);
        match self.replay(&beginning, &rest) {
            Ok(report) => Ok(Ok(report)),
            Err(cancelled @ FitError::Problem(FitProblem::Cancelled)) => Err(cancelled),
            Err(problem) => Ok(Err(format!(
                "the run length cannot be reported: a trial fit on the first {TRIAL_PERCENT} % of the reference says: {problem}"
            ))),
        }
    }

    fn replay(&self, beginning: &Frame, rest: &Frame) -> Result<RunLengthReport, FitError> {
        let encoder = Encoder::fit(beginning, self.preprocessing, self.kind.encoding())?;
        let encoder = for_kernels(encoder, self.kind, self.preprocessing, self.reading);
        let width = encoder.width();
        let spec = self.detector.online_specification(self.kind, width)?;
        let detector = fit_online(&spec, &encoder.encode(beginning), width, self.thresholds, self.pool, self.progress)?;
        self.progress.stage("replaying the last fifth of the reference");
        let mut state = detector.start();
        let (mut rows, mut alarm_starts) = (0, 0);
        for row in encoder.encode(rest).chunks_exact(width) {
            if self.progress.is_cancelled() {
                return Err(FitProblem::Cancelled.into());
            }
            let detection = detector.step(&mut state, row);
            rows += u64::from(!detection.warm_up);
            if detection.is_drift {
                alarm_starts += 1;
                state = detector.start();
            }
        }
        let report = spec.ert().and_then(|ert| RunLengthReport::of(rows, alarm_starts, ert));
        report.ok_or_else(|| InvalidData::whole("the other rows do not fill the smallest window").into())
    }
}
