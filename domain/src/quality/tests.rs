//! The checks as a whole: how rarely they are wrong, and what they find.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::checks::{Quality, RowsCome};
use super::stream::QualityState;
use super::{QualityCheck, QualityFinding, QualityRequest, QualitySettings};
use crate::data::{Column, MissingValues, Schema, Table, Tensors, Values};
use crate::statistics::draws::stream;
use crate::test_pool::Threads;

/// Rows without a change: numbers, numbers with ties, categories of Zipf's law, words with some numbers among them, of which
/// one in twenty is missing.
fn rows(n: usize, generator: &mut ChaCha8Rng) -> Table {
    let numbers = (0..n).map(|_| generator.random::<f64>().ln()).collect();
    let ties = (0..n).map(|_| (generator.random::<f64>() * 8.0).floor()).collect();
    let zipf = (0..n).map(|_| Some(format!("c{:.0}", generator.random::<f64>().powi(-1).min(1e6).floor()))).collect();
    let words = (0..n).map(|_| match generator.random::<f64>() {
        u if u < 0.05 => None,
        u if u < 0.10 => Some("17"),
        u if u < 0.60 => Some("yes"),
        _ => Some("no"),
    });
    let words = words.collect();
    let columns =
        [Values::Numeric(numbers), Values::Numeric(ties), Values::Text(zipf), Values::Text(words)].into_iter();
    let names = ["numbers", "ties", "zipf", "words"];
    let columns = names.into_iter().zip(columns).map(|(name, values)| Column { name: name.to_owned(), values });
    Table::named(columns.collect()).unwrap()
}

fn settings(significance: f64) -> QualitySettings {
    QualityRequest { significance: Some(significance), ..QualityRequest::default() }.settings().unwrap().unwrap()
}

struct Project {
    schema: Schema,
    quality: Quality,
    state: QualityState,
}

impl Project {
    fn of(reference: &Table, settings: &QualitySettings, come: RowsCome) -> Self {
        let schema = Schema::infer(reference, MissingValues::Impute).unwrap();
        let quality = Quality::fit(settings, &schema, &schema.read_whole(reference).unwrap(), come, &Threads(1));
        let state = quality.start();
        Self { schema, quality, state }
    }

    fn feed(&mut self, rows: &Table) -> Vec<QualityFinding> {
        self.quality.check(&mut self.state, &self.schema.read_whole(rows).unwrap())
    }
}

const IN_TURN: RowsCome = RowsCome::InTurn { stretch: 1 };

/// Whether the mean of some runs is above another number by more than chance.
fn is_above(runs: &[f64], wanted: f64) -> bool {
    let n = runs.len() as f64;
    let mean = runs.iter().sum::<f64>() / n;
    let variance = runs.iter().map(|run| (run - mean).powi(2)).sum::<f64>() / (n - 1.0);
    mean > wanted + 3.0 * (variance / n).sqrt()
}

#[test]
fn row_by_row_findings_without_a_change_are_as_rare_as_asked_for() {
    const RUNS: u64 = 1_500;
    const ROWS: usize = 2_500;
    let mut by_check = [const { Vec::new() }; QualityCheck::ALL.len()];
    let mut n_checks = 0;
    for run in 0..RUNS {
        let mut generator = stream(5, run);
        let mut project = Project::of(&rows(300, &mut generator), &settings(0.2), IN_TURN);
        n_checks = project.quality.n_checks;
        let findings = project.feed(&rows(ROWS, &mut generator));
        for (check, runs) in QualityCheck::ALL.into_iter().zip(&mut by_check) {
            runs.push(findings.iter().filter(|finding| finding.check == check).count() as f64);
        }
    }
    // Two ranges, two kinds of categories, two types, four of values that can be missing, four that vary.
    assert_eq!(n_checks, 14);
    let wanted = 0.2 * ROWS as f64 / 100.0 / n_checks as f64;
    for (check, (runs, n)) in QualityCheck::ALL.into_iter().zip(by_check.iter().zip([2.0, 2.0, 4.0, 2.0, 4.0])) {
        let mean = runs.iter().sum::<f64>() / RUNS as f64;
        assert!(!is_above(runs, n * wanted), "{check}: {mean} findings a run, {} are wanted", n * wanted);
    }
    // Those whose law is exact are not mute either.
    let ranges: f64 = by_check[QualityCheck::OutOfRange as usize].iter().sum();
    assert!(ranges / RUNS as f64 > 0.1 * wanted, "{ranges}");
}

#[test]
fn windows_without_a_change_have_findings_as_rarely_as_asked_for() {
    const RUNS: u64 = 4_000;
    for (n, m) in [(200, 30), (60, 100)] {
        let mut n_found = 0_u32;
        for run in 0..RUNS {
            let mut generator = stream(6, run);
            let mut project = Project::of(&rows(n, &mut generator), &settings(0.2), RowsCome::AsWindows);
            n_found += u32::from(!project.feed(&rows(m, &mut generator)).is_empty());
        }
        let rate = f64::from(n_found) / RUNS as f64;
        let deviation = (0.2 * 0.8 / RUNS as f64).sqrt();
        assert!(rate <= 0.2 + 3.0 * deviation && rate > 0.01, "{n} {m}: {rate}");
    }
}

/// Rows of one column that are new in one way.
fn column(name: &str, values: &Values) -> Table {
    let mut generator = stream(8, 1);
    let others = rows(values.len(), &mut generator);
    let columns = others.columns().iter().map(|column| {
        let values = if column.name == name { values.clone() } else { column.values.clone() };
        Column { name: column.name.clone(), values }
    });
    Table::named(columns.collect()).unwrap()
}

