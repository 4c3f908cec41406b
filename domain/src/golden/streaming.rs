//! Drifts, warnings and states on recorded streams, against the libraries that have the kinds.

use serde_json::Value;

use super::{integers, number, numbers};
use crate::detection::Detection;
use crate::detectors::{
    AdwinSettings, BocdSettings, ChangeMode, CusumSettings, DdmSettings, EcddSettings, EddmSettings, FhddmSettings,
    GeometricMovingAverageSettings, HddmASettings, HddmWSettings, KswinSettings, OnlineDetector, OnlineSpec,
    PageHinkleySettings, RddmSettings, StepdSettings, Streaming, StreamingSettings, StreamingSpec,
};
use crate::ports::Silent;

pub(super) fn file(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/golden").join(name);
    let text = std::fs::read_to_string(&path).expect("the golden file is in the repository");
    serde_json::from_str(&text).expect("a golden file is JSON")
}

/// A parameter of a case, by its name there.
struct Parameters<'v>(&'v Value);

impl Parameters<'_> {
    fn real(&self, name: &str, into: &mut f64) {
        if let Some(value) = self.0.get(name) {
            *into = number(value);
        }
    }

    fn whole(&self, name: &str, into: &mut u64) {
        if let Some(value) = self.0.get(name) {
            *into = value.as_u64().expect("an integer");
        }
    }

    fn size(&self, name: &str, into: &mut usize) {
        if let Some(value) = self.0.get(name) {
            *into = integers(&serde_json::json!([value]))[0];
        }
    }

    fn flag(&self, name: &str, into: &mut bool) {
        if let Some(value) = self.0.get(name) {
            *into = value.as_bool().expect("a flag");
        }
    }
}

/// The settings of a detector of River; none of kinds that are not here.
fn river(detector: &str, parameters: &Value) -> Option<StreamingSettings> {
    let came = Parameters(parameters);
    Some(match detector {
        "ADWIN" => {
            let mut of = AdwinSettings::default();
            came.real("delta", &mut of.delta);
            came.whole("clock", &mut of.clock);
            came.whole("max_buckets", &mut of.max_buckets);
            came.whole("min_window_length", &mut of.min_window_length);
            came.whole("grace_period", &mut of.grace_period);
            StreamingSettings::Adwin(of)
        }
        "PageHinkley" => {
            let mut of = PageHinkleySettings::default();
            came.whole("min_instances", &mut of.min_instances);
            came.real("delta", &mut of.delta);
            came.real("threshold", &mut of.threshold);
            came.real("alpha", &mut of.alpha);
            of.mode = match parameters["mode"].as_str() {
                None => ChangeMode::Both,
                Some("up") => ChangeMode::Up,
                Some("down") => ChangeMode::Down,
                other => panic!("another mode: {other:?}"),
            };
            StreamingSettings::PageHinkley(of)
        }
        "KSWIN" => {
            let mut of = KswinSettings::default();
            came.real("alpha", &mut of.alpha);
            came.size("window_size", &mut of.window_size);
            came.size("stat_size", &mut of.stat_size);
            StreamingSettings::Kswin(of)
        }
        "DDM" => {
            let mut of = DdmSettings::default();
            came.whole("warm_start", &mut of.warm_start);
            came.real("warning_threshold", &mut of.warning_threshold);
            came.real("drift_threshold", &mut of.drift_threshold);
            StreamingSettings::Ddm(of)
        }
        "EDDM" => {
            let mut of = EddmSettings::default();
            came.whole("warm_start", &mut of.warm_start);
            came.real("alpha", &mut of.alpha);
            came.real("beta", &mut of.beta);
            StreamingSettings::Eddm(of)
        }
        "HDDM_A" => {
            let mut of = HddmASettings::default();
            came.real("drift_confidence", &mut of.drift_confidence);
            came.real("warning_confidence", &mut of.warning_confidence);
            came.flag("two_sided_test", &mut of.two_sided_test);
            StreamingSettings::HddmA(of)
        }
        "HDDM_W" => {
            let mut of = HddmWSettings::default();
            came.real("drift_confidence", &mut of.drift_confidence);
            came.real("warning_confidence", &mut of.warning_confidence);
            came.real("lambda_val", &mut of.lambda);
            came.flag("two_sided_test", &mut of.two_sided_test);
            StreamingSettings::HddmW(of)
        }
        "FHDDM" => {
            let mut of = FhddmSettings::default();
            came.size("sliding_window_size", &mut of.sliding_window_size);
            came.real("confidence_level", &mut of.confidence_level);
            if parameters.get("short_window_size").is_some() {
                came.size("short_window_size", of.short_window_size.insert(0));
            }
            StreamingSettings::Fhddm(of)
        }
        _ => return None,
    })
}

