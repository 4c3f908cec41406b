//! Features of texts, on one thread, in processor time.
//!
//!     cargo bench -p drifting-domain --bench texts

#[path = "../online/processor_time.rs"]
mod processor_time;
#[path = "../../tests/registers/mod.rs"]
mod registers;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use drifting_domain::ports::{CpuPool, Silent};
use drifting_domain::preprocess::{TextFeatureSet, TextFeatures};

use self::processor_time::ProcessorTime;
use self::registers::{Register, sentences};

struct OneThread;

impl CpuPool for OneThread {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..n_tasks).for_each(task);
    }
}

/// Texts of so many bytes, of both registers by turns.
fn texts(n: usize, n_bytes: usize) -> Vec<String> {
    let n_sentences = n_bytes / 40 + 1;
    let of = |index: usize| if index.is_multiple_of(2) { Register::Complaint } else { Register::Diary };
    let text = |index: usize| {
        let mut text = sentences(of(index), n_sentences, index as u64).join(" ");
        text.truncate(n_bytes);
        text
    };
    (0..n).map(text).collect()
}

fn some(texts: &[String]) -> Vec<Option<&str>> {
    texts.iter().map(|text| Some(text.as_str())).collect()
}

fn features(criterion: &mut Criterion<ProcessorTime>) {
    let reference = texts(2_000, 1_024);
    let (features, _) = TextFeatures::fit(&some(&reference), TextFeatureSet::Components(None), 0, &OneThread, &Silent)
        .expect("they have words");
    let mut group = criterion.benchmark_group("text");
    for n_bytes in [100, 1_024, 100 * 1_024] {
        let later = texts(20, n_bytes);
        let mut feed = later.iter().cycle();
        group.throughput(Throughput::Bytes(n_bytes as u64));
        group.bench_function(BenchmarkId::new("features", n_bytes), |bencher| {
            bencher.iter(|| {
                let text = feed.next().expect("a cycle has no end");
                features.frame(black_box(&[Some(text.as_str())]), &OneThread)
            });
        });
    }
}

fn fits(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("text fit");
    group.sample_size(10);
    for n in [400, 4_000] {
        let reference = texts(n, 1_024);
        let reference = some(&reference);
        group.bench_function(BenchmarkId::new("1 kB", n), |bencher| {
            bencher.iter(|| {
                TextFeatures::fit(black_box(&reference), TextFeatureSet::Components(None), 0, &OneThread, &Silent)
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ProcessorTime);
    targets = features, fits
}
criterion_main!(benches);
