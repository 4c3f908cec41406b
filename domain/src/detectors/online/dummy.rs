//! A detector that never drifts, for trying out clients.
//!
//! It takes any rows, counts them, and says of each that it does not drift: no statistic, no threshold, no warm-up. What is
//! around a detector (schema, policies, durable state, metrics) works as with any other. Choose it to connect a client
//! before there is a reference, never to watch anything.
//!
//! **Cost**: a step O(1), whatever the row; a fit O(1).

use serde::{Deserialize, Serialize};

use super::{OnlineDetector, OnlineState};
use crate::data::{TensorError, Tensors};
use crate::detection::Detection;
use crate::detectors::OnlineSpec;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DummySpec {
    /// As every kind has it; nothing here is random.
    pub seed: u64,
}

/// What moves while [`Dummy`] serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DummyState {
    time: u64,
}

impl DummyState {
    /// Rows fed.
    pub fn time(self) -> u64 {
        self.time
    }
}

/// The fitted detector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dummy {
    spec: DummySpec,
}

impl Dummy {
    /// Learns nothing.
    pub fn new(spec: &DummySpec) -> Self {
        Self { spec: spec.clone() }
    }
}

impl OnlineDetector for Dummy {
    fn start(&self) -> OnlineState {
        OnlineState::Dummy(DummyState { time: 0 })
    }

    fn step(&self, state: &mut OnlineState, _x: &[f64]) -> Detection {
        let OnlineState::Dummy(state) = state else { unreachable!("a detector is handed its own state") };
        state.time += 1;
        Detection { time: state.time, rows: 1, ..Detection::default() }
    }

    fn save_state(&self, state: &OnlineState) -> Tensors {
        let mut tensors = Tensors::new();
        tensors.insert_u64("time", vec![state.time()]);
        tensors
    }

    fn restore_state(&self, tensors: &Tensors) -> Result<OnlineState, TensorError> {
        let time = tensors.u64s_of_length("time", 1)?[0];
        Ok(OnlineState::Dummy(DummyState { time }))
    }

    fn save(&self) -> Tensors {
        Tensors::new()
    }

    fn spec(&self) -> OnlineSpec {
        OnlineSpec::Dummy(self.spec.clone())
    }

    fn step_cost_ns(&self) -> u64 {
        10
    }
}
