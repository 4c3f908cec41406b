//! A prediction of one row of ten columns, with the checks of quality and without, on one thread.
//!
//!     cargo bench -p drifting-domain --bench quality

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use drifting_domain::data::{MissingValues, Table, Values};
use drifting_domain::detectors::{DetectorKind, DetectorRequest, WindowRequest};
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::DriftType;
use drifting_domain::quality::QualityRequest;
use drifting_domain::use_cases::{DriftService, FitRequest, OpenProject};
use drifting_memory::service;
use tokio::runtime::{Builder, Runtime};

const COLUMNS: usize = 10;

/// Half of the columns are numbers, half are categories.
fn rows(n: usize) -> Table {
    let column = |column: usize| {
        let value = |row: usize| (row * 37 + column) % 101;
        if column.is_multiple_of(2) {
            Values::Numeric((0..n).map(|row| value(row) as f64).collect())
        } else {
            Values::Text((0..n).map(|row| Some(format!("category {}", value(row) % 7))).collect())
        }
    };
    Table::unnamed((0..COLUMNS).map(column).collect()).expect("the rows are a table")
}

/// A project whose rows are collected into windows so large that none closes while it is timed.
fn project(runtime: &Runtime, service: &DriftService, quality: QualityRequest) -> OpenProject {
    let window = WindowRequest { size: Some(1_000_000), ..WindowRequest::default() };
    let detector =
        DetectorRequest { kind: Some(DetectorKind::Tabular), window: Some(window), ..DetectorRequest::default() };
    let request = FitRequest {
        project: "p".parse().expect("a name"),
        drift_type: DriftType::Tabular,
        reference: rows(1_000),
        detector,
        standardize: None,
        n_components: None,
        texts: TextRequest::DEFAULT,
        missing_values: MissingValues::Impute,
        quality,
        report_run_length: false,
        overwrite: true,
    };
    runtime.block_on(async {
        service.start().await.expect("the stores are read");
        let fitted = service.fit(request).await.expect("the reference is usable");
        service.store(fitted).await.expect("it is stored");
        service.open(&"p".parse().expect("a name")).await.expect("it is open")
    })
}

fn predict(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let mut group = criterion.benchmark_group("predict_1_row_10_columns");
    for (checks, quality) in [("on", QualityRequest::default()), ("off", QualityRequest::none())] {
        let service = service();
        let open = project(&runtime, &service, quality);
        let row = rows(1);
        group.bench_function(BenchmarkId::new("checks", checks), |bencher| {
            bencher.iter(|| runtime.block_on(service.predict(&open, row.clone())).expect("the row is fed"));
        });
    }
    group.finish();
}

criterion_group!(benches, predict);
criterion_main!(benches);
