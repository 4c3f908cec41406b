//! The tensors of a request.

use drifting_domain::data::Texts;

use crate::{Datatype, Shape};

/// A tensor of a request: as many elements as its shape says, all of its datatype.
#[derive(Debug, Clone, PartialEq)]
pub struct InputTensor {
    /// Its name; in a data frame, that of a column.
    pub name: String,
    /// The type of its elements.
    pub datatype: Datatype,
    /// Its shape.
    pub shape: Shape,
    /// How the elements are to be understood, where that is said for this tensor.
    pub content_type: Option<String>,
    /// Its elements, row-major.
    pub data: TensorData,
}

/// The elements of a tensor. Missing ones are `NaN` among numbers, `None` elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// Numbers of any type. Integers beyond 2^53 are the nearest doubles.
    Numbers(Vec<f64>),
    /// Truth values.
    Booleans(Vec<Option<bool>>),
    /// Texts.
    Texts(Texts),
}

impl TensorData {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Booleans(booleans) => booleans.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An inference request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InferRequest {
    /// The id that the answer repeats.
    pub id: Option<String>,
    /// How all tensors together are to be understood, where that is said.
    pub content_type: Option<String>,
    /// How long the client waits, in microseconds.
    pub timeout_us: Option<u64>,
    /// The tensors.
    pub inputs: Vec<InputTensor>,
    /// The outputs that are wanted, in this order; all where it is empty.
    pub outputs: Vec<WantedOutput>,
    /// Whether outputs are binary of which nothing else is said.
    pub binary_output: bool,
}

/// More wanted outputs than this are refused; no detector has as many.
pub const OUTPUTS_MAX: usize = 64;

/// An output that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedOutput {
    /// Its name.
    pub name: String,
    /// Whether it is binary, where that is said.
    pub binary: Option<bool>,
}
