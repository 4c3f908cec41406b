//! The classifier of texts as Evidently has it, on the split that it made.

use serde_json::Value;

use super::{Case, cases, integers, number};
use crate::data::Words;
use crate::detectors::words::separate;
use crate::detectors::{Preset, split_without};
use crate::preprocess::words_of;

/// Areas differ by the order in which texts train: the library's own, from 0.47 to 0.53 and from 0.68 to 0.76 for nine seeds.
const N_SEEDS: u64 = 9;
const TOLERANCE: f64 = 0.05;
const THRESHOLD: f64 = 0.55;

fn words(texts: &Value) -> Words {
    let texts: Vec<Option<&str>> = texts.as_array().expect("texts").iter().map(Value::as_str).collect();
    words_of(&texts)
}

pub(super) fn case(case: &Case) {
    let (reference, window) = (words(&case.0["reference"]), words(&case.0["current"]));
    let held_out = cases("field/evidently_text_split.json").remove(0);
    let all: Vec<usize> = (0..reference.n_texts() + window.n_texts()).collect();
    let split = split_without(&all, integers(&held_out.0["held_out"]));
    let mut areas: Vec<f64> = (0..N_SEEDS)
        .map(|seed| separate(&reference, &window, &split, Some(Preset::Evidently), seed).scores.area())
        .collect();
    areas.sort_by(f64::total_cmp);
    let area = areas[areas.len() / 2];
    for result in case.0["results"].as_object().expect("results").values() {
        let score = number(&result["score"]);
        assert!((area - score).abs() < TOLERANCE, "{}: {area} is not near {score}", case.id());
        assert_eq!(area > THRESHOLD, result["drift"].as_bool().expect("a verdict"), "{}", case.id());
    }
}
