use rand::RngExt;

use super::*;
use crate::data::{Cells, ColumnSchema, ColumnType, Frame, MissingValues, Schema};
use crate::detectors::{DetectorKind, DetectorRequest, fit_batch, restore_batch};
use crate::preprocess::{Encoder, Encoding, Preprocessing, TextRequest, words_of};
use crate::statistics::draws::stream;
use crate::test_pool::Threads;

const COMMON: [&str; 8] = ["order", "parcel", "day", "refund", "shop", "colour", "week", "size"];
const NEW: [&str; 4] = ["thunder", "valley", "ridge", "heron"];

/// Texts of six words, each of which is a new one with this probability.
fn frame(n: usize, new_share: f64, seed: u64) -> Frame<'static> {
    let mut generator = stream(seed, 0);
    let mut word = || {
        let words: &[&str] = if generator.random_bool(new_share) { &NEW } else { &COMMON };
        words[generator.random_range(0..words.len())]
    };
    let texts: Vec<String> = (0..n).map(|_| std::array::from_fn::<_, 6, _>(|_| word()).join(" ")).collect();
    frame_of(&texts.iter().map(|text| Some(text.as_str())).collect::<Vec<_>>())
}

fn frame_of(texts: &[Option<&str>]) -> Frame<'static> {
    let cells = Cells::Categorical { codes: vec![0; texts.len()], n_categories: 1, unseen: Vec::new() };
    Frame::of(vec![cells]).with_words(words_of(texts))
}

fn seen<'w>(cells: &'w Frame<'w>) -> Window<'w> {
    Window { cells, n_missing: &[0], encoded: &[], origins: &[] }
}

fn schema() -> Schema {
    let columns = vec![ColumnSchema { name: "value".to_owned(), kind: ColumnType::Text }];
    Schema { columns, missing_values: MissingValues::Reject }
}

fn fit(request: &DetectorRequest, reference: &Frame<'_>) -> Box<dyn BatchDetector> {
    let spec = request.batch_specification(DetectorKind::Classifier, &schema(), reference.n_rows()).unwrap();
    fit_batch(&spec, &schema(), &seen(reference), &Threads(2), &Silent).unwrap()
}

fn test(detector: &dyn BatchDetector, window: &Frame<'_>) -> Detection {
    detector.test(&seen(window), true, &Threads(2)).unwrap()
}

#[test]
fn what_came_and_what_went_is_named() {
    let reference = frame(300, 0.0, 1);
    let detector = fit(&DetectorRequest::default(), &reference);
    let calm = test(&*detector, &frame(100, 0.0, 2));
    assert!(!calm.is_drift && calm.p_value.unwrap() >= 0.05, "{calm:?}");
    let other = test(&*detector, &frame(100, 0.3, 3));
    assert!(other.is_drift && other.p_value.unwrap() < 0.01, "{other:?}");
    assert!(other.statistic.unwrap() > other.distance_threshold.unwrap());
    let words = &other.features[0].explanation.as_ref().unwrap().words;
    let came: Vec<&str> = words.iter().take(4).map(|word| word.word.as_str()).collect();
    assert!(NEW.iter().all(|word| came.contains(word)), "{words:?}");
    for word in &words[..4] {
        assert!(word.weight > 0.0 && word.reference_share == 0.0 && word.window_share > 0.1, "{word:?}");
    }
    let last = words.last().unwrap();
    assert!(last.weight < 0.0 && last.reference_share > last.window_share, "{last:?}");
}

#[test]
fn false_alarms_keep_their_level() {
    const N_REFERENCES: u64 = 40;
    const N_WINDOWS: u64 = 10;
    let mut n_alarms = 0;
    for seed in 0..N_REFERENCES {
        let request = DetectorRequest { seed: Some(seed), p_val: Some(0.1), ..DetectorRequest::default() };
        let detector = fit(&request, &frame(60, 0.1, 100 + seed));
        for window in 0..N_WINDOWS {
            n_alarms += u64::from(test(&*detector, &frame(30, 0.1, 1_000 + seed * N_WINDOWS + window)).is_drift);
        }
    }
    // Of 400, 40 are expected; so far away are four deviations.
    assert!((16..=64).contains(&n_alarms), "{n_alarms}");
}

