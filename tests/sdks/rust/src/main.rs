//! A fit, predictions and their trend by the generated Rust client: `round-trip URL`, with the key in `DRIFTING_API_KEY`.

use std::collections::HashMap;
use std::sync::Arc;

use drifting_client::apis::Error;
use drifting_client::apis::configuration::{ApiKey, Configuration};
use drifting_client::apis::metrics_api::{ListMetricsParams, MetricsApi, MetricsApiClient};
use drifting_client::apis::predictions_api::{PredictParams, PredictionsApi, PredictionsApiClient};
use drifting_client::apis::projects_api::{FitProjectParams, ListProjectsParams, ProjectsApi, ProjectsApiClient};
use drifting_client::models::{
    Cell, Data, DataRow, DetectorKind, DetectorSettings, DriftType, FitRequest, PredictRequest, Problem, TrendPoint,
};

const N_REFERENCE: u32 = 200;

/// The operations of a server, for whoever has a key.
fn connect(url: &str, key: &str) -> (ProjectsApiClient, PredictionsApiClient, MetricsApiClient) {
    let api_key = Some(ApiKey { prefix: None, key: key.to_owned() });
    let configuration = Arc::new(Configuration { base_path: url.to_owned(), api_key, ..Configuration::default() });
    (
        ProjectsApiClient::new(configuration.clone()),
        PredictionsApiClient::new(configuration.clone()),
        MetricsApiClient::new(configuration),
    )
}

fn values(values: impl IntoIterator<Item = f64>) -> Data {
    Data::Rows(values.into_iter().map(DataRow::Number).collect())
}

fn fit(project: &str, request: FitRequest) -> FitProjectParams {
    FitProjectParams::builder().project(project.to_owned()).fit_request(request).build()
}

fn rows(project: &str, data: Data) -> PredictParams {
    PredictParams::builder().project(project.to_owned()).predict_request(PredictRequest::new(data)).build()
}

/// The problem that an answer is: its status has no type of its own, since each of them has this body.
fn problem<T: std::fmt::Debug, E: std::fmt::Debug>(answer: Result<T, Error<E>>) -> Problem {
    match answer {
        Err(Error::ResponseError(response)) => serde_json::from_str(&response.content).expect("a problem"),
        other => panic!("expected a problem: {other:?}"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("the URL is the argument")?;
    let (projects, predictions, metrics) = connect(&url, &std::env::var("DRIFTING_API_KEY")?);

    // Left out is one `None`, null is another.
    let detector = DetectorSettings {
        kind: Some(Some(DetectorKind::CvmOnline)),
        ert: Some(Some(100.0)),
        window_sizes: Some(Some(vec![10])),
        n_bootstraps: Some(Some(2_000)),
        sigma: Some(None),
        ..DetectorSettings::new()
    };
    let reference = values((0..N_REFERENCE).map(|n| f64::from(n * 37 % 101) / 101.0));
    let request = FitRequest {
        detector: Some(Some(detector)),
        overwrite: Some(Some(true)),
        ..FitRequest::new(DriftType::Label, reference)
    };
    let project = projects.fit_project(fit("rust", request)).await?;
    assert_eq!(project.detector.map(|detector| detector.kind), Some(DetectorKind::CvmOnline));
    assert_eq!(project.reference_rows, Some(N_REFERENCE.into()));

    // One row, and many; a number that is none is written as null, a missing value.
    let one = predictions.predict(rows("rust", values([0.5]))).await?;
    assert_eq!((one.rows, one.warm_up, one.statistic, one.is_drift), (1, true, None, false));
    let columns = HashMap::from([("value".to_owned(), vec![Cell::Number(0.5), Cell::Number(f64::NAN)])]);
    let refused = problem(predictions.predict(rows("rust", Data::DataColumns(columns))).await);
    assert_eq!(refused.code, "invalid_data");
    let many = predictions.predict(rows("rust", values([7.5; 30]))).await?;
    assert_eq!((many.rows, many.time, many.is_drift, many.results.len()), (30, 31, true, 30));
    let statistic = many.statistic.ok_or("a statistic")?;
    assert!(statistic > many.threshold.ok_or("a threshold")?);

    // Records and arrays.
    let record = |n: u32| {
        let day = if n % 2 == 1 { "mon" } else { "tue" };
        let price = Cell::Number(f64::from(n % 7) / 7.0);
        DataRow::DataRecord(HashMap::from([
            ("price".to_owned(), price),
            ("day".to_owned(), Cell::String(day.to_owned())),
        ]))
    };
    let detector = DetectorSettings { kind: Some(Some(DetectorKind::Tabular)), ..DetectorSettings::new() };
    let table = FitRequest {
        detector: Some(Some(detector)),
        ..FitRequest::new(DriftType::Tabular, Data::Rows((0..60).map(record).collect()))
    };
    let anew = FitRequest { overwrite: Some(Some(true)), ..table.clone() };
    let fitted = projects.fit_project(fit("rust-table", anew)).await?;
    // Cells stand in the order of the columns.
    let columns = fitted.schema.ok_or("a schema")?.columns;
    let cell = |name: &str| if name == "day" { Cell::String("sun".to_owned()) } else { Cell::Number(9.5) };
    let row = DataRow::Cells(columns.iter().map(|column| cell(&column.name)).collect());
    let judged = predictions.predict(rows("rust-table", Data::Rows(vec![row; 20]))).await?;
    assert!(judged.is_drift);
    let day = judged.features.iter().find(|feature| feature.name == "day").ok_or("the column")?;
    assert_eq!(day.unseen_categories, Some(vec!["sun".to_owned()]));

    // The trend, one by one and in buckets.
    let trend = metrics.list_metrics(ListMetricsParams::builder().project("rust".to_owned()).build()).await?;
    let times = trend.metrics.iter().map(|point| match point {
        TrendPoint::Metric(metric) => metric.time,
        TrendPoint::MetricBucket(bucket) => panic!("a bucket came: {bucket:?}"),
    });
    assert!(times.eq(1..=31));
    let params = ListMetricsParams::builder().project("rust".to_owned()).resolution("366d".to_owned()).build();
    let buckets = metrics.list_metrics(params).await?;
    let n_rows: u64 = buckets
        .metrics
        .iter()
        .map(|point| match point {
            TrendPoint::MetricBucket(bucket) => bucket.rows,
            TrendPoint::Metric(metric) => panic!("a metric came: {metric:?}"),
        })
        .sum();
    assert_eq!(n_rows, 31);

    let page = projects.list_projects(ListProjectsParams::builder().build()).await?;
    let names: Vec<&str> = page.projects.iter().map(|project| project.project.as_str()).collect();
    assert!(["rust", "rust-table"].iter().all(|name| names.contains(name)), "{names:?}");

    // Errors are problems.
    let missing = problem(predictions.predict(rows("nobody", values([0.5]))).await);
    assert_eq!((missing.status, missing.code.as_str()), (404, "project_not_found"));
    let exists = problem(projects.fit_project(fit("rust-table", table)).await);
    assert_eq!(exists.code, "project_exists");
    let (stranger, _, _) = connect(&url, "another key");
    let unknown = problem(stranger.list_projects(ListProjectsParams::builder().build()).await);
    assert_eq!(unknown.code, "unauthenticated");
    println!("rust: {} rows judged, {} metrics, statistic {statistic:.2}", one.rows + many.rows, trend.metrics.len());
    Ok(())
}
