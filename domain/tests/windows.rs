//! Windows on memory adapters: how rows become windows, how the reference moves on, what follows an alarm.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use drifting_domain::data::{Column, MissingValues, Table, Values};
use drifting_domain::detection::{Detection, FeatureDetection};
use drifting_domain::detectors::{
    DetectorKind, DetectorRequest, Direction, ModelName, Preset, ReferenceUpdateRequest, UncertaintyType, WindowRequest,
};
use drifting_domain::ports::{MetricsHistory, NoEvents, TrendQuery};
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{AfterAlarm, DriftType, ProjectName};
use drifting_domain::quality::QualityRequest;
use drifting_domain::use_cases::{
    Access, DriftService, FitError, FitRequest, Ports, PredictError, PredictRequest, Prediction, ServiceSettings,
    StateDurability,
};
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};
use proptest::prelude::*;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

struct House {
    artifacts: Arc<MemoryArtifacts>,
    index: Arc<MemoryIndex>,
    metrics: Arc<MemoryMetrics>,
    clock: Arc<FixedClock>,
}

impl House {
    fn new() -> Self {
        let noon = DateTime::from_timestamp(1_780_000_000, 0).expect("a time");
        Self {
            artifacts: Arc::default(),
            index: Arc::new(MemoryIndex::new()),
            metrics: Arc::new(MemoryMetrics::new()),
            clock: Arc::new(FixedClock::new(noon)),
        }
    }

    /// A server on the same stores.
    async fn serve(&self) -> DriftService {
        let ports = Ports {
            artifacts: Arc::clone(&self.artifacts) as _,
            index: Arc::clone(&self.index) as _,
            operations: Arc::new(MemoryOperations::new()),
            sink: Arc::clone(&self.metrics) as _,
            events: Arc::new(NoEvents),
            metrics: Arc::clone(&self.metrics) as _,
            clock: Arc::clone(&self.clock) as _,
            fit_pool: Arc::new(InlineCpuPool),
            predict_pool: Arc::new(InlineCpuPool),
        };
        let settings = ServiceSettings {
            access: Access::ReadWrite,
            durability: StateDurability::Always,
            records_features: false,
            fitted_by: "test 0".to_owned(),
        };
        let service = DriftService::new(ports, settings);
        service.start().await.expect("the stores are read");
        service
    }
}

fn name() -> ProjectName {
    "p".parse().expect("a valid name")
}

fn numbers(values: &[f64]) -> Table {
    Table::unnamed(vec![Values::Numeric(values.to_vec())]).expect("a column")
}

fn texts(values: &[&str]) -> Table {
    let texts = values.iter().map(|text| (!text.is_empty()).then(|| (*text).to_owned())).collect();
    Table::unnamed(vec![Values::Text(texts)]).expect("a column")
}

fn uniform(n: usize, seed: u64) -> Vec<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| generator.random()).collect()
}

fn ks() -> DetectorRequest {
    DetectorRequest { kind: Some(DetectorKind::Ks), ..DetectorRequest::default() }
}

fn of_size(size: usize) -> WindowRequest {
    WindowRequest { size: Some(size), ..WindowRequest::default() }
}

fn request(reference: Table, detector: DetectorRequest) -> FitRequest {
    FitRequest {
        project: name(),
        drift_type: if reference.columns().len() == 1 { DriftType::Label } else { DriftType::Tabular },
        reference,
        detector,
        standardize: None,
        n_components: None,
        texts: TextRequest::DEFAULT,
        missing_values: MissingValues::Reject,
        quality: QualityRequest::default(),
        report_run_length: false,
        overwrite: true,
    }
}

async fn fit(service: &DriftService, request: FitRequest) {
    let fitted = service.fit(request).await.expect("a fit");
    service.store(fitted).await.expect("it is stored");
}

async fn feed(service: &DriftService, rows: impl Into<PredictRequest>) -> Prediction {
    let open = service.open(&name()).await.expect("it is open");
    service.predict(&open, rows).await.expect("rows are fed")
}

fn p_values(detections: &[Detection]) -> Vec<f64> {
    detections.iter().map(|detection| detection.p_value.expect("a p-value")).collect()
}

#[tokio::test]
async fn without_a_window_a_request_is_one() {
    let service = House::new().serve().await;
    fit(&service, request(numbers(&uniform(500, 1)), ks())).await;
    let prediction = feed(&service, numbers(&uniform(100, 2))).await;
    let [detection] = &prediction.detections[..] else { panic!("one window") };
    assert_eq!((prediction.pending_rows, detection.rows, detection.time, prediction.time), (None, 100, 100, 100));
    assert!(!detection.is_drift && detection.threshold == Some(0.05));
    let shifted: Vec<f64> = uniform(100, 2).iter().map(|value| value + 0.5).collect();
    let prediction = feed(&service, numbers(&shifted)).await;
    assert!(prediction.detections[0].is_drift);
    assert_eq!(prediction.time, 200);
    let explanation = prediction.detections[0].features[0].explanation.as_ref().expect("an explanation");
    assert_eq!(explanation.direction, Some(Direction::Up));
    let unexplained = PredictRequest { explain: Some(false), ..numbers(&shifted).into() };
    let unexplained = feed(&service, unexplained).await;
    assert!(unexplained.detections[0].features[0].explanation.is_none());
    assert_eq!(p_values(&unexplained.detections), p_values(&prediction.detections));
}

