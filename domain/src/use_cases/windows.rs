//! Windows: rows are collected, judged when a window closes, and may move the reference on.

mod moving_on;

use std::borrow::Cow;
use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use rand::RngExt;

pub(crate) use self::moving_on::moved_on;
use crate::data::{Frame, Schema, TensorError, Tensors};
use crate::detection::Detection;
use crate::detectors::{BatchDetector, BatchSpec, FitProblem, Window, WindowProblem, fit_batch};
use crate::ports::{CpuPool, Progress, Silent};
use crate::preprocess::{Encoder, Encoding};
use crate::project::{AfterAlarm, Policy, ReferenceUpdate, WindowPolicy};
use crate::statistics::draws::stream;

/// A batch detector with what it needs to judge windows and to move its reference on. It never changes.
pub(super) struct Windows {
    detector: Box<dyn BatchDetector>,
    /// The reference as it was fitted, where it moves on.
    reference: Option<Frame<'static>>,
}

/// What moves while windows are judged.
pub(super) struct WindowState {
    /// Rows fed since the start.
    pub(super) time: u64,
    /// Rows that wait for their window to close.
    pending: Frame<'static>,
    /// When each of them came, in microseconds; only where age closes windows.
    arrived: VecDeque<i64>,
    /// The detector, once it has learnt from windows, of kinds that do.
    advanced: Option<Box<dyn BatchDetector>>,
    /// The reference, once it has moved on.
    moved: Option<MovedReference>,
}

struct MovedReference {
    rows: Frame<'static>,
    /// Rows that the reservoir has seen.
    n_seen: u64,
    detector: Box<dyn BatchDetector>,
}

/// Before the names of the arrays of a detector that has learnt.
const ADVANCED: &str = "advanced.";

/// What follows a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    StartAnew,
    MoveReference(ReferenceUpdate),
}

/// What is the same for every window of a request.
#[derive(Clone, Copy)]
pub(super) struct Judging<'j> {
    pub(super) schema: &'j Schema,
    pub(super) encoder: &'j Encoder,
    pub(super) policy: &'j Policy,
    pub(super) explain: bool,
    pub(super) pool: &'j dyn CpuPool,
}

impl Windows {
    pub(super) fn new(detector: Box<dyn BatchDetector>, reference: Option<Frame<'static>>) -> Self {
        Self { detector, reference }
    }

    /// Fits the detector of a specification.
    ///
    /// # Errors
    /// When the mathematics of the kind fails, or when cancelled.
    pub(super) fn fit(
        spec: &BatchSpec,
        schema: &Schema,
        encoder: &Encoder,
        reference: &Frame<'_>,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let seen = Seen::of_kind(reference, encoder, spec.kind().encoding());
        Ok(Self::new(fit_batch(spec, schema, &seen.window(), pool, progress)?, None))
    }

    /// The same with the rows that it was fitted on, from which the reference moves on.
    pub(super) fn with_reference(self, reference: Frame<'_>) -> Self {
        Self { reference: Some(reference.into_owned()), ..self }
    }

    pub(super) fn detector(&self) -> &dyn BatchDetector {
        &*self.detector
    }

    /// The arrays of the detector, and the rows of the reference where it moves on.
    pub(super) fn save(&self) -> Tensors {
        let mut tensors = self.detector.save();
        if let Some(reference) = &self.reference {
            reference.save("reference", &mut tensors);
        }
        tensors
    }