/// The settings of a detector of Frouros that River lacks.
fn frouros(detector: &str, parameters: &Value) -> Option<StreamingSettings> {
    let came = Parameters(parameters);
    Some(match detector {
        "CUSUM" => {
            let mut of = CusumSettings::default();
            came.real("delta", &mut of.delta);
            came.real("lambda_", &mut of.lambda);
            came.whole("min_num_instances", &mut of.min_num_instances);
            StreamingSettings::Cusum(of)
        }
        "GeometricMovingAverage" => {
            let mut of = GeometricMovingAverageSettings::default();
            came.real("alpha", &mut of.alpha);
            came.real("lambda_", &mut of.lambda);
            came.whole("min_num_instances", &mut of.min_num_instances);
            StreamingSettings::GeometricMovingAverage(of)
        }
        "ECDD-WT" => {
            let mut of = EcddSettings::default();
            came.real("lambda_", &mut of.lambda);
            came.whole("average_run_length", &mut of.average_run_length);
            came.real("warning_level", &mut of.warning_level);
            came.whole("min_num_instances", &mut of.min_num_instances);
            StreamingSettings::Ecdd(of)
        }
        "RDDM" => {
            let mut of = RddmSettings::default();
            came.real("warning_level", &mut of.warning_level);
            came.real("drift_level", &mut of.drift_level);
            came.whole("max_concept_size", &mut of.max_concept_size);
            came.whole("min_concept_size", &mut of.min_concept_size);
            came.whole("max_num_instances_warning", &mut of.max_num_instances_warning);
            came.whole("min_num_instances", &mut of.min_num_instances);
            StreamingSettings::Rddm(of)
        }
        "STEPD" => {
            let mut of = StepdSettings::default();
            came.real("alpha_d", &mut of.alpha_d);
            came.real("alpha_w", &mut of.alpha_w);
            // It is the window there.
            came.size("min_num_instances", &mut of.window_size);
            StreamingSettings::Stepd(of)
        }
        "BOCD" => {
            let mut of = BocdSettings::default();
            came.real("hazard", &mut of.hazard);
            came.whole("min_num_instances", &mut of.min_num_instances);
            (of.prior_mean, of.prior_variance, of.data_variance) = (Some(0.0), Some(1.0), Some(1.0));
            StreamingSettings::Bocd(of)
        }
        _ => return None,
    })
}

/// The first and last index of every run of a flag.
fn runs(flags: impl Iterator<Item = bool>) -> Vec<usize> {
    let mut runs: Vec<usize> = Vec::new();
    for (index, _) in flags.enumerate().filter(|(_, flag)| *flag) {
        match runs.last_mut() {
            Some(last) if *last + 1 == index => *last = index,
            _ => runs.extend([index, index]),
        }
    }
    runs
}

/// The numbers of a trace, from the state as it is stored.
fn traced(detector: &str, name: &str, counts: &[u64], values: &[f64]) -> f64 {
    // Buckets follow the count of values and the number of rows, row by row.
    let width = || counts[2..].iter().enumerate().map(|(row, n)| (n << row) as f64).sum::<f64>();
    match (detector, name) {
        ("ADWIN", "width") => width(),
        ("ADWIN", "estimation") => values[0] / width().max(1.0),
        ("ADWIN", "total") | ("DDM", "p") => values[0],
        ("ADWIN", "variance") | ("PageHinkley", "sum_increase") | ("DDM", "p_min") => values[1],
        ("PageHinkley", "sum_decrease") | ("DDM", "s_min") => values[2],
        other => panic!("another trace: {other:?}"),
    }
}

struct Checked {
    detector: String,
    problem: Option<String>,
}

