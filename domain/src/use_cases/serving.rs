//! A fitted detector with its policy, and what moves while it serves.

use chrono::{DateTime, Utc};

use super::online::{Online, OnlineRunning};
use super::windows::{Judging, WindowState, Windows};
use crate::data::{Frame, Schema, TensorError, Tensors};
use crate::detection::{Detection, FeatureDetection};
use crate::detectors::{DetectorSpec, WindowProblem};
use crate::ports::CpuPool;
use crate::preprocess::{Encoder, Sequence};
use crate::project::Policy;

/// A fitted detector. It never changes.
pub(super) enum Detector {
    /// It judges row by row.
    Online(Online),
    /// It judges windows.
    Windows(Windows),
}

/// What moves while a detector serves.
pub(super) struct State {
    detector: DetectorState,
    /// Whether every verdict is drift, since there was one, until a reset.
    is_latched: bool,
}

enum DetectorState {
    Online(OnlineRunning),
    Windows(WindowState),
}

/// What does not change while rows are fed.
#[derive(Clone, Copy)]
pub(super) struct Feeding<'f> {
    pub(super) schema: &'f Schema,
    pub(super) encoder: &'f Encoder,
    pub(super) policy: &'f Policy,
    /// Whether verdicts say what moved, where that was said.
    pub(super) explain: Option<bool>,
    pub(super) at: DateTime<Utc>,
    pub(super) pool: &'f dyn CpuPool,
}

impl<'f> Feeding<'f> {
    fn judging(self) -> Judging<'f> {
        let Self { schema, encoder, policy, explain, pool, .. } = self;
        Judging { schema, encoder, policy, explain: explain.unwrap_or(true), pool }
    }
}

const LATCHED: &str = "policy.latched";

impl Detector {
    /// The detector with every parameter.
    pub(super) fn spec(&self) -> DetectorSpec {
        match self {
            Self::Online(online) => DetectorSpec::Online(online.detector().spec()),
            Self::Windows(windows) => DetectorSpec::Batch(windows.detector().spec()),
        }
    }

    /// The columns that it sees: those that were read, but for the columns of a series that tell its season.
    pub(super) fn judged<'s>(&'s self, read: &'s Schema) -> &'s Schema {
        match self {
            Self::Online(online) => online.sequence().map_or(read, Sequence::schema),
            Self::Windows(_) => read,
        }
    }

    /// The fitted arrays.
    pub(super) fn save(&self) -> Tensors {
        match self {
            Self::Online(online) => online.save(),
            Self::Windows(windows) => windows.save(),
        }
    }

    /// The state before the first row.
    pub(super) fn start(&self, schema: &Schema) -> State {
        let detector = match self {
            Self::Online(online) => DetectorState::Online(online.start(schema)),
            Self::Windows(_) => DetectorState::Windows(WindowState::start(schema)),
        };
        State { detector, is_latched: false }
    }

    /// Feeds rows; gives the verdict on each, or on each window that closes.
    ///
    /// # Errors
    /// When the rows are a window and cannot be judged; then they are not fed.
    pub(super) fn feed(
        &self,
        state: &mut State,
        rows: &Frame<'_>,
        feeding: Feeding<'_>,
    ) -> Result<Vec<Detection>, WindowProblem> {
        let State { detector: moving, is_latched } = state;
        match (self, moving) {
            (Self::Online(online), DetectorState::Online(state)) => Ok(online.feed(state, is_latched, rows, feeding)),
            (Self::Windows(windows), DetectorState::Windows(state)) => {
                windows.feed(state, is_latched, rows, feeding.at, feeding.judging())
            }
            _ => unreachable!("a detector is handed its own state"),
        }
    }

    /// Closes the window whose oldest row has become too old, if there is one.
    pub(super) fn close_aged(&self, state: &mut State, feeding: Feeding<'_>) -> Option<Detection> {
        let State { detector: moving, is_latched } = state;
        match (self, moving) {
            (Self::Windows(windows), DetectorState::Windows(state)) => {
                windows.close_aged(state, is_latched, feeding.at, feeding.judging())
            }
            _ => None,
        }
    }

    /// The last rows, of a detector that keeps some beside what it judges.
    pub(super) fn recent(&self, state: &State) -> Option<Frame<'static>> {
        match (self, &state.detector) {
            (Self::Online(online), DetectorState::Online(state)) => Some(online.recent(state)),
            _ => None,
        }
    }

    /// What moved in the columns of rows that [`Self::recent`] gave.
    pub(super) fn compare(
        &self,
        rows: &Frame<'_>,
        encoder: &Encoder,
        pool: &dyn CpuPool,
    ) -> Option<Vec<FeatureDetection>> {
        match self {
            Self::Online(online) => online.compare(rows, encoder, pool),
            Self::Windows(_) => None,
        }
    }

    /// About how many nanoseconds feeding so many rows to a state takes.
    pub(super) fn cost_ns(&self, n_rows: usize, state: &State, policy: &Policy) -> u64 {
        match (self, &state.detector) {
            (Self::Online(online), _) => n_rows as u64 * online.detector().step_cost_ns(),
            (Self::Windows(windows), DetectorState::Windows(state)) => windows.cost_ns(n_rows, state, policy),
            (Self::Windows(_), DetectorState::Online(_)) => unreachable!("a detector is handed its own state"),
        }
    }

    /// The arrays of a state.
    pub(super) fn save_state(&self, state: &State) -> Tensors {
        let mut tensors = match (self, &state.detector) {
            (Self::Online(online), DetectorState::Online(state)) => online.save_state(state),
            (Self::Windows(_), DetectorState::Windows(state)) => state.save(),
            _ => unreachable!("a detector is handed its own state"),
        };
        if state.is_latched {
            tensors.insert_u64(LATCHED, vec![1]);
        }
        tensors
    }

    /// The state of such arrays.
    ///
    /// # Errors
    /// When they are not what [`Self::save_state`] gives.
    pub(super) fn restore_state(&self, tensors: &Tensors, feeding: Feeding<'_>) -> Result<State, TensorError> {
        let Feeding { schema, encoder, policy, pool, .. } = feeding;
        let detector = match self {
            Self::Online(online) => DetectorState::Online(online.restore_state(tensors, schema)?),
            Self::Windows(windows) => {
                DetectorState::Windows(windows.restore_state(tensors, schema, encoder, policy, pool)?)
            }
        };
        Ok(State { detector, is_latched: tensors.get(LATCHED).is_some() })
    }
}

impl State {
    /// Rows fed since the start.
    pub(super) fn time(&self) -> u64 {
        match &self.detector {
            DetectorState::Online(state) => state.detector.time(),
            DetectorState::Windows(state) => state.time,
        }
    }

    /// Rows that wait for their window to close; of detectors that collect them.
    pub(super) fn n_pending(&self) -> usize {
        match &self.detector {
            DetectorState::Online(_) => 0,
            DetectorState::Windows(state) => state.n_pending(),
        }
    }

    /// Whether every verdict is drift, since there was one.
    pub(super) fn is_latched(&self) -> bool {
        self.is_latched
    }
}
