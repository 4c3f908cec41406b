//! Streaming kinds as they are served: which columns they take, and what they say of rows.

use std::sync::Arc;

use chrono::DateTime;
use drifting_domain::data::{MissingValues, Table, Values};
use drifting_domain::detection::Detection;
use drifting_domain::detectors::{DetectorKind, DetectorRequest, StreamingRequest};
use drifting_domain::ports::NoEvents;
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, ProjectName};
use drifting_domain::quality::QualityRequest;
use drifting_domain::use_cases::{Access, DriftService, FitError, FitRequest, Ports, ServiceSettings, StateDurability};
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};

fn service() -> DriftService {
    let metrics = Arc::new(MemoryMetrics::new());
    let ports = Ports {
        artifacts: Arc::new(MemoryArtifacts::default()),
        index: Arc::new(MemoryIndex::default()),
        operations: Arc::new(MemoryOperations::new()),
        sink: Arc::clone(&metrics) as _,
        events: Arc::new(NoEvents),
        metrics,
        clock: Arc::new(FixedClock::new(DateTime::from_timestamp(1_780_000_000, 0).expect("a time"))),
        fit_pool: Arc::new(InlineCpuPool),
        predict_pool: Arc::new(InlineCpuPool),
    };
    let settings = ServiceSettings {
        access: Access::ReadWrite,
        durability: StateDurability::Always,
        records_features: false,
        fitted_by: "test 0".to_owned(),
    };
    DriftService::new(ports, settings)
}

fn name(text: &str) -> ProjectName {
    text.parse().expect("a valid name")
}

async fn fit(
    service: &DriftService,
    kind: DetectorKind,
    drift_type: DriftType,
    columns: Vec<Values>,
) -> Result<(), FitError> {
    let request = FitRequest {
        project: name(kind.as_str()),
        drift_type,
        reference: Table::unnamed(columns).expect("columns"),
        detector: DetectorRequest {
            kind: Some(kind),
            streaming: StreamingRequest { feed_reference: Some(true), ..StreamingRequest::default() },
            ..DetectorRequest::default()
        },
        standardize: None,
        n_components: None,
        texts: TextRequest::DEFAULT,
        missing_values: MissingValues::Reject,
        quality: QualityRequest::none(),
        report_run_length: false,
        overwrite: true,
    };
    let fitted = service.fit(request).await?;
    service.store(fitted).await.expect("it is stored");
    Ok(())
}

async fn predict(service: &DriftService, kind: DetectorKind, rows: Values) -> Vec<Detection> {
    let open = service.open(&name(kind.as_str())).await.expect("it is open");
    let rows = Table::unnamed(vec![rows]).expect("a column");
    service.predict(&open, rows).await.expect("a prediction").detections
}

/// So many of a hundred values are errors.
fn errors(n: u32, percent: u32) -> impl Iterator<Item = bool> {
    (0..n).map(move |n| n * 37 % 100 < percent)
}

#[tokio::test]
async fn kinds_of_errors_take_truth_values_and_numbers() {
    let service = service();
    for kind in DetectorKind::ALL
        .into_iter()
        .filter(|kind| kind.is_streaming() && kind.encoding() == DetectorKind::Ddm.encoding())
    {
        fit(&service, kind, DriftType::Label, vec![Values::Boolean(errors(400, 10).map(Some).collect())])
            .await
            .expect("a fit");
        let truths = predict(&service, kind, Values::Boolean(errors(400, 60).map(Some).collect())).await;
        assert!(truths.iter().any(|detection| detection.is_drift), "{kind}");
        fit(
            &service,
            kind,
            DriftType::Label,
            vec![Values::Numeric(errors(400, 10).map(|e| f64::from(u8::from(e))).collect())],
        )
        .await
        .expect("a fit");
        let numbers =
            predict(&service, kind, Values::Numeric(errors(400, 60).map(|e| f64::from(u8::from(e))).collect())).await;
        assert_eq!(truths.len(), numbers.len());
        for (truth, number) in truths.iter().zip(&numbers) {
            assert_eq!(
                (truth.is_drift, truth.is_warning, truth.statistic),
                (number.is_drift, number.is_warning, number.statistic),
                "{kind}"
            );
        }
    }
}

#[tokio::test]
async fn kinds_of_values_take_one_column_of_numbers() {
    let service = service();
    let values = |shift: f64| Values::Numeric((0..400_u32).map(|n| f64::from(n * 37 % 101) + shift).collect());
    for kind in DetectorKind::ALL.into_iter().filter(|kind| kind.is_streaming() && !kind.watches_errors()) {
        if kind.encoding() == DetectorKind::Ddm.encoding() {
            continue;
        }
        fit(&service, kind, DriftType::Label, vec![values(0.0)]).await.expect("a fit");
        assert!(predict(&service, kind, values(0.0)).await.len() == 400);
        let detections = predict(&service, kind, values(500.0)).await;
        assert!(detections.iter().any(|detection| detection.is_drift), "{kind}");
        let two = fit(&service, kind, DriftType::Tabular, vec![values(0.0), values(1.0)]).await;
        assert!(two.is_err_and(|error| error.to_string().contains("watches one column, 2 came")), "{kind}");
        let texts = vec![Values::Text(["a", "b", "c"].into_iter().map(Some).collect())];
        assert!(fit(&service, kind, DriftType::Label, texts).await.is_err(), "{kind}");
    }
}
