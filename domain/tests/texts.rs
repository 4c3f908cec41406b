//! Texts on memory adapters: told apart where they differ, left alone where they do not, the same after a restart.

mod house;
mod registers;
mod text_project;

use drifting_domain::data::{MissingValues, Table, TensorValues, Values};
use drifting_domain::detection::Detection;
use drifting_domain::detectors::{DetectorKind, DetectorRequest, ModelName, ReferenceUpdateRequest, WindowRequest};
use drifting_domain::ports::ArtifactStore;
use drifting_domain::preprocess::{FeatureSet, TextRequest};
use drifting_domain::project::{AfterAlarm, DriftType};
use drifting_domain::use_cases::{FitError, FitRequest, PredictError};

use self::house::{House, fit, name, of_kind};
use self::registers::{Register, sentences};
use self::text_project::{feed, request, table};

#[tokio::test]
async fn the_same_register_raises_alarms_as_promised_and_another_one_at_once() {
    const N_REFERENCES: u64 = 20;
    const N_ROWS: usize = 1_000;
    let service = House::default().serve().await;
    let mut n_alarms = Vec::new();
    for seed in 0..N_REFERENCES {
        let reference = sentences(Register::Complaint, 800, 100 + seed);
        let detector = DetectorRequest {
            seed: Some(seed),
            after_alarm: Some(AfterAlarm::Reset),
            ..of_kind(DetectorKind::MmdOnline)
        };
        fit(&service, FitRequest { n_components: Some(8), ..request(table(&reference), detector) }).await;
        let calm = feed(&service, &sentences(Register::Complaint, N_ROWS, 200 + seed)).await;
        n_alarms.push(calm.detections.iter().filter(|detection| detection.is_drift).count());
        service.reset(&name()).await.expect("it starts anew");
        let other = feed(&service, &sentences(Register::Diary, 20, seed)).await;
        let delay = other.detections.iter().position(|detection| detection.is_drift);
        assert!(delay.is_some_and(|delay| delay < 8), "{delay:?}");
    }
    // Some references start with a window near an alarm, and so again after each; the usual one is what counts.
    n_alarms.sort_unstable();
    let usual = n_alarms[n_alarms.len() / 2];
    let promised = N_ROWS / 50;
    assert!((promised * 3 / 4..promised * 4 / 3).contains(&usual), "{n_alarms:?}");
}

#[tokio::test]
async fn kinds_that_judge_windows_tell_registers_apart() {
    let service = House::default().serve().await;
    let reference = sentences(Register::Complaint, 400, 1);
    for kind in [
        DetectorKind::Mmd,
        DetectorKind::Lsdd,
        DetectorKind::Classifier,
        DetectorKind::Ks,
        DetectorKind::Tabular,
        DetectorKind::SpotTheDiff,
    ] {
        let detector = DetectorRequest { p_val: Some(0.01), ..of_kind(kind) };
        fit(&service, request(table(&reference), detector)).await;
        let calm = feed(&service, &sentences(Register::Complaint, 100, 2)).await;
        assert!(!calm.detections[0].is_drift, "{kind} {calm:?}");
        let other = feed(&service, &sentences(Register::Diary, 100, 3)).await;
        assert!(other.detections[0].is_drift, "{kind} {other:?}");
    }
}

fn bits(detections: &[Detection]) -> String {
    format!("{detections:?}")
}

