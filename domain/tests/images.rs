//! Images on memory adapters: told apart where they differ, left alone where they do not, the same after a restart.

mod garments;
mod house;
mod image_column;

use std::sync::Arc;

use drifting_domain::data::{Image, Images, MissingValues, Table, TensorValues, Values};
use drifting_domain::detection::Detection;
use drifting_domain::detectors::{
    DetectorKind, DetectorRequest, ReferenceUpdateRequest, SequenceRequest, WindowRequest,
};
use drifting_domain::ports::{ArtifactStore, ImageDecoder};
use drifting_domain::project::{AfterAlarm, DriftType};
use drifting_domain::use_cases::{
    BacktestRequest, Candidate, DriftService, FitError, FitRequest, PredictError, Prediction, ReferencePart,
};

use self::house::{House, fit, name, of_kind};
use self::image_column::filled;

fn request(reference: Table, detector: DetectorRequest) -> FitRequest {
    house::request(DriftType::Image, reference, detector)
}

fn table(images: &[Image]) -> Table {
    filled(Images::new(), images.iter().map(Some))
}

async fn feed(service: &DriftService, images: &[Image]) -> Prediction {
    let open = service.open(&name()).await.expect("it is open");
    service.predict(&open, table(images)).await.expect("images are fed")
}

#[tokio::test]
async fn the_same_garments_raise_alarms_as_promised() {
    const N_REFERENCES: usize = 20;
    const N_ROWS: usize = 1_000;
    let service = House::default().serve().await;
    let mut n_alarms = Vec::new();
    for seed in 0..N_REFERENCES {
        let detector = DetectorRequest {
            seed: Some(seed as u64),
            after_alarm: Some(AfterAlarm::Reset),
            ..of_kind(DetectorKind::MmdOnline)
        };
        fit(&service, request(table(&garments::all(seed * 1_800, 800)), detector)).await;
        let calm = feed(&service, &garments::all(seed * 1_800 + 800, N_ROWS)).await;
        n_alarms.push(calm.detections.iter().filter(|detection| detection.is_drift).count());
    }
    // Some references start with a window near an alarm, and so again after each; the usual one is what counts.
    n_alarms.sort_unstable();
    let usual = n_alarms[n_alarms.len() / 2];
    let promised = N_ROWS / 50;
    assert!((promised * 3 / 4..promised * 4 / 3).contains(&usual), "{n_alarms:?}");
}

#[tokio::test]
async fn blurred_darkened_and_other_garments_raise_alarms_soon() {
    let service = House::default().serve().await;
    let tops = |start, n| garments::of_kinds(0..5, start, n);
    let detector = DetectorRequest { ert: Some(200.0), window_size: Some(20), ..of_kind(DetectorKind::MmdOnline) };
    let detector = DetectorRequest { n_bootstraps: Some(8_000), ..detector };
    fit(&service, request(table(&tops(0, 2_000)), detector)).await;
    let later = tops(2_000, 100);
    for (change, changed, name) in [
        ("blurred", garments::blurred(&later), "sharpness"),
        ("darkened", garments::darkened(&later), "tone_8"),
        ("shoes, bags and sandals", garments::of_kinds(5..10, 0, 100), "thumbnail_"),
    ] {
        service.reset(&crate::name()).await.expect("it starts anew");
        let before = feed(&service, &tops(2_200, 30)).await;
        assert!(before.detections.iter().all(|detection| !detection.is_drift), "{change}");
        let after = feed(&service, &changed).await;
        let delay = after.detections.iter().position(|detection| detection.is_drift);
        assert!(delay.is_some_and(|delay| delay < 40), "{change}: {delay:?}");
        let open = service.open(&crate::name()).await.expect("it is open");
        let last = after.detections.last().expect("a verdict");
        let columns = &open.judged_schema().columns;
        let moved = last.features.iter().filter(|feature| feature.is_drift);
        let moved: Vec<&str> = moved.map(|feature| columns[feature.column].name.as_str()).collect();
        assert!(moved.iter().any(|moved| moved.starts_with(name)), "{change}: {moved:?}");
        assert!(!moved.contains(&"width") && !moved.contains(&"hue_red"), "{change}: {moved:?}");
    }
}

