//! Distances and tests of single columns as other libraries have them: through detectors with their preset, and from the
//! statistics where there is none.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Case, cases};
use crate::data::{Cells, ColumnSchema, ColumnType, Frame, MissingValues, Schema};
use crate::detection::Detection;
use crate::detectors::{
    BatchDetector, BatchSpec, ColumnTest, DetectorKind, DetectorRequest, Preset, Window, fit_batch,
};
use crate::ports::Silent;
use crate::statistics::alternative::Alternative;
use crate::statistics::cramer_von_mises::CramerVonMises;
use crate::statistics::divergence::{hellinger, population_stability, shares, total_variation};
use crate::statistics::energy_distance::energy_distance;
use crate::statistics::sorted_sample::SortedSample;
use crate::statistics::t_test::{Variances, t_test};
use crate::statistics::wasserstein::wasserstein;
use crate::statistics::{anderson_darling, histogram, kolmogorov_smirnov, kuiper, mann_whitney};
use crate::test_pool::Threads;

/// Where our value is another on purpose, or the library's is noise.
fn is_left_out(id: &str, method: &str) -> bool {
    // Of eight rows, drawing with and without replacement have other laws.
    (method == "TVD" && id == "cat/tiny")
    // Sines and cosines of two values are dependent: the rank of their covariance is decided by rounding.
    // Of two categories in each sample, but four together, the library's value changes from run to run.
    || (method == "fisher_exact" && id == "cat/disjoint")
    // It fails below 21 rows with the NumPy of its time; here the law of few rows is exact.
    || (method == "cramer_von_mises" && id.starts_with("num/tiny"))
    || method == "es" && ["num/binary_numbers", "num/constant_reference", "num/constant_current"].contains(&id)
}

/// The tests that a library has of the columns of a table alone.
fn test_in_table(method: &str) -> Option<ColumnTest> {
    Some(match method {
        "ks" | "kolmogorov_smirnov" => ColumnTest::Ks,
        "cramer_von_mises" => ColumnTest::Cvm,
        "chisquare" => ColumnTest::ChiSquare,
        "fisher_exact" => ColumnTest::FisherExact,
        "empirical_mmd" => ColumnTest::Mmd,
        _ => return None,
    })
}

fn kind_of(method: &str) -> Option<DetectorKind> {
    if test_in_table(method).is_some() {
        return Some(DetectorKind::Tabular);
    }
    Some(match method {
        "wasserstein" => DetectorKind::Wasserstein,
        "kl_div" => DetectorKind::KlDivergence,
        "psi" => DetectorKind::Psi,
        "jensenshannon" | "jensen_shannon" => DetectorKind::JensenShannon,
        "hellinger" => DetectorKind::Hellinger,
        "anderson" => DetectorKind::AndersonDarling,
        "g_test" => DetectorKind::GTest,
        "mannw" => DetectorKind::MannWhitney,
        "ed" => DetectorKind::Energy,
        "es" => DetectorKind::EppsSingleton,
        "t_test" => DetectorKind::TTest,
        "z" => DetectorKind::ZTest,
        "TVD" => DetectorKind::TotalVariation,
        "l_infinity" => DetectorKind::LInfinity,
        _ => return None,
    })
}

/// A column of reference and window, missing and infinite values dropped.
struct Column {
    kind: ColumnType,
    reference: Frame<'static>,
    window: Frame<'static>,
}

fn is_there(value: &Value) -> bool {
    !value.is_null() && value.as_str().is_none_or(|text| !text.ends_with("Infinity") && text != "NaN")
}

fn finite(values: &Value) -> Vec<f64> {
    values.as_array().expect("values").iter().filter_map(Value::as_f64).collect()
}

fn texts(values: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    values.as_array().expect("values").iter().filter(|value| is_there(value)).map(text).collect()
}