#[tokio::test]
async fn windows_close_by_size_and_rows_wait_over_restarts() {
    let house = House::new();
    let service = house.serve().await;
    let rows = uniform(250, 3);
    fit(&service, request(numbers(&uniform(500, 1)), DetectorRequest { window: Some(of_size(100)), ..ks() })).await;
    let first = feed(&service, numbers(&rows[..70])).await;
    assert_eq!((first.detections.len(), first.pending_rows, first.time), (0, Some(70), 70));
    drop(service);
    let service = house.serve().await;
    // One request closes two windows.
    let second = feed(&service, numbers(&rows[70..])).await;
    assert_eq!((second.detections.len(), second.pending_rows, second.time), (2, Some(50), 250));
    assert_eq!(second.detections.iter().map(|detection| detection.time).collect::<Vec<_>>(), [100, 200]);
    fit(&service, request(numbers(&uniform(500, 1)), ks())).await;
    for (detection, window) in second.detections.iter().zip(rows.chunks(100)) {
        let alone = feed(&service, numbers(window)).await;
        assert_eq!(alone.detections[0].p_value, detection.p_value);
    }
    let query = TrendQuery { project: name(), from: None, to: None, page_size: 100, after: None, with_features: false };
    let recorded = house.metrics.trend(&query).await.expect("the trend");
    assert!(recorded.records.iter().all(|record| record.rows >= 50), "{recorded:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn how_rows_are_sent_does_not_matter(size in 2_usize..30, stride in 1_usize..30, cuts in prop::collection::vec(1_usize..40, 1..10)) {
        let stride = stride.min(size);
        let rows = uniform(cuts.iter().sum(), 4);
        let (together, apart) = futures_executor(async {
            let window = Some(WindowRequest { size: Some(size), stride: Some(stride), max_age: None });
            let service = House::new().serve().await;
            fit(&service, request(numbers(&uniform(50, 1)), DetectorRequest { window, ..ks() })).await;
            let together = feed(&service, numbers(&rows)).await.detections;
            service.reset(&name()).await.expect("a reset");
            let (mut apart, mut fed) = (Vec::new(), 0);
            for cut in cuts {
                apart.extend(feed(&service, numbers(&rows[fed..fed + cut])).await.detections);
                fed += cut;
            }
            (together, apart)
        });
        prop_assert_eq!(&together, &apart);
        let expected = if rows.len() < size { 0 } else { (rows.len() - size) / stride + 1 };
        prop_assert_eq!(together.len(), expected);
        for (index, detection) in together.iter().enumerate() {
            prop_assert_eq!(detection.time, (size + index * stride) as u64);
        }
    }
}

fn futures_executor<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

#[tokio::test]
async fn windows_close_by_age_with_the_next_row_or_without_one() {
    let house = House::new();
    let service = house.serve().await;
    let window = Some(WindowRequest { size: Some(100), stride: Some(50), max_age: Some(60.0) });
    fit(&service, request(numbers(&uniform(500, 1)), DetectorRequest { window, ..ks() })).await;
    feed(&service, numbers(&uniform(30, 5))).await;
    house.clock.advance(TimeDelta::seconds(59));
    assert!(feed(&service, numbers(&[0.5])).await.detections.is_empty());
    house.clock.advance(TimeDelta::seconds(1));
    // The row that comes too late is the first of the next window.
    let late = feed(&service, numbers(&[0.5])).await;
    assert_eq!((late.detections.len(), late.pending_rows), (1, Some(1)));
    assert_eq!((late.detections[0].rows, late.detections[0].time, late.time), (31, 31, 32));

    service.close_aged_windows().await;
    assert_eq!(service.show(&name()).await.unwrap().last_detection.unwrap().detection.time, 31);
    house.clock.advance(TimeDelta::seconds(60));
    service.close_aged_windows().await;
    let view = service.show(&name()).await.unwrap();
    assert_eq!((view.last_detection.unwrap().detection.time, view.rows_seen), (32, Some(32)));
    assert_eq!(feed(&service, numbers(&[0.5])).await.pending_rows, Some(1));
    // Sliding, by size.
    assert_eq!(feed(&service, numbers(&uniform(99, 6))).await.pending_rows, Some(50));
}

#[tokio::test]
async fn too_few_rows_wait_beyond_their_age() {
    let house = House::new();
    let service = house.serve().await;
    let window = Some(WindowRequest { max_age: Some(1.0), ..WindowRequest::default() });
    let detector = DetectorRequest { kind: Some(DetectorKind::Cvm), window, ..DetectorRequest::default() };
    fit(&service, request(numbers(&uniform(500, 1)), detector)).await;
    feed(&service, numbers(&[0.5])).await;
    house.clock.advance(TimeDelta::seconds(5));
    let second = feed(&service, numbers(&[0.5])).await;
    assert_eq!((second.detections.len(), second.pending_rows), (0, Some(2)));
    assert_eq!(feed(&service, numbers(&[0.5])).await.detections[0].rows, 2);
}

