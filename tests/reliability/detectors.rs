//! A few small fits, and the answers that they give to a fixed stream of rows when nothing disturbs them.

use serde_json::{Value, json};

use crate::server::{Answer, Server};

/// How many fits there are.
pub const N_VARIANTS: usize = 4;
/// Clients and checks reset a project that has seen so many rows.
pub const TIME_MAX: u64 = 40;
/// Rows that a check may feed beyond those of the clients.
const N_MORE: u64 = 40;
/// So many answers in a row tell one fit from another: the first ones may have no statistic yet.
pub const PROOF: usize = 5;

/// The answers of undisturbed detectors.
pub struct Detectors {
    /// By variant, then time less one.
    answers: Vec<Vec<Value>>,
    /// What a listing says of each detector.
    settings: Vec<Value>,
}

/// The body that fits a variant. Same seed and data: the same detector.
pub fn fit_body(variant: usize, overwrite: bool) -> Value {
    let value = |n: usize, factor: usize| ((n * factor + variant * 11) % 101) as f64 / 7.0 + variant as f64;
    let is_label = variant.is_multiple_of(2);
    let data: Vec<Value> =
        (0..40).map(|n| if is_label { json!(value(n, 37)) } else { json!([value(n, 37), value(n, 53)]) }).collect();
    let drift_type = if is_label { "label" } else { "tabular" };
    let detector = json!({"ert": 10, "window_size": 4, "n_bootstraps": 300, "seed": variant});
    json!({"drift_type": drift_type, "data": data, "detector": detector, "overwrite": overwrite})
}

/// The body that feeds the row of a time.
pub fn row_body(variant: usize, time: u64) -> Value {
    let value = |factor: u64| (time * factor % 97) as f64 / 6.0;
    let row = if variant.is_multiple_of(2) { json!(value(31)) } else { json!([value(31), value(59)]) };
    json!({"data": [row]})
}

impl Detectors {
    /// Fits all on a server of their own.
    pub fn undisturbed() -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let server = Server::start(directory.path(), &[]);
        let mut connection = server.connect();
        let (mut answers, mut settings) = (Vec::new(), Vec::new());
        for variant in 0..N_VARIANTS {
            let path = format!("/api/v1/projects/v{variant}");
            let fitted = connection.post(&format!("{path}/fit"), &fit_body(variant, false)).expect(201);
            settings.push(fitted["detector"].clone());
            let answer = |time| without_project(connection.post(&format!("{path}/predict"), &row_body(variant, time)));
            answers.push((1..=TIME_MAX + N_MORE).map(answer).collect::<Vec<Value>>());
        }
        for time in 0..answers[0].len() - PROOF {
            for pair in (0..N_VARIANTS).flat_map(|a| (0..a).map(move |b| [a, b])) {
                let [a, b] = pair.map(|variant| &answers[variant][time..time + PROOF]);
                assert_ne!(a, b, "variants {pair:?} cannot be told apart from row {time}");
            }
        }
        Self { answers, settings }
    }

    /// What is wrong with an answer to the row of a time.
    pub fn fault(&self, variant: usize, time: u64, answer: Answer) -> Option<String> {
        let expected = &self.answers[variant][usize::try_from(time).expect("a small number") - 1];
        if answer.status != 200 {
            return Some(format!("expected variant {variant} at row {time}, {} came: {}", answer.status, answer.body));
        }
        let actual = without_project(answer);
        (actual != *expected).then(|| format!("expected variant {variant} at row {time}: {expected}, {actual} came"))
    }

    /// Which variant a listed detector is.
    pub fn variant(&self, detector: &Value) -> Option<usize> {
        self.settings.iter().position(|settings| settings == detector)
    }
}

fn without_project(answer: Answer) -> Value {
    let mut body = answer.body;
    if let Some(fields) = body.as_object_mut() {
        fields.remove("project");
    }
    body
}
