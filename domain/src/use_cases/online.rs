//! Rows judged one by one, and what moved in the last of them where one drifts.

use super::serving::Feeding;
use crate::data::{Frame, Schema, TensorError, Tensors};
use crate::detection::{Detection, FeatureDetection};
use crate::detectors::{ColumnTests, DetectorKind, FitProblem, OnlineDetector, OnlineSpec, OnlineState, Window};
use crate::ports::{CpuPool, Progress};
use crate::preprocess::{Encoder, Sequence, SequenceState};
use crate::project::AfterAlarm;
use crate::statistics::correction::Correction;

/// An online detector, and the columns of its reference in few numbers, by which its alarms are explained. It never
/// changes.
pub(super) struct Online {
    detector: Box<dyn OnlineDetector>,
    /// Of kinds that can raise an alarm.
    columns: Option<ColumnTests>,
    /// Rows that are looked at for an explanation: those of the largest window.
    n_recent: usize,
    /// Of series, how rows are read.
    sequence: Option<Sequence>,
}

/// What moves while rows are judged.
pub(super) struct OnlineRunning {
    pub(super) detector: OnlineState,
    /// The last rows, a few more than are looked at.
    recent: Frame<'static>,
    sequence: SequenceState,
}

/// Significance of the columns of an explanation.
const EXPLAINED_LEVEL: f64 = 0.05;
/// Quantiles that a column of the reference is kept in: they place a value to a thousandth.
const QUANTILES_MAX: usize = 1_000;

impl Online {
    /// A detector and the columns of the reference that it was fitted on.
    ///
    /// # Errors
    /// When cancelled.
    pub(super) fn new(
        detector: Box<dyn OnlineDetector>,
        schema: &Schema,
        encoder: &Encoder,
        reference: &Frame<'_>,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let spec = detector.spec();
        let mut columns = None;
        if spec.kind() != DetectorKind::Dummy {
            let (cells, n_missing) = encoder.fill(reference);
            let reference = Window { cells: &cells, n_missing: &n_missing, encoded: &[], origins: &[] };
            columns = Some(ColumnTests::suiting(schema, &reference, pool, progress)?.thinned(QUANTILES_MAX));
        }
        let n_recent = largest_window(&spec);
        Ok(Self { detector, columns, n_recent, sequence: None })
    }

    /// A detector that was saved, with the columns that were saved beside it.
    ///
    /// # Errors
    /// When the arrays are not those of such columns.
    pub(super) fn restore(
        detector: Box<dyn OnlineDetector>,
        schema: &Schema,
        parameters: &Tensors,
    ) -> Result<Self, TensorError> {
        let spec = detector.spec();
        let is_explained = spec.kind() != DetectorKind::Dummy;
        let columns = is_explained.then(|| ColumnTests::restore_suiting(schema, parameters)).transpose()?;
        let n_recent = largest_window(&spec);
        Ok(Self { detector, columns, n_recent, sequence: None })
    }

    /// The same of a series, whose rows are read before.
    #[must_use]
    pub(super) fn reading(self, sequence: Option<Sequence>) -> Self {
        Self { sequence, ..self }
    }

    /// How the rows of a series are read.
    pub(super) fn sequence(&self) -> Option<&Sequence> {
        self.sequence.as_ref()
    }

    pub(super) fn detector(&self) -> &dyn OnlineDetector {
        &*self.detector
    }

    pub(super) fn save(&self) -> Tensors {
        let mut tensors = self.detector.save();
        if let Some(columns) = &self.columns {
            columns.save(&mut tensors);
        }
        if let Some(sequence) = &self.sequence {
            sequence.save(&mut tensors);
        }
        tensors
    }

    pub(super) fn start(&self, schema: &Schema) -> OnlineRunning {
        let sequence = self.sequence.as_ref().map(Sequence::start).unwrap_or_default();
        OnlineRunning { detector: self.detector.start(), recent: Frame::empty(schema), sequence }
    }

    /// Feeds rows; gives the verdict on each. The last one says what moved where it is asked to, or drifts.
    pub(super) fn feed(
        &self,
        state: &mut OnlineRunning,
        is_latched: &mut bool,
        rows: &Frame<'_>,
        feeding: Feeding<'_>,
    ) -> Vec<Detection> {
        let Feeding { encoder, policy, explain, schema, pool, .. } = feeding;
        let read = self.sequence.as_ref().map(|sequence| sequence.read(&mut state.sequence, rows));
        let rows = read.as_ref().unwrap_or(rows);
        // A kind that looks at no row has none encoded.
        let encoded = if self.columns.is_some() { encoder.encode(rows) } else { Vec::new() };
        let mut detections = Vec::with_capacity(rows.n_rows());
        let (mut is_alarm, mut n_since_start) = (false, None);
        for index in 0..rows.n_rows() {
            let row = encoded.get(index * encoder.width()..(index + 1) * encoder.width()).unwrap_or_default();
            let mut detection = self.detector.step(&mut state.detector, row);
            is_alarm = detection.is_drift;
            if is_alarm {
                match policy.after_alarm {
                    AfterAlarm::Continue => {}
                    AfterAlarm::Reset => {
                        state.detector = self.detector.start();
                        n_since_start = Some(rows.n_rows() - index - 1);
                    }
                    AfterAlarm::Latch => *is_latched = true,
                }
            }
            detection.is_drift |= *is_latched;
            detections.push(detection);
        }
        self.keep(&mut state.recent, rows);
        if let Some(last) = detections.last_mut()
            && explain.unwrap_or(is_alarm)
        {
            self.explain(last, &state.recent, encoder, pool);
        }
        // After a start, rows of before it explain nothing.
        if let Some(n_since_start) = n_since_start {
            if n_since_start == 0 {
                state.recent = Frame::empty(schema);
            } else {
                state.recent.drop_front(state.recent.n_rows().saturating_sub(n_since_start));
            }
        }
        detections
    }