#[tokio::test]
async fn a_window_that_cannot_be_judged_is_refused_before_anything_is_fed() {
    let service = House::new().serve().await;
    let detector = DetectorRequest { kind: Some(DetectorKind::Cvm), ..DetectorRequest::default() };
    fit(&service, request(numbers(&uniform(500, 1)), detector)).await;
    let open = service.open(&name()).await.expect("it is open");
    let Err(PredictError::Data(error)) = service.predict(&open, numbers(&[0.5])).await else { panic!("refused") };
    assert!(error.to_string().contains("expected a window of at least 2 rows for `cvm`, 1 came"), "{error}");
    assert_eq!(service.show(&name()).await.unwrap().rows_seen, Some(0));
}

#[tokio::test]
async fn alarms_are_passed_over_latched_or_start_anew() {
    let house = House::new();
    let (calm, shifted) = (uniform(50, 7), vec![2.0; 50]);
    let stream: Vec<f64> = [&calm[..], &shifted, &calm, &calm].concat();
    let fed = async |after_alarm| {
        let service = house.serve().await;
        let detector = DetectorRequest { window: Some(of_size(50)), after_alarm: Some(after_alarm), ..ks() };
        fit(&service, request(numbers(&uniform(500, 1)), detector)).await;
        let prediction = feed(&service, numbers(&stream)).await;
        let told: Vec<bool> = prediction.detections.iter().map(|detection| detection.is_drift).collect();
        (told, prediction.time, prediction.is_latched)
    };
    assert_eq!(fed(AfterAlarm::Continue).await, (vec![false, true, false, false], 200, false));
    assert_eq!(fed(AfterAlarm::Reset).await, (vec![false, true, false, false], 100, false));
    assert_eq!(fed(AfterAlarm::Latch).await, (vec![false, true, true, true], 200, true));
    // A latch survives a restart and ends with a reset.
    let service = house.serve().await;
    assert!(feed(&service, numbers(&[0.5])).await.is_latched);
    service.reset(&name()).await.expect("a reset");
    assert!(!feed(&service, numbers(&calm)).await.detections[0].is_drift);
}

#[tokio::test]
async fn online_detectors_latch_and_start_anew_too() {
    let service = House::new().serve().await;
    let fed = async |after_alarm| {
        let detector = DetectorRequest {
            ert: Some(100.0),
            window_size: Some(10),
            n_bootstraps: Some(2_000),
            after_alarm: Some(after_alarm),
            ..DetectorRequest::default()
        };
        fit(&service, request(numbers(&uniform(500, 1)), detector)).await;
        let stream = [vec![2.0; 15], uniform(30, 2)].concat();
        let prediction = feed(&service, numbers(&stream)).await;
        let first = prediction.detections.iter().position(|detection| detection.is_drift).expect("an alarm");
        let last = prediction.detections.iter().rposition(|detection| detection.is_drift).expect("an alarm");
        (first, last, prediction.time)
    };
    let (first, last, time) = fed(AfterAlarm::Continue).await;
    assert!((9..15).contains(&first) && last < 44 && time == 45, "{first} {last} {time}");
    let (first, last, time) = fed(AfterAlarm::Reset).await;
    assert!((9..15).contains(&first) && last < 44 && time == 44 - last as u64, "{first} {last} {time}");
    let (first, last, time) = fed(AfterAlarm::Latch).await;
    assert!((9..15).contains(&first) && last == 44 && time == 45, "{first} {last} {time}");
}

#[tokio::test]
async fn the_reference_moves_on_unless_a_window_drifts() {
    let house = House::new();
    let higher: Vec<f64> = uniform(200, 8).iter().map(|value| value + 0.4).collect();
    let fed = async |kind, update| {
        let service = house.serve().await;
        let detector =
            DetectorRequest { kind: Some(kind), update_reference: Some(update), ..DetectorRequest::default() };
        fit(&service, request(numbers(&uniform(200, 1)), detector)).await;
        let mut told = vec![feed(&service, numbers(&higher)).await.detections[0].is_drift];
        drop(service);
        // What the reference has become survives a restart.
        let service = house.serve().await;
        told.push(feed(&service, numbers(&higher)).await.detections[0].is_drift);
        told.push(feed(&service, numbers(&higher)).await.detections[0].is_drift);
        told
    };
    let last = ReferenceUpdateRequest { last: Some(200), ..ReferenceUpdateRequest::default() };
    for kind in [DetectorKind::Ks, DetectorKind::Mmd, DetectorKind::Lsdd] {
        assert_eq!(fed(kind, last).await, [true, false, false], "{kind}");
    }
    let guarded = ReferenceUpdateRequest { only_without_drift: Some(true), ..last };
    assert_eq!(fed(DetectorKind::Ks, guarded).await, [true, true, true]);
    // Half of the reservoir after one window, two thirds after two: fewer and fewer differ.
    let reservoir = ReferenceUpdateRequest { reservoir: Some(200), ..ReferenceUpdateRequest::default() };
    assert_eq!(fed(DetectorKind::Ks, reservoir).await[..2], [true, true]);
}

