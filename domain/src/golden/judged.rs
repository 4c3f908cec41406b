//! What a kind says of a window, as a project over the same rows would.

use crate::data::{Frame, Schema};
use crate::detection::Detection;
use crate::detectors::{DetectorKind, DetectorRequest, Window, fit_batch};
use crate::ports::Silent;
use crate::preprocess::{Encoder, Encoding, Preprocessing, TextRequest};
use crate::test_pool::Threads;

pub(super) fn judged(
    schema: &Schema,
    [reference, current]: &[Frame<'_>; 2],
    kind: DetectorKind,
    request: &DetectorRequest,
    n_components: Option<usize>,
) -> Detection {
    let spec = request.batch_specification(kind, schema, reference.n_rows()).expect("settings");
    let preprocessing =
        Preprocessing { standardize: request.is_standardized(kind), n_components, texts: TextRequest::DEFAULT };
    let encoded = kind.encoding() == Encoding::Kernel;
    let encoder = encoded.then(|| Encoder::fit(reference, &preprocessing, kind.encoding()).expect("columns"));
    let encode = |rows: &Frame<'_>| encoder.as_ref().map(|encoder| encoder.encode(rows)).unwrap_or_default();
    let (of_reference, of_window) = (encode(reference), encode(current));
    let origins = encoder.as_ref().map(Encoder::origins).unwrap_or_default();
    let n_missing = vec![0; schema.columns.len()];
    let window = |cells, encoded| Window { cells, n_missing: &n_missing, encoded, origins: &origins };
    let detector = fit_batch(&spec, schema, &window(reference, &of_reference), &Threads(2), &Silent);
    let detector = detector.expect("a reference");
    detector.test(&window(current, &of_window), true, &Threads(2)).expect("a window")
}
