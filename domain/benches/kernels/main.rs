//! Kernel two-sample tests, on one thread, in processor time.
//!
//!     cargo bench -p drifting-domain --bench kernels

#[path = "../online/processor_time.rs"]
mod processor_time;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use drifting_domain::detectors::two_sample::context_mmd::{ContextMmdReference, ContextMmdSpec};
use drifting_domain::detectors::two_sample::lsdd::{LsddReference, LsddSpec};
use drifting_domain::detectors::two_sample::mmd::{MmdBandwidth, MmdReference};
use drifting_domain::detectors::{MmdFourier, MmdFourierSpec};
use drifting_domain::ports::{CpuPool, Silent};
use drifting_domain::statistics::draws::stream;
use drifting_domain::statistics::permutation::{PValueRule, PermutationSpec};
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

const N_COLUMNS: usize = 10;
const SPEC: PermutationSpec =
    PermutationSpec { n_permutations: 100, level: 0.05, rule: PValueRule::Corrected, seed: 0 };

/// Rows of sums of uniforms, near enough to normal for timing.
fn rows(n: usize, seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, 1);
    (0..n * N_COLUMNS).map(|_| (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0).collect()
}

fn mmd(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("mmd");
    group.sample_size(10);
    for n in [1_000, 3_000, 10_000] {
        let (reference, window) = (rows(n, 1), rows(n, 2));
        let fit = |rows: &[f64]| {
            MmdReference::fit(rows, N_COLUMNS, MmdBandwidth::OfReference, &OneThread, &Silent).expect("rows differ")
        };
        let size = format!("n=m={n} d={N_COLUMNS} P={}", SPEC.n_permutations);
        group.bench_function(BenchmarkId::new("fit", &size), |bencher| bencher.iter(|| fit(black_box(&reference))));
        let fitted = fit(&reference);
        group.bench_function(BenchmarkId::new("test", &size), |bencher| {
            bencher.iter(|| fitted.test(black_box(&window), &SPEC, &OneThread, &Silent).expect("rows are enough"));
        });
    }
}

fn lsdd(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("lsdd");
    group.sample_size(10);
    for n in [1_000, 3_000, 10_000] {
        let (reference, window) = (rows(n, 1), rows(n, 2));
        let n_kernel_centers = LsddSpec::n_kernel_centers_of(n);
        let spec = LsddSpec { sigma: Vec::new(), n_kernel_centers, lambda_rd_max: 0.2, seed: 0 };
        let fit = |rows: &[f64]| LsddReference::fit(&spec, rows, N_COLUMNS, &OneThread, &Silent).expect("rows differ");
        let size = format!("n=m={n} d={N_COLUMNS} c={n_kernel_centers} P={}", SPEC.n_permutations);
        group.bench_function(BenchmarkId::new("fit", &size), |bencher| bencher.iter(|| fit(black_box(&reference))));
        let fitted = fit(&reference);
        group.bench_function(BenchmarkId::new("test", &size), |bencher| {
            bencher.iter(|| fitted.test(black_box(&window), &SPEC, &OneThread, &Silent).expect("rows are enough"));
        });
    }
}

fn context_mmd(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("context_mmd");
    group.sample_size(10);
    let spec = ContextMmdSpec { sigma: Vec::new(), context_sigma: Vec::new(), held_out: 0.25 };
    for (n, n_context_columns) in [(200, 1), (500, 1), (500, 2), (500, 5)] {
        // The first columns are their context.
        let contexts = |rows: &[f64]| -> Vec<f64> {
            rows.chunks_exact(N_COLUMNS).flat_map(|row| row[..n_context_columns].to_vec()).collect()
        };
        let (reference, window) = (rows(n, 1), rows(n, 2));
        let fitted = ContextMmdReference::fit(&spec, &reference, N_COLUMNS, &contexts(&reference), n_context_columns)
            .expect("rows are enough");
        let contexts = contexts(&window);
        let size = format!("n=m={n} d={N_COLUMNS}, {n_context_columns} of context, P={}", SPEC.n_permutations);
        group.bench_function(BenchmarkId::new("test", &size), |bencher| {
            bencher.iter(|| {
                fitted.test(black_box(&window), &contexts, &SPEC, &OneThread, &Silent).expect("rows are enough")
            });
        });
    }
}

fn mmd_fourier(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("mmd_fourier");
    group.sample_size(10);
    let spec = MmdFourierSpec {
        p_val: 0.05,
        n_frequencies: 128,
        sigma: Vec::new(),
        n_bootstraps: 1_000,
        min_effect: None,
        seed: 0,
    };
    for n in [10_000, 1_000_000] {
        let (reference, window) = (rows(n, 1), rows(n, 2));
        let fit = |rows: &[f64]| MmdFourier::fit(&spec, rows, N_COLUMNS, &OneThread, &Silent).expect("rows differ");
        let size = format!("n=m={n} d={N_COLUMNS} K={}", spec.n_frequencies);
        group.bench_function(BenchmarkId::new("fit", &size), |bencher| bencher.iter(|| fit(black_box(&reference))));
        let fitted = fit(&reference);
        group.bench_function(BenchmarkId::new("test", &size), |bencher| {
            bencher.iter(|| fitted.test(black_box(&window), &OneThread, &Silent).expect("nobody cancels"));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ProcessorTime);
    targets = mmd, mmd_fourier, lsdd, context_mmd
}
criterion_main!(benches);