fn check(case: &Value, values: &[f64], settings: StreamingSettings) -> Result<(), String> {
    let spec = StreamingSpec { settings, feed_reference: false };
    let detector = Streaming::fit(&spec, &[], 1, &Silent).expect("a fit");
    assert_eq!(detector.spec(), OnlineSpec::Streaming(spec));
    let name = case["detector"].as_str().expect("a name");
    let trace: &[Value] = case["trace"].as_array().map_or(&[], Vec::as_slice);
    let mut state = detector.start();
    let mut detections: Vec<Detection> = Vec::new();
    for (index, x) in values.iter().enumerate() {
        detections.push(detector.step(&mut state, &[*x]));
        let Some(entry) = trace.iter().find(|entry| entry["index"].as_u64() == Some(index as u64)) else { continue };
        let saved = detector.save_state(&state);
        let counts = saved.u64s("streaming_counts").expect("counts");
        let stored = saved.f64s("streaming_values").expect("values");
        for (field, expected) in entry.as_object().expect("fields").iter().filter(|(field, _)| *field != "index") {
            let (computed, expected) = (traced(name, field, counts, stored), numbers(expected)[0]);
            let is_near = (computed - expected).abs() <= 1e-10 + 1e-7 * expected.abs() || computed == expected;
            // Before the first value that is least, the library has none.
            let is_absent = expected.is_nan() && computed.is_infinite();
            if !(is_near || is_absent) {
                return Err(format!("{field} at {index} is {computed}, expected {expected}"));
            }
        }
    }
    let drifts: Vec<usize> =
        detections.iter().enumerate().filter(|(_, detection)| detection.is_drift).map(|(index, _)| index).collect();
    let expected = integers(&case["drifts"]);
    if drifts != expected {
        return Err(format!("drifts {drifts:?}, expected {expected:?}"));
    }
    if case.get("warnings").is_some() {
        let expected: Vec<usize> = case["warnings"].as_array().expect("runs").iter().flat_map(integers).collect();
        let warnings = runs(detections.iter().map(|detection| detection.is_warning));
        if warnings != expected {
            return Err(format!("warnings {warnings:?}, expected {expected:?}"));
        }
    }
    Ok(())
}

type Reads = fn(&str, &Value) -> Option<StreamingSettings>;

/// Frouros's own ways of detectors that are River's here.
fn is_not_here(file: &str, detector: &str) -> bool {
    file == "frouros_streaming.json" && ["PageHinkley", "DDM", "EDDM", "HDDM_A"].contains(&detector)
}

fn run(name: &str, settings: Reads, is_exempt: fn(&str, &str) -> bool) {
    let (streams, cases) = (file("river_streaming.json"), file(name));
    let mut all = Vec::new();
    for case in cases["cases"].as_array().expect("cases") {
        let detector = case["detector"].as_str().expect("a name");
        let Some(settings) = settings(detector, &case["parameters"]) else {
            assert!(is_not_here(name, detector), "{}: no runner takes it", case["id"]);
            continue;
        };
        let stream = case["stream"].as_str().expect("a stream");
        // Where the older values are all equal, whatever is drawn from them is the same.
        let is_drawn = case["rng"] == Value::Bool(true);
        let is_constant = matches!(stream, "constant_then_step" | "error_all_zero_then_one");
        if (is_drawn && !is_constant) || is_exempt(detector, stream) {
            continue;
        }
        let mut values = numbers(&streams["streams"][stream]["values"]);
        // It takes 1 for correct there, and for an error here.
        if detector == "FHDDM" {
            for value in &mut values {
                *value = 1.0 - *value;
            }
        }
        if let Some(n) = case["first_values_only"].as_u64() {
            values.truncate(usize::try_from(n).expect("a small integer"));
        }
        let problem = check(case, &values, settings).err();
        let problem = problem.map(|problem| format!("{}: {problem}", case["id"]));
        all.push(Checked { detector: detector.to_owned(), problem });
    }
    assert!(all.len() > 70, "{} cases", all.len());
    let problems: Vec<_> =
        all.iter().filter_map(|checked| checked.problem.as_ref().map(|problem| (&checked.detector, problem))).collect();
    assert!(problems.is_empty(), "{} of {} cases differ: {problems:#?}", problems.len(), all.len());
}

#[test]
fn kinds_of_river() {
    run("river_streaming.json", river, |_, _| false);
}

/// Without an error, and with nothing else, the library divides by zero.
#[test]
fn kinds_of_frouros() {
    run("frouros_streaming.json", frouros, |detector, stream| {
        detector == "STEPD" && stream == "error_all_zero_then_one"
    });
}