    /// Feeds rows, and gives the verdict on each window that closes. Without a policy on windows, the rows are one.
    ///
    /// # Errors
    /// When the rows are a window and cannot be judged; then they are not fed. A collected window that cannot be judged has
    /// a verdict that says why.
    pub(super) fn feed(
        &self,
        state: &mut WindowState,
        is_latched: &mut bool,
        rows: &Frame<'_>,
        at: DateTime<Utc>,
        judging: Judging<'_>,
    ) -> Result<Vec<Detection>, WindowProblem> {
        let Some(window) = judging.policy.window else {
            if rows.n_rows() == 0 {
                return Ok(Vec::new());
            }
            let judged = self.test(state, rows, judging)?;
            state.time = state.time.saturating_add(rows.n_rows() as u64);
            let (detection, next) = self.conclude(state.time, is_latched, judged, judging);
            match next {
                Next::GoOn => self.advance(state, rows, judging),
                Next::StartAnew => *state = WindowState::start(judging.schema),
                Next::MoveReference(update) => self.move_reference(state, rows, update, judging),
            }
            return Ok(vec![detection]);
        };
        if self.detector.checks_rows() {
            let seen = Seen::new(rows, judging.encoder, &*self.detector);
            self.detector.check(&seen.window())?;
        }
        let mut detections: Vec<Detection> = self.close_aged(state, is_latched, at, judging).into_iter().collect();
        let mut fed = 0;
        while fed < rows.n_rows() {
            let n = (window.size - state.pending.n_rows()).min(rows.n_rows() - fed);
            state.pending.append_range(rows, fed..fed + n);
            if window.max_age.is_some() {
                state.arrived.extend(std::iter::repeat_n(at.timestamp_micros(), n));
            }
            fed += n;
            state.time = state.time.saturating_add(n as u64);
            if state.pending.n_rows() == window.size {
                detections.push(self.close(state, is_latched, window.stride, judging));
            }
        }
        Ok(detections)
    }

    /// About how many nanoseconds feeding so many rows takes.
    pub(super) fn cost_ns(&self, n_rows: usize, state: &WindowState, policy: &Policy) -> u64 {
        let (n_windows, window_rows) = match policy.window {
            None => (1, n_rows),
            Some(window) => {
                let n_together = state.pending.n_rows() + n_rows;
                let n_windows = n_together.checked_sub(window.size).map_or(0, |rest| 1 + rest / window.stride);
                // Age may close another one.
                (n_windows + usize::from(!state.arrived.is_empty()), window.size.min(n_together.max(2)))
            }
        };
        (n_windows as u64).saturating_mul(self.window_cost_ns(window_rows, policy))
    }

    /// About how many nanoseconds judging a window of so many rows takes, with what follows.
    pub(super) fn window_cost_ns(&self, window_rows: usize, policy: &Policy) -> u64 {
        let fitted = self.detector.n_reference_rows();
        let Some(update) = policy.update_reference else { return self.detector.test_cost_ns(fitted, window_rows) };
        let n_reference = fitted.max(update.rows);
        let test = self.detector.test_cost_ns(n_reference, window_rows);
        test.saturating_add(self.detector.fit_cost_ns(n_reference))
    }

    /// Closes the window whose oldest row has become too old, and judges it. One with fewer rows than the detector can
    /// judge waits for more.
    pub(super) fn close_aged(
        &self,
        state: &mut WindowState,
        is_latched: &mut bool,
        at: DateTime<Utc>,
        judging: Judging<'_>,
    ) -> Option<Detection> {
        let WindowPolicy { max_age, .. } = judging.policy.window?;
        let age = at.timestamp_micros().saturating_sub(*state.arrived.front()?) as f64 / 1e6;
        let n_rows = state.pending.n_rows();
        let can_be_judged = self.detector.spec().window_rows().contains(&n_rows);
        (age >= max_age? && can_be_judged).then(|| self.close(state, is_latched, n_rows, judging))
    }

    /// Judges the rows that wait, of which some then leave, and move the reference on.
    fn close(&self, state: &mut WindowState, is_latched: &mut bool, n_leave: usize, judging: Judging<'_>) -> Detection {
        let judged = self.test(state, &state.pending, judging).unwrap_or_else(|problem| {
            tracing::warn!(%problem, "a window cannot be judged");
            let problem = Some(problem.to_string().into());
            Detection { rows: state.pending.n_rows() as u64, problem, ..Detection::default() }
        });
        let is_judged = judged.problem.is_none();
        let (detection, next) = self.conclude(state.time, is_latched, judged, judging);
        if next == Next::GoOn && is_judged && self.detector.learns() {
            let rows = std::mem::replace(&mut state.pending, Frame::empty(judging.schema));
            self.advance(state, &rows, judging);
            state.pending = rows;
        }
        if next == Next::StartAnew {
            *state = WindowState::start(judging.schema);
            return detection;
        }
        if let Next::MoveReference(update) = next {
            // Rows that stay are judged again, and not against themselves.
            let leaving = state.pending.range(0..n_leave).into_owned();
            self.move_reference(state, &leaving, update, judging);
        }
        state.pending.drop_front(n_leave);
        state.arrived.drain(..n_leave.min(state.arrived.len()));
        detection
    }

