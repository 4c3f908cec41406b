//! `backtest`: a history is replayed through several detectors, in this process, or on a server that is named.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, anyhow, bail};
use drifting_domain::detectors::CvmThresholds;
use drifting_domain::ports::Progress;
use drifting_domain::use_cases::{self, Readers, RequestLimits};
use drifting_encoders::EncoderFolder;
use drifting_images::ImageFiles;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::value::RawValue;

use super::failure::{Interrupted, Usage};
use super::input::{self, Format, Input, JsonData, RowRange};
use super::output::{json_line, printable, table};
use super::{block_on, connect, fit, following, progress};
use crate::cli::{BacktestArgs, ClientFlags, MissingValues, ReferenceShare, Sequence, TableType};
use crate::client::{Answer, Backtest, BacktestCandidate, Body, Problem, Replayed};
use crate::config::Config;
use crate::runtime::{SystemClock, Threads};

/// What is said of Ctrl-C.
const INTERRUPTED: &str = "interrupted; nothing was stored";

type Query = Vec<(Cow<'static, str>, String)>;

pub(super) fn run(args: &BacktestArgs, flags: &ClientFlags, out: &mut impl Write) -> anyhow::Result<()> {
    let json = flags.json;
    let (drift_type, query, body) = request(args, json)?;
    let answer = if flags.names_a_server() {
        if args.settings.encoders_path.is_some() {
            let detail = "--encoders-path: expected none beside a server, which has encoders of its own";
            return Err(Usage(detail.to_owned()).into());
        }
        let client = connect(flags)?;
        let bar = progress::waiting("replaying".to_owned(), json);
        let query: Vec<(&str, String)> = query.iter().map(|(name, value)| (&**name, value.clone())).collect();
        let answer = client.post(&["backtest"], &query, body);
        let answer = block_on(following::unless_interrupted(answer, INTERRUPTED));
        bar.finish_and_clear();
        answer?
    } else {
        let query = query.into_iter().map(|(name, value)| (name.into_owned(), value)).collect();
        block_on(here(readers(args)?, query, body, json))?
    };
    if json {
        writeln!(out, "{}", json_line(answer.raw()))?;
    } else {
        write!(out, "{}", summary(args, drift_type, &answer.parse()?))?;
    }
    Ok(())
}

/// What texts and images are read by in this process.
fn readers(args: &BacktestArgs) -> anyhow::Result<Readers> {
    let readers = Readers { images: Arc::new(ImageFiles), ..Readers::default() };
    if args.encoder.is_none() {
        return Ok(readers);
    }
    // An empty DRIFTING_CONFIG is one that was not set.
    let file = args.config.as_deref().filter(|file| !file.as_os_str().is_empty());
    let Some(folder) = Config::encoders_path(file, &args.settings)? else {
        let detail = "--encoder: expected --encoders-path (DRIFTING_ENCODERS_PATH) with the folder of encoders, or --url of a server that has one";
        return Err(Usage(detail.to_owned()).into());
    };
    let encoders = Arc::new(EncoderFolder::at(folder));
    Ok(Readers { text_encoders: Arc::clone(&encoders) as _, image_encoders: encoders, ..readers })
}

/// The drift type, the settings beside rows, and the body.
fn request(args: &BacktestArgs, json: bool) -> anyhow::Result<(TableType, Query, Body)> {
    match input::open(&args.rows)? {
        Input::Rows(mut rows) => {
            let drift_type = fit::drift_type(args.drift_type, rows.is_one_column(), json);
            let file = input::name_of(&args.rows.file);
            let batch = rows.next_batch(usize::MAX).with_context(|| format!("cannot use {file}"))?;
            let Some(batch) = batch else { bail!("{file} has none of the rows asked for") };
            Ok((drift_type, query(args, drift_type), batch.into_body()))
        }
        Input::Json(data) => {
            let drift_type = fit::drift_type(args.drift_type, data.is_one_column(), json);
            Ok((drift_type, Vec::new(), Body::Json(document(args, drift_type, &data)?)))
        }
    }
}

/// The settings beside a body of rows.
fn query(args: &BacktestArgs, drift_type: TableType) -> Query {
    let changes = if args.no_change { Some("none".to_owned()) } else { fit::list(&args.changes) };
    let settings = [
        ("drift_type", Some(drift_type.as_str().to_owned())),
        ("reference", fit::text(args.reference.as_ref())),
        ("changes", changes),
        ("margin", fit::text(args.margin.as_ref())),
        ("kinds", fit::list(&args.kinds)),
        ("windows", fit::list(&args.windows)),
        ("ert", fit::text(args.ert.as_ref())),
        ("encoder", args.encoder.clone()),
        ("missing_values", args.missing_values.map(|policy| policy.as_str().to_owned())),
        ("seed", fit::text(args.seed.as_ref())),
    ];
    let settings = settings.into_iter().filter_map(|(name, value)| Some((name, value?)));
    settings.chain(args.sequence.query()).map(|(name, value)| (Cow::Borrowed(name), value)).collect()
}

/// A request with its data and its settings in one document.
#[derive(Serialize)]
struct BacktestRequest<'a> {
    drift_type: TableType,
    data: &'a RawValue,
    reference: Option<ReferenceShare>,
    changes: Option<&'a [u64]>,
    margin: Option<u64>,
    candidates: Vec<Candidate<'a>>,
    windows: &'a [u64],
    ert: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoder: Option<&'a str>,
    sequence: Option<Sequence<'a>>,
    missing_values: Option<MissingValues>,
    seed: Option<u64>,
}

