//! Series as they are served: seasons, differences, and alarms that are as rare as asked for though rows depend on those before.

mod house;

use chrono::DateTime;
use drifting_domain::data::{Column, MissingValues, Table, Values};
use drifting_domain::detection::Detection;
use drifting_domain::detectors::{
    DetectorKind, DetectorRequest, DetectorSpec, OnlineSpec, SequenceRequest, StreamingRequest, StreamingSettings,
};
use drifting_domain::preprocess::{Season, TimeOf};
use drifting_domain::project::{AfterAlarm, DriftType};
use drifting_domain::statistics::draws::stream;
use drifting_domain::statistics::normal_draws::normal;
use drifting_domain::use_cases::{DriftService, FitError, FitRequest, OpenProject};

use self::house::{House, fit, name};

fn table(columns: Vec<(&str, Values)>) -> Table {
    let column = |(name, values): (&str, Values)| Column { name: name.to_owned(), values };
    Table::named(columns.into_iter().map(column).collect()).expect("columns of one length")
}

fn one(values: &[f64]) -> Table {
    table(vec![("x", Values::Numeric(values.to_vec()))])
}

fn texts(values: &[String]) -> Values {
    Values::Text(values.iter().map(Some).collect())
}

fn request(reference: Table, detector: DetectorRequest) -> FitRequest {
    FitRequest { overwrite: true, ..house::request(DriftType::Sequential, reference, detector) }
}

async fn open(service: &DriftService, request: FitRequest) -> OpenProject {
    fit(service, request).await;
    service.open(&name()).await.expect("it is open")
}

async fn feed(service: &DriftService, rows: Table) -> Vec<Detection> {
    let open = service.open(&name()).await.expect("it is open");
    service.predict(&open, rows).await.expect("rows are fed").detections
}

fn n_alarms(detections: &[Detection]) -> usize {
    detections.iter().filter(|detection| detection.is_drift).count()
}

/// An autoregression with coefficient 0.8 and variance 1.
fn autoregression(n: usize, seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, 77);
    let mut x = normal(&mut generator);
    let mut next = || {
        x = 0.8 * x + 0.6 * normal(&mut generator);
        x
    };
    (0..n).map(|_| next()).collect()
}

fn of_kind(kind: DetectorKind, ert: f64) -> DetectorRequest {
    DetectorRequest {
        ert: Some(ert),
        window_size: None,
        n_bootstraps: None,
        after_alarm: Some(AfterAlarm::Reset),
        ..house::of_kind(kind)
    }
}

/// Rows judged for an alarm, over some references, as a series and as independent rows.
async fn rows_for_an_alarm(kind: DetectorKind, ert: f64) -> [f64; 2] {
    const N_REFERENCES: u64 = 4;
    let service = House::default().serve().await;
    let mut run_times = Vec::new();
    for drift_type in [DriftType::Sequential, DriftType::Tabular] {
        let (mut n_rows, mut n_found) = (0, 0);
        for seed in 0..N_REFERENCES {
            let mut detector = DetectorRequest { seed: Some(seed), ..of_kind(kind, ert) };
            if kind.is_streaming() && drift_type == DriftType::Tabular {
                detector.ert = None;
            }
            open(&service, FitRequest { drift_type, ..request(one(&autoregression(2_000, seed)), detector) }).await;
            let detections = feed(&service, one(&autoregression(8_000, 100 + seed))).await;
            n_rows += detections.iter().filter(|detection| !detection.warm_up).count();
            n_found += n_alarms(&detections);
        }
        run_times.push(n_rows as f64 / n_found.max(1) as f64);
    }
    [run_times[0], run_times[1]]
}

/// 160 alarms are expected: their number has a standard deviation of 8 %, that of the replay as much, and references of 2,000 rows that
/// are worth some 220 independent ones differ.
fn assert_kept(kind: DetectorKind, ert: f64, of_series: f64) {
    assert!((0.6 * ert..1.7 * ert).contains(&of_series), "{kind}: {of_series} rows for an alarm, {ert} wanted");
}

#[tokio::test]
async fn autocorrelated_rows_keep_the_run_time_of_adwin() {
    let [of_series, _] = rows_for_an_alarm(DetectorKind::Adwin, 200.0).await;
    assert_kept(DetectorKind::Adwin, 200.0, of_series);
}