    /// The verdict on rows against the reference as it is now.
    fn test(&self, state: &WindowState, rows: &Frame<'_>, judging: Judging<'_>) -> Result<Detection, WindowProblem> {
        let detector = self.judging_next(state);
        let seen = Seen::new(rows, judging.encoder, detector);
        detector.test(&seen.window(), judging.explain, judging.pool)
    }

    fn judging_next<'d>(&'d self, state: &'d WindowState) -> &'d dyn BatchDetector {
        match (&state.moved, &state.advanced) {
            (Some(moved), _) => &*moved.detector,
            (None, Some(advanced)) => &**advanced,
            (None, None) => &*self.detector,
        }
    }

    /// Lets a detector that learns from windows learn from one that has been judged.
    fn advance(&self, state: &mut WindowState, rows: &Frame<'_>, judging: Judging<'_>) {
        let detector = self.judging_next(state);
        if !detector.learns() {
            return;
        }
        let next = detector.advanced(&Seen::new(rows, judging.encoder, detector).window());
        if next.is_some() {
            state.advanced = next;
        }
    }

    /// A verdict at a time, as it is told, and what follows.
    fn conclude(&self, time: u64, is_latched: &mut bool, judged: Detection, judging: Judging<'_>) -> (Detection, Next) {
        let Policy { after_alarm, update_reference, .. } = *judging.policy;
        *is_latched |= judged.is_drift && after_alarm == AfterAlarm::Latch;
        let is_drift = judged.is_drift || *is_latched;
        let next = match update_reference {
            _ if judged.is_drift && after_alarm == AfterAlarm::Reset => Next::StartAnew,
            Some(update) if self.reference.is_some() && judged.problem.is_none() => {
                if is_drift && update.only_without_drift { Next::GoOn } else { Next::MoveReference(update) }
            }
            _ => Next::GoOn,
        };
        (Detection { is_drift, time, ..judged }, next)
    }

    /// Moves the reference on by the rows of a window; where that leaves one that cannot be fitted, it stays.
    fn move_reference(&self, state: &mut WindowState, rows: &Frame<'_>, update: ReferenceUpdate, judging: Judging<'_>) {
        let Some(reference) = &self.reference else { return };
        let spec = self.detector.spec();
        let (before, n_seen) = match &state.moved {
            Some(moved) => (moved.rows.clone(), moved.n_seen),
            None => (reference.clone(), reference.n_rows() as u64),
        };
        // The draws of a window depend on the rows before it alone, so a restored state goes on as it would have.
        let mut generator = stream(spec.seed(), n_seen);
        let moved = moved_on(before, rows, update, n_seen, || generator.random());
        let n_seen = n_seen.saturating_add(rows.n_rows() as u64);
        match fitted(&spec, judging.schema, judging.encoder, &moved, judging.pool) {
            Ok(detector) => state.moved = Some(MovedReference { rows: moved, n_seen, detector }),
            Err(problem) => {
                tracing::warn!(%problem, "a reference stays as it is, as the one after it cannot be fitted");
            }
        }
    }

