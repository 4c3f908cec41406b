//! Steps and fits of the online detectors, on one thread, in processor time.
//!
//!     cargo bench -p drifting-domain

mod processor_time;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use drifting_domain::data::{Frame, MissingValues, Schema, Table, Values};
use drifting_domain::detectors::{
    CvmOnlineSpec, CvmThresholds, DetectorKind, DetectorRequest, FetOnlineSpec, LsddOnlineSpec, MmdOnlineSpec,
    OnlineDetector, OnlineSpec, fit_online,
};
use drifting_domain::ports::{CpuPool, Silent};
use drifting_domain::preprocess::{Encoder, Encoding, Preprocessing, TextRequest};
use drifting_domain::statistics::alternative::Alternative;
use drifting_domain::statistics::draws::stream;
use rand::RngExt;

use self::processor_time::ProcessorTime;

struct OneThread;

impl CpuPool for OneThread {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..n_tasks).for_each(task);
    }
}

/// Rows of sums of uniforms, near enough to normal for timing.
fn rows(n: usize, d: usize) -> Vec<f64> {
    let mut generator = stream(1, 1);
    (0..n * d).map(|_| (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0).collect()
}

fn cvm(n_bootstraps: usize) -> OnlineSpec {
    OnlineSpec::CvmOnline(CvmOnlineSpec { ert: 400.0, window_sizes: vec![40, 80], n_bootstraps, seed: 0 })
}

fn fet(n_bootstraps: usize) -> OnlineSpec {
    OnlineSpec::FetOnline(FetOnlineSpec {
        ert: 400.0,
        window_sizes: vec![40, 80],
        alternative: Alternative::TwoSided,
        lam: 0.99,
        t_max: 159,
        n_bootstraps,
        seed: 0,
    })
}

fn lsdd(n_bootstraps: usize) -> OnlineSpec {
    OnlineSpec::LsddOnline(LsddOnlineSpec {
        ert: 400.0,
        window_size: 40,
        n_bootstraps,
        sigma: Vec::new(),
        n_kernel_centers: 80,
        lambda_rd_max: 0.2,
        seed: 0,
    })
}

fn mmd(n_bootstraps: usize) -> OnlineSpec {
    OnlineSpec::MmdOnline(MmdOnlineSpec { ert: 400.0, window_size: 40, n_bootstraps, sigma: Vec::new(), seed: 0 })
}

fn fitted(spec: &OnlineSpec, reference: &[f64], d: usize) -> Box<dyn OnlineDetector> {
    fit_online(spec, reference, d, &CvmThresholds::default(), &OneThread, &Silent).expect("the reference is usable")
}

fn table(rows: &[f64], d: usize) -> Table {
    let column = |column| Values::Numeric(rows.iter().skip(column).step_by(d).copied().collect());
    Table::unnamed((0..d).map(column).collect()).expect("the rows are a table")
}

fn frame(table: &Table) -> Frame<'_> {
    let schema = Schema::infer(table, MissingValues::Reject).expect("the rows have a schema");
    schema.read(table).expect("the schema is theirs")
}

/// Standardised columns and their first two principal components.
fn two_components(reference: &Frame<'_>) -> Encoder {
    let preprocessing = Preprocessing { standardize: true, n_components: Some(2), texts: TextRequest::DEFAULT };
    Encoder::fit(reference, &preprocessing, Encoding::Kernel).expect("there are two components")
}

/// Zeros and ones for the kind that needs them.
fn suited(kind: &str, mut rows: Vec<f64>) -> Vec<f64> {
    if kind == "fet_online" {
        for value in &mut rows {
            *value = f64::from(u8::from(*value > 0.5));
        }
    }
    rows
}

const SIZES: [usize; 2] = [1_000, 5_000];
const WIDTHS: [usize; 2] = [1, 10];
const SIZES_OF_COMPONENTS: [usize; 3] = [500, 1_000, 5_000];