#[tokio::test]
async fn autocorrelated_rows_keep_the_run_time_of_page_hinkley() {
    let [of_series, _] = rows_for_an_alarm(DetectorKind::PageHinkley, 200.0).await;
    assert_kept(DetectorKind::PageHinkley, 200.0, of_series);
}

#[tokio::test]
async fn autocorrelated_rows_keep_the_run_time_of_cvm_online_which_is_far_shorter_without_calibration() {
    let [of_series, of_rows] = rows_for_an_alarm(DetectorKind::CvmOnline, 200.0).await;
    assert_kept(DetectorKind::CvmOnline, 200.0, of_series);
    assert!(of_rows < 50.0, "{of_rows}");
}

#[tokio::test]
async fn autocorrelated_rows_keep_the_run_time_of_mmd_online_which_is_far_shorter_without_calibration() {
    let [of_series, of_rows] = rows_for_an_alarm(DetectorKind::MmdOnline, 200.0).await;
    assert_kept(DetectorKind::MmdOnline, 200.0, of_series);
    assert!(of_rows < 50.0, "{of_rows}");
}

#[tokio::test]
async fn a_level_shift_is_found_and_what_was_chosen_is_stored() {
    let house = House::default();
    let service = house.serve().await;
    let project = open(&service, request(one(&autoregression(3_000, 5)), of_kind(DetectorKind::Adwin, 1_000.0))).await;
    let configuration = project.configuration();
    let DetectorSpec::Online(OnlineSpec::Streaming(spec)) = &configuration.detector else { panic!("another kind") };
    let StreamingSettings::Adwin(settings) = &spec.settings else { panic!("another kind") };
    assert!(settings.delta < 0.002, "{settings:?}");
    let calibration =
        configuration.sequence.as_ref().and_then(|sequence| sequence.calibration.clone()).expect("calibrated");
    assert_eq!((calibration.ert, calibration.orders.len()), (1_000.0, 1));
    assert!(calibration.orders[0] >= 1, "{calibration:?}");
    let shifted: Vec<f64> = autoregression(500, 6).iter().map(|x| x + 3.0).collect();
    let delay = feed(&service, one(&shifted)).await.iter().position(|detection| detection.is_drift);
    assert!(delay.is_some_and(|delay| delay < 150), "{delay:?}");
}

/// Hours from a Monday on: 10 on weekdays, 2 at weekends.
fn hours(n: usize, seed: u64) -> (Vec<String>, Vec<f64>) {
    let mut generator = stream(seed, 3);
    let monday = DateTime::from_timestamp(4 * 86_400, 0).expect("a time");
    let time = |hour: usize| (monday + chrono::Duration::hours(hour.try_into().expect("few"))).to_rfc3339();
    let value = |hour: usize| if hour / 24 % 7 < 5 { 10.0 } else { 2.0 };
    ((0..n).map(time).collect(), (0..n).map(|hour| value(hour) + normal(&mut generator)).collect())
}

#[tokio::test]
async fn a_weekend_is_usual_and_a_monday_that_looks_like_one_is_not() {
    const WEEKS: usize = 20;
    let by_time = Season::Timestamp { timestamp: "at".to_owned(), by: vec![TimeOf::DayOfWeek, TimeOf::HourOfDay] };
    let service = House::default().serve().await;
    let (times, values) = hours(24 * 7 * (WEEKS + 2), 9);
    let n_reference = 24 * 7 * WEEKS;
    let rows = |range: std::ops::Range<usize>, shift: f64| {
        let values = values[range.clone()].iter().map(|x| x + shift).collect();
        table(vec![("at", texts(&times[range])), ("x", Values::Numeric(values))])
    };
    for kind in [DetectorKind::PageHinkley, DetectorKind::CvmOnline] {
        let sequence = SequenceRequest { season: Some(by_time.clone()), ..SequenceRequest::default() };
        let detector = DetectorRequest {
            sequence,
            window_sizes: (kind == DetectorKind::CvmOnline).then(|| vec![12]),
            ..of_kind(kind, 4_000.0)
        };
        let project = open(&service, request(rows(0..n_reference, 0.0), detector)).await;
        let judged: Vec<&str> = project.judged_schema().columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(judged, ["x"]);
        let week = feed(&service, rows(n_reference..n_reference + 24 * 7, 0.0)).await;
        assert_eq!(n_alarms(&week), 0, "{kind}");
        // The next Monday, as quiet as a weekend.
        let monday = feed(&service, rows(n_reference + 24 * 7..n_reference + 24 * 8, -8.0)).await;
        assert!(n_alarms(&monday) > 0, "{kind}");
    }
}

