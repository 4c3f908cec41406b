//! Images as vectors of an encoder: columns that kinds see, another encoder that is not taken for it, a history in a backtest.

mod garments;
mod house;
mod image_column;

use std::sync::Arc;

use drifting_domain::data::{Image, Images, MissingValues, Table, Values};
use drifting_domain::detectors::{DetectorKind, DetectorRequest, SequenceRequest, WindowRequest};
use drifting_domain::ports::{ArtifactStore, ImageDecoder, ImageEncoder, ImageEncoders};
use drifting_domain::preprocess::{FeatureSet, TextRequest};
use drifting_domain::project::DriftType;
use drifting_domain::use_cases::{
    BacktestRequest, Candidate, DriftService, FitError, FitRequest, PredictError, Prediction, ReferencePart,
};

use self::house::{House, fit, name, of_kind, request};
use self::image_column::filled;

/// An encoder of three numbers: the light, and how much it changes across and down. Images of more than 100 pixels a side it cannot
/// read, and of white ones it gives what is no number.
struct Edges(&'static str);

impl ImageEncoder for Edges {
    fn fingerprint(&self) -> &str {
        self.0
    }

    fn width(&self) -> usize {
        3
    }

    fn cost_ns(&self) -> u64 {
        20_000
    }

    fn encode(&self, image: &Image) -> Result<Vec<f32>, String> {
        let (pixels, width, n) = (image.pixels(), image.width(), image.pixels().len() as f32);
        if width.max(image.height()) > 100 {
            return Err("expected a small image".to_owned());
        }
        if pixels.iter().all(|pixel| *pixel == 255) {
            return Ok(vec![f32::NAN; 3]);
        }
        let light: f32 = pixels.iter().map(|pixel| f32::from(*pixel)).sum();
        let change = |step: usize| -> f32 {
            pixels.iter().zip(&pixels[step..]).map(|(one, next)| f32::from(one.abs_diff(*next))).sum()
        };
        Ok([light, change(1), change(width)].map(|sum| sum / n).to_vec())
    }
}

/// One encoder, with this fingerprint.
struct One(&'static str);

impl ImageEncoders for One {
    fn open(&self, name: &str) -> Result<Arc<dyn ImageEncoder>, String> {
        match name {
            "edges" => Ok(Arc::new(Edges(self.0))),
            _ => Err(format!("expected the name of an encoder, `{name}` is none")),
        }
    }
}

/// Files are `<side> <lightness>`.
struct Plain;

impl ImageDecoder for Plain {
    fn decode(&self, file: &str, accept: &mut dyn FnMut(usize, usize) -> Result<(), String>) -> Result<Image, String> {
        let numbers: Option<Vec<usize>> = file.split(' ').map(|number| number.parse().ok()).collect();
        let Some([side, lightness]) = numbers.as_deref() else { return Err("no numbers came".to_owned()) };
        accept(*side, *side)?;
        let lightness = u8::try_from(*lightness).expect("a byte");
        Image::new(*side, *side, 1, vec![lightness; side * side]).map_err(|problem| problem.to_string())
    }
}

async fn serve(house: &House, fingerprint: &'static str) -> DriftService {
    let service = house.service().with_images(Arc::new(Plain)).with_image_encoders(Arc::new(One(fingerprint)));
    service.start().await.expect("it starts");
    service
}

fn whole(images: &[Image]) -> Table {
    filled(Images::whole(), images.iter().map(Some))
}

fn files(files: &[String]) -> Table {
    Table::unnamed(vec![Values::Text(files.iter().map(Some).collect())]).expect("a column")
}

fn encoded(reference: Table, detector: DetectorRequest) -> FitRequest {
    FitRequest { texts: encoded_by("edges"), ..request(DriftType::Image, reference, detector) }
}

fn encoded_by(name: &str) -> TextRequest {
    TextRequest { features: None, encoder: Some(name.to_owned()) }
}

fn rare(kind: DetectorKind) -> DetectorRequest {
    DetectorRequest { p_val: Some(0.01), ..of_kind(kind) }
}

async fn feed(service: &DriftService, images: &[Image]) -> Prediction {
    let open = service.open(&name()).await.expect("it is open");
    service.predict(&open, whole(images)).await.expect("images are judged")
}

/// The names of the columns that a detector sees.
async fn columns(service: &DriftService) -> Vec<String> {
    let open = service.open(&name()).await.expect("it is open");
    open.judged_schema().columns.iter().map(|column| column.name.clone()).collect()
}

#[tokio::test]
async fn vectors_of_an_encoder_are_components_beside_what_people_can_read() {
    let house = House::default();
    let service = serve(&house, "first").await;
    for kind in [DetectorKind::Mmd, DetectorKind::Lsdd, DetectorKind::Classifier, DetectorKind::Tabular] {
        fit(&service, encoded(whole(&garments::all(0, 400)), rare(kind))).await;
        let calm = feed(&service, &garments::all(1_000, 200)).await;
        assert!(!calm.detections[0].is_drift, "{kind} {:?}", calm.detections[0].p_value);
        for (what, images) in [
            ("blurred", garments::blurred(&garments::all(2_000, 200))),
            ("darker", garments::darkened(&garments::all(3_000, 200))),
            ("trousers", garments::of_kinds(1..2, 0, 200)),
        ] {
            let moved = feed(&service, &images).await;
            assert!(moved.detections[0].is_drift, "{kind}, {what}: {:?}", moved.detections[0].p_value);
            // What moved is told by names that people can read.
            let statistic = if what == "blurred" { "sharpness" } else { "brightness" };
            let of_statistic = columns(&service).await.iter().position(|column| column == statistic);
            let of_statistic = &moved.detections[0].features[of_statistic.expect("a column")];
            assert!(of_statistic.is_drift || what == "trousers", "{kind}, {what}: {of_statistic:?}");
        }
        let columns = columns(&service).await;
        assert_eq!(columns[..5], ["component_1", "component_2", "component_3", "width", "height"], "{kind}");
    }
}

#[tokio::test]
async fn kernels_see_what_the_encoder_sees_and_nothing_else() {
    let service = serve(&House::default(), "first").await;
    let light = |side: usize, n: usize| -> Vec<String> {
        (0..n).map(|row| format!("{side} {}", row * 37 % 101 + 20)).collect()
    };
    fit(&service, encoded(files(&light(9, 200)), rare(DetectorKind::Mmd))).await;
    let open = service.open(&name()).await.expect("it is open");
    let larger = service.predict(&open, files(&light(90, 101))).await.expect("files are judged");
    assert!(!larger.detections[0].is_drift, "{larger:?}");
    // Without the encoder their sizes are seen.
    fit(&service, request(DriftType::Image, files(&light(9, 200)), rare(DetectorKind::Mmd))).await;
    let open = service.open(&name()).await.expect("it is open");
    let larger = service.predict(&open, files(&light(90, 101))).await.expect("files are judged");
    assert!(larger.detections[0].is_drift, "{larger:?}");
}

#[tokio::test]
async fn another_encoder_is_not_taken_for_it_and_none_is_told() {
    let house = House::default();
    let service = serve(&house, "first").await;
    fit(&service, encoded(whole(&garments::all(0, 400)), rare(DetectorKind::Mmd))).await;
    let dark = garments::darkened(&garments::all(800, 60));
    let before = feed(&service, &dark).await;
    let after = feed(&serve(&house, "first").await, &dark).await;
    assert!(before.detections[0].is_drift);
    assert_eq!(after.detections[0].p_value, before.detections[0].p_value);
    assert_eq!(after.detections[0].statistic, before.detections[0].statistic);
    for other in [serve(&house, "second").await, house.serve().await] {
        let error = other.open(&name()).await.map(|_| ()).expect_err("another encoder").to_string();
        assert!(error.contains("its encoder of images is not there any more"), "{error}");
    }
    let stored = house.artifacts.project(&name()).await.expect("it is read").expect("it is there");
    assert_eq!(stored.parameters.texts("image.encoder"), Ok(vec!["first".to_owned()]));
}

#[tokio::test]
async fn what_an_encoder_cannot_see_is_told_by_its_row_and_what_cannot_be_asked_for_at_once() {
    let service = serve(&House::default(), "first").await;
    let lights: Vec<String> = (0..100).map(|row| format!("9 {}", row * 37 % 101)).collect();
    let refused = async |request: FitRequest| match service.fit(request).await.map(|_| ()) {
        Err(FitError::Data(error)) => error.to_string(),
        Err(FitError::Settings(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let with = |texts: TextRequest| FitRequest { texts, ..encoded(files(&lights), rare(DetectorKind::Mmd)) };
    let mut large = lights.clone();
    large[70] = "101 5".to_owned();
    for (request, part) in [
        (with(encoded_by("other")), "preprocessing/encoder: expected the name of an encoder, `other` is none"),
        (
            with(TextRequest { features: Some(FeatureSet::Statistics), ..encoded_by("edges") }),
            "preprocessing/features: expected none: it is of the drift type `text`",
        ),
        (
            FitRequest { drift_type: DriftType::Tabular, ..encoded(files(&lights), rare(DetectorKind::ChiSquare)) },
            "preprocessing/encoder: expected none: it is of the drift types `text` and `image`",
        ),
        (
            FitRequest { n_components: Some(4), ..encoded(files(&lights), rare(DetectorKind::Mmd)) },
            "preprocessing/n_components: expected n_components of 1 to 3 for these images, 4 came",
        ),
        (encoded(files(&large), rare(DetectorKind::Mmd)), "row 71: expected a small image"),
        (encoded(files(&lights[..3]), rare(DetectorKind::Mmd)), "expected at least 4 images of reference, 3 came"),
    ] {
        let error = refused(request).await;
        assert!(error.contains(part), "{error}");
    }
    fit(&service, encoded(files(&lights), rare(DetectorKind::Mmd))).await;
    let open = service.open(&name()).await.expect("it is open");
    let judged = async |table: Table| match service.predict(&open, table).await {
        Err(PredictError::Data(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let error = judged(files(&["9 5", "200 5", "9 255"].map(str::to_owned))).await;
    assert!(error.contains("row 2: expected a small image; "), "{error}");
    assert!(error.contains("row 3: expected a vector of 3 finite numbers of the encoder, another came"), "{error}");
    // Of measures alone no encoder sees anything.
    let mut measured = Images::new();
    measured.push(Some(&garments::all(0, 1)[0]));
    let error = judged(Table::unnamed(vec![Values::Images(measured)]).expect("a column")).await;
    assert!(error.contains("row 1: expected an image for the encoder"), "{error}");
    assert_eq!(service.predict(&open, files(&lights[..50])).await.expect("files are fed").rows, 50);
}

#[tokio::test]
async fn missing_images_follow_the_policy() {
    let service = serve(&House::default(), "first").await;
    let holes = |n: usize| {
        let images = garments::all(0, n);
        filled(Images::whole(), images.iter().enumerate().map(|(row, image)| (row % 10 != 3).then_some(image)))
    };
    for (missing_values, rows, dropped) in [(MissingValues::Drop, 18, 2), (MissingValues::Impute, 20, 0)] {
        let request = FitRequest { missing_values, ..encoded(holes(100), of_kind(DetectorKind::MmdOnline)) };
        fit(&service, request).await;
        let open = service.open(&name()).await.expect("it is open");
        let prediction = service.predict(&open, holes(20)).await.expect("images are fed");
        assert_eq!((prediction.rows, prediction.rows_dropped), (rows, dropped));
        assert!(prediction.detections.iter().all(|detection| detection.statistic.is_some_and(f64::is_finite)));
    }
}

#[tokio::test]
async fn a_history_is_replayed_with_an_encoder_and_without() {
    let service = serve(&House::default(), "first").await;
    let windows = Some(WindowRequest { size: Some(50), ..WindowRequest::default() });
    let candidate = |kind, encoder: Option<&str>| Candidate {
        detector: DetectorRequest { window: windows.filter(|_| kind == DetectorKind::Mmd), ..of_kind(kind) },
        texts: TextRequest { features: None, encoder: encoder.map(str::to_owned) },
        ..Candidate::default()
    };
    let candidates = vec![
        candidate(DetectorKind::MmdOnline, Some("edges")),
        candidate(DetectorKind::Mmd, Some("edges")),
        candidate(DetectorKind::Mmd, None),
        candidate(DetectorKind::Mmd, Some("other")),
    ];
    let asked = |history: Table| BacktestRequest {
        history,
        drift_type: DriftType::Image,
        reference: ReferencePart::Rows(400),
        changes: Some(vec![600]),
        margin: Some(100),
        windows: Vec::new(),
        candidates: candidates.clone(),
        ert: None,
        encoder: None,
        sequence: SequenceRequest::default(),
        missing_values: MissingValues::Reject,
        seed: 0,
    };
    let blurred = garments::blurred(&garments::all(600, 200));
    let history = whole(&[garments::all(0, 600), blurred].concat());
    let report = service.backtest(asked(history)).await.expect("a report");
    assert_eq!(report.candidates.len(), 4);
    for candidate in &report.candidates[..3] {
        let replayed = candidate.outcome.as_ref().expect("it is replayed");
        assert_eq!(replayed.n_missed, 0, "{:?}: alarms {:?}", candidate.candidate.texts, replayed.alarms);
    }
    let error = report.candidates[3].outcome.as_ref().expect_err("there is none");
    assert!(error.contains("preprocessing/encoder: expected the name of an encoder, `other` is none"), "{error}");
    let of_files: Vec<String> = (0..800).map(|row| format!("9 {}", row * 37 % 101 + row / 600 * 90)).collect();
    let report = service.backtest(asked(files(&of_files))).await.expect("a report");
    let missed =
        report.candidates.iter().map(|candidate| candidate.outcome.as_ref().ok().map(|replayed| replayed.n_missed));
    assert_eq!(missed.collect::<Vec<_>>(), [Some(0), Some(0), Some(0), None]);
}