#[tokio::test]
async fn kinds_that_judge_windows_find_changes_and_keep_to_their_significance() {
    const N_WINDOWS: usize = 60;
    let service = House::default().serve().await;
    for kind in [
        DetectorKind::Mmd,
        DetectorKind::Lsdd,
        DetectorKind::Classifier,
        DetectorKind::Ks,
        DetectorKind::Tabular,
        DetectorKind::SpotTheDiff,
        DetectorKind::MmdFourier,
        DetectorKind::Psi,
        DetectorKind::Wasserstein,
    ] {
        let detector = DetectorRequest { p_val: Some(0.05), ..of_kind(kind) };
        fit(&service, request(table(&garments::all(0, 1_000)), detector)).await;
        let open = service.open(&name()).await.expect("it is open");
        let mut n_drifts = 0;
        // Models are learnt for each window.
        let n_windows = if kind == DetectorKind::SpotTheDiff { N_WINDOWS / 6 } else { N_WINDOWS };
        for window in 0..n_windows {
            let calm = table(&garments::all(1_000 + 100 * window, 100));
            let calm = service.predict(&open, calm).await.expect("images are fed");
            n_drifts += usize::from(calm.detections[0].is_drift);
        }
        // Three are expected of 60; more than 9 come once in 2,000 times.
        assert!(n_drifts <= 9, "{kind}: {n_drifts}");
        let later = garments::all(8_000, 100);
        for (change, changed) in [
            ("blurred", garments::blurred(&later)),
            ("darkened", garments::darkened(&later)),
            ("tops", garments::of_kinds(0..5, 3_000, 100)),
        ] {
            assert!(feed(&service, &changed).await.detections[0].is_drift, "{kind}: {change}");
        }
    }
}

fn bits(detections: &[Detection]) -> String {
    format!("{detections:?}")
}

#[tokio::test]
async fn images_are_judged_the_same_after_restarts() {
    let window = Some(WindowRequest { size: Some(15), ..WindowRequest::default() });
    let update_reference = Some(ReferenceUpdateRequest { last: Some(60), ..ReferenceUpdateRequest::default() });
    let in_windows = |kind| DetectorRequest { window, update_reference, ..of_kind(kind) };
    let reference = garments::all(0, 100);
    let mut stream = garments::all(100, 30);
    stream.extend(garments::blurred(&garments::of_kinds(5..10, 200, 30)));
    for detector in [
        of_kind(DetectorKind::MmdOnline),
        of_kind(DetectorKind::LsddOnline),
        // With so many columns more streams are needed than it is worth.
        DetectorRequest { n_bootstraps: None, ..of_kind(DetectorKind::CvmOnline) },
        DetectorRequest { kind: Some(DetectorKind::Dummy), ..DetectorRequest::default() },
        in_windows(DetectorKind::Mmd),
        in_windows(DetectorKind::Tabular),
    ] {
        let kind = detector.kind.expect("a kind");
        let n_components = (kind != DetectorKind::Dummy).then_some(5);
        let house = House::default();
        fit(&house.serve().await, FitRequest { n_components, ..request(table(&reference), detector.clone()) }).await;
        let mut interrupted = Vec::new();
        for images in stream.chunks(7) {
            interrupted.extend(feed(&house.serve().await, images).await.detections);
        }
        let straight = House::default().serve().await;
        fit(&straight, FitRequest { n_components, ..request(table(&reference), detector) }).await;
        let mut uninterrupted = Vec::new();
        for images in stream.chunks(7) {
            uninterrupted.extend(feed(&straight, images).await.detections);
        }
        assert_eq!(bits(&interrupted), bits(&uninterrupted), "{kind}");
        let drifts = interrupted.iter().any(|detection| detection.is_drift);
        assert_eq!(drifts, kind != DetectorKind::Dummy, "{kind}");
    }
}

#[tokio::test]
async fn nothing_of_an_image_is_kept_and_a_colour_or_a_size_that_never_came_counts() {
    let house = House::default();
    let service = house.serve().await;
    fit(&service, request(table(&garments::all(0, 400)), of_kind(DetectorKind::MmdOnline))).await;
    let large = Image::new(900, 700, 3, [200, 30, 40].repeat(900 * 700)).expect("an image");
    let prediction = feed(&service, &vec![large; 12]).await;
    let last = prediction.detections.last().expect("a verdict");
    assert!(last.is_drift);
    let open = service.open(&name()).await.expect("it is open");
    let columns = &open.judged_schema().columns;
    let moved = last.features.iter().filter(|feature| feature.is_drift);
    let moved: Vec<&str> = moved.map(|feature| columns[feature.column].name.as_str()).collect();
    for name in ["width", "height", "hue_red", "sharpness"] {
        assert!(moved.contains(&name), "{moved:?}");
    }
    let state = house.artifacts.state(&name(), 1).await.expect("it is read").expect("it was saved");
    let n_bytes = |values: &TensorValues| values.len() * if matches!(values, TensorValues::U8(_)) { 1 } else { 8 };
    let n_bytes: usize = state.iter().map(|(_, tensor)| n_bytes(tensor.values())).sum();
    assert!(n_bytes < 20_000, "{n_bytes}");
}

