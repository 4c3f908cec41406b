//! Tensors of 10,000 rows of 10 doubles, in bytes and in JSON, beside a copy of the same bytes; and a single row in JSON.
//!
//!     cargo bench -p drifting-inference

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use drifting_inference::{Budget, Datatype, ReadLimits, Shape, decode, read_request};

const N_ROWS: usize = 10_000;
const N_COLUMNS: usize = 10;
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

fn numbers() -> Vec<f64> {
    (0..N_ROWS * N_COLUMNS).map(|index| ((index * 7_919) % 100_003) as f64 / 100_003.0).collect()
}

fn bytes(criterion: &mut Criterion) {
    let raw: Bytes = numbers().into_iter().flat_map(f64::to_le_bytes).collect();
    let shape = Shape::new(&[10_000, 10]).unwrap_or_else(|refused| panic!("{refused}"));
    let mut group = criterion.benchmark_group("10,000 x 10 FP64 in bytes");
    group.throughput(Throughput::Bytes(raw.len() as u64));
    group.bench_function("copied", |bencher| bencher.iter(|| black_box(&raw[..]).to_vec()));
    group.bench_function("decoded", |bencher| {
        bencher.iter(|| {
            let mut budget = Budget::of_raw(BODY_BYTES_MAX);
            decode(Datatype::Fp64, &shape, black_box(&raw), &mut budget, String::new)
        });
    });
    let json =
        r#"{"inputs":[{"name":"x","shape":[10000,10],"datatype":"FP64","parameters":{"binary_data_size":800000}}]}"#;
    let body = [json.as_bytes(), &raw].concat();
    group.bench_function("the whole request", |bencher| {
        bencher.iter(|| read_request(black_box(&body), Some(json.len()), "x", &ReadLimits::of_bytes(BODY_BYTES_MAX)));
    });
    group.finish();
}

fn json(criterion: &mut Criterion) {
    let data: Vec<String> = numbers().iter().map(f64::to_string).collect();
    let body =
        format!(r#"{{"inputs":[{{"name":"x","shape":[10000,10],"datatype":"FP64","data":[{}]}}]}}"#, data.join(","));
    let mut group = criterion.benchmark_group("10,000 x 10 FP64 in JSON");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("the whole request", |bencher| {
        bencher.iter(|| read_request(black_box(body.as_bytes()), None, "x", &ReadLimits::of_bytes(BODY_BYTES_MAX)));
    });
    group.finish();
}

/// What a client sends for each prediction.
fn row(criterion: &mut Criterion) {
    let column = |index| format!(r#"{{"name":"x{index}","shape":[1,1],"datatype":"FP64","data":[0.{index}25]}}"#);
    let columns: Vec<String> = (0..N_COLUMNS).map(column).collect();
    let body = format!(r#"{{"id":"order-918","inputs":[{}]}}"#, columns.join(","));
    criterion.bench_function("a row of 10 columns in JSON", |bencher| {
        bencher.iter(|| read_request(black_box(body.as_bytes()), None, "x", &ReadLimits::of_bytes(BODY_BYTES_MAX)));
    });
}

criterion_group!(benches, bytes, json, row);
criterion_main!(benches);
