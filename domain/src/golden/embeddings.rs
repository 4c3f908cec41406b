//! Embeddings as Evidently judges them, each method by the kind and the settings that a client would send.

use serde_json::Value;

use super::{Case, numbers, width};
use crate::data::{Cells, ColumnSchema, ColumnType, Frame, MissingValues, Schema};
use crate::detection::Detection;
use crate::detectors::{DetectorKind, DetectorRequest, DistanceMetric, Preset};

fn frame(rows: &Value) -> Frame<'static> {
    let (d, values) = (width(rows), numbers(rows));
    let column = |index: usize| values.iter().skip(index).step_by(d).copied().collect::<Vec<f64>>();
    Frame::of((0..d).map(|index| Cells::Numeric(column(index).into())).collect())
}

/// What a kind says of the rows, as a project over them would.
fn judged(case: &Case, kind: DetectorKind, request: &DetectorRequest, n_components: Option<usize>) -> Detection {
    let frames = ["reference", "current"].map(|side| frame(&case.0[side]));
    let columns = (0..frames[0].columns().len())
        .map(|index| ColumnSchema { name: format!("x{index}"), kind: ColumnType::Numeric })
        .collect();
    let schema = Schema { columns, missing_values: MissingValues::Reject };
    super::judged::judged(&schema, &frames, kind, request, n_components)
}

/// Score and verdict of each method; one that no kind takes fails.
pub(super) fn case(case: &Case) {
    let evidently = DetectorRequest { preset: Some(Preset::Evidently), ..DetectorRequest::default() };
    for (method, expected) in case.0["results"].as_object().expect("results") {
        let distance =
            |metric| (DetectorKind::MeanDistance, DetectorRequest { metric: Some(metric), ..evidently.clone() });
        let of_components = |test: &str| {
            let tests = (0..width(&case.0["reference"])).map(|index| {
                let test = serde_json::from_value(Value::from(test)).expect("a test");
                (format!("x{index}"), test)
            });
            let tests = Some(tests.collect());
            (DetectorKind::Tabular, DetectorRequest { tests, drift_share: Some(0.2), ..evidently.clone() })
        };
        let calibrated = DetectorRequest::default();
        let (kind, request) = match &**method {
            "distance_euclidean" | "distance_euclidean_pca3" => distance(DistanceMetric::Euclidean),
            "distance_cosine" => distance(DistanceMetric::Cosine),
            "distance_cityblock" => distance(DistanceMetric::Cityblock),
            "distance_chebyshev" => distance(DistanceMetric::Chebyshev),
            "ratio_wasserstein" => of_components("wasserstein"),
            "ratio_ks" => of_components("ks"),
            "model" => (DetectorKind::Classifier, evidently.clone()),
            "distance_bootstrap" => (DetectorKind::MeanDistance, calibrated),
            // Of the latter the threshold is of what nearly all samples without drift exceed: the score is the preset's, the verdict is not taken over.
            "mmd" | "mmd_bootstrap" => (DetectorKind::Mmd, evidently.clone()),
            other => panic!("no kind takes {other}"),
        };
        let place = format!("{} {method}", case.id());
        let detection = judged(case, kind, &request, method.ends_with("pca3").then_some(3));
        let score = if kind == DetectorKind::Tabular {
            let n_drifting = detection.features.iter().filter(|feature| feature.is_drift).count();
            n_drifting as f64 / detection.features.len() as f64
        } else {
            detection.distance.expect("a distance")
        };
        let wanted = expected["score"].as_f64().expect("a score");
        // The split and the steps of the model are the library's, too.
        assert!((score - wanted).abs() <= 1e-9 + 1e-6 * wanted, "{place}: {score} instead of {wanted}");
        if method != "mmd_bootstrap" {
            assert_eq!(Some(detection.is_drift), expected["drift"].as_bool(), "{place}");
        }
    }
    let detection = judged(case, DetectorKind::Mmd, &DetectorRequest::default(), None);
    assert_eq!(Some(detection.is_drift), case.0["results"]["distance_bootstrap"]["drift"].as_bool(), "{}", case.id());
}
