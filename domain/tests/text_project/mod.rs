//! The project of tests, of texts.

use drifting_domain::data::{Table, Values};
use drifting_domain::detectors::DetectorRequest;
use drifting_domain::project::DriftType;
use drifting_domain::use_cases::{DriftService, FitRequest, Prediction};

use crate::house;

/// A fit of everything by default.
pub fn request(reference: Table, detector: DetectorRequest) -> FitRequest {
    house::request(DriftType::Text, reference, detector)
}

/// A column without a name.
pub fn table<T: AsRef<str>>(texts: &[T]) -> Table {
    Table::unnamed(vec![Values::Text(texts.iter().map(Some).collect())]).expect("a column")
}

/// The verdicts on texts.
pub async fn feed<T: AsRef<str>>(service: &DriftService, texts: &[T]) -> Prediction {
    let open = service.open(&house::name()).await.expect("it is open");
    service.predict(&open, table(texts)).await.expect("texts are fed")
}
