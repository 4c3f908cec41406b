//! Texts as statistics that people can read, and as vectors of an encoder.

mod house;
mod registers;
mod text_project;

use std::sync::Arc;

use drifting_domain::detectors::{DetectorKind, DetectorRequest};
use drifting_domain::ports::{TextEncoder, TextEncoders};
use drifting_domain::preprocess::{FeatureSet, TextRequest};
use drifting_domain::use_cases::{DriftService, FitError, FitRequest, PredictError};

use self::house::{House, fit, name, of_kind};
use self::registers::{Register, sentences};
use self::text_project::{feed, request, table};

fn of(features: FeatureSet) -> TextRequest {
    TextRequest { features: Some(features), encoder: None }
}

fn encoded_by(name: &str) -> TextRequest {
    TextRequest { features: None, encoder: Some(name.to_owned()) }
}

#[tokio::test]
async fn statistics_of_texts_are_columns_that_are_ranked_by_name() {
    let service = House::default().serve().await;
    let reference = sentences(Register::Complaint, 600, 1);
    let shouted: Vec<String> = sentences(Register::Complaint, 100, 3).iter().map(|text| text.to_uppercase()).collect();
    let encoder = of(FeatureSet::Statistics);
    for kind in [DetectorKind::Tabular, DetectorKind::Wasserstein, DetectorKind::Mmd] {
        let detector = DetectorRequest { p_val: Some(0.01), ..of_kind(kind) };
        fit(&service, FitRequest { texts: encoder.clone(), ..request(table(&reference), detector) }).await;
        let calm = feed(&service, &sentences(Register::Complaint, 100, 2)).await;
        assert!(!calm.detections[0].is_drift, "{kind} {calm:?}");
        let loud = feed(&service, &shouted).await;
        assert!(loud.detections[0].is_drift, "{kind} {loud:?}");
        let open = service.open(&name()).await.expect("it is open");
        let columns: Vec<&str> = open.judged_schema().columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(columns.len(), 11, "{columns:?}");
        let most = drifting_domain::detection::ranked(&loud.detections[0].features)[0];
        assert_eq!(columns[most.column], "upper_case", "{kind}");
        let other = feed(&service, &sentences(Register::Diary, 100, 4)).await;
        let moved = other.detections[0].features.iter().filter(|feature| feature.is_drift);
        let moved: Vec<&str> = moved.map(|feature| columns[feature.column]).collect();
        assert!(other.detections[0].is_drift && moved.contains(&"unknown_words"), "{kind} {moved:?}");
    }
}

#[tokio::test]
async fn statistics_are_watched_row_by_row_and_go_on_after_a_restart() {
    let reference = sentences(Register::Complaint, 400, 1);
    let request = FitRequest {
        texts: of(FeatureSet::Statistics),
        ..request(table(&reference), of_kind(DetectorKind::MmdOnline))
    };
    let house = House::default();
    fit(&house.serve().await, request).await;
    let keys: Vec<String> =
        (0..30).map(|row| format!("{:x}", 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(row + 1))).collect();
    let mut verdicts = Vec::new();
    for texts in keys.chunks(7) {
        verdicts.extend(feed(&house.serve().await, texts).await.detections);
    }
    let last = verdicts.iter().rfind(|verdict| verdict.is_drift && !verdict.features.is_empty()).expect("an alarm");
    let service = house.serve().await;
    let open = service.open(&name()).await.expect("it is open");
    let columns = &open.judged_schema().columns;
    let moved: Vec<&str> = last
        .features
        .iter()
        .filter(|feature| feature.is_drift)
        .map(|feature| columns[feature.column].name.as_str())
        .collect();
    assert!(moved.contains(&"surprise") && moved.contains(&"blanks"), "{moved:?}");
}

/// An encoder of two numbers: the shares of two letters. Texts with a sign it cannot read.
struct Letters(&'static str);

impl TextEncoder for Letters {
    fn fingerprint(&self) -> &str {
        self.0
    }

    fn width(&self) -> usize {
        2
    }

    fn cost_ns(&self, n_bytes: usize) -> u64 {
        n_bytes as u64
    }

    fn encode(&self, text: &str) -> Result<Vec<f32>, String> {
        if text.contains('§') {
            return Err("expected a text without signs of law".to_owned());
        }
        let share = |letter: char| text.matches(letter).count() as f32 / text.len().max(1) as f32;
        Ok(vec![share('e'), share('w')])
    }
}

/// One encoder, with this fingerprint.
struct One(&'static str);

impl TextEncoders for One {
    fn open(&self, name: &str) -> Result<Arc<dyn TextEncoder>, String> {
        match name {
            "letters" => Ok(Arc::new(Letters(self.0))),
            _ => Err(format!("expected the name of an encoder, `{name}` is none")),
        }
    }
}

async fn with_encoders(house: &House, fingerprint: &'static str) -> DriftService {
    let service = house.service().with_text_encoders(Arc::new(One(fingerprint)));
    service.start().await.expect("it starts");
    service
}

#[tokio::test]
async fn vectors_of_an_encoder_are_components_and_another_encoder_is_not_taken_for_it() {
    let house = House::default();
    let service = with_encoders(&house, "first").await;
    let reference = sentences(Register::Complaint, 400, 1);
    let request = FitRequest {
        texts: encoded_by("letters"),
        n_components: Some(1),
        ..request(table(&reference), DetectorRequest { p_val: Some(0.01), ..of_kind(DetectorKind::Mmd) })
    };
    fit(&service, request.clone()).await;
    let wrong = service.fit(FitRequest { texts: encoded_by("other"), overwrite: true, ..request }).await.map(|_| ());
    assert!(
        matches!(&wrong, Err(FitError::Settings(error)) if error.to_string().contains("`other` is none")),
        "{wrong:?}"
    );
    let calm = feed(&service, &sentences(Register::Complaint, 100, 2)).await;
    assert!(!calm.detections[0].is_drift, "{calm:?}");
    let open = service.open(&name()).await.expect("it is open");
    let error = service.predict(&open, table(&["all is well", "§ 12"])).await;
    assert!(
        matches!(&error, Err(PredictError::Data(error)) if error.to_string().contains("row 2: expected a text without")),
        "{error:?}"
    );
    let restarted = with_encoders(&house, "first").await;
    let other = feed(&restarted, &["www www www"; 50]).await;
    assert!(other.detections[0].is_drift, "{other:?}");
    let open = restarted.open(&name()).await.expect("it is open");
    let columns: Vec<&str> = open.judged_schema().columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["component_1", "characters", "words", "unknown_words"]);
    // Another model in the place of that one, and none at all.
    let replaced = with_encoders(&house, "second").await;
    assert!(replaced.open(&name()).await.is_err());
    assert!(house.serve().await.open(&name()).await.is_err());
}