#[derive(Serialize)]
struct Candidate<'a> {
    kind: &'a str,
}

fn document(args: &BacktestArgs, drift_type: TableType, data: &JsonData) -> anyhow::Result<Vec<u8>> {
    let request = BacktestRequest {
        drift_type,
        data: data.raw(),
        reference: args.reference,
        changes: Some(&*args.changes).filter(|changes| args.no_change || !changes.is_empty()),
        margin: args.margin,
        candidates: args.kinds.iter().map(|kind| Candidate { kind }).collect(),
        windows: &args.windows,
        ert: args.ert,
        encoder: args.encoder.as_deref(),
        sequence: args.sequence.member(),
        missing_values: args.missing_values,
        seed: args.seed,
    };
    serde_json::to_vec(&request).context("cannot write the request")
}

/// Replays in this process, with a bar; Ctrl-C ends it.
async fn here(readers: Readers, query: Vec<(String, String)>, body: Body, json: bool) -> anyhow::Result<Answer> {
    let (media_type, bytes) = body.parts().context("a backtest has rows")?;
    let pool = Threads::for_backtests()?;
    let watching = Arc::new(Watching {
        bar: progress::over_share("reading the history".to_owned(), json),
        is_cancelled: AtomicBool::new(false),
    });
    let watched = Arc::clone(&watching);
    let mut work = tokio::task::spawn_blocking(move || {
        let backtest = use_cases::Backtest {
            readers: &readers,
            limits: RequestLimits::default(),
            thresholds: &CvmThresholds::default(),
            clock: &SystemClock,
            pool: &pool,
            progress: &*watched,
        };
        drifting_http::run_backtest(media_type, bytes, query, &backtest)
    });
    let told = tokio::select! {
        told = &mut work => Some(told),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("cannot listen for signals")?;
            watching.is_cancelled.store(true, Ordering::Relaxed);
            None
        }
    };
    watching.bar.finish_and_clear();
    let Some(told) = told else { return Err(Interrupted(INTERRUPTED.to_owned()).into()) };
    match told.context("the backtest ended without a result")? {
        Ok(report) => Answer::read(report),
        Err(problem) => Err(Problem::read(problem.as_bytes()).map_or_else(|| anyhow!(problem), anyhow::Error::new)),
    }
}

struct Watching {
    bar: ProgressBar,
    is_cancelled: AtomicBool,
}

impl Progress for Watching {
    fn stage(&self, words: &'static str) {
        self.bar.set_message(words);
    }