#[tokio::test]
async fn several_series_are_judged_together_with_their_context_aside() {
    let service = House::default().serve().await;
    let (x, y) = (autoregression(1_500, 1), autoregression(1_500, 2));
    let shop: Vec<f64> = (0..1_500_u32).map(|row| f64::from(row % 3)).collect();
    let y: Vec<f64> = y.iter().zip(&shop).map(|(y, shop)| y + 10.0 * shop).collect();
    let columns = |range: std::ops::Range<usize>, shift: f64| {
        let shifted = y[range.clone()].iter().map(|y| y + shift).collect();
        let (x, shop) = (x[range.clone()].to_vec(), shop[range].to_vec());
        table(vec![("shop", Values::Numeric(shop)), ("x", Values::Numeric(x)), ("y", Values::Numeric(shifted))])
    };
    let sequence =
        SequenceRequest { season: Some(Season::Column { column: "shop".to_owned() }), ..SequenceRequest::default() };
    let detector = DetectorRequest { ert: Some(300.0), sequence, ..DetectorRequest::default() };
    let project = open(&service, request(columns(0..1_200, 0.0), detector)).await;
    assert_eq!(project.configuration().detector.kind(), DetectorKind::MmdOnline);
    assert_eq!(project.judged_schema().columns.len(), 2);
    let drifted = feed(&service, columns(1_200..1_400, 4.0)).await;
    assert!(drifted.iter().position(|detection| detection.is_drift).is_some_and(|delay| delay < 100));
}

#[tokio::test]
async fn a_series_goes_on_bit_for_bit_after_a_restart() {
    let values = autoregression(1_200, 4);
    for kind in [DetectorKind::Adwin, DetectorKind::CvmOnline] {
        let sequence =
            SequenceRequest { difference: Some(5), season: Some(Season::Period { period: 7 }), block_length: None };
        let fit = || {
            let detector = DetectorRequest { sequence: sequence.clone(), ..of_kind(kind, 50.0) };
            request(one(&values[..800]), detector)
        };
        let straight = House::default().serve().await;
        open(&straight, fit()).await;
        let expected = feed(&straight, one(&values[800..])).await;
        let house = House::default();
        open(&house.serve().await, fit()).await;
        let mut found = Vec::new();
        for (index, rows) in values[800..].chunks(33).enumerate() {
            let service = house.serve().await;
            found.extend(feed(&service, one(rows)).await);
            assert_eq!(found.len(), (800 + 33 * index + rows.len()) - 800);
        }
        let without_features = |detections: &[Detection]| -> Vec<Detection> {
            detections.iter().map(|detection| Detection { features: Vec::new(), ..detection.clone() }).collect()
        };
        // The last row of a request is explained.
        assert_eq!(without_features(&found), without_features(&expected), "{kind}");
    }
}

#[tokio::test]
async fn missing_numbers_are_usual_and_unknown_seasons_are_compared_with_the_whole() {
    let service = House::default().serve().await;
    let days: Vec<String> = (0..600).map(|row| ["mon", "tue", "sun"][row % 3].to_owned()).collect();
    let rows =
        |days: &[String], values: &[f64]| table(vec![("day", texts(days)), ("x", Values::Numeric(values.to_vec()))]);
    let sequence = SequenceRequest {
        season: Some(Season::Column { column: "day".to_owned() }),
        difference: Some(3),
        ..SequenceRequest::default()
    };
    let detector = DetectorRequest { sequence, ..of_kind(DetectorKind::Adwin, 100.0) };
    let fit =
        FitRequest { missing_values: MissingValues::Impute, ..request(rows(&days, &autoregression(600, 3)), detector) };
    open(&service, fit).await;
    let strange = feed(&service, rows(&["fri".to_owned(), "mon".to_owned()], &[f64::NAN, 1e300])).await;
    assert_eq!(strange.len(), 2);
    assert!(strange.iter().all(|detection| detection.statistic.is_none_or(f64::is_finite)));
}