/// What is new, the column and the check that finds it, and the most rows that it may take.
fn changes(n: usize) -> Vec<(Table, usize, QualityCheck)> {
    let some = |new: f64| (0..n).map(|row| if row % 3 == 0 { new } else { -0.5 - row as f64 / 1_000.0 }).collect();
    let texts = |new: Option<&str>| {
        let old = ["yes", "no"];
        Values::Text((0..n).map(|row| if row % 2 == 0 { new } else { Some(old[row / 2 % 2]) }).collect())
    };
    vec![
        (column("numbers", &Values::Numeric(some(50.0))), 0, QualityCheck::OutOfRange),
        (column("numbers", &Values::Numeric(some(f64::NAN))), 0, QualityCheck::MissingBurst),
        (column("ties", &Values::Numeric(vec![3.0; n])), 1, QualityCheck::ConstantColumn),
        (
            column("zipf", &Values::Text((0..n).map(|row| Some(["c1", "x"][row % 2])).collect())),
            2,
            QualityCheck::NewCategory,
        ),
        (column("words", &texts(Some("17"))), 3, QualityCheck::TypeChange),
        (column("words", &texts(None)), 3, QualityCheck::MissingBurst),
    ]
}

#[test]
fn each_check_finds_what_it_is_for_within_some_rows() {
    let reference = rows(1_000, &mut stream(8, 0));
    for come in [IN_TURN, RowsCome::AsWindows] {
        for (rows, index, check) in changes(50) {
            let mut project = Project::of(&reference, &settings(0.001), come);
            let findings = project.feed(&rows);
            assert!(!findings.is_empty(), "{check} {come:?}");
            for finding in &findings {
                assert_eq!((finding.check, finding.column), (check, index), "{come:?}: {}", finding.detail);
                assert!(finding.p_value <= 0.01 && finding.observed_share > finding.expected_share, "{finding:?}");
                assert!(finding.n_rows <= finding.of_rows && finding.row < 50, "{finding:?}");
            }
            assert!(findings.is_sorted_by_key(|finding| finding.row));

            let off = QualityRequest { off: [check].into(), ..QualityRequest::default() };
            let mut project = Project::of(&reference, &off.settings().unwrap().unwrap(), come);
            assert_eq!(project.feed(&rows), [], "{check} {come:?}");
        }
    }
}

#[test]
fn rows_of_several_requests_are_counted_as_those_of_one() {
    let reference = rows(1_000, &mut stream(8, 0));
    for (whole, _, check) in changes(150) {
        let mut once = Project::of(&reference, &settings(0.001), IN_TURN);
        let expected = once.feed(&whole);
        assert!(expected.len() > 1, "{check}");

        let mut project = Project::of(&reference, &settings(0.001), IN_TURN);
        let frame = project.schema.read_whole(&whole).unwrap();
        let mut found = Vec::new();
        for row in 0..150 {
            let more = project.quality.check(&mut project.state, &frame.range(row..row + 1));
            found.extend(more.into_iter().map(|finding| QualityFinding { row, ..finding }));
            // Saved and loaded after every row.
            let (mut state, parameters) = (Tensors::new(), project.quality.save());
            project.state.save(&mut state);
            let restored = Quality::restore(Some(&settings(0.001)), &project.schema, &parameters, IN_TURN);
            project.quality = restored.unwrap().expect("it has checks");
            project.state = project.quality.restore_state(&state).unwrap();
        }
        assert_eq!(found, expected, "{check}");
    }
}

#[test]
fn a_column_that_never_varied_is_not_looked_at_for_being_constant() {
    let constant = |n| Table::unnamed(vec![Values::Numeric(vec![4.0; n])]).unwrap();
    for come in [IN_TURN, RowsCome::AsWindows] {
        let mut project = Project::of(&constant(500), &settings(0.001), come);
        assert_eq!(project.feed(&constant(2_000)), []);
    }
    // Runs as long as those of the reference are none.
    let steps = |n: usize| Values::Numeric((0..n).map(|row| (row / 50) as f64).collect());
    let mut project = Project::of(&Table::unnamed(vec![steps(500)]).unwrap(), &settings(0.001), IN_TURN);
    assert_eq!(project.feed(&Table::unnamed(vec![steps(500)]).unwrap()), []);
}

#[test]
fn arrays_that_are_no_counts_are_refused() {
    let project = Project::of(&rows(100, &mut stream(8, 0)), &settings(0.001), IN_TURN);
    let mut state = Tensors::new();
    project.state.save(&mut state);
    assert!(project.quality.restore_state(&state).is_ok());
    assert_eq!(project.quality.restore_state(&Tensors::new()).unwrap(), project.state);
    for (name, wrong) in [
        ("quality.last", vec![1]),
        ("quality.events", vec![4, 0, 0, 0, 1]),
        ("quality.events", vec![0, 3, 0, 0, 1]),
        ("quality.events", vec![0, 0, 0, 1]),
        ("quality.new", vec![0, 0, 0, 7, 1]),
        ("quality.new", vec![2, 3, 0, 7, 1]),
    ] {
        let mut state = state.clone();
        state.insert_u64(name, wrong.clone());
        assert!(project.quality.restore_state(&state).is_err(), "{name} {wrong:?}");
    }
}