#[tokio::test]
async fn missing_images_follow_the_policy() {
    let service = House::default().serve().await;
    let holes = |n: usize| {
        let images = garments::all(0, n);
        filled(Images::new(), images.iter().enumerate().map(|(row, image)| (row % 10 != 3).then_some(image)))
    };
    for (missing_values, rows, dropped) in [(MissingValues::Drop, 18, 2), (MissingValues::Impute, 20, 0)] {
        let detector = of_kind(DetectorKind::MmdOnline);
        let fitted = service.fit(FitRequest { missing_values, ..request(holes(100), detector) }).await.expect("a fit");
        let view = service.store(fitted).await.expect("it is stored");
        let configuration = view.configuration.expect("it is loaded");
        assert_eq!(configuration.reference_rows, if dropped > 0 { 90 } else { 100 });
        let open = service.open(&name()).await.expect("it is open");
        let prediction = service.predict(&open, holes(20)).await.expect("images are fed");
        assert_eq!((prediction.rows, prediction.rows_dropped), (rows, dropped));
        assert!(prediction.detections.iter().all(|detection| detection.statistic.is_some_and(f64::is_finite)));
    }
}

#[tokio::test]
async fn the_run_length_of_images_is_reported() {
    let service = House::default().serve().await;
    let request = FitRequest {
        report_run_length: true,
        ..request(table(&garments::all(0, 2_000)), of_kind(DetectorKind::MmdOnline))
    };
    let fitted = service.fit(request).await.expect("a fit");
    let view = service.store(fitted).await.expect("it is stored");
    let report = view.configuration.and_then(|configuration| configuration.run_length).expect("a report");
    // A fifth of the half that is compared with.
    assert_eq!(report.rows, 200);
    assert!(report.low <= 20.0 && report.high >= 20.0, "{report:?}");
}

/// Files are `<width> <height> <lightness>`.
struct Plain;

impl ImageDecoder for Plain {
    fn decode(&self, file: &str, accept: &mut dyn FnMut(usize, usize) -> Result<(), String>) -> Result<Image, String> {
        let numbers: Option<Vec<usize>> = file.split(' ').map(|number| number.parse().ok()).collect();
        let Some([width, height, lightness]) = numbers.as_deref() else { return Err("no numbers came".to_owned()) };
        accept(*width, *height)?;
        let lightness = u8::try_from(*lightness).expect("a byte");
        Image::new(*width, *height, 1, vec![lightness; width * height]).map_err(|problem| problem.to_string())
    }
}

fn files<T: AsRef<str>>(files: &[T]) -> Table {
    Table::unnamed(vec![Values::Text(files.iter().map(Some).collect())]).expect("a column")
}

