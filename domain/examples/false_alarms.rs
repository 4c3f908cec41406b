//! How often kinds that judge windows speak of drift where there is none.
//!
//! ```sh
//! cargo run --release -p drifting-domain --example false_alarms [kind …] [references]
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use drifting_domain::data::{Column, MissingValues, Table, Values};
use drifting_domain::detectors::{DetectorKind, DetectorRequest, ModelName, UncertaintyType, WindowRequest};
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, ProjectName};
use drifting_domain::quality::QualityRequest;
use drifting_domain::statistics::draws::stream;
use drifting_domain::use_cases::FitRequest;
use drifting_memory::service;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// Unless said; each has one window, so that windows are independent.
const N_REFERENCES: u64 = 2_000;
/// Of those with windows that overlap.
const N_SLIDING: u64 = 400;
const N_ROWS: usize = 400;
const WINDOW: usize = 100;
/// Of tests that take few values: how many times as many rows of either come beside.
const LARGER: usize = 10;
const LEVEL: f64 = 0.05;

/// What the columns hold.
#[derive(Clone, Copy)]
enum Data {
    /// Three columns of numbers.
    Numbers,
    /// Three columns of five categories.
    Categories,
    /// Three columns of two classes.
    Classes,
    /// Two columns of numbers and one of categories.
    Mixed,
    /// Two columns of numbers, of which one follows the other.
    /// The context of windows moved.
    Context(f64),
    /// Probabilities of three classes.
    Outputs,
    /// One column of texts, of words whose frequencies fall as those of languages do.
    Texts,
}

fn main() {
    let (numbers, wanted): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.parse::<u64>().is_ok());
    let n_references = numbers.first().map_or(N_REFERENCES, |number| number.parse().expect("a number"));
    println!("| kind | settings | windows | false alarms | share | 95 % band of the level |");
    println!("|---|---|---|---|---|---|");
    for (detector, data, settings) in lines() {
        if std::env::var("ONLY").is_ok_and(|only| !settings.starts_with(&only)) {
            continue;
        }
        let kind = detector.kind.expect("every line has a kind");
        if !wanted.is_empty() && !wanted.contains(&kind.to_string()) {
            continue;
        }
        let scale = if settings.starts_with(TEN_TIMES) { LARGER } else { 1 };
        let alarms = independent(&detector, data, scale, n_references);
        let n = n_references as f64;
        let half = 1.96 * (LEVEL * (1.0 - LEVEL) / n).sqrt();
        println!(
            "| `{kind}` | {settings} | {n} | {alarms} | {:.2} % | {:.2} to {:.2} % |",
            100.0 * alarms as f64 / n,
            100.0 * (LEVEL - half),
            100.0 * (LEVEL + half)
        );
    }
    if wanted.is_empty() {
        println!();
        sliding();
    }
}

/// How the settings of a line begin whose windows are larger.
const TEN_TIMES: &str = "ten times the rows";