#[tokio::test]
async fn classes_are_tested_in_windows_and_new_ones_are_named() {
    let service = House::new().serve().await;
    let reference: Vec<&str> = (0..300).map(|n| ["a", "b", "c"][n % 3]).collect();
    fit(&service, request(texts(&reference), DetectorRequest::default())).await;
    let window: Vec<&str> = (0..100).map(|n| if n < 10 { "new" } else { ["a", "b"][n % 2] }).collect();
    let prediction = feed(&service, texts(&window)).await;
    let detection = &prediction.detections[0];
    let explanation = detection.features[0].explanation.as_ref().expect("an explanation");
    assert_eq!((&explanation.unseen, &explanation.vanished), (&vec!["new".to_owned()], &vec!["c".to_owned()]));
    assert!(detection.is_drift);
    // 4 levels: Pearson's statistic by hand.
    let (observed, n, m) = ([[100.0, 45.0], [100.0, 45.0], [100.0, 0.0], [0.0, 10.0]], 300.0, 100.0);
    let expected: f64 = observed
        .iter()
        .map(|[reference, window]: &[f64; 2]| {
            let (share, both) = ((reference + window) / (n + m), [n, m]);
            [reference, window]
                .iter()
                .zip(both)
                .map(|(count, size)| (*count - share * size).powi(2) / (share * size))
                .sum::<f64>()
        })
        .sum();
    assert!((detection.statistic.expect("a statistic") - expected).abs() < 1e-9);
    assert!((detection.effect_size.expect("an effect size") - 1.0 / 3.0).abs() < 1e-12);
}

#[tokio::test]
async fn a_small_effect_does_not_count_however_many_rows_there_are() {
    let service = House::new().serve().await;
    let slightly: Vec<f64> = uniform(50_000, 9).iter().map(|value| value + 0.02).collect();
    for (min_effect, is_drift) in [(None, true), (Some(0.1), false)] {
        fit(&service, request(numbers(&uniform(50_000, 1)), DetectorRequest { min_effect, ..ks() })).await;
        let prediction = feed(&service, numbers(&slightly)).await;
        assert_eq!(prediction.detections[0].is_drift, is_drift);
        assert!(prediction.detections[0].p_value < Some(1e-4));
    }
}

#[tokio::test]
async fn columns_of_a_table_have_the_tests_asked_for() {
    let service = House::new().serve().await;
    let table = |codes: Vec<f64>, values: Vec<f64>| {
        let columns = [("code", Values::Numeric(codes)), ("value", Values::Numeric(values))];
        Table::named(columns.map(|(name, values)| Column { name: name.to_owned(), values }).into()).expect("a table")
    };
    let codes = |n: usize| (0..n).map(|n| (n % 4) as f64).collect::<Vec<f64>>();
    let tests = [("code".to_owned(), drifting_domain::detectors::ColumnTest::ChiSquare)];
    let detector =
        DetectorRequest { kind: Some(DetectorKind::Tabular), tests: Some(tests.into()), ..DetectorRequest::default() };
    fit(&service, request(table(codes(400), uniform(400, 1)), detector)).await;
    let prediction = feed(&service, table(vec![7.0; 50], uniform(50, 2))).await;
    let [code, value] = &prediction.detections[0].features[..] else { panic!("two columns") };
    assert!(code.is_drift && !value.is_drift && code.threshold == Some(0.025));
    let explanation = code.explanation.as_ref().expect("an explanation");
    assert_eq!((&explanation.unseen[..], explanation.test.as_str()), (&["7".to_owned()][..], "chi_square"));
    assert_eq!(value.explanation.as_ref().expect("an explanation").test.as_str(), "ks");
}

#[tokio::test]
async fn missing_values_follow_the_policy_and_are_told() {
    let service = House::new().serve().await;
    let reference = numbers(&uniform(200, 1));
    let with_gaps: Vec<f64> =
        uniform(100, 2).iter().enumerate().map(|(n, value)| if n % 2 == 0 { f64::NAN } else { *value }).collect();
    for (missing_values, fed, dropped, share) in
        [(MissingValues::Impute, 100, 0, 0.5), (MissingValues::Drop, 50, 50, 0.0)]
    {
        fit(&service, FitRequest { missing_values, ..request(reference.clone(), ks()) }).await;
        let prediction = feed(&service, numbers(&with_gaps)).await;
        assert_eq!((prediction.rows, prediction.rows_dropped), (fed, dropped));
        let explanation = prediction.detections[0].features[0].explanation.as_ref().expect("an explanation");
        assert_eq!((explanation.window.missing_share, explanation.reference.missing_share), (share, 0.0));
    }
    // A window without any row is no window.
    let prediction = feed(&service, numbers(&[f64::NAN])).await;
    assert_eq!((prediction.rows, prediction.detections.len()), (0, 0));
}

#[tokio::test]
async fn a_dummy_counts_rows_over_restarts() {
    let house = House::new();
    let dummy = DetectorRequest { kind: Some(DetectorKind::Dummy), ..DetectorRequest::default() };
    fit(&house.serve().await, request(numbers(&[1.0]), dummy)).await;
    for time in [70, 140, 210] {
        let prediction = feed(&house.serve().await, numbers(&uniform(70, 1))).await;
        assert_eq!((prediction.time, prediction.detections.len()), (time, 70));
        assert!(prediction.detections.iter().all(|detection| !detection.is_drift && !detection.warm_up));
    }
}