#[tokio::test]
async fn texts_are_judged_the_same_after_restarts() {
    let window = Some(WindowRequest { size: Some(15), ..WindowRequest::default() });
    let update_reference = Some(ReferenceUpdateRequest { last: Some(60), ..ReferenceUpdateRequest::default() });
    let in_windows = |kind| DetectorRequest { window, update_reference, ..of_kind(kind) };
    let reference = sentences(Register::Complaint, 100, 1);
    let mut stream = sentences(Register::Complaint, 30, 2);
    stream.extend(sentences(Register::Diary, 30, 3));
    for detector in [
        of_kind(DetectorKind::MmdOnline),
        of_kind(DetectorKind::LsddOnline),
        of_kind(DetectorKind::CvmOnline),
        of_kind(DetectorKind::Dummy),
        in_windows(DetectorKind::Mmd),
        in_windows(DetectorKind::Tabular),
        in_windows(DetectorKind::Classifier),
    ] {
        let detector = match detector.kind {
            Some(DetectorKind::Dummy) => {
                DetectorRequest { kind: Some(DetectorKind::Dummy), ..DetectorRequest::default() }
            }
            // With so many columns more streams are needed than it is worth.
            Some(DetectorKind::CvmOnline) => DetectorRequest { n_bootstraps: None, ..detector },
            _ => detector,
        };
        let kind = detector.kind.expect("a kind");
        // A classifier of words has none.
        let has_components = !matches!(kind, DetectorKind::Dummy | DetectorKind::Classifier);
        let n_components = has_components.then_some(5);
        let house = House::default();
        fit(&house.serve().await, FitRequest { n_components, ..request(table(&reference), detector.clone()) }).await;
        let mut interrupted = Vec::new();
        for texts in stream.chunks(7) {
            interrupted.extend(feed(&house.serve().await, texts).await.detections);
        }
        let straight = House::default().serve().await;
        fit(&straight, FitRequest { n_components, ..request(table(&reference), detector) }).await;
        let mut uninterrupted = Vec::new();
        for texts in stream.chunks(7) {
            uninterrupted.extend(feed(&straight, texts).await.detections);
        }
        assert_eq!(bits(&interrupted), bits(&uninterrupted), "{kind}");
        let drifts = interrupted.iter().any(|detection| detection.is_drift);
        assert_eq!(drifts, kind != DetectorKind::Dummy, "{kind}");
    }
}

#[tokio::test]
async fn an_alarm_says_what_moved_and_nothing_of_a_text_is_kept() {
    let house = House::default();
    let service = house.serve().await;
    let reference = sentences(Register::Complaint, 400, 1);
    fit(&service, request(table(&reference), of_kind(DetectorKind::MmdOnline))).await;
    let long = "thunder over the valley ".repeat(50_000);
    let prediction = feed(&service, &[long.as_str(); 12]).await;
    let last = prediction.detections.last().expect("a verdict");
    assert!(last.is_drift);
    let open = service.open(&name()).await.expect("it is open");
    let moved: Vec<&str> = last
        .features
        .iter()
        .filter(|feature| feature.is_drift)
        .map(|feature| open.judged_schema().columns[feature.column].name.as_str())
        .collect();
    for name in ["characters", "words", "unknown_words"] {
        assert!(moved.contains(&name), "{moved:?}");
    }
    let state = house.artifacts.state(&name(), 1).await.expect("it is read").expect("it was saved");
    let n_bytes = |values: &TensorValues| values.len() * if matches!(values, TensorValues::U8(_)) { 1 } else { 8 };
    let n_bytes: usize = state.iter().map(|(_, tensor)| n_bytes(tensor.values())).sum();
    assert!(n_bytes < 20_000, "{n_bytes}");
}