    /// The state of such arrays.
    ///
    /// # Errors
    /// When they are not what [`WindowState::save`] gives.
    pub(super) fn restore_state(
        &self,
        tensors: &Tensors,
        schema: &Schema,
        encoder: &Encoder,
        policy: &Policy,
        pool: &dyn CpuPool,
    ) -> Result<WindowState, TensorError> {
        let invalid =
            |name: &str, reason: &str| TensorError::Value { name: name.to_owned(), reason: reason.to_owned() };
        let time = tensors.u64s_of_length("time", 1)?[0];
        let pending = Frame::restore("window", schema, tensors)?;
        let n_pending_max = policy.window.map_or(0, |window| window.size);
        if pending.n_rows() > n_pending_max || time < pending.n_rows() as u64 {
            return Err(invalid("time", "more rows wait than have come or than a window holds"));
        }
        let arrived: VecDeque<i64> = tensors.u64s("window.arrived")?.iter().map(|at| at.cast_signed()).collect();
        let n_timed = if policy.window.is_some_and(|window| window.max_age.is_some()) { pending.n_rows() } else { 0 };
        if arrived.len() != n_timed {
            return Err(invalid("window.arrived", "the rows that wait and their times differ in number"));
        }
        let mut moved = None;
        if tensors.get("reference.seen").is_some() {
            let n_seen = tensors.u64s_of_length("reference.seen", 1)?[0];
            let rows = Frame::restore("reference", schema, tensors)?;
            let detector = fitted(&self.detector.spec(), schema, encoder, &rows, pool)
                .map_err(|problem| invalid("reference.0", &problem.to_string()))?;
            moved = Some(MovedReference { rows, n_seen, detector });
        }
        let mut of_advanced = Tensors::new();
        for (name, tensor) in tensors.iter() {
            if let Some(name) = name.strip_prefix(ADVANCED) {
                of_advanced.insert(name, tensor.clone());
            }
        }
        let mut advanced = None;
        if of_advanced.iter().len() > 0 {
            advanced = Some(self.detector.restore_advanced(&of_advanced, encoder)?);
        }
        Ok(WindowState { time, pending, arrived, advanced, moved })
    }
}

impl WindowState {
    /// The state before the first row.
    pub(super) fn start(schema: &Schema) -> Self {
        Self { time: 0, pending: Frame::empty(schema), arrived: VecDeque::new(), advanced: None, moved: None }
    }

    /// The arrays of a self.
    pub(super) fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        tensors.insert_u64("time", vec![self.time]);
        self.pending.save("window", &mut tensors);
        let arrived = self.arrived.iter().map(|at| at.cast_unsigned());
        tensors.insert_u64("window.arrived", arrived.collect());
        if let Some(advanced) = &self.advanced {
            for (name, tensor) in advanced.save_advanced().iter() {
                tensors.insert(&format!("{ADVANCED}{name}"), tensor.clone());
            }
        }
        if let Some(moved) = &self.moved {
            tensors.insert_u64("reference.seen", vec![moved.n_seen]);
            moved.rows.save("reference", &mut tensors);
        }
        tensors
    }

    /// Rows that wait for their window to close.
    pub(super) fn n_pending(&self) -> usize {
        self.pending.n_rows()
    }
}

/// Rows as a detector sees them.
struct Seen<'r> {
    cells: Cow<'r, Frame<'r>>,
    n_missing: Vec<u64>,
    encoded: Vec<f64>,
    origins: Vec<usize>,
}

impl<'r> Seen<'r> {
    fn new(rows: &'r Frame<'_>, encoder: &Encoder, detector: &dyn BatchDetector) -> Self {
        Self::of_kind(rows, encoder, detector.spec().kind().encoding())
    }

    fn of_kind(rows: &'r Frame<'_>, encoder: &Encoder, encoding: Encoding) -> Self {
        let (cells, n_missing) = encoder.fill(rows);
        let (mut encoded, mut origins) = (Vec::new(), Vec::new());
        if encoding != Encoding::Cells {
            encoded = encoder.encode(&cells);
            origins = encoder.origins();
        }
        Self { cells, n_missing, encoded, origins }
    }

    fn window(&self) -> Window<'_> {
        Window { cells: &self.cells, n_missing: &self.n_missing, encoded: &self.encoded, origins: &self.origins }
    }
}

/// The detector of a specification on other rows of reference.
fn fitted(
    spec: &BatchSpec,
    schema: &Schema,
    encoder: &Encoder,
    rows: &Frame<'_>,
    pool: &dyn CpuPool,
) -> Result<Box<dyn BatchDetector>, FitProblem> {
    crate::detectors::check_batch(spec, rows.n_rows())?;
    let seen = Seen::of_kind(rows, encoder, spec.kind().encoding());
    fit_batch(spec, schema, &seen.window(), pool, &Silent)
}
