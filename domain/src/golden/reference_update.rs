use super::{Case, numbers, width};
use crate::data::{Cells, ColumnSchema, ColumnType, Frame, MissingValues, Schema};
use crate::detectors::{BatchSpec, ColumnsSpec, Window, fit_batch};
use crate::ports::Silent;
use crate::project::{ReferenceUpdate, UpdateMethod};
use crate::statistics::alternative::Alternative;
use crate::statistics::correction::Correction;
use crate::test_pool::Threads;
use crate::use_cases::windows::moved_on;

/// The reference after each batch, or what tests of each batch against it say.
pub(super) fn case(case: &Case) {
    let d = width(case.input("x_ref"));
    let frame = |rows: &serde_json::Value| {
        let rows = numbers(rows);
        let column = |column| rows.iter().skip(column).step_by(d).copied().collect::<Vec<f64>>();
        Frame::of((0..d).map(|index| Cells::Numeric(column(index).into())).collect())
    };
    let update = case.params("update_x_ref");
    let (method, rows) = match (&update["last"], &update["reservoir_sampling"]) {
        (serde_json::Value::Null, rows) => (UpdateMethod::Reservoir, rows),
        (rows, _) => (UpdateMethod::Last, rows),
    };
    let rows = usize::try_from(rows.as_u64().expect("a number of rows")).expect("few rows");
    let update = ReferenceUpdate { method, rows, only_without_drift: false };
    let mut uniforms = numbers(case.input("uniforms")).into_iter();
    let mut reference = frame(case.input("x_ref"));
    let mut n_seen = reference.n_rows() as u64;
    let (mut p_values, mut is_drift) = (Vec::new(), Vec::new());
    for (index, batch) in case.input("batches").as_array().expect("batches").iter().enumerate() {
        let batch = frame(batch);
        if case.id().contains("-ks-") {
            let features = test(&reference, &batch, d);
            p_values.extend(features.iter().map(|feature| feature.0));
            is_drift.push(f64::from(u8::from(features.iter().any(|feature| feature.1))));
        }
        reference = moved_on(reference, &batch, update, n_seen, || uniforms.next().expect("as many draws as there"));
        n_seen += batch.n_rows() as u64;
        if !case.id().contains("-ks-") {
            let expected = &case.expected("after_each")[index];
            let Cells::Numeric(values) = &reference.columns()[0] else { panic!("numbers") };
            assert_eq!(values.to_vec(), numbers(&expected["x_ref_after"]), "{}: batch {index}", case.id());
            assert_eq!(expected["n_after"], n_seen, "{}: batch {index}", case.id());
        }
    }
    assert_eq!(uniforms.next(), None, "{}: draws are left", case.id());
    if case.id().contains("-ks-") {
        case.check("p_val", &p_values);
        case.check("is_drift", &is_drift);
    }
}

/// The p-value of each column and whether it drifts.
fn test(reference: &Frame<'static>, batch: &Frame<'static>, d: usize) -> Vec<(f64, bool)> {
    let column = |index: usize| ColumnSchema { name: format!("x{index}"), kind: ColumnType::Numeric };
    let schema = Schema { columns: (0..d).map(column).collect(), missing_values: MissingValues::Reject };
    let spec = BatchSpec::Ks(ColumnsSpec {
        p_val: 0.05,
        correction: Correction::Bonferroni,
        alternative: Some(Alternative::TwoSided),
        tests: None,
        min_effect: None,
        preset: None,
        threshold: None,
        drift_share: None,
        n_bootstraps: None,
        seed: 0,
    });
    let n_missing = vec![0; d];
    let window = |cells| Window { cells, n_missing: &n_missing, encoded: &[], origins: &[] };
    let detector = fit_batch(&spec, &schema, &window(reference), &Threads(2), &Silent).expect("a reference");
    let detection = detector.test(&window(batch), false, &Threads(2)).expect("a window");
    detection.features.iter().map(|feature| (feature.p_value.expect("a p-value"), feature.is_drift)).collect()
}
