//! Steps and fits of the online detectors, on one thread.
//!
//!     cargo bench -p drifting-domain

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use drifting_domain::detectors::{
    CvmOnlineSpec, CvmThresholds, DetectorSpec, MmdOnlineSpec, OnlineDetector, fit_online,
};
use drifting_domain::ports::{CpuPool, Silent};
use drifting_domain::statistics::draws::stream;
use rand::RngExt;

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

fn cvm(n_bootstraps: usize) -> DetectorSpec {
    DetectorSpec::CvmOnline(CvmOnlineSpec { ert: 400.0, window_sizes: vec![40, 80], n_bootstraps, seed: 0 })
}

fn mmd(n_bootstraps: usize) -> DetectorSpec {
    DetectorSpec::MmdOnline(MmdOnlineSpec { ert: 400.0, window_size: 40, n_bootstraps, sigma: Vec::new(), seed: 0 })
}

fn fitted(spec: &DetectorSpec, reference: &[f64], d: usize) -> Box<dyn OnlineDetector> {
    fit_online(spec, reference, d, &CvmThresholds::default(), &OneThread, &Silent).expect("the reference is usable")
}

const SIZES: [usize; 2] = [1_000, 5_000];
const WIDTHS: [usize; 2] = [1, 10];

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    for (kind, spec) in [("cvm_online", cvm(60_000)), ("mmd_online", mmd(7_000))] {
        for n in SIZES {
            for d in WIDTHS {
                let reference = rows(n, d);
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
}

fn fits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fit");
    group.sample_size(10);
    for n in SIZES {
        let (column, table) = (rows(n, 1), rows(n, 10));
        group.bench_function(BenchmarkId::new("cvm_online", format!("n={n} d=1 B=10000")), |bencher| {
            bencher.iter(|| fitted(&cvm(10_000), black_box(&column), 1));
        });
        group.bench_function(BenchmarkId::new("mmd_online", format!("n={n} d=10 B=7000")), |bencher| {
            bencher.iter(|| fitted(&mmd(7_000), black_box(&table), 10));
        });
    }
}

criterion_group!(benches, steps, fits);
criterion_main!(benches);