#[test]
fn a_preset_has_the_thresholds_of_its_library() {
    let few = frame(200, 0.0, 1);
    let many = frame(1_001, 0.0, 1);
    let preset = DetectorRequest { preset: Some(crate::detectors::Preset::Evidently), ..DetectorRequest::default() };
    let given = DetectorRequest { threshold: Some(0.9), ..preset.clone() };
    let window = frame(80, 0.2, 2);
    // 0.55 of many texts; the 95th percentile of random scores of few, which for 100 and 40 is about 0.59.
    let of_many = test(&*fit(&preset, &many), &window);
    assert_eq!((of_many.threshold, of_many.p_value, of_many.is_drift), (Some(0.55), None, true));
    let of_few = test(&*fit(&preset, &few), &window);
    assert!((0.57..0.61).contains(&of_few.threshold.unwrap()) && of_few.is_drift, "{of_few:?}");
    let of_given = test(&*fit(&given, &few), &window);
    assert_eq!((of_given.threshold, of_given.is_drift), (Some(0.9), of_given.statistic.unwrap() > 0.9));
}

#[test]
fn a_restored_detector_says_the_same_and_damaged_arrays_are_errors() {
    let reference = frame(50, 0.0, 1);
    let detector = fit(&DetectorRequest::default(), &reference);
    let plain = Preprocessing { standardize: false, n_components: None, texts: TextRequest::DEFAULT };
    let encoder = Encoder::fit(&reference, &plain, Encoding::Kernel).unwrap();
    let restored = restore_batch(&detector.spec(), &schema(), &detector.save(), &encoder).unwrap();
    let window = frame(20, 0.1, 2);
    assert_eq!(test(&*restored, &window), test(&*detector, &window));
    let damaged = restore_batch(&detector.spec(), &schema(), &Tensors::new(), &encoder);
    assert!(damaged.is_err());
    // A state written by hand may hold rows without their words.
    let codes = Cells::Categorical { codes: vec![0; 5], n_categories: 1, unseen: Vec::new() };
    let problem = detector.test(&seen(&Frame::of(vec![codes])), false, &Threads(1)).unwrap_err();
    assert_eq!(problem.to_string(), "expected texts with their words");
}

#[test]
fn texts_without_words_are_not_told_apart_from_each_other() {
    let reference = frame(50, 0.0, 1);
    let detector = fit(&DetectorRequest::default(), &reference);
    let empty = test(&*detector, &frame_of(&[Some("..."); 30]));
    assert!(empty.is_drift, "{empty:?}");
    // Every text of the reference holds its words, so they count nothing.
    let same = fit(&DetectorRequest::default(), &frame_of(&[Some("parcel late"); 20]));
    let verdict = test(&*same, &frame_of(&[Some("parcel late"); 10]));
    assert_eq!((verdict.statistic, verdict.p_value, verdict.is_drift), (Some(0.5), Some(1.0), false));
}

#[test]
fn settings_of_other_models_are_refused() {
    let request = DetectorRequest {
        n_folds: Some(5),
        binarize_preds: Some(true),
        threshold: Some(0.6),
        ..DetectorRequest::default()
    };
    let error = request.batch_specification(DetectorKind::Classifier, &schema(), 100).unwrap_err().to_string();
    for part in ["detector/n_folds: expected none", "detector/binarize_preds: expected none", "expected `p_val`"] {
        assert!(error.contains(part), "{error}");
    }
    let columns = vec![ColumnSchema { name: "x".to_owned(), kind: ColumnType::Numeric }];
    let numbers = Schema { columns, missing_values: MissingValues::Reject };
    let request = DetectorRequest {
        model: Some(crate::detectors::ModelName::Words),
        preset: Some(crate::detectors::Preset::Evidently),
        ..DetectorRequest::default()
    };
    let error = request.batch_specification(DetectorKind::Classifier, &numbers, 100).unwrap_err().to_string();
    assert!(error.contains("detector/model: expected a model of columns"), "{error}");
}
