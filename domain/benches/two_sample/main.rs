//! Two-sample tests of windows against a reference, on one thread, in processor time.
//!
//!     cargo bench -p drifting-domain --bench two_sample
//!
//! As in a detector, the reference has been sorted or counted before; the window is copied, sorted or counted, and
//! tested.

#[path = "../online/processor_time.rs"]
mod processor_time;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use drifting_domain::statistics::alternative::Alternative;
use drifting_domain::statistics::chi_square::chi_square;
use drifting_domain::statistics::cramer_von_mises::CramerVonMises;
use drifting_domain::statistics::draws::stream;
use drifting_domain::statistics::fisher_exact::{BinaryCounts, fisher_exact};
use drifting_domain::statistics::kolmogorov_smirnov as ks;
use drifting_domain::statistics::sorted_sample::SortedSample;
use rand::RngExt;

use self::processor_time::ProcessorTime;

const SIZES: [usize; 3] = [1_000, 10_000, 1_000_000];
const D: usize = 10;
const N_LEVELS: u32 = 5;

/// Columns of sums of uniforms, near enough to normal for timing.
fn columns(n: usize, seed: u64) -> Vec<Vec<f64>> {
    let column = |task| {
        let mut generator = stream(seed, task);
        (0..n).map(|_| (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0).collect()
    };
    (0..D as u64).map(column).collect()
}

/// Columns of codes of a few levels.
fn codes(n: usize, seed: u64) -> Vec<Vec<u32>> {
    let column = |task| {
        let mut generator = stream(seed, task);
        (0..n).map(|_| generator.random_range(0..N_LEVELS)).collect()
    };
    (0..D as u64).map(column).collect()
}

fn sorted(columns: &[Vec<f64>]) -> Vec<SortedSample> {
    columns.iter().map(|column| SortedSample::sort(column.clone()).expect("the values are finite")).collect()
}

fn counted(codes: &[u32]) -> [u64; N_LEVELS as usize] {
    let mut counts = [0; N_LEVELS as usize];
    for code in codes {
        counts[*code as usize] += 1;
    }
    counts
}

fn tests(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("two_sample");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    for n in SIZES {
        let size = format!("n={n} d={D}");
        let (reference, window) = (sorted(&columns(n, 1)), columns(n, 2));
        group.bench_function(BenchmarkId::new("ks", &size), |bencher| {
            bencher.iter(|| {
                let test = |(reference, window): (&SortedSample, &Vec<f64>)| {
                    let window = SortedSample::sort(window.clone()).expect("the values are finite");
                    let distance = ks::distance(reference, &window).of(Alternative::TwoSided).size;
                    ks::p_value_asymptotic(distance, n, n, Alternative::TwoSided)
                };
                reference.iter().zip(black_box(&window)).map(test).collect::<Vec<_>>()
            });
        });
        group.bench_function(BenchmarkId::new("cvm", &size), |bencher| {
            bencher.iter(|| {
                let test = |(reference, window): (&SortedSample, &Vec<f64>)| {
                    let window = SortedSample::sort(window.clone()).expect("the values are finite");
                    CramerVonMises::new(reference, &window).map(|test| test.p_value())
                };
                reference.iter().zip(black_box(&window)).map(test).collect::<Vec<_>>()
            });
        });
        let (reference, window) = (codes(n, 1), codes(n, 2));
        let reference: Vec<[u64; N_LEVELS as usize]> = reference.iter().map(|column| counted(column)).collect();
        group.bench_function(BenchmarkId::new("chi_square", &size), |bencher| {
            bencher.iter(|| {
                let test = |(reference, window): (&[u64; N_LEVELS as usize], &Vec<u32>)| {
                    chi_square(reference, &counted(window)).map(|test| test.p_value)
                };
                reference.iter().zip(black_box(&window)).map(test).collect::<Vec<_>>()
            });
        });
    }
}

/// The parts that depend on sizes and statistics alone.
fn p_values(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("p_value");
    for n in SIZES {
        // About the 0.95 and the 1 - 1e-10 quantile.
        for scaled in [1.358_f64, 3.4] {
            let distance = scaled * (2.0 / n as f64).sqrt();
            let size = format!("n={n} scaled={scaled}");
            group.bench_function(BenchmarkId::new("ks", &size), |bencher| {
                bencher.iter(|| ks::p_value_asymptotic(black_box(distance), n, n, Alternative::TwoSided));
            });
            for (side, alternative) in [("two_sided", Alternative::TwoSided), ("greater", Alternative::Greater)] {
                if n <= ks::EXACT_SIZE_MAX {
                    group.bench_function(BenchmarkId::new(format!("ks_exact_{side}"), &size), |bencher| {
                        bencher.iter(|| ks::p_value_exact(black_box(distance), n, n - 1, alternative));
                    });
                }
            }
        }
        let n = n as u64;
        let reference = BinaryCounts { ones: n / 4, zeros: n - n / 4 };
        let window = BinaryCounts { ones: n / 4 + n.isqrt(), zeros: n - n / 4 - n.isqrt() };
        group.bench_function(BenchmarkId::new("fisher_exact", format!("n={n}")), |bencher| {
            bencher.iter(|| fisher_exact(black_box(reference), black_box(window), Alternative::TwoSided));
        });
    }
    for (n, m) in [(10, 9), (20, 19), (20, 20)] {
        let values = |n: u32, step: f64| -> SortedSample {
            SortedSample::sort((0..n).map(|i| f64::from(i) * step).collect()).expect("the values are finite")
        };
        let test = CramerVonMises::new(&values(n, 1.0), &values(m, 1.7)).expect("several values");
        group.bench_function(BenchmarkId::new("cvm_exact", format!("n={n} m={m}")), |bencher| {
            bencher.iter(|| black_box(&test).p_value());
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ProcessorTime);
    targets = tests, p_values
}
criterion_main!(benches);
