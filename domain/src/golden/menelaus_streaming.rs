//! Streams and rows as Menelaus judges them, one after the other.

use serde_json::Value;

use super::{Case, integers, numbers};
use crate::detectors::{
    ChangeMode, CusumSettings, OnlineDetector, PageHinkleySettings, Streaming, StreamingSettings, StreamingSpec,
};
use crate::ports::Silent;

/// The places of drifts, of a detector that starts empty.
fn drifts(settings: StreamingSettings, values: &[f64]) -> Vec<usize> {
    let detector = Streaming::fit(&StreamingSpec { settings, feed_reference: false }, &[], 1, &Silent).expect("a fit");
    let mut state = detector.start();
    let is_drift = |(index, x): (usize, &f64)| detector.step(&mut state, &[*x]).is_drift.then_some(index);
    values.iter().enumerate().filter_map(is_drift).collect()
}

fn check(case: &Case, settings: StreamingSettings, streams: &Value) {
    let name = case.id().split_once('/').expect("a detector and its stream").1;
    let mut values = numbers(&streams["streams"][name]["values"]);
    if let Some(error) = case.0["error"].as_str() {
        // Where all values are equal the library gives up; here nothing drifts as long as they are.
        let at = error.trim_start_matches("at ").split(':').next().and_then(|at| at.parse().ok());
        values.truncate(1 + at.unwrap_or(0_usize));
    }
    assert_eq!(drifts(settings, &values), integers(&case.0["drifts"]), "{}", case.id());
}

/// Every case; a case of another detector fails.
pub(super) fn case(case: &Case) {
    let streams = super::streaming::file("river_streaming.json");
    match case.id().split('/').next().expect("a detector") {
        "CUSUM" => check(case, StreamingSettings::Cusum(CusumSettings::menelaus()), &streams),
        "PageHinkley" => check(case, StreamingSettings::PageHinkley(PageHinkleySettings::menelaus()), &streams),
        // Recorded with a delta and a threshold that the file does not tell; no other round numbers give any of its cases.
        "PageHinkley_negative" => {
            let settings = PageHinkleySettings {
                mode: ChangeMode::Down,
                delta: 0.05,
                threshold: 10.0,
                ..PageHinkleySettings::menelaus()
            };
            check(case, StreamingSettings::PageHinkley(settings), &streams);
        }
        "pcacd" => super::pca_cd::case(case),
        other => panic!("no runner takes {other}"),
    }
}
