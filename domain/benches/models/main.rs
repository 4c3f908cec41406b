//! Two-sample tests that train models, on one thread, in processor time.
//!
//!     cargo bench -p drifting-domain --bench models
//!
//! `scripts/bench-classifier` runs scikit-learn's models beside them.

#[path = "../online/processor_time.rs"]
mod processor_time;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use drifting_domain::detectors::{
    ClassifierModel, ClassifierSettings, ClassifierTest, SpotTheDiff, SpotTheDiffSettings, Validation,
};
use drifting_domain::ports::{CpuPool, Silent};
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
fn rows(n: usize, d: usize, seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, 1);
    (0..n * d).map(|_| (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0).collect()
}

const N: usize = 1_000;
const D: usize = 10;

fn classifier(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("classifier");
    group.sample_size(10);
    let test = ClassifierTest::new(rows(N, D, 1), D).expect("rows enough");
    let window = rows(N, D, 2);
    let models = [
        ("logistic_regression", ClassifierModel::LogisticRegression),
        ("random_forest", ClassifierModel::RandomForest { n_trees: 100 }),
    ];
    for (name, model) in models {
        let settings =
            ClassifierSettings { model, validation: Validation::NFolds(5), binarize_preds: false, calibrated: false };
        group.bench_function(BenchmarkId::new(name, format!("n={N} m={N} d={D}, 5 folds")), |bencher| {
            bencher.iter(|| test.test(black_box(&window), &settings, 0, None, &OneThread, &Silent));
        });
    }
}

fn spot_the_diff(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("spot_the_diff");
    group.sample_size(10);
    let test = SpotTheDiff::new(rows(N, D, 1), D).expect("rows enough");
    let window = rows(N, D, 2);
    for (name, validation) in [("5 folds", Validation::NFolds(5)), ("1 split", Validation::TrainSize(0.75))] {
        let settings = SpotTheDiffSettings { validation, ..SpotTheDiffSettings::default() };
        let id = BenchmarkId::from_parameter(format!("n={N} m={N} d={D}, {} epochs, {name}", settings.epochs));
        group.bench_function(id, |bencher| {
            bencher.iter(|| test.test(black_box(&window), &settings, 0, None, &OneThread, &Silent));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ProcessorTime);
    targets = classifier, spot_the_diff
}
criterion_main!(benches);