fn steps(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("step");
    let kinds = [
        ("cvm_online", cvm(60_000)),
        ("fet_online", fet(60_000)),
        ("lsdd_online", lsdd(8_000)),
        ("mmd_online", mmd(7_000)),
    ];
    for (kind, spec) in kinds {
        for n in SIZES {
            for d in WIDTHS {
                let reference = suited(kind, rows(n, d));
                let detector = fitted(&spec, &reference, d);
                let mut state = detector.start();
                let mut feed = reference.chunks_exact(d).cycle();
                group.bench_function(BenchmarkId::new(kind, format!("n={n} d={d}")), |bencher| {
                    bencher.iter(|| {
                        let row = feed.next().expect("a cycle has no end");
                        black_box(detector.step(&mut state, black_box(row)))
                    });
                });
            }
        }
    }
    // As the Python figures were measured: the components of the row, then the step.
    for n in SIZES_OF_COMPONENTS {
        let rows = rows(n, 10);
        let tables: Vec<Table> = rows.chunks_exact(10).map(|row| table(row, 10)).collect();
        let rows_alone: Vec<Frame> = tables.iter().map(frame).collect();
        let all = table(&rows, 10);
        let reference = frame(&all);
        let encoder = two_components(&reference);
        let detector = fitted(&mmd(7_000), &encoder.encode(&reference), 2);
        let mut state = detector.start();
        let mut feed = rows_alone.iter().cycle();
        group.bench_function(BenchmarkId::new("mmd_online", format!("n={n} d=10, 2 components")), |bencher| {
            bencher.iter(|| {
                let row = encoder.encode(black_box(feed.next().expect("a cycle has no end")));
                black_box(detector.step(&mut state, &row))
            });
        });
    }
}

/// Kinds that judge one column by settings of the field; of errors where they are of those.
fn streaming_steps(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("streaming step");
    let column = rows(5_000, 1);
    for kind in DetectorKind::ALL.into_iter().filter(|kind| kind.is_streaming()) {
        let spec = DetectorRequest::default().online_specification(kind, 1).expect("defaults can be used");
        let values: Vec<f64> = if kind.watches_errors() {
            column.iter().map(|value| f64::from(u8::from(*value > 0.5))).collect()
        } else {
            column.clone()
        };
        let detector = fitted(&spec, &values, 1);
        let mut state = detector.start();
        let mut feed = values.chunks_exact(1).cycle();
        group.bench_function(BenchmarkId::new(kind.as_str(), "d=1"), |bencher| {
            bencher.iter(|| {
                let row = feed.next().expect("a cycle has no end");
                black_box(detector.step(&mut state, black_box(row)))
            });
        });
    }
}

fn fits(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("fit");
    group.sample_size(10);
    for n in SIZES {
        let (column, table) = (rows(n, 1), rows(n, 10));
        group.bench_function(BenchmarkId::new("cvm_online", format!("n={n} d=1 B=10000")), |bencher| {
            bencher.iter(|| fitted(&cvm(10_000), black_box(&column), 1));
        });
        let flags = suited("fet_online", column.clone());
        group.bench_function(BenchmarkId::new("fet_online", format!("n={n} d=1 B=10000")), |bencher| {
            bencher.iter(|| fitted(&fet(10_000), black_box(&flags), 1));
        });
        group.bench_function(BenchmarkId::new("lsdd_online", format!("n={n} d=10 B=8000")), |bencher| {
            bencher.iter(|| fitted(&lsdd(8_000), black_box(&table), 10));
        });
        group.bench_function(BenchmarkId::new("mmd_online", format!("n={n} d=10 B=7000")), |bencher| {
            bencher.iter(|| fitted(&mmd(7_000), black_box(&table), 10));
        });
    }
    for n in SIZES_OF_COMPONENTS {
        let all = table(&rows(n, 10), 10);
        let reference = frame(&all);
        group.bench_function(BenchmarkId::new("mmd_online", format!("n={n} d=10, 2 components B=7000")), |bencher| {
            bencher.iter(|| {
                let reference = two_components(black_box(&reference)).encode(&reference);
                fitted(&mmd(7_000), &reference, 2)
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ProcessorTime);
    targets = steps, streaming_steps, fits
}
criterion_main!(benches);
