//! Real images through a model of convolutions: what changes of them is told, the same is left alone, over HTTP's use cases in memory.

#[path = "../../../domain/tests/garments/mod.rs"]
mod garments;
#[path = "../../../domain/tests/house/mod.rs"]
mod house;
#[path = "../../../domain/tests/image_column/mod.rs"]
mod image_column;

use std::path::Path;
use std::sync::Arc;

use drifting_domain::data::{Image, Images, Table};
use drifting_domain::detectors::{DetectorKind, DetectorRequest};
use drifting_domain::ports::ArtifactStore;
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::DriftType;
use drifting_domain::use_cases::{DriftService, FitRequest, Prediction};
use drifting_encoders::EncoderFolder;

use self::house::{House, fit, name, of_kind, request};
use self::image_column::filled;

async fn serve(house: &House, folder: &Path) -> DriftService {
    let service = house.service().with_image_encoders(Arc::new(EncoderFolder::at(folder.to_owned())));
    service.start().await.expect("the stores are read");
    service
}

fn testdata() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata"))
}

fn table(images: &[Image]) -> Table {
    filled(Images::whole(), images.iter().map(Some))
}

fn encoded(reference: &[Image], detector: DetectorRequest) -> FitRequest {
    let texts = TextRequest { features: None, encoder: Some("convolutions".to_owned()) };
    FitRequest { texts, ..request(DriftType::Image, table(reference), detector) }
}

async fn feed(service: &DriftService, images: &[Image]) -> Prediction {
    let open = service.open(&name()).await.expect("it is open");
    service.predict(&open, table(images)).await.expect("images are judged")
}

#[tokio::test]
async fn windows_of_other_garments_and_of_blurred_and_dark_ones_are_told_and_the_same_are_not() {
    const P_VAL: f64 = 0.01;
    const WINDOW: usize = 100;
    let service = serve(&House::default(), testdata()).await;
    for (kind, n_windows) in [(DetectorKind::Mmd, 40), (DetectorKind::Tabular, 40), (DetectorKind::Classifier, 10)] {
        let detector = DetectorRequest { p_val: Some(P_VAL), ..of_kind(kind) };
        fit(&service, encoded(&garments::all(0, 800), detector)).await;
        let mut n_alarms = 0;
        for window in 0..n_windows {
            let same = garments::all(800 + window * WINDOW, WINDOW);
            n_alarms += usize::from(feed(&service, &same).await.detections[0].is_drift);
        }
        // So many of 40 at a rate of 1 in 100 have a probability below 1 in 1,000.
        assert!(n_alarms <= 3, "{kind}: {n_alarms} of {n_windows}");
        let later = garments::all(6_000, WINDOW);
        for (what, images) in [
            ("blurred", garments::blurred(&later)),
            ("darker", garments::darkened(&later)),
            ("trousers", garments::of_kinds(1..2, 400, WINDOW)),
        ] {
            let judged = feed(&service, &images).await;
            assert!(judged.detections[0].is_drift, "{kind}, {what}: {:?}", judged.detections[0].p_value);
        }
    }
}

#[tokio::test]
async fn alarms_row_by_row_are_as_rare_as_promised_and_drift_is_told_at_once() {
    const N_REFERENCES: u64 = 10;
    const N_ROWS: usize = 1_000;
    let service = serve(&House::default(), testdata()).await;
    let mut n_alarms = Vec::new();
    for seed in 0..N_REFERENCES {
        let detector = DetectorRequest {
            seed: Some(seed),
            after_alarm: Some(drifting_domain::project::AfterAlarm::Reset),
            ..of_kind(DetectorKind::MmdOnline)
        };
        let start = usize::try_from(seed).expect("a small number") * 800;
        fit(&service, FitRequest { n_components: Some(8), ..encoded(&garments::all(start, 800), detector) }).await;
        let calm = feed(&service, &garments::all(start + 800, N_ROWS)).await;
        n_alarms.push(calm.detections.iter().filter(|detection| detection.is_drift).count());
        service.reset(&name()).await.expect("it starts anew");
        let dark = feed(&service, &garments::darkened(&garments::all(start + 2_000, 60))).await;
        let delay = dark.detections.iter().position(|detection| detection.is_drift);
        assert!(delay.is_some_and(|delay| delay < 40), "{delay:?}");
    }
    n_alarms.sort_unstable();
    let usual = n_alarms[n_alarms.len() / 2];
    let promised = N_ROWS / 50;
    assert!((promised / 2..promised * 2).contains(&usual), "{n_alarms:?}");
}

#[tokio::test]
async fn a_project_goes_on_after_a_restart_with_the_same_model_and_with_no_other() {
    let house = House::default();
    let folder = tempfile::tempdir().expect("a folder");
    let of_encoder = folder.path().join("convolutions");
    std::fs::create_dir(&of_encoder).expect("a folder");
    let files = ["model.onnx", "preprocessor_config.json"];
    for file in files {
        std::fs::copy(testdata().join("convolutions").join(file), of_encoder.join(file)).expect("it is copied");
    }
    let detector = DetectorRequest { p_val: Some(0.01), ..of_kind(DetectorKind::Mmd) };
    let first = serve(&house, folder.path()).await;
    fit(&first, encoded(&garments::all(0, 400), detector)).await;
    let dark = garments::darkened(&garments::all(800, 60));
    let before = feed(&first, &dark).await;
    assert!(before.detections[0].is_drift, "{before:?}");
    let after = feed(&serve(&house, folder.path()).await, &dark).await;
    assert_eq!(after.detections[0].statistic, before.detections[0].statistic);

    // What is done to images before the model is part of it.
    std::fs::write(of_encoder.join(files[1]), r#"{"size": 28}"#).expect("it is written");
    let error = serve(&house, folder.path()).await.open(&name()).await.map(|_| ()).expect_err("another encoder");
    assert!(error.to_string().contains("its encoder of images is not there any more"), "{error}");
    std::fs::remove_dir_all(&of_encoder).expect("it is removed");
    assert!(serve(&house, folder.path()).await.open(&name()).await.is_err());
    assert!(house.serve().await.open(&name()).await.is_err());
    let stored = house.artifacts.project(&name()).await.expect("it is read").expect("it is there");
    assert_eq!(stored.configuration.preprocessing.texts.encoder.as_deref(), Some("convolutions"));
}