    fn report(&self, done: usize, total: usize) {
        self.bar.set_position(progress::position(done as f64 / total.max(1) as f64));
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

fn summary(args: &BacktestArgs, drift_type: TableType, report: &Backtest) -> String {
    let mut text = format!("reference: {} rows, replayed: {}", report.reference_rows, report.replayed_rows);
    if report.rows_dropped > 0 {
        let _ = write!(text, ", left out for missing values: {}", report.rows_dropped);
    }
    match report.changes.as_deref() {
        None => text.push_str("; no change is known (--change names one)"),
        Some([]) => text.push_str("; nothing changes"),
        Some(changes) => {
            let changes: Vec<_> = changes.iter().map(ToString::to_string).collect();
            let _ = write!(text, "; changes at {}, told within {} rows", changes.join(", "), report.margin);
        }
    }
    text.push_str("\n\n");
    let rows: Vec<_> = report
        .candidates
        .iter()
        .enumerate()
        .filter_map(|(index, candidate)| {
            let mut row = row(candidate, candidate.replayed.as_ref()?);
            row.extend((report.suggestion.candidate == Some(index)).then(|| "suggested".to_owned()));
            Some(row)
        })
        .collect();
    if !rows.is_empty() {
        let header =
            ["KIND", "WINDOW", "ALARMS", "FALSE PER 1000 ROWS (95 %)", "MISSED", "MEAN DELAY", "NS PER ROW", ""];
        text.push_str(&table(&header, &rows));
        text.push('\n');
    }
    for candidate in &report.candidates {
        if let Some(problem) = &candidate.problem {
            let _ = writeln!(text, "not replayed: {}: {}", named(candidate), printable(problem));
        }
    }
    let reason = printable(&report.suggestion.reason);
    match report.suggestion.candidate.and_then(|index| report.candidates.get(index)) {
        None => {
            let _ = writeln!(text, "no suggestion: {reason}");
        }
        Some(candidate) => {
            let _ = writeln!(text, "suggestion: {}: {reason}", named(candidate));
            let _ = writeln!(text, "  {}", command(args, drift_type, candidate, report));
            let _ = writeln!(text, "  {}", settings(args, drift_type, candidate));
        }
    }
    text
}

fn named(candidate: &BacktestCandidate) -> String {
    let kind = printable(candidate.kind.as_deref().unwrap_or("the default"));
    match candidate.window {
        Some(rows) => format!("{kind} in windows of {rows} rows"),
        None => kind,
    }
}

fn row(candidate: &BacktestCandidate, replayed: &Replayed) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let rate = replayed.false_alarms.map(|of| format!("{:.2} ({:.2} to {:.2})", of.per_1000_rows, of.low, of.high));
    let n_changes = replayed.changes.len();
    vec![
        printable(candidate.kind.as_deref().unwrap_or("-")),
        or_dash(candidate.window.map(|rows| rows.to_string())),
        replayed.n_alarms.to_string(),
        or_dash(rate),
        or_dash((n_changes > 0).then(|| format!("{} of {n_changes}", replayed.n_missed))),
        or_dash(replayed.mean_delay.map(|rows| format!("{rows:.0}"))),
        format!("{:.0}", replayed.cost.row_ns),
    ]
}

/// The rows between false alarms, where they were asked for and the kind takes them.
fn ert_of(args: &BacktestArgs, drift_type: TableType, candidate: &BacktestCandidate) -> Option<f64> {
    // Of a series all do that have a setting to be calibrated.
    let of_series = |kind: &str| drift_type == TableType::Sequential && kind != "ecdd" && kind != "dummy";
    let takes = candidate.kind.as_deref().is_some_and(|kind| kind.ends_with("_online") || of_series(kind));
    args.ert.filter(|_| takes)
}

/// The command that fits what is suggested on the same reference.
fn command(args: &BacktestArgs, drift_type: TableType, candidate: &BacktestCandidate, report: &Backtest) -> String {
    let kind = printable(candidate.kind.as_deref().unwrap_or_default());
    let file = args.rows.file.display().to_string();
    let mut words = vec!["drifting fit NAME".to_owned(), quoted(&file)];
    if !args.rows.columns.is_empty() {
        words.push(format!("--columns {}", quoted(&args.rows.columns.join(","))));
    }
    let is_json = args.rows.format == Some(Format::Json) || file.to_ascii_lowercase().ends_with(".json");
    // Rows that were left out have no numbers here.
    let has_range = report.rows_dropped == 0 && !is_json;
    if has_range {
        let RowRange { from, .. } = args.rows.rows;
        words.push(format!("--rows {from}..{}", from + report.reference_rows));
    }
    words.push(format!("--drift-type {} --detector {kind}", drift_type.as_str()));
    words.extend(ert_of(args, drift_type, candidate).map(|ert| format!("--ert {ert}")));
    words.extend(candidate.window.map(|rows| format!("--set window.size={rows}")));
    words.extend(args.sequence.words().iter().map(|(flag, value)| format!("{flag} {}", quoted(value))));
    words.extend(args.encoder.iter().map(|name| format!("--encoder {}", quoted(name))));
    words.extend(args.missing_values.map(|policy| format!("--missing-values {}", policy.as_str())));
    words.push("--set after_alarm=reset".to_owned());
    if !has_range {
        words.push(format!("# with the first {} rows alone", report.reference_rows));
    }
    words.join(" ")
}

/// The same as the settings of a request.
fn settings(args: &BacktestArgs, drift_type: TableType, candidate: &BacktestCandidate) -> String {
    let detector = Detector {
        kind: candidate.kind.as_deref(),
        ert: ert_of(args, drift_type, candidate),
        window: candidate.window.map(|size| Window { size }),
        after_alarm: "reset",
    };
    let settings = Settings {
        drift_type,
        detector,
        preprocessing: args.encoder.as_deref().map(|encoder| Preprocessing { encoder }),
        sequence: args.sequence.member(),
        missing_values: args.missing_values,
    };
    printable(&serde_json::to_string(&settings).unwrap_or_default())
}

#[derive(Serialize)]
struct Settings<'a> {
    drift_type: TableType,
    detector: Detector<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preprocessing: Option<Preprocessing<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<Sequence<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_values: Option<MissingValues>,
}