#[tokio::test]
async fn what_cannot_be_fitted_or_fed_is_told() {
    let service = House::default().serve().await;
    let refused = async |request: FitRequest| match service.fit(request).await.map(|_| ()) {
        Err(FitError::Data(error)) => error.to_string(),
        Err(FitError::Settings(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let some = |n| table(&sentences(Register::Complaint, n, 1));
    let numbers = Table::unnamed(vec![Values::Numeric(vec![1.0; 200])]).expect("a column");
    let two = Table::unnamed(vec![Values::Text(["a"; 9].iter().map(Some).collect()); 2]).expect("two columns");
    let with = |reference: Table, kind| request(reference, of_kind(kind));
    for (request, part) in vec![
        (with(some(3), DetectorKind::MmdOnline), "expected at least 4 texts of reference, 3 came"),
        (
            request(some(160), DetectorRequest::default()),
            "expected at least 81 rows of reference for these windows, 80 came to compare with: one half of the texts \
             teaches the features, 80 are left",
        ),
        (with(numbers, DetectorKind::MmdOnline), "row 1: expected a text, the number 1 came"),
        (with(two, DetectorKind::MmdOnline), "expected one column of texts, 2 columns came"),
        (with(table(&[" "; 50]), DetectorKind::MmdOnline), "expected texts with words, only empty ones came"),
        (
            FitRequest { n_components: Some(400), ..with(some(100), DetectorKind::MmdOnline) },
            "preprocessing/n_components: expected n_components of 1 to 49 for these texts, 400 came",
        ),
        (with(table(&["--"; 50]), DetectorKind::Classifier), "expected texts with words, only empty ones came"),
        (
            FitRequest {
                n_components: Some(4),
                texts: of(FeatureSet::Statistics),
                ..with(some(100), DetectorKind::Mmd)
            },
            "preprocessing/n_components: expected none: `statistics` have no components",
        ),
        (
            FitRequest {
                texts: TextRequest { encoder: Some("small".to_owned()), ..of(FeatureSet::Components) },
                ..with(some(100), DetectorKind::Mmd)
            },
            "preprocessing/encoder: expected `features` of the texts themselves or an `encoder`, both came",
        ),
        (
            FitRequest { texts: encoded_by("small"), ..with(some(100), DetectorKind::Mmd) },
            "preprocessing/encoder: expected a server that has encoders",
        ),
        (
            FitRequest {
                drift_type: DriftType::Tabular,
                texts: of(FeatureSet::Statistics),
                ..with(some(9), DetectorKind::ChiSquare)
            },
            "preprocessing/features: expected none: it is of the drift type `text`",
        ),
        (
            FitRequest {
                texts: of(FeatureSet::Statistics),
                ..request(
                    some(100),
                    DetectorRequest { model: Some(ModelName::Words), ..of_kind(DetectorKind::Classifier) },
                )
            },
            "detector/model: expected a model of columns",
        ),
        (with(some(100), DetectorKind::FetOnline), "detector/kind: `fet_online` judges no texts"),
        (with(some(100), DetectorKind::ContextMmd), "detector/kind: `context_mmd` judges no texts"),
    ] {
        let error = refused(request).await;
        assert!(error.contains(part), "{error}");
    }
    fit(&service, with(some(100), DetectorKind::MmdOnline)).await;
    let open = service.open(&name()).await.expect("it is open");
    let error = service.predict(&open, Table::unnamed(vec![Values::Missing(1)]).expect("a column")).await;
    assert!(
        matches!(&error, Err(PredictError::Data(error)) if error.to_string().contains("a missing one came")),
        "{error:?}"
    );
    assert_eq!(feed(&service, &[""]).await.time, 1);
}

#[tokio::test]
async fn missing_texts_follow_the_policy() {
    let service = House::default().serve().await;
    let reference = sentences(Register::Complaint, 100, 1);
    let holes = |n: usize| -> Table {
        let texts = reference.iter().take(n).enumerate().map(|(row, text)| (row % 10 != 3).then_some(text));
        Table::unnamed(vec![Values::Text(texts.collect())]).expect("a column")
    };
    for (missing_values, rows, dropped) in [(MissingValues::Drop, 18, 2), (MissingValues::Impute, 20, 0)] {
        let fitted =
            service.fit(FitRequest { missing_values, ..request(holes(100), of_kind(DetectorKind::MmdOnline)) });
        let fitted = fitted.await.expect("a fit");
        let view = service.store(fitted).await.expect("it is stored");
        let configuration = view.configuration.expect("it is loaded");
        assert_eq!(configuration.reference_rows, if dropped > 0 { 90 } else { 100 });
        let open = service.open(&name()).await.expect("it is open");
        let prediction = service.predict(&open, holes(20)).await.expect("texts are fed");
        assert_eq!((prediction.rows, prediction.rows_dropped), (rows, dropped));
        assert!(prediction.detections.iter().all(|detection| detection.statistic.is_some_and(f64::is_finite)));
    }
}

#[tokio::test]
async fn the_run_length_of_texts_is_reported() {
    let service = House::default().serve().await;
    let reference = sentences(Register::Complaint, 2_000, 1);
    let request = FitRequest {
        report_run_length: true,
        n_components: Some(8),
        ..request(table(&reference), of_kind(DetectorKind::MmdOnline))
    };
    let fitted = service.fit(request).await.expect("a fit");
    let view = service.store(fitted).await.expect("it is stored");
    let report = view.configuration.and_then(|configuration| configuration.run_length).expect("a report");
    // A fifth of the half that is compared with.
    assert_eq!(report.rows, 200);
    assert!(report.low <= 20.0 && report.high >= 20.0, "{report:?}");
}

fn of(features: FeatureSet) -> TextRequest {
    TextRequest { features: Some(features), encoder: None }
}

fn encoded_by(name: &str) -> TextRequest {
    TextRequest { features: None, encoder: Some(name.to_owned()) }
}