#[tokio::test]
async fn settings_that_do_not_suit_are_refused() {
    let service = House::new().serve().await;
    let refused = async |detector, report_run_length| {
        let request = FitRequest { report_run_length, ..request(numbers(&uniform(200, 1)), detector) };
        let Err(FitError::Settings(error)) = service.fit(request).await.map(|_| ()) else { panic!("refused") };
        error.to_string()
    };
    let error = refused(ks(), true).await;
    assert!(error.contains("report_run_length: `ks` judges windows"), "{error}");
    let online =
        DetectorRequest { kind: Some(DetectorKind::CvmOnline), window: Some(of_size(9)), ..DetectorRequest::default() };
    let error = refused(online, false).await;
    assert!(error.contains("detector/window: `cvm_online` judges row by row, expected `window_size`"), "{error}");
}

fn two_columns(values: &[f64], texts: &[&str]) -> Table {
    let texts = texts.iter().map(|text| Some((*text).to_owned())).collect();
    let columns = [("value", Values::Numeric(values.to_vec())), ("text", Values::Text(texts))];
    Table::named(columns.map(|(name, values)| Column { name: name.to_owned(), values }).into()).expect("a table")
}

#[tokio::test]
async fn kinds_that_judge_columns_together_are_the_same_after_a_restart() {
    let house = House::new();
    let cycle = |n: usize| (0..n).map(|row| ["a", "b", "c"][row % 3]).collect::<Vec<_>>();
    let calm = two_columns(&uniform(60, 2), &cycle(60));
    let shifted = two_columns(&uniform(60, 2).iter().map(|value| value + 1.0).collect::<Vec<_>>(), &cycle(60));
    for (kind, forest) in [
        (DetectorKind::Mmd, false),
        (DetectorKind::Lsdd, false),
        (DetectorKind::Classifier, false),
        (DetectorKind::Classifier, true),
        (DetectorKind::SpotTheDiff, false),
    ] {
        let service = house.serve().await;
        let model = forest.then_some(ModelName::RandomForest);
        // A level at which a calm window is not told by chance.
        let p_val = Some(0.002);
        let detector = DetectorRequest { kind: Some(kind), model, p_val, seed: Some(3), ..DetectorRequest::default() };
        fit(&service, request(two_columns(&uniform(200, 1), &cycle(200)), detector)).await;
        let before = [feed(&service, calm.clone()).await, feed(&service, shifted.clone()).await];
        let [calm_before, shifted_before] = before.each_ref().map(|prediction| &prediction.detections[0]);
        assert!(!calm_before.is_drift && shifted_before.is_drift, "{kind}: {calm_before:?} {shifted_before:?}");
        let [value, text] = &shifted_before.features[..] else { panic!("two columns") };
        assert!(value.is_drift && !text.is_drift, "{kind}");
        let importance = |feature: &FeatureDetection| feature.explanation.as_ref().and_then(|told| told.importance);
        let learns = matches!(kind, DetectorKind::Classifier | DetectorKind::SpotTheDiff);
        assert_eq!(importance(value).is_some(), learns, "{kind}");
        assert!(importance(value) >= importance(text), "{kind}");
        drop(service);
        let service = house.serve().await;
        for (table, before) in [(&calm, calm_before), (&shifted, shifted_before)] {
            let after = feed(&service, table.clone()).await;
            assert_eq!(Detection { time: before.time, ..after.detections[0].clone() }, *before, "{kind}");
        }
    }
}

#[tokio::test]
async fn rows_of_outputs_are_checked_before_they_are_collected() {
    let service = House::new().serve().await;
    let outputs = |n: usize, certain: f64| {
        let columns = [("no", 1.0 - certain), ("yes", certain)];
        let column = |(name, value): (&str, f64)| {
            let jitter = uniform(n, 7).iter().map(|jitter| (value - 0.5) * (1.0 - 0.1 * jitter) + 0.5).collect();
            Column { name: name.to_owned(), values: Values::Numeric(jitter) }
        };
        Table::named(columns.map(column).into()).expect("a table")
    };
    for uncertainty_type in [UncertaintyType::Entropy, UncertaintyType::Margin] {
        let detector = DetectorRequest {
            kind: Some(DetectorKind::ClassifierUncertainty),
            uncertainty_type: Some(uncertainty_type),
            window: Some(of_size(50)),
            ..DetectorRequest::default()
        };
        fit(&service, request(outputs(300, 0.95), detector)).await;
        assert!(!feed(&service, outputs(50, 0.95)).await.detections[0].is_drift);
        assert!(feed(&service, outputs(50, 0.52)).await.detections[0].is_drift);
        let open = service.open(&name()).await.expect("it is open");
        let wrong = two_columns(&[0.5], &["a"]);
        assert!(matches!(service.predict(&open, wrong).await, Err(PredictError::Data(_))));
        let columns = [("no", vec![0.5, 0.5]), ("yes", vec![0.5, 0.6])];
        let columns = columns.map(|(name, values)| Column { name: name.to_owned(), values: Values::Numeric(values) });
        let Err(PredictError::Data(error)) = service.predict(&open, Table::named(columns.into()).unwrap()).await else {
            panic!("refused")
        };
        assert!(error.to_string().contains("those of row 1 sum to 1.1"), "{error}");
        assert_eq!(service.show(&name()).await.unwrap().rows_seen, Some(100));
    }
}