#[derive(Serialize)]
struct Detector<'a> {
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ert: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Window>,
    after_alarm: &'static str,
}

#[derive(Serialize)]
struct Preprocessing<'a> {
    encoder: &'a str,
}

#[derive(Serialize)]
struct Window {
    size: u64,
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./,:@%+=".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", printable(word).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use serde_json::json;

    use super::*;
    use crate::cli::{Cli, Command};

    fn args(line: &str) -> Box<BacktestArgs> {
        let cli = Cli::try_parse_from(format!("drifting backtest {line}").split_whitespace());
        match cli.map_err(|error| error.to_string()).unwrap().command {
            Command::Backtest(args) => args,
            _ => panic!("expected backtest"),
        }
    }

    #[test]
    fn settings_go_into_the_query() {
        let line = "x.csv --reference 30% --change 7 --change 9,12 --margin 50 --kind ks,cvm --kind mmd --window 50,60 \
                    --ert 400 --missing-values drop --seed 3";
        let query = |line: &str| {
            let query = super::query(&args(line), TableType::Label);
            query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        };
        assert_eq!(
            query(line),
            "drift_type=label&reference=0.3&changes=7,9,12&margin=50&kinds=ks,cvm,mmd&windows=50,60&ert=400&\
             missing_values=drop&seed=3"
        );
        assert_eq!(query("x.csv --no-change --reference 70"), "drift_type=label&reference=70&changes=none");
        assert_eq!(query("x.csv"), "drift_type=label");
        assert_eq!(query("x.csv --encoder e --encoders-path f"), "drift_type=label&encoder=e");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for line in
            ["x --reference 0", "x --reference 100%", "x --reference x%", "x --change -1", "x --change 1 --no-change"]
        {
            assert!(Cli::try_parse_from(format!("drifting backtest {line}").split_whitespace()).is_err(), "{line}");
        }
    }

    #[test]
    fn the_summary_shows_the_candidates_and_a_command_to_go_on_with() {
        let report = json!({
            "reference_rows": 300, "replayed_rows": 700, "changes": [500], "margin": 100,
            "candidates": [
                {"kind": "ks", "window": 50, "replayed": {
                    "n_alarms": 3, "n_missed": 0, "mean_delay": 49.0, "changes": [{}], "cost": {"row_ns": 812.4},
                    "false_alarms": {"per_1000_rows": 5.0, "low": 0.13, "high": 27.86}
                }},
                {"kind": "mmd", "window": 50, "problem": "no bandwidth"}
            ],
            "suggestion": {"candidate": 0, "reason": "it told 1 of 1 change"}
        });
        let report = serde_json::from_value(report).unwrap();
        let text = summary(&args("a&b.csv --columns price --ert 400"), TableType::Label, &report);
        let expected = "\
reference: 300 rows, replayed: 700; changes at 500, told within 100 rows

KIND  WINDOW  ALARMS  FALSE PER 1000 ROWS (95 %)  MISSED  MEAN DELAY  NS PER ROW
ks    50      3       5.00 (0.13 to 27.86)        0 of 1  49          812         suggested

not replayed: mmd in windows of 50 rows: no bandwidth
suggestion: ks in windows of 50 rows: it told 1 of 1 change
  drifting fit NAME 'a&b.csv' --columns price --rows 0..300 --drift-type label --detector ks --set window.size=50 --set after_alarm=reset
  {\"drift_type\":\"label\",\"detector\":{\"kind\":\"ks\",\"window\":{\"size\":50},\"after_alarm\":\"reset\"}}
";
        assert_eq!(text, expected);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, expected) in [("a/b-c.csv", "a/b-c.csv"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''")] {
            assert_eq!(quoted(word), expected);
        }
    }
}