#[tokio::test]
async fn what_does_not_go_with_a_series_is_refused_where_it_stands() {
    let service = House::default().serve().await;
    let values = autoregression(600, 1);
    let column = |name: &str| Some(Season::Column { column: name.to_owned() });
    let read = |sequence: SequenceRequest| DetectorRequest { sequence, ..DetectorRequest::default() };
    let both = StreamingRequest { delta: Some(0.1), ..StreamingRequest::default() };
    let classes = table(vec![("x", Values::Boolean((0..600).map(|row| Some(row % 3 == 0)).collect()))]);
    let of_classes = DetectorRequest {
        kind: Some(DetectorKind::Ddm),
        ..read(SequenceRequest { difference: Some(1), ..SequenceRequest::default() })
    };
    let cases = [
        (one(&values), DetectorRequest { kind: Some(DetectorKind::Ks), ..DetectorRequest::default() }, "detector/kind"),
        (one(&values), DetectorRequest { streaming: both, ..of_kind(DetectorKind::Adwin, 100.0) }, "detector/ert"),
        (one(&values), of_kind(DetectorKind::Adwin, 1e6), "detector/ert"),
        (
            one(&values),
            read(SequenceRequest { difference: Some(400), ..SequenceRequest::default() }),
            "sequence/difference",
        ),
        (one(&values), read(SequenceRequest { season: column("y"), ..SequenceRequest::default() }), "sequence/season"),
        (one(&values), read(SequenceRequest { season: column("x"), ..SequenceRequest::default() }), "sequence/season"),
        (
            one(&values),
            read(SequenceRequest { season: Some(Season::Period { period: 1 }), ..SequenceRequest::default() }),
            "sequence/season/period",
        ),
        (
            one(&values),
            read(SequenceRequest { block_length: Some(0.5), ..SequenceRequest::default() }),
            "sequence/block_length",
        ),
        (classes, of_classes, "sequence/difference"),
    ];
    for (reference, detector, expected) in cases {
        let Err(FitError::Settings(error)) = service.fit(request(reference, detector)).await else {
            panic!("expected a refusal at {expected}")
        };
        assert_eq!(error.issues.iter().map(|issue| issue.setting).collect::<Vec<_>>(), [expected], "{error}");
    }
    let elsewhere = read(SequenceRequest { difference: Some(1), ..SequenceRequest::default() });
    let refused = service.fit(FitRequest { drift_type: DriftType::Tabular, ..request(one(&values), elsewhere) }).await;
    assert!(matches!(refused, Err(FitError::Settings(_))));
}

/// Errors that come in runs: one in seven.
fn runs_of_errors(n: usize, seed: u64) -> Vec<f64> {
    let mut generator = stream(6, 60 + seed);
    let mut level = 0.0;
    let mut next = || {
        level = 0.9 * level + normal(&mut generator);
        f64::from(u8::from(level > 2.5))
    };
    (0..n).map(|_| next()).collect()
}

#[tokio::test]
async fn sequences_of_errors_are_drawn_in_blocks_and_keep_their_run_time() {
    let service = House::default().serve().await;
    for kind in [DetectorKind::HddmA, DetectorKind::FetOnline, DetectorKind::Ddm] {
        let (mut n_rows, mut n_found) = (0, 0);
        for seed in 0..3 {
            let errors = runs_of_errors(6_000, seed);
            let project = open(&service, request(one(&errors[..3_000]), of_kind(kind, 200.0))).await;
            let sequence = project.configuration().sequence.clone().expect("a series");
            assert!(sequence.calibration.is_some_and(|calibration| calibration.block_length > 2.0), "{kind}");
            let detections = feed(&service, one(&errors[3_000..])).await;
            n_rows += detections.iter().filter(|detection| !detection.warm_up).count();
            n_found += n_alarms(&detections);
        }
        assert_kept(kind, 200.0, n_rows as f64 / n_found.max(1) as f64);
    }
}
