//! Projects to load a server with.

use bytes::Bytes;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::server::Server;

/// Draws rows of a table.
fn rows(seed: u64, n_rows: usize, n_columns: usize) -> Vec<Vec<f64>> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    (0..n_rows).map(|_| (0..n_columns).map(|_| generator.random_range(-1.0..1.0)).collect()).collect()
}

/// The fit of a label, which takes its rows one by one and fast.
pub fn label_fit() -> Value {
    let values: Vec<f64> = rows(1, 200, 1).concat();
    json!({"drift_type": "label", "data": values, "overwrite": true,
           "detector": {"ert": 50, "window_sizes": [10], "n_bootstraps": 2_000}})
}

/// One row of a label.
pub fn label_row(n: usize) -> Bytes {
    json!({"data": [(n * 37 % 101) as f64 / 101.0]}).to_string().into()
}

/// Several rows of a label.
pub fn label_rows(n_rows: usize) -> Bytes {
    json!({"data": rows(2, n_rows, 1).concat()}).to_string().into()
}

/// The fit of a table by `mmd_online`, whose rows cost a pass over the reference each.
pub fn table_fit(seed: u64, n_rows: usize) -> Value {
    json!({"drift_type": "tabular", "data": rows(seed, n_rows, 5),
           "detector": {"kind": "mmd_online", "ert": 50, "window_size": 10, "n_bootstraps": 2_000}})
}

/// So many rows of such a table.
pub fn table_rows(seed: u64, n_rows: usize) -> Bytes {
    json!({"data": rows(seed, n_rows, 5), "explain": false}).to_string().into()
}

/// Fits a project.
pub fn fit(server: &Server, project: &str, body: &Value) {
    server.post(&format!("/api/v1/projects/{project}/fit"), body).expect(201);
}

/// Where rows of a project go.
pub fn predict_path(project: &str) -> String {
    format!("/api/v1/projects/{project}/predict")
}