    /// Keeps the last rows. Those that are too many leave together, so that a row costs little.
    fn keep(&self, recent: &mut Frame<'static>, rows: &Frame<'_>) {
        if self.n_recent == 0 {
            return;
        }
        let n_taken = rows.n_rows().min(self.n_recent);
        if n_taken == rows.n_rows() {
            recent.append(rows);
        } else {
            recent.append(&rows.range(rows.n_rows() - n_taken..rows.n_rows()));
        }
        if recent.n_rows() >= 2 * self.n_recent {
            recent.drop_front(recent.n_rows() - self.n_recent);
        }
    }

    /// The last rows, as many as are looked at for an explanation.
    pub(super) fn recent(&self, state: &OnlineRunning) -> Frame<'static> {
        let n_rows = state.recent.n_rows();
        state.recent.range(n_rows.saturating_sub(self.n_recent)..n_rows).into_owned()
    }

    /// What moved in the columns of a window; `None` of a kind that keeps nothing of its reference.
    pub(super) fn compare(
        &self,
        window: &Frame<'_>,
        encoder: &Encoder,
        pool: &dyn CpuPool,
    ) -> Option<Vec<FeatureDetection>> {
        let columns = self.columns.as_ref()?;
        let (cells, n_missing) = encoder.fill(window);
        let window = Window { cells: &cells, n_missing: &n_missing, encoded: &[], origins: &[] };
        Some(columns.features(&window, Correction::Bonferroni, EXPLAINED_LEVEL, pool))
    }

    fn explain(&self, detection: &mut Detection, recent: &Frame<'static>, encoder: &Encoder, pool: &dyn CpuPool) {
        let n_rows = recent.n_rows();
        let window = recent.range(n_rows.saturating_sub(self.n_recent)..n_rows);
        let Some(explained) = self.compare(&window, encoder, pool) else { return };
        if detection.features.is_empty() {
            detection.features = explained;
            return;
        }
        // The detector has judged the columns itself.
        for feature in &mut detection.features {
            let of_column = explained.iter().find(|explained| explained.column == feature.column);
            if let Some(explained) = of_column {
                feature.effect_size = explained.effect_size;
                feature.explanation.clone_from(&explained.explanation);
            }
        }
    }

    pub(super) fn save_state(&self, state: &OnlineRunning) -> Tensors {
        let mut tensors = self.detector.save_state(&state.detector);
        state.recent.save("recent", &mut tensors);
        if self.sequence.is_some() {
            state.sequence.save(&mut tensors);
        }
        tensors
    }

    /// The state of such arrays.
    ///
    /// # Errors
    /// When they are not what [`Self::save_state`] gives.
    pub(super) fn restore_state(&self, tensors: &Tensors, schema: &Schema) -> Result<OnlineRunning, TensorError> {
        let recent = Frame::restore("recent", schema, tensors)?;
        if recent.n_rows() >= (2 * self.n_recent).max(1) {
            let reason = "more rows than are kept".to_owned();
            return Err(TensorError::Value { name: "recent.0".to_owned(), reason });
        }
        let sequence = self.sequence.as_ref().map(|sequence| sequence.restore_state(tensors)).transpose()?;
        Ok(OnlineRunning {
            detector: self.detector.restore_state(tensors)?,
            recent,
            sequence: sequence.unwrap_or_default(),
        })
    }
}

fn largest_window(spec: &OnlineSpec) -> usize {
    match spec {
        OnlineSpec::CvmOnline(spec) => spec.window_sizes.iter().copied().max().unwrap_or(1),
        OnlineSpec::Dummy(_) => 0,
        OnlineSpec::FetOnline(spec) => spec.window_sizes.iter().copied().max().unwrap_or(1),
        OnlineSpec::LsddOnline(spec) => spec.window_size,
        OnlineSpec::MmdOnline(spec) => spec.window_size,
        OnlineSpec::PcaCd(spec) => spec.window_size,
        OnlineSpec::Streaming(spec) => spec.n_recent(),
    }
}