#[tokio::test]
async fn a_context_explains_away_what_follows_from_it() {
    let house = House::new();
    // The value follows the hour; the window has the evening only.
    let table = |hours: &[f64], shift: f64, seed: u64| {
        let noise = uniform(hours.len(), seed);
        let values = hours.iter().zip(noise).map(|(hour, noise)| hour / 4.0 + noise + shift).collect();
        let columns = [("hour", hours.to_vec()), ("value", values)];
        let column =
            |(name, values): (&str, Vec<f64>)| Column { name: name.to_owned(), values: Values::Numeric(values) };
        Table::named(columns.map(column).into()).expect("a table")
    };
    let day: Vec<f64> = (0..240).map(|row| f64::from(row % 24)).collect();
    let evening: Vec<f64> = (0..80).map(|row| f64::from(16 + row % 8)).collect();
    let given_the_hour = DetectorRequest {
        kind: Some(DetectorKind::ContextMmd),
        context_columns: Some(vec!["hour".to_owned()]),
        n_permutations: Some(200),
        p_val: Some(0.01),
        ..DetectorRequest::default()
    };
    let not_given = DetectorRequest { kind: Some(DetectorKind::Mmd), p_val: Some(0.01), ..DetectorRequest::default() };
    for (detector, is_drift_of_evening) in [(given_the_hour, false), (not_given, true)] {
        let service = house.serve().await;
        fit(&service, request(table(&day, 0.0, 1), detector)).await;
        let calm = feed(&service, table(&evening, 0.0, 2)).await.detections.remove(0);
        assert_eq!(calm.is_drift, is_drift_of_evening, "{calm:?}");
        assert!(feed(&service, table(&evening, 1.5, 3)).await.detections[0].is_drift);
        drop(service);
        let service = house.serve().await;
        let again = feed(&service, table(&evening, 0.0, 2)).await.detections.remove(0);
        assert_eq!(Detection { time: calm.time, ..again }, calm);
    }
    let service = house.serve().await;
    for context_columns in
        [None, Some(vec![]), Some(vec!["day".to_owned()]), Some(vec!["hour".to_owned(), "value".to_owned()])]
    {
        let detector =
            DetectorRequest { kind: Some(DetectorKind::ContextMmd), context_columns, ..DetectorRequest::default() };
        let Err(FitError::Settings(error)) = service.fit(request(table(&day, 0.0, 1), detector)).await.map(|_| ())
        else {
            panic!("refused")
        };
        assert!(error.to_string().contains("detector/context_columns"), "{error}");
    }
}

#[tokio::test]
async fn overlapping_windows_are_not_judged_against_themselves() {
    let house = House::new();
    let stream: Vec<f64> = uniform(150, 2).into_iter().chain(uniform(150, 3).iter().map(|value| value + 0.6)).collect();
    for update in [
        ReferenceUpdateRequest { last: Some(200), ..ReferenceUpdateRequest::default() },
        ReferenceUpdateRequest { reservoir: Some(200), ..ReferenceUpdateRequest::default() },
    ] {
        let service = house.serve().await;
        let window = Some(WindowRequest { size: Some(100), stride: Some(1), max_age: None });
        let detector = DetectorRequest { window, update_reference: Some(update), ..ks() };
        fit(&service, request(numbers(&uniform(200, 1)), detector)).await;
        let told = feed(&service, numbers(&stream)).await.detections;
        let n_drifts = told.iter().filter(|detection| detection.is_drift).count();
        assert!(n_drifts > 100, "{update:?}: {n_drifts} of {}", told.len());
    }
}

#[tokio::test]
async fn references_that_could_not_be_fitted_are_refused_at_the_fit() {
    let service = House::new().serve().await;
    let update = |last| Some(ReferenceUpdateRequest { last: Some(last), ..ReferenceUpdateRequest::default() });
    let cycle = |n: usize| (0..n).map(|row| ["a", "b", "c"][row % 3]).collect::<Vec<_>>();
    let refused = async |n: usize, detector| {
        let request = request(two_columns(&uniform(n, 1), &cycle(n)), detector);
        let Err(FitError::Settings(error)) = service.fit(request).await.map(|_| ()) else { panic!("refused") };
        error.to_string()
    };
    let lsdd = DetectorRequest { kind: Some(DetectorKind::Lsdd), update_reference: update(2), ..ks() };
    let error = refused(400, lsdd).await;
    assert!(error.contains("detector/update_reference/last: expected at least 22 rows"), "{error}");
    let context = DetectorRequest {
        kind: Some(DetectorKind::ContextMmd),
        context_columns: Some(vec!["text".to_owned()]),
        window: Some(of_size(500)),
        update_reference: update(4_900),
        ..DetectorRequest::default()
    };
    let error = refused(400, context).await;
    assert!(
        error.contains("detector/window/size: expected at most 5000 rows of reference and window together"),
        "{error}"
    );
}

