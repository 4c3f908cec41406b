//! Series of an electricity market, a row each half hour: a row is much like the one before (correlations of 0.85 to 0.98), and the
//! hour of the day tells what is usual.

mod house;
mod real_data;

use std::ops::Range;

use drifting_domain::data::Table;
use drifting_domain::detectors::{DetectorKind, DetectorRequest, SequenceRequest};
use drifting_domain::preprocess::Season;
use drifting_domain::project::{AfterAlarm, DriftType};
use drifting_domain::use_cases::DriftService;

use self::house::{House, fit, name};
use self::real_data::File;

const DAY: usize = 48;
const MONTH: usize = 30 * DAY;
/// Twelve weeks.
const REFERENCE: usize = 84 * DAY;
/// Victoria's market joined at this row: until then some columns are constant.
const JOINED: usize = 17_424;
const ERT: f64 = 400.0;

fn rows(names: &[&str], rows: Range<usize>) -> Table {
    File::read("elec2").range(names, rows)
}

fn by_the_hour() -> SequenceRequest {
    SequenceRequest { season: Some(Season::Period { period: DAY }), ..SequenceRequest::default() }
}

/// Rows of the alarms in some rows that follow a reference of twelve weeks; after each the detector starts anew.
async fn alarms(
    service: &DriftService,
    drift_type: DriftType,
    detector: DetectorRequest,
    names: &[&str],
    new: Range<usize>,
) -> Vec<usize> {
    let reference = rows(names, new.start - REFERENCE..new.start);
    let detector = DetectorRequest { ert: Some(ERT), after_alarm: Some(AfterAlarm::Reset), ..detector };
    fit(service, house::request(drift_type, reference, detector)).await;
    let open = service.open(&name()).await.expect("it is open");
    let detections = service.predict(&open, rows(names, new)).await.expect("rows are fed").detections;
    detections.iter().enumerate().filter(|(_, detection)| detection.is_drift).map(|(row, _)| row).collect()
}

/// Alarms in each of the six months before the market changed.
async fn alarms_by_month(drift_type: DriftType, kind: DetectorKind, sequence: &SequenceRequest) -> Vec<usize> {
    let service = House::default().serve().await;
    let mut counts = Vec::new();
    for month in (1..=6).rev() {
        let start = JOINED - month * MONTH;
        let (window_size, n_bootstraps) = (None, None);
        let detector =
            DetectorRequest { window_size, n_bootstraps, sequence: sequence.clone(), ..house::of_kind(kind) };
        counts.push(alarms(&service, drift_type, detector, &["nswprice"], start..start + MONTH).await.len());
    }
    counts
}

/// 3.6 alarms are asked for in a month. Prices of real months differ from those of the weeks before by more than chance, but in most
/// of them there are no more alarms than chance gives (11 with a probability of 0.1 %).
async fn assert_rare(kind: DetectorKind) {
    let counts = alarms_by_month(DriftType::Sequential, kind, &by_the_hour()).await;
    let usual = counts.iter().filter(|count| **count <= 11).count();
    assert!(usual >= 5, "{kind}: {counts:?}");
    let asked = 6.0 * MONTH as f64 / ERT;
    let in_all = counts.iter().sum::<usize>() as f64;
    assert!(in_all < 3.0 * asked, "{kind}: {counts:?}, {asked} asked for in all");
}

/// As rows that do not depend on each other, the same months raise alarms as soon as a window is full.
async fn assert_far_too_many_without(kind: DetectorKind) {
    let counts = alarms_by_month(DriftType::Tabular, kind, &SequenceRequest::default()).await;
    assert!(counts.iter().all(|count| *count >= 25), "{kind}: {counts:?}");
}

#[tokio::test]
async fn stable_months_alarm_as_rarely_as_asked_with_the_kind_by_default() {
    assert_rare(DetectorKind::Adwin).await;
}

#[tokio::test]
async fn stable_months_alarm_as_rarely_as_asked_with_cvm_online() {
    assert_rare(DetectorKind::CvmOnline).await;
    assert_far_too_many_without(DetectorKind::CvmOnline).await;
}

#[tokio::test]
async fn stable_months_alarm_as_rarely_as_asked_with_mmd_online() {
    assert_rare(DetectorKind::MmdOnline).await;
    assert_far_too_many_without(DetectorKind::MmdOnline).await;
}

#[tokio::test]
async fn a_market_that_joins_is_told_within_two_days() {
    let service = House::default().serve().await;
    for names in [&["transfer"][..], &["vicprice"], &["nswprice", "nswdemand", "transfer"]] {
        let detector = DetectorRequest { sequence: by_the_hour(), ..DetectorRequest::default() };
        let told = alarms(&service, DriftType::Sequential, detector, names, JOINED..JOINED + MONTH).await;
        assert!(told.first().is_some_and(|row| *row < 2 * DAY), "{names:?}: {told:?}");
    }
}

#[tokio::test]
async fn the_days_before_a_market_joins_say_nothing_of_it() {
    let service = House::default().serve().await;
    let names = ["nswprice", "nswdemand", "transfer"];
    let detector = DetectorRequest { sequence: by_the_hour(), ..DetectorRequest::default() };
    let told = alarms(&service, DriftType::Sequential, detector, &names, JOINED - MONTH..JOINED).await;
    assert!(told.len() <= 11, "{told:?}");
}
