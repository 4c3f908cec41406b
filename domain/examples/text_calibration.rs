//! Whether the expected run time is kept on texts: many references drawn from a file, each with rows that it has not seen.
//!
//!     cargo run --release -p drifting-domain --example text_calibration -- TEXTS OTHERS [ROWS] [WINDOW] [ERT] [REFERENCES]
//!
//! `TEXTS` has a text a line, in any order, at least ten times as many as a reference; the lines of `OTHERS` are of another
//! kind, and the delay is how many of them come before the alarm.

use drifting_domain::data::{Cells, Frame};
use drifting_domain::detectors::{
    CvmThresholds, DetectorKind, DetectorRequest, OnlineDetector, OnlineState, fit_online,
};
use drifting_domain::ports::{CpuPool, Silent};
use drifting_domain::preprocess::{TextFeatureSet, TextFeatures};
use drifting_domain::statistics::draws::stream;
use rand::seq::SliceRandom;

struct Here;

impl CpuPool for Here {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..n_tasks).for_each(task);
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut texts = || std::fs::read_to_string(arguments.next().expect("a file")).expect("a file of texts");
    let (texts, others) = (texts(), texts());
    let (texts, others): (Vec<&str>, Vec<&str>) = (texts.lines().collect(), others.lines().collect());
    let mut number = |default| arguments.next().map_or(default, |argument| argument.parse().expect("a number"));
    let (n_rows, window_size, ert, n_references): (usize, usize, usize, usize) =
        (number(1_000), number(40), number(400), number(30));

    let (mut n_judged, mut n_alarms, mut delays) = (0, 0, Vec::new());
    for index in 0..n_references {
        let seed = index as u64;
        let mut order = texts.clone();
        order.shuffle(&mut stream(seed, 5));
        let (reference, rest) = order.split_at(n_rows);
        let rest = &rest[..rest.len().min(10 * ert)];
        let fitted = TextFeatures::fit(&some(reference), TextFeatureSet::Components(None), seed, &Here, &Silent);
        let (features, compared) = fitted.expect("the texts have words");
        let k = features.n_components().expect("components are asked for");
        let request = DetectorRequest {
            ert: Some(ert as f64),
            window_size: Some(window_size),
            seed: Some(seed),
            ..DetectorRequest::default()
        };
        let spec = request.online_specification(DetectorKind::MmdOnline, k).expect("the settings are valid");
        let detector =
            fit_online(&spec, &components(&compared, k), k, &CvmThresholds::default(), &Here, &Silent).expect("a fit");

        let mut state = detector.start();
        for row in components(&features.frame(&some(rest), &Here).expect("no encoder fails"), k).chunks_exact(k) {
            if detector.step(&mut state, row).is_drift {
                n_alarms += 1;
                state = detector.start();
            }
        }
        n_judged += rest.len();
        let mut state = detector.start();
        feed(
            &*detector,
            &mut state,
            &components(&features.frame(&some(&rest[..window_size]), &Here).expect("no encoder fails"), k),
            k,
        );
        let first = (index * 100) % others.len();
        let of_others = components(&features.frame(&some(&others[first..]), &Here).expect("no encoder fails"), k);
        delays.push(feed(&*detector, &mut state, &of_others, k).map_or(usize::MAX, |row| row + 1));
    }
    delays.sort_unstable();
    let mean = n_judged as f64 / f64::from(n_alarms);
    println!(
        "| texts | window | ERT | references | rows | alarms | rows between alarms | / ERT | delay: median | largest |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    println!(
        "| {n_rows} | {window_size} | {ert} | {n_references} | {n_judged} | {n_alarms} | {mean:.0} | {:.2} | {} | {} |",
        mean / ert as f64,
        delays[delays.len() / 2],
        delays[delays.len() - 1]
    );
}

/// The first row that drifts.
fn feed(detector: &dyn OnlineDetector, state: &mut OnlineState, rows: &[f64], k: usize) -> Option<usize> {
    rows.chunks_exact(k).position(|row| detector.step(state, row).is_drift)
}

fn some<'t>(texts: &[&'t str]) -> Vec<Option<&'t str>> {
    texts.iter().map(|text| Some(*text)).collect()
}

/// The components of rows, row-major.
fn components(frame: &Frame<'_>, k: usize) -> Vec<f64> {
    let columns = frame.columns().iter().take(k).map(|cells| match cells {
        Cells::Numeric(values) => &values[..],
        Cells::Categorical { .. } => &[],
    });
    let columns: Vec<&[f64]> = columns.collect();
    (0..frame.n_rows()).flat_map(|row| columns.iter().map(move |column| column[row])).collect()
}
