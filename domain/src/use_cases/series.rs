//! What of a fit is of series alone: how their rows are read, and a detector that is calibrated by streams like the reference.

use super::FitError;
use super::fit::FitRequest;
use super::fit_warnings::sequence_warnings;
use crate::data::{Frame, MissingValues, Schema};
use crate::detectors::{
    CvmThresholds, DetectorKind, FitProblem, InvalidSettings, OnlineDetector, OnlineSpec, Replay, Streams, fit_online,
};
use crate::ports::{CpuPool, Progress};
use crate::preprocess::{Encoding, Season, Sequence, SequenceCalibration, SequenceSpec};
use crate::project::{AfterAlarm, DriftType};
use crate::statistics::part::Part;

/// A replay that would take longer than this by its estimate, in nanoseconds of one processor, is refused.
const REPLAY_MAX_NS: f64 = 600e9;

/// A series that is fitted.
pub(super) struct Series {
    pub(super) spec: SequenceSpec,
    /// How its rows are read; nothing where they are judged as they are.
    pub(super) read: Option<ReadSeries>,
}

/// The reading of a series, its reference as the detector sees it, and what was found.
pub(super) struct ReadSeries {
    pub(super) sequence: Sequence,
    pub(super) residuals: Frame<'static>,
    pub(super) warnings: Vec<String>,
}

impl Series {
    /// Reads the reference of a project of this type and kind, where it is a series. The schema is that of what clients send, which a
    /// column of seasons may change.
    ///
    /// # Errors
    /// When the settings do not go with the data or the kind.
    pub(super) fn fit(
        request: &FitRequest,
        kind: DetectorKind,
        schema: &mut Schema,
        frame: &Frame<'_>,
    ) -> Result<Option<Self>, FitError> {
        // `dummy` looks at nothing.
        if request.drift_type != DriftType::Sequential || kind == DetectorKind::Dummy {
            return Ok(None);
        }
        request.detector.replayed_ert(kind)?;
        let spec = request.detector.sequence_specification(kind, schema, frame.n_rows())?;
        if request.report_run_length {
            let detail = "a series is replayed for its thresholds as it is; leave it out";
            return Err(InvalidSettings::one("report_run_length", detail).into());
        }
        if kind.encoding() == Encoding::Binary {
            return Ok(Some(Self { spec, read: None }));
        }
        if request.missing_values == MissingValues::Drop && matches!(spec.season, Some(Season::Period { .. })) {
            let detail = "rows that are left out would shift the period; take `impute`, or a `season` by a column";
            return Err(InvalidSettings::one("missing_values", detail).into());
        }
        let read = |schema: &Schema, frame: &Frame<'_>| {
            let (sequence, residuals) = Sequence::fit(&spec, schema, frame);
            let warnings = sequence_warnings(&spec, &sequence, schema, frame);
            ReadSeries { sequence, residuals, warnings }
        };
        let read = if let Some(Season::Column { column }) = &spec.season {
            *schema = schema.with_categories(frame, |name| name == column)?;
            read(schema, &schema.read(&request.reference)?)
        } else {
            read(schema, frame)
        };
        Ok(Some(Self { spec, read: Some(read) }))
    }
}

/// A detector of a series, calibrated by streams like the reference, whose encoded rows are `(n_rows, n_columns)`.
///
/// # Errors
/// When it cannot be fitted or calibrated; when cancelled.
pub(super) fn fit_series(
    request: &FitRequest,
    spec: &OnlineSpec,
    encoded: &[f64],
    n_columns: usize,
    thresholds: &CvmThresholds,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<(Box<dyn OnlineDetector>, Option<SequenceCalibration>), FitError> {
    let kind = spec.kind();
    let [for_fit, for_replay] = Part::split(progress, [1.0, 1.0]);
    let fit = |spec: &OnlineSpec| fit_online(spec, encoded, n_columns, thresholds, pool, &for_fit);
    let Some(ert) = request.detector.replayed_ert(kind)? else { return Ok((fit(spec)?, None)) };
    let are_classes = kind.encoding() == Encoding::Binary;
    let streams = Streams::learn(encoded, n_columns, are_classes, request.detector.sequence.block_length);
    let seed = request.detector.seed.unwrap_or(0);
    let is_reset = request.detector.after_alarm == Some(AfterAlarm::Reset);
    let replay = Replay { streams: &streams, ert, n_columns, is_reset, seed, pool, progress: &for_replay };
    let detector = if let OnlineSpec::Streaming(spec) = spec {
        check_work(replay.n_steps_streaming(), spec.step_cost_ns(), ert)?;
        progress.stage("replaying streams like the reference");
        let calibrated = replay.streaming(spec, encoded).map_err(FitProblem::from)?;
        fit(&OnlineSpec::Streaming(calibrated))?
    } else {
        let mut detector = fit(spec)?;
        let largest = spec.window_sizes().iter().copied().max().unwrap_or(0);
        check_work(replay.n_steps_factor(largest), detector.step_cost_ns(), ert)?;
        progress.stage("replaying streams like the reference");
        let factor = replay.factor(&*detector, largest).map_err(FitProblem::from)?;
        detector.move_thresholds(factor);
        detector
    };
    let (block_length, orders) = (streams.block_length(), streams.orders());
    Ok((detector, Some(SequenceCalibration { ert, block_length, orders })))
}

/// Whether streams can be replayed to a detector in time.
fn check_work(n_steps: f64, step_ns: u64, ert: f64) -> Result<(), InvalidSettings> {
    let work_ns = n_steps * step_ns as f64;
    if work_ns <= REPLAY_MAX_NS {
        return Ok(());
    }
    let [work_s, most_s] = [work_ns, REPLAY_MAX_NS].map(|ns| (ns / 1e9).round());
    let detail = format!(
        "replaying streams for an ert of {ert} would take about {work_s} seconds of a processor, at most {most_s} are taken; expected a smaller one, or fewer rows of reference"
    );
    Err(InvalidSettings::one("detector/ert", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replays_that_would_take_too_long_are_refused_with_what_they_would_take() {
        assert_eq!(check_work(1e6, 600_000, 400.0), Ok(()));
        let refused = check_work(2.25e6, 800_000, 10_000.0).unwrap_err().to_string();
        assert!(
            refused.contains("an ert of 10000 would take about 1800 seconds of a processor, at most 600"),
            "{refused}"
        );
    }
}