#[tokio::test]
async fn files_are_decoded_and_what_cannot_be_is_told_by_its_row() {
    let house = House::default();
    let serve = || async {
        let service = house.service().with_images(Arc::new(Plain));
        service.start().await.expect("the stores are read");
        service
    };
    let service = serve().await;
    let lights: Vec<String> = (0..100).map(|row| format!("9 7 {}", row * 37 % 101)).collect();
    fit(&service, request(files(&lights), of_kind(DetectorKind::MmdOnline))).await;
    // Decoders are there after a restart, too.
    for service in [service, serve().await] {
        let open = service.open(&name()).await.expect("it is open");
        assert_eq!(service.predict(&open, files(&lights[..20])).await.expect("files are fed").rows, 20);
        let refused = async |table: Table| match service.predict(&open, table).await {
            Err(PredictError::Data(error)) => error.to_string(),
            other => panic!("{other:?}"),
        };
        let mut damaged = lights[..40].to_vec();
        damaged[17] = "x".to_owned();
        damaged[33] = "0 7 1".to_owned();
        let error = refused(files(&damaged)).await;
        assert!(
            error.contains("column `value`, row 18: no numbers came; column `value`, row 34: expected an image"),
            "{error}"
        );
        // Four thousand times four thousand, several times: none is decoded once there are too many.
        let error = refused(files(&["4000 4000 5"; 20])).await;
        assert!(error.contains("row 17: expected at most 268435456 pixels in all images together"), "{error}");
        assert!(!error.contains("row 16"), "{error}");
        let error = refused(files(&["16384 16384 5"])).await;
        assert!(error.contains("one of 16384 × 16384 came"), "{error}");
    }
    let service = house.serve().await;
    let open = service.open(&name()).await.expect("it is open");
    let error = service.predict(&open, files(&["9 7 3"])).await.expect_err("nobody reads files").to_string();
    assert!(error.contains("expected an array of rows of pixels"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_fitted_is_told() {
    let service = House::default().serve().await;
    let refused = async |request: FitRequest| match service.fit(request).await.map(|_| ()) {
        Err(FitError::Data(error)) => error.to_string(),
        Err(FitError::Settings(error)) => error.to_string(),
        Err(FitError::Problem(problem)) => problem.to_string(),
        other => panic!("{other:?}"),
    };
    let some = |n| table(&garments::all(0, n));
    let numbers = Table::unnamed(vec![Values::Numeric(vec![1.0; 200])]).expect("a column");
    let one = table(&garments::all(0, 9)).columns()[0].values.clone();
    let two = Table::unnamed(vec![one; 2]).expect("two columns");
    let alike = table(&vec![garments::all(0, 1).remove(0); 200]);
    let with = |reference: Table, kind| request(reference, of_kind(kind));
    for (request, part) in [
        (with(some(3), DetectorKind::MmdOnline), "expected at least 4 images of reference, 3 came"),
        (
            request(some(160), DetectorRequest::default()),
            "expected at least 81 rows of reference for these windows, 80 came to compare with: one half of the images \
             teaches the features, 80 are left",
        ),
        (with(numbers, DetectorKind::MmdOnline), "row 1: expected an image"),
        (with(two, DetectorKind::MmdOnline), "expected one column of images, 2 columns came"),
        (with(alike, DetectorKind::MmdOnline), "constant"),
        (
            FitRequest { n_components: Some(400), ..with(some(100), DetectorKind::MmdOnline) },
            "preprocessing/n_components: expected n_components of 1 to 49 for these images, 400 came",
        ),
        (with(some(100), DetectorKind::FetOnline), "detector/kind: `fet_online` judges no images"),
        (with(some(100), DetectorKind::ContextMmd), "detector/kind: `context_mmd` judges no images"),
        (with(some(100), DetectorKind::Adwin), "detector/kind: `adwin` judges no images; take `mmd_online`"),
        (with(some(100), DetectorKind::Hdddm), "detector/kind: `hdddm` judges no images"),
    ] {
        let error = refused(request).await;
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_history_of_images_is_replayed_and_files_need_somebody_who_reads_them() {
    let darkened = garments::darkened(&garments::all(600, 200));
    let history = table(&[garments::all(0, 600), darkened].concat());
    let asked = |history| BacktestRequest {
        history,
        drift_type: DriftType::Image,
        reference: ReferencePart::Rows(400),
        changes: Some(vec![600]),
        margin: Some(100),
        windows: Vec::new(),
        candidates: vec![
            Candidate { detector: of_kind(DetectorKind::MmdOnline), ..Candidate::default() },
            Candidate {
                detector: DetectorRequest {
                    window: Some(WindowRequest { size: Some(50), ..WindowRequest::default() }),
                    ..of_kind(DetectorKind::Ks)
                },
                ..Candidate::default()
            },
        ],
        ert: None,
        encoder: None,
        sequence: SequenceRequest::default(),
        missing_values: MissingValues::Reject,
        seed: 0,
    };
    let service = House::default().serve().await;
    let report = service.backtest(asked(history)).await.expect("a report");
    for candidate in &report.candidates {
        let replayed = candidate.outcome.as_ref().expect("it is replayed");
        assert_eq!(replayed.n_missed, 0, "{:?}: alarms {:?}", candidate.candidate.detector.kind, replayed.alarms);
    }

    let lights: Vec<String> = (0..300).map(|row| format!("9 7 {}", row * 37 % 101 + row / 200 * 90)).collect();
    let request =
        || BacktestRequest { reference: ReferencePart::Rows(160), changes: Some(vec![200]), ..asked(files(&lights)) };
    let error = service.backtest(request()).await.expect_err("nobody reads files").to_string();
    assert!(error.contains("row 1: expected an array of rows of pixels, as this server reads no files"), "{error}");
    let service = House::default().service().with_images(Arc::new(Plain));
    service.start().await.expect("the stores are read");
    let report = service.backtest(request()).await.expect("a report");
    let missed = report.candidates.iter().map(|candidate| candidate.outcome.as_ref().map(|replayed| replayed.n_missed));
    assert_eq!(missed.collect::<Vec<_>>(), [Ok(0), Ok(0)]);
}
