//! Features of images, on one thread, in processor time.
//!
//!     cargo bench -p drifting-domain --bench images

#[path = "../online/processor_time.rs"]
mod processor_time;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use drifting_domain::data::{Image, measure};
use drifting_domain::preprocess::ImageFeatures;
use drifting_domain::statistics::draws::stream;
use rand::RngExt;

use self::processor_time::ProcessorTime;

/// Images of random pixels.
fn images(n: usize, side: usize, n_channels: usize) -> Vec<Image> {
    let mut generator = stream(1, 2);
    let mut image = || {
        let pixels = (0..side * side * n_channels).map(|_| generator.random::<u8>()).collect();
        Image::new(side, side, n_channels, pixels).expect("as many values as are said")
    };
    (0..n).map(|_| image()).collect()
}

fn measures(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("image");
    for (side, n_channels) in [(28, 1), (28, 3), (224, 3), (2_048, 3)] {
        let image = images(1, side, n_channels).remove(0);
        group.throughput(Throughput::Elements((side * side) as u64));
        group.bench_function(BenchmarkId::new("measures", format!("{side}x{side}x{n_channels}")), |bencher| {
            bencher.iter(|| measure(black_box(&image)));
        });
    }
}

fn fits(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("image fit");
    group.sample_size(10);
    for n in [400, 4_000] {
        let measured: Vec<Vec<f32>> = images(n, 28, 1).iter().map(measure).collect();
        let reference: Vec<Option<&[f32]>> = measured.iter().map(|measures| Some(&measures[..])).collect();
        group.bench_function(BenchmarkId::new("28x28", n), |bencher| {
            bencher.iter(|| ImageFeatures::fit(black_box(&reference), None, 0));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ProcessorTime);
    targets = measures, fits
}
criterion_main!(benches);
