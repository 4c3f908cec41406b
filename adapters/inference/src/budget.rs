//! How much memory the tensors of a request may take, counted before it is taken.

use crate::{Datatype, Refusal, RefusalCode, Shape};

/// What is left of the memory that a request's tensors may take: as much as the largest body, and together with the body less
/// than twice that.
#[derive(Debug, Clone)]
pub struct Budget {
    bytes_max: usize,
    left: usize,
}

/// There is no memory left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent;

impl Budget {
    /// Bytes of an element that is no text.
    const ELEMENT: usize = size_of::<f64>();
    /// Bytes of a tensor beside its name and its elements.
    const TENSOR: usize = 256;

    /// The budget beside a body in JSON, of which bodies may have `bytes_max` bytes. Half of the limit is kept free for what is
    /// not counted.
    pub fn beside_json(n_bytes: usize, bytes_max: usize) -> Self {
        let both = bytes_max.saturating_add(bytes_max / 2);
        Self { bytes_max, left: both.saturating_sub(n_bytes).min(bytes_max) }
    }

    /// The budget of raw tensors, whose size is known beforehand.
    pub fn of_raw(bytes_max: usize) -> Self {
        Self { bytes_max, left: bytes_max }
    }

    pub(crate) fn take(&mut self, n_bytes: usize) -> Result<(), Spent> {
        self.left = self.left.checked_sub(n_bytes).ok_or(Spent)?;
        Ok(())
    }

    pub(crate) fn take_elements(&mut self, n_elements: usize) -> Result<(), Spent> {
        self.take(n_elements.saturating_mul(Self::ELEMENT))
    }

    pub(crate) fn take_tensor(&mut self, name: &str) -> Result<(), Spent> {
        self.take(Self::TENSOR.saturating_add(name.len()))
    }

    /// Takes the memory of a tensor that came as so many bytes.
    ///
    /// # Errors
    /// When there is not as much left.
    pub fn take_raw(&mut self, datatype: Datatype, shape: &Shape, n_bytes: usize) -> Result<(), Refusal> {
        let texts = if datatype == Datatype::Bytes { n_bytes } else { 0 };
        let elements = shape.n_elements().checked_mul(Self::ELEMENT);
        let total = elements.and_then(|elements| elements.checked_add(texts)?.checked_add(Self::TENSOR));
        total.and_then(|total| self.take(total).ok()).ok_or_else(|| self.refusal())
    }

    /// Why a request is refused for its size.
    pub(crate) fn refusal(&self) -> Refusal {
        let detail = format!(
            "expected tensors that take at most {} bytes when they are read, more came; send fewer rows at a time",
            self.bytes_max
        );
        Refusal::new(RefusalCode::TooLarge, detail)
    }
}