#[tokio::test]
async fn what_would_take_too_long_is_refused_before_anything_is_fed() {
    let service = House::new().serve().await;
    let window = Some(WindowRequest { size: Some(2_000), stride: Some(1), max_age: None });
    let mmd = DetectorRequest { kind: Some(DetectorKind::Mmd), window, ..ks() };
    fit(&service, request(numbers(&uniform(100, 1)), mmd)).await;
    // So many do not fill a window: nothing is judged.
    assert_eq!(feed(&service, numbers(&uniform(1_999, 2))).await.pending_rows, Some(1_999));
    let open = service.open(&name()).await.expect("it is open");
    let Err(PredictError::Data(error)) = service.predict(&open, numbers(&vec![0.5; 249_000])).await else {
        panic!("refused")
    };
    assert!(error.to_string().contains("expected fewer rows: judging 249000 of them"), "{error}");
    assert_eq!(service.show(&name()).await.unwrap().rows_seen, Some(1_999));

    let mmd = DetectorRequest { kind: Some(DetectorKind::Mmd), window: Some(of_size(1_000_000)), ..ks() };
    let fitted = service.fit(request(numbers(&uniform(100, 1)), mmd.clone())).await;
    let Err(FitError::Settings(error)) = fitted.map(|_| ()) else { panic!("refused") };
    assert!(error.to_string().contains("detector/window/size: expected fewer rows"), "{error}");
    // Where only age is said, the size is what can be judged.
    let window = Some(WindowRequest { max_age: Some(60.0), ..WindowRequest::default() });
    fit(&service, request(numbers(&uniform(100, 1)), DetectorRequest { window, ..mmd })).await;
    let configuration = service.show(&name()).await.unwrap().configuration.expect("a configuration");
    let size = configuration.policy.window.expect("a window").size;
    assert!((1_000..100_000).contains(&size), "{size}");
    assert_eq!(feed(&service, numbers(&[0.5])).await.pending_rows, Some(1));
}

#[tokio::test]
async fn requests_of_a_project_wait_for_each_other_and_listings_do_not() {
    let house = House::new();
    let service = Arc::new(house.serve().await);
    fit(&service, request(numbers(&uniform(1_000, 1)), DetectorRequest { window: Some(of_size(10)), ..ks() })).await;
    let fed = futures_util::future::join_all((0..8).map(|_| {
        let service = Arc::clone(&service);
        tokio::spawn(async move { feed(&service, numbers(&uniform(25, 2))).await.time })
    }));
    let mut times: Vec<u64> = fed.await.into_iter().map(|time| time.expect("no panic")).collect();
    times.sort_unstable();
    assert_eq!(times, (1..=8).map(|n| n * 25).collect::<Vec<u64>>());
    assert_eq!(service.show(&name()).await.unwrap().rows_seen, Some(200));
}

#[tokio::test]
async fn numbers_that_overflow_are_a_problem_of_their_window() {
    let house = House::new();
    let service = house.serve().await;
    let table = |values: &[f64]| {
        let contexts = uniform(values.len(), 9);
        let columns = [("context", contexts), ("value", values.to_vec())];
        let column =
            |(name, values): (&str, Vec<f64>)| Column { name: name.to_owned(), values: Values::Numeric(values) };
        Table::named(columns.map(column).into()).expect("a table")
    };
    let detector = DetectorRequest {
        kind: Some(DetectorKind::ContextMmd),
        context_columns: Some(vec!["context".to_owned()]),
        n_permutations: Some(20),
        window: Some(WindowRequest { size: Some(30), stride: None, max_age: Some(3_600.0) }),
        ..DetectorRequest::default()
    };
    let small: Vec<f64> = uniform(100, 1).iter().map(|value| value * 1e-3).collect();
    fit(&service, request(table(&small), detector)).await;
    let mut window = small[..30].to_vec();
    window[7] = 1e308;
    let told = feed(&service, table(&window)).await;
    let problem = told.detections[0].problem.as_deref().expect("a problem");
    assert!(problem.contains("moderate size") && !told.detections[0].is_drift, "{problem}");
    drop(service);
    let service = house.serve().await;
    assert!(feed(&service, table(&small[..30])).await.detections[0].p_value.is_some());
}

/// Two columns of numbers that hang together as far as `common` says, and one of categories.
fn hanging_together(n: usize, common: f64, seed: u64) -> Table {
    let (shared, own) = (uniform(n, seed), uniform(n, seed + 1_000));
    let second = shared.iter().zip(&own).map(|(shared, own)| common * shared + (1.0 - common) * own).collect();
    let categories: Vec<&str> = own.iter().map(|own| if *own < 0.3 { "a" } else { "b" }).collect();
    let column = |name: &str, values| Column { name: name.to_owned(), values };
    let Values::Text(categories) = texts(&categories).columns()[0].values.clone() else { panic!("texts") };
    let columns = vec![
        column("x", Values::Numeric(shared)),
        column("y", Values::Numeric(second)),
        column("c", Values::Text(categories)),
    ];
    Table::named(columns).expect("a table")
}

