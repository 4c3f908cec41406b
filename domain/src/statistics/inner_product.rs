//! The inner product of two vectors, in the same order of additions on every machine.

/// Interleaved parts of a sum: faster than one chain of additions.
pub(crate) const PARTS: usize = 8;

/// The inner product of two vectors of one length. Time O(n).
///
/// It takes on the vector instructions of the function that it is called in (`multiversion`), with the same operations in
/// the same order.
#[expect(clippy::inline_always, reason = "a loop becomes vector instructions only with this inside")]
#[inline(always)]
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut parts = [0.0; PARTS];
    let (x_chunks, y_chunks) = (x.chunks_exact(PARTS), y.chunks_exact(PARTS));
    let rest: f64 = x_chunks.remainder().iter().zip(y_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in x_chunks.zip(y_chunks) {
        for ((part, x), y) in parts.iter_mut().zip(x).zip(y) {
            *part += x * y;
        }
    }
    parts.iter().sum::<f64>() + rest
}