fn frame(cells: Cells<'static>) -> Frame<'static> {
    Frame::of(vec![cells])
}

fn column(is_numeric: bool, reference: &Value, window: &Value) -> Column {
    if is_numeric {
        let numbers = |values| frame(Cells::Numeric(finite(values).into()));
        return Column { kind: ColumnType::Numeric, reference: numbers(reference), window: numbers(window) };
    }
    let (reference, window) = (texts(reference), texts(window));
    let categories: Vec<String> = reference.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let others = window.iter().filter(|name| !categories.contains(name)).cloned().collect::<BTreeSet<_>>();
    let unseen: Vec<String> = others.into_iter().collect();
    let cells = |names: &[String], unseen: Vec<String>| {
        let code = |name: &String| categories.iter().chain(&unseen).position(|known| known == name).expect("a level");
        let codes = names.iter().map(|name| u32::try_from(code(name)).expect("few levels")).collect();
        let n_categories = u32::try_from(categories.len()).expect("few levels");
        frame(Cells::Categorical { codes, n_categories, unseen })
    };
    let (reference, window) = (cells(&reference, Vec::new()), cells(&window, unseen));
    Column { kind: ColumnType::Categorical { categories, is_numeric: false }, reference, window }
}

fn window<'w>(cells: &'w Frame<'w>) -> Window<'w> {
    Window { cells, n_missing: &[0; 8], encoded: &[], origins: &[] }
}

fn schema(kind: &ColumnType) -> Schema {
    let columns = vec![ColumnSchema { name: "x".to_owned(), kind: kind.clone() }];
    Schema { columns, missing_values: MissingValues::Reject }
}

fn spec(kind: DetectorKind, request: &DetectorRequest, schema: &Schema, n_rows: usize) -> BatchSpec {
    request.batch_specification(kind, schema, n_rows).expect("settings")
}

fn fit(column: &Column, kind: DetectorKind, request: &DetectorRequest) -> Box<dyn BatchDetector> {
    let schema = schema(&column.kind);
    let spec = spec(kind, request, &schema, column.reference.n_rows());
    fit_batch(&spec, &schema, &window(&column.reference), &Threads(2), &Silent).expect("a reference")
}

fn test(detector: &dyn BatchDetector, cells: &Frame<'_>) -> Detection {
    detector.test(&window(cells), false, &Threads(1)).expect("a window")
}

/// The verdict on the one column of a table, which a kind of single columns tells of all.
fn of_column(kind: DetectorKind, detection: Detection) -> Detection {
    match detection.features.first() {
        Some(feature) if kind == DetectorKind::Tabular => Detection {
            is_drift: feature.is_drift,
            p_value: feature.p_value,
            statistic: feature.statistic,
            threshold: feature.threshold,
            ..detection
        },
        _ => detection,
    }
}

fn near(computed: f64, expected: f64, rtol: f64, atol: f64) -> bool {
    computed == expected
        || (computed.is_nan() && expected.is_nan())
        || (computed - expected).abs() <= atol + rtol * expected.abs()
}

fn number(value: &Value) -> f64 {
    match value {
        Value::String(text) if text == "Infinity" => f64::INFINITY,
        value => value.as_f64().unwrap_or(f64::NAN),
    }
}

/// Score, statistic, threshold and verdict of each method that a preset has.
pub(super) fn evidently(case: &Case) {
    let of_case = &case.0;
    let numbers_or_names = |is_numeric| column(is_numeric, &of_case["reference"], &of_case["current"]);
    for (method, expected) in of_case["results"].as_object().expect("results") {
        let place = format!("{} {method}", case.id());
        let kind = kind_of(method).unwrap_or_else(|| panic!("{place}: no runner takes it"));
        // Counts are of categories, whatever the cells.
        let column = numbers_or_names(of_case["type"] == "num" && method != "chisquare");
        let tests = test_in_table(method).map(|test| [("x".to_owned(), test)].into());
        let request = DetectorRequest { preset: Some(Preset::Evidently), tests, ..DetectorRequest::default() };
        let detection = of_column(kind, test(&*fit(&column, kind, &request), &column.window));
        if is_left_out(case.id(), method) {
            continue;
        }
        if expected["error"].is_string() {
            assert!(!detection.is_drift && detection.p_value.is_none_or(|p_value| p_value == 1.0), "{place}");
            continue;
        }
        let has_none = ["z", "fisher_exact", "chisquare"].contains(&&**method);
        let is_distance = expected.get("statistic").is_none() && !has_none;
        let score = if is_distance { detection.distance } else { detection.p_value }.unwrap_or(f64::NAN);
        // As the file says of relabellings, a thousand and a hundred.
        let atol = match (expected["rng"] == true, &**method) {
            (false, _) => 1e-7,
            (true, "empirical_mmd") => 0.15,
            (true, _) => 0.05,
        };
        let rtol = if is_distance { 1e-6 } else { 1e-5 };
        let wanted = number(&expected["score"]);
        // A test of one level has no degree of freedom: the library has no p-value then, ours is 1, and neither is drift.
        let is_untested = wanted.is_nan() && score == 1.0;
        assert!(is_untested || near(score, wanted, rtol, atol), "{place}: {score} instead of {wanted}");
        if !is_distance && expected.get("statistic").is_some() {
            let (computed, wanted) = (detection.statistic.unwrap_or(f64::NAN), number(&expected["statistic"]));
            // Of values about 1e9 its squared distances cancel, as they come from an expanded form.
            let cancels = method == "empirical_mmd" && case.id() == "num/large_magnitude";
            let rtol = if cancels { 1e-4 } else { 1e-6 };
            assert!(near(computed, wanted, rtol, 1e-9), "{place}: statistic {computed} instead of {wanted}");
        }
        assert_eq!(detection.threshold, expected["threshold"].as_f64(), "{place}");
        // Whether a p-value of a hundred relabellings passes its threshold may be chance.
        let is_chance = method == "empirical_mmd" && (wanted - detection.threshold.unwrap_or(0.0)).abs() <= atol;
        assert!(is_chance || Some(detection.is_drift) == expected["drift"].as_bool(), "{place}");
    }
}

/// Histograms of each sample by a rule of its own, compared at ten places (KL, JS); a kernel of width 1 whatever the unit (MMD). No kind
/// has them.
const FROUROS_NOT_HERE: [&str; 3] = ["KL", "JS", "MMD"];

/// The library holds the statistic of Kolmogorov and Smirnov against the law of Kuiper's: ours is held against its definition instead.
fn kuiper_by_definition(case: &Case, reference: &SortedSample, window: &SortedSample) {
    let of_library = number(&case.0["results"]["KuiperTest"]["statistic"]);
    let distance = kolmogorov_smirnov::distance(reference, window);
    assert!(near(of_library, distance.of(Alternative::TwoSided).size, 1e-6, 1e-9), "{}", case.id());
    let share = |sample: &SortedSample, at: f64| {
        sample.values().iter().filter(|value| **value <= at).count() as f64 / sample.n_values() as f64
    };
    let places = || reference.values().iter().chain(window.values());
    let largest = |one: &SortedSample, other: &SortedSample| {
        places().map(|at| share(one, *at) - share(other, *at)).fold(0.0, f64::max)
    };
    let expected = largest(reference, window) + largest(window, reference);
    let computed = kuiper::statistic(&distance);
    assert!((computed - expected).abs() < 1e-12, "{}: {computed} instead of {expected}", case.id());
}

/// Distances over ten bins of both samples' range, areas and tests.
pub(super) fn frouros(case: &Case) {
    let name = case.id().trim_start_matches("batch/");
    let pairs = cases("field/evidently_numeric.json");
    let pair = pairs.iter().find(|pair| pair.id() == format!("num/{name}")).expect("the pair");
    let sample = |side: &str| SortedSample::sort(finite(&pair.0[side])).expect("a sample");
    let (reference, window) = (sample("reference"), sample("current"));
    let (low, high) = (reference.values()[0].min(window.values()[0]), {
        let last = |sample: &SortedSample| sample.values()[sample.n_values() - 1];
        last(&reference).max(last(&window))
    });
    let edges = histogram::edges(low, high, 10);
    let of = |sample| shares(&histogram::counts(sample, &edges));
    let check = |name: &str, field: &str, computed: f64| {
        let expected = &case.0["results"][name];
        if expected["error"].is_string() {
            return;
        }
        let wanted = number(&expected[field]);
        assert!(near(computed, wanted, 1e-6, 1e-7), "{} {name}: {computed} instead of {wanted}", case.id());
    };
    let known =
        ["HellingerDistance", "EMD", "EnergyDistance", "BhattacharyyaDistance", "HINormalizedComplement", "PSI"];
    let tests = ["KSTest", "CVMTest", "AndersonDarlingTest", "MannWhitneyUTest", "WelchTTest", "KuiperTest"];
    for method in case.0["results"].as_object().expect("results").keys() {
        let is_run = known.iter().chain(&tests).any(|known| known == method);
        assert!(is_run || FROUROS_NOT_HERE.contains(&&**method), "{} {method}: no runner takes it", case.id());
    }
    let (of_reference, of_window) = (of(&reference), of(&window));
    let coefficient: f64 = of_reference.iter().zip(&of_window).map(|(r, c)| (r * c).sqrt()).sum();
    check("BhattacharyyaDistance", "distance", 1.0 - coefficient);
    check("HINormalizedComplement", "distance", total_variation(&of_reference, &of_window));
    let filled = |shares: &[f64]| shares.iter().map(|share| share.max(f64::MIN_POSITIVE)).collect::<Vec<f64>>();
    check("PSI", "distance", population_stability(&filled(&of_reference), &filled(&of_window)));
    let (n, m) = (reference.n_values(), window.n_values());
    let size = kolmogorov_smirnov::distance(&reference, &window).of(Alternative::TwoSided).size;
    check("KSTest", "statistic", size);
    check("KSTest", "p_value", kolmogorov_smirnov::p_value_exact(size, n, m, Alternative::TwoSided));
    if case.0["results"]["KuiperTest"]["statistic"].is_number() {
        kuiper_by_definition(case, &reference, &window);
    }
    if let Some(mises) = CramerVonMises::new(&reference, &window) {
        check("CVMTest", "statistic", mises.statistic());
        check("CVMTest", "p_value", mises.p_value());
    }
    check("HellingerDistance", "distance", hellinger(&of(&reference), &of(&window)));
    check("EMD", "distance", wasserstein(&reference, &window));
    check("EnergyDistance", "distance", energy_distance(&reference, &window));
    let darling = anderson_darling::statistic(&reference, &window);
    check("AndersonDarlingTest", "statistic", darling.unwrap_or(f64::NAN));
    check("AndersonDarlingTest", "p_value", darling.map_or(f64::NAN, anderson_darling::p_value_interpolated));
    let whitney = mann_whitney::mann_whitney(&reference, &window, Alternative::TwoSided);
    check("MannWhitneyUTest", "statistic", whitney.statistic);
    check("MannWhitneyUTest", "p_value", whitney.p_value);
    let welch = t_test(reference.values(), window.values(), Variances::OfEach, Alternative::TwoSided);
    check("WelchTTest", "statistic", welch.map_or(f64::NAN, |welch| welch.statistic));
    check("WelchTTest", "p_value", welch.map_or(f64::NAN, |welch| welch.p_value));
}

/// The columns of a table together, types of columns as the fit of a kind takes them.
pub(super) fn table(
    of_case: &Value,
    kind: DetectorKind,
    request: &DetectorRequest,
) -> (Vec<String>, Schema, [Frame<'static>; 2]) {
    let types = of_case["types"].as_object().expect("types");
    let column_of =
        |name: &String, is_numeric| column(is_numeric, &of_case["reference"][name], &of_case["current"][name]);
    let joined = |columns: &[Column]| {
        let kinds = types.keys().zip(columns);
        let columns_of_schema =
            kinds.map(|(name, column)| ColumnSchema { name: name.clone(), kind: column.kind.clone() }).collect();
        let cells = |side: fn(&Column) -> &Frame<'static>| {
            Frame::of(columns.iter().map(|column| side(column).columns()[0].clone()).collect())
        };
        let schema = Schema { columns: columns_of_schema, missing_values: MissingValues::Reject };
        (schema, [cells(|column| &column.reference), cells(|column| &column.window)])
    };
    let columns: Vec<Column> = types.iter().map(|(name, kind)| column_of(name, kind == "num")).collect();
    let (schema, frames) = joined(&columns);
    let names = types.keys().cloned().collect();
    let Some(wanted) = request.schema_for(kind, &schema, &frames[0]).expect("classes") else {
        return (names, schema, frames);
    };
    // Numbers that are categories now are read again.
    let types = types.iter().zip(&wanted.columns);
    let columns: Vec<Column> =
        types.map(|((name, _), column)| column_of(name, column.kind == ColumnType::Numeric)).collect();
    let (schema, frames) = joined(&columns);
    (names, schema, frames)
}

/// Score, threshold and verdict of each column of a table, and the verdict on the table.
pub(super) fn evidently_dataset(case: &Case) {
    let of_case = &case.0;
    for (run, expected) in of_case["results"].as_object().expect("results") {
        let (parameters, expected) = (&expected["parameters"], &expected["result"]);
        let place = format!("{} {run}", case.id());
        let of_types = parameters["num_method"].is_string();
        let test_of = |(name, kind): (&String, &Value)| {
            (name.clone(), if kind == "num" { ColumnTest::Ks } else { ColumnTest::JensenShannon })
        };
        let request = DetectorRequest {
            preset: Some(Preset::Evidently),
            drift_share: parameters["drift_share"].as_f64(),
            threshold: parameters["threshold"].as_f64(),
            tests: of_types.then(|| of_case["types"].as_object().expect("types").iter().map(test_of).collect()),
            ..DetectorRequest::default()
        };
        let kind = if parameters["method"] == "psi" { DetectorKind::Psi } else { DetectorKind::Tabular };
        let (names, schema, [reference, rows]) = table(of_case, kind, &request);
        let spec = spec(kind, &request, &schema, reference.n_rows());
        let detector = fit_batch(&spec, &schema, &window(&reference), &Threads(2), &Silent).expect("a reference");
        let detection = test(&*detector, &rows);
        let tests = expected["tests"].as_array().expect("tests");
        let is_drift_of = |name: &str| {
            let test = tests.iter().find(|test| test["name"] == format!("Value Drift for column {name}"));
            test.expect("a test of the column")["status"] == "FAIL"
        };
        for (name, feature) in names.iter().zip(&detection.features) {
            let (place, expected) = (format!("{place} {name}"), &expected["columns"][name]);
            let wanted = number(&expected["score"]);
            // A p-value of a test, else a distance.
            let score = feature.p_value.or(feature.distance).unwrap_or(f64::NAN);
            let rtol = if feature.p_value.is_some() { 1e-5 } else { 1e-6 };
            assert!(near(score, wanted, rtol, 1e-7), "{place}: {score} instead of {wanted}");
            let threshold = expected["threshold"].as_f64().expect("a threshold");
            // There is no threshold for all columns of a type.
            if of_types && of_case["types"][name] == "num" {
                assert_eq!(score <= threshold, is_drift_of(name), "{place}");
                continue;
            }
            assert_eq!(feature.threshold, Some(threshold), "{place}");
            assert_eq!(feature.is_drift, is_drift_of(name), "{place}");
        }
        assert_eq!(detection.is_drift, tests[0]["status"] == "FAIL", "{place}");
        let n_drifting = detection.features.iter().filter(|feature| feature.is_drift).count();
        if !of_types {
            assert_eq!(Some(n_drifting as f64), expected["drifted_columns"]["count"].as_f64(), "{place}");
        }
    }
}

/// Value, upper threshold and alert of every chunk of reference and analysis.
pub(super) fn nannyml(case: &Case) {
    let all = cases("field/nannyml_univariate.json");
    let data = match case.0["same_data_as"].as_str() {
        Some(id) => &all.iter().find(|other| other.id() == id).expect("the data").0,
        None => &case.0,
    };
    let threshold = &case.0["threshold"];
    if threshold["standard_deviation"].is_object() {
        // Other multipliers than three are no part of the preset.
        return;
    }
    let (reference, analysis) = (&data["reference"], &data["analysis"]);
    let is_numeric = data["type"] == "num";
    let chunk_size = case.0["chunk_size"].as_u64().expect("a size");
    let is_complete = reference.as_array().expect("values").iter().all(is_there);
    let request = DetectorRequest {
        preset: Some(Preset::Nannyml),
        threshold: threshold["constant"]["upper"].as_f64(),
        ..DetectorRequest::default()
    };
    let methods = case.0["chunks"][0].as_object().expect("a chunk").iter().filter(|(_, value)| value.is_object());
    for (method, _) in methods {
        // From ten thousand rows on the library estimates areas and distances from bins.
        let is_estimated = matches!(&**method, "wasserstein" | "kolmogorov_smirnov");
        if is_estimated && reference.as_array().expect("values").len() >= 10_000 {
            continue;
        }
        // Thresholds of columns of a table are those of their tests.
        let in_table = method == "kolmogorov_smirnov";
        if in_table && request.threshold.is_some() {
            continue;
        }
        // Its test of counts has no threshold of a preset: it is ours.
        let is_test = method == "chi2";
        let kind = if is_test { DetectorKind::ChiSquare } else { kind_of(method).expect("a kind") };
        let tests = in_table.then(|| [("x".to_owned(), ColumnTest::Ks)].into());
        let request = if is_test { DetectorRequest::default() } else { DetectorRequest { tests, ..request.clone() } };
        let detector = fit(&column(is_numeric, reference, analysis), kind, &request);
        for chunk in case.0["chunks"].as_array().expect("chunks") {
            let place = |name: &str| usize::try_from(chunk[name].as_u64().expect("a row")).expect("few rows");
            let (start, end) = (place("start"), place("end") + 1);
            let in_reference = chunk["period"] == "reference";
            let rows = if in_reference { reference } else { analysis }.as_array().expect("values");
            let before = if in_reference || start < reference.as_array().expect("values").len() {
                0
            } else {
                reference.as_array().expect("values").len()
            };
            let values = Value::Array(rows[start - before..(end - before).min(rows.len())].to_vec());
            let detection = of_column(kind, test(&*detector, &column(is_numeric, reference, &values).window));
            let expected = &chunk[&**method];
            let (value, wanted) = (detection.statistic.expect("a distance"), number(&expected["value"]));
            let id = format!("{} {method} {start}", case.id());
            assert!(near(value, wanted, 1e-6, 1e-7), "{id}: {value} instead of {wanted}");
            if is_test {
                assert_eq!(Some(detection.is_drift), expected["alert"].as_bool(), "{id}");
                continue;
            }
            // Chunks of another size have another threshold here, and missing values are no rows of chunks.
            if is_complete && (end - start) as u64 == chunk_size {
                let (computed, wanted) =
                    (detection.threshold.expect("a threshold"), number(&expected["upper_threshold"]));
                assert!(near(computed, wanted, 1e-6, 1e-7), "{id}: {computed} instead of {wanted}");
                assert_eq!(Some(detection.is_drift), expected["alert"].as_bool(), "{id}");
            }
        }
    }
}