fn lines() -> Vec<(DetectorRequest, Data, &'static str)> {
    use DetectorKind as Kind;
    let of = |kind| DetectorRequest { kind: Some(kind), ..DetectorRequest::default() };
    let forest = DetectorRequest { model: Some(ModelName::RandomForest), n_trees: Some(30), ..of(Kind::Classifier) };
    let folds = |detector| DetectorRequest { n_folds: Some(5), ..detector };
    let context = DetectorRequest {
        context_columns: Some(vec!["c0".to_owned()]),
        n_permutations: Some(100),
        ..of(Kind::ContextMmd)
    };
    let margin = DetectorRequest {
        uncertainty_type: Some(UncertaintyType::Margin),
        margin_width: Some(0.3),
        ..of(Kind::ClassifierUncertainty)
    };
    vec![
        (of(Kind::Ks), Data::Numbers, "three columns"),
        (of(Kind::Cvm), Data::Numbers, "three columns"),
        (of(Kind::ChiSquare), Data::Categories, "three columns of five categories"),
        (of(Kind::FisherExact), Data::Classes, "three columns (takes few values, so it is below the level)"),
        (of(Kind::FisherExact), Data::Classes, "ten times the rows"),
        (of(Kind::Tabular), Data::Mixed, "two columns of numbers, one of five categories"),
        (of(Kind::Mmd), Data::Numbers, "100 permutations"),
        (of(Kind::Lsdd), Data::Numbers, "100 permutations"),
        (of(Kind::Classifier), Data::Numbers, "logistic regression, one split"),
        (forest.clone(), Data::Numbers, "forest of 30 trees, one split"),
        (folds(of(Kind::Classifier)), Data::Numbers, "logistic regression, 5 folds"),
        (folds(forest), Data::Numbers, "forest of 30 trees, 5 folds"),
        (of(Kind::Classifier), Data::Texts, "texts by their words"),
        (of(Kind::SpotTheDiff), Data::Numbers, "one split"),
        (folds(of(Kind::SpotTheDiff)), Data::Numbers, "5 folds"),
        (context.clone(), Data::Context(0.0), "one context column, 100 permutations"),
        (context.clone(), Data::Context(1.0), "contexts of windows one standard deviation away"),
        (context, Data::Context(2.0), "contexts of windows two standard deviations away"),
        (of(Kind::ClassifierUncertainty), Data::Outputs, "entropy of three classes"),
        (margin.clone(), Data::Outputs, "margin of three classes (two classes, with Yates' correction)"),
        (margin, Data::Outputs, "ten times the rows, margin of three classes"),
        (of(Kind::RegressorUncertainty), Data::Numbers, "three members"),
    ]
}

/// Alarms in windows of references of their own.
fn independent(detector: &DetectorRequest, data: Data, scale: usize, n_references: u64) -> u64 {
    let (next, alarms) = (AtomicU64::new(0), AtomicU64::new(0));
    let n_threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= n_references {
                        return;
                    }
                    let request = DetectorRequest { seed: Some(index), ..detector.clone() };
                    let mut generator = stream(index, 20_261_128);
                    let judged = verdicts(request, data, scale, WINDOW, WINDOW, &mut generator);
                    let n = judged.iter().filter(|is_drift| **is_drift).count() as u64;
                    alarms.fetch_add(n, Ordering::Relaxed);
                }
            });
        }
    });
    alarms.into_inner()
}

/// Windows that overlap: the share in alarm, and how alarms come together.
fn sliding() {
    println!(
        "| windows of `ks` on three columns | share in alarm | alarms that start, a 1,000 rows | mean windows an alarm lasts |"
    );
    println!("|---|---|---|---|");
    for stride in [WINDOW, WINDOW / 2, WINDOW / 4, WINDOW / 10] {
        let (mut n, mut n_alarms, mut n_starts, mut n_rows) = (0_u64, 0_u64, 0_u64, 0_u64);
        for index in 0..N_SLIDING {
            let mut generator = stream(index, 77);
            let detector = DetectorRequest { kind: Some(DetectorKind::Ks), ..DetectorRequest::default() };
            let judged = verdicts(detector, Data::Numbers, 1, 20 * WINDOW, stride, &mut generator);
            n += judged.len() as u64;
            n_alarms += judged.iter().filter(|is_drift| **is_drift).count() as u64;
            let starts = std::iter::once(&false).chain(&judged).zip(&judged);
            n_starts += starts.filter(|(before, now)| !**before && **now).count() as u64;
            n_rows += 20 * WINDOW as u64;
        }
        println!(
            "| of {WINDOW} rows, stride {stride} | {:.2} % | {:.2} | {:.2} |",
            100.0 * n_alarms as f64 / n as f64,
            1_000.0 * n_starts as f64 / n_rows as f64,
            n_alarms as f64 / n_starts as f64
        );
    }
}