#[tokio::test]
async fn kinds_that_resample_the_reference_go_on_over_restarts_with_every_setting() {
    for kind in [DetectorKind::PcaReconstruction, DetectorKind::MmdFourier, DetectorKind::Hdddm, DetectorKind::KdqTree]
    {
        let house = House::new();
        let service = house.serve().await;
        let update_reference = Some(ReferenceUpdateRequest { last: Some(600), ..ReferenceUpdateRequest::default() });
        let detector =
            DetectorRequest { kind: Some(kind), update_reference, seed: Some(3), ..DetectorRequest::default() };
        let reference = hanging_together(600, 0.8, 1);
        fit(&service, request(reference, detector)).await;
        let calm = feed(&service, hanging_together(200, 0.8, 2)).await.detections.remove(0);
        let p_value = calm.p_value.expect("a p-value");
        assert!(!calm.is_drift && p_value > 0.01 && calm.threshold == Some(0.05), "{kind}: {calm:?}");
        drop(service);
        let service = house.serve().await;
        let changed = || hanging_together(200, -0.8, 4);
        let restored = feed(&service, changed()).await.detections.remove(0);
        assert!(restored.is_drift, "{kind}: {restored:?}");
        let importances: Vec<f64> = restored
            .features
            .iter()
            .filter_map(|feature| feature.explanation.as_ref().expect("an explanation").importance)
            .collect();
        if matches!(kind, DetectorKind::PcaReconstruction | DetectorKind::Hdddm) {
            assert!((importances.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{kind}: {importances:?}");
        } else {
            assert!(importances.is_empty(), "{kind}");
        }
        // Had it not stopped, it would have said the same.
        let other = House::new().serve().await;
        let again = DetectorRequest { kind: Some(kind), update_reference, seed: Some(3), ..DetectorRequest::default() };
        fit(&other, request(hanging_together(600, 0.8, 1), again)).await;
        feed(&other, hanging_together(200, 0.8, 2)).await;
        assert_eq!(feed(&other, changed()).await.detections.remove(0), restored, "{kind}");
    }
}

#[tokio::test]
async fn presets_keep_the_thresholds_of_a_library_instead_of_a_significance() {
    for (kind, preset) in
        [(DetectorKind::PcaReconstruction, Preset::Nannyml), (DetectorKind::KdqTree, Preset::Menelaus)]
    {
        let service = House::new().serve().await;
        let detector = DetectorRequest { kind: Some(kind), preset: Some(preset), ..DetectorRequest::default() };
        fit(&service, request(hanging_together(600, 0.8, 1), detector)).await;
        let detection = feed(&service, hanging_together(200, 0.2, 4)).await.detections.remove(0);
        assert!(detection.is_drift && detection.p_value.is_none(), "{kind}: {detection:?}");
        assert!(detection.statistic > detection.threshold && detection.threshold.is_some(), "{kind}: {detection:?}");
        let wrong = DetectorRequest { preset: Some(Preset::Evidently), ..of_kind(kind) };
        let refused = service.fit(request(hanging_together(600, 0.8, 1), wrong)).await;
        let Err(FitError::Settings(error)) = refused else { panic!("{kind}: refused") };
        assert!(error.to_string().contains("detector/preset: expected `"), "{error}");
    }
}

#[tokio::test]
async fn a_detector_that_learns_from_windows_goes_on_over_restarts() {
    let windows = || (0..8).map(|seed| hanging_together(100, if seed < 6 { 0.8 } else { 0.0 }, 10 + seed));
    let detector = || DetectorRequest { preset: Some(Preset::Menelaus), ..of_kind(DetectorKind::Hdddm) };
    let (house, other) = (House::new(), House::new().serve().await);
    fit(&house.serve().await, request(hanging_together(300, 0.8, 1), detector())).await;
    fit(&other, request(hanging_together(300, 0.8, 1), detector())).await;
    let mut drifts = Vec::new();
    for (index, window) in windows().enumerate() {
        // Each time another server.
        let restarted = feed(&house.serve().await, window.clone()).await.detections.remove(0);
        assert_eq!(feed(&other, window).await.detections.remove(0), restarted, "{index}");
        assert_eq!(restarted.threshold.is_some(), restarted.statistic.is_some() && index > 1, "{index}");
        drifts.push(restarted.is_drift);
        if restarted.is_drift {
            break;
        }
    }
    assert!(drifts.len() > 2 && drifts.last() == Some(&true), "{drifts:?}");
    let update_reference = Some(ReferenceUpdateRequest { last: Some(600), ..ReferenceUpdateRequest::default() });
    let both = DetectorRequest { update_reference, ..detector() };
    let Err(FitError::Settings(error)) = other.fit(request(hanging_together(300, 0.8, 1), both)).await else {
        panic!("refused")
    };
    assert!(error.to_string().contains("moves on by itself"), "{error}");
}

fn of_kind(kind: DetectorKind) -> DetectorRequest {
    DetectorRequest { kind: Some(kind), ..DetectorRequest::default() }
}