/// Fits on rows, feeds others of the same law, and tells whether each window drifted.
fn verdicts(
    detector: DetectorRequest,
    data: Data,
    scale: usize,
    n_rows: usize,
    stride: usize,
    generator: &mut ChaCha8Rng,
) -> Vec<bool> {
    let window = Some(WindowRequest { size: Some(scale * WINDOW), stride: Some(scale * stride), max_age: None });
    let request = FitRequest {
        project: "p".parse::<ProjectName>().expect("a name"),
        drift_type: if matches!(data, Data::Texts) { DriftType::Text } else { DriftType::Tabular },
        reference: data.rows(false, scale * N_ROWS, generator),
        detector: DetectorRequest { window, ..detector },
        standardize: None,
        n_components: None,
        texts: TextRequest::DEFAULT,
        missing_values: MissingValues::Reject,
        quality: QualityRequest::default(),
        report_run_length: false,
        overwrite: false,
    };
    let rows = data.rows(true, scale * n_rows, generator);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let service = service();
        let fitted = service.fit(request).await.expect("a fit");
        let view = service.store(fitted).await.expect("it is stored");
        let open = service.open(&view.name).await.expect("it is open");
        let prediction = service.predict(&open, rows).await.expect("rows are fed");
        prediction.detections.iter().map(|detection| detection.is_drift).collect()
    })
}

impl Data {
    fn rows(self, is_window: bool, n_rows: usize, generator: &mut ChaCha8Rng) -> Table {
        let mut numbers = || (0..n_rows).map(|_| normal(generator)).collect::<Vec<f64>>();
        let columns = match self {
            Self::Numbers => vec![Values::Numeric(numbers()), Values::Numeric(numbers()), Values::Numeric(numbers())],
            Self::Categories => (0..3).map(|_| labels(n_rows, 5, generator)).collect(),
            Self::Classes => (0..3).map(|_| labels(n_rows, 2, generator)).collect(),
            Self::Mixed => {
                let columns = [numbers(), numbers()].map(Values::Numeric);
                columns.into_iter().chain([labels(n_rows, 5, generator)]).collect()
            }
            Self::Context(shift) => {
                let (context, noise) = (numbers(), numbers());
                let context: Vec<f64> = context.iter().map(|c| c + if is_window { shift } else { 0.0 }).collect();
                let follows = context.iter().zip(noise).map(|(context, noise)| context + noise).collect();
                vec![Values::Numeric(context), Values::Numeric(follows)]
            }
            Self::Outputs => {
                let logits = [numbers(), numbers(), numbers()];
                let probability = |class: usize, row: usize| {
                    let total: f64 = logits.iter().map(|of_class| of_class[row].exp()).sum();
                    logits[class][row].exp() / total
                };
                let of_class = |class| Values::Numeric((0..n_rows).map(|row| probability(class, row)).collect());
                (0..3).map(of_class).collect()
            }
            Self::Texts => {
                let texts: Vec<String> = (0..n_rows).map(|_| text(generator)).collect();
                vec![Values::Text(texts.iter().map(Some).collect())]
            }
        };
        let named = columns.into_iter().enumerate();
        let named = named.map(|(index, values)| Column { name: format!("c{index}"), values });
        Table::named(named.collect()).expect("columns of one length")
    }
}

fn labels(n_rows: usize, n: usize, generator: &mut ChaCha8Rng) -> Values {
    const LABELS: [&str; 5] = ["a", "b", "c", "d", "e"];
    Values::Text((0..n_rows).map(|_| Some(LABELS[generator.random_range(0..n)])).collect())
}

/// Some 20 words of 2,000, the k-th of which comes about as often as 1 / k (Zipf 1949).
fn text(generator: &mut ChaCha8Rng) -> String {
    let n_words = generator.random_range(10..30);
    let word = |_| {
        let share: f64 = generator.random();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number up to 2,000")]
        let number = 2_000_f64.powf(share) as usize;
        format!("word{number}")
    };
    (0..n_words).map(word).collect::<Vec<String>>().join(" ")
}

fn normal(generator: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (generator.random(), generator.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
