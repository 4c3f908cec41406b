//! `fit`: a file of reference rows becomes a project.

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::value::RawValue;

use super::input::{self, Input, JsonData};
use super::output::{json_line, printable};
use super::{following, progress};
use crate::cli::{DetectorFlags, FitArgs, MissingValues, PreprocessingFlags, Sequence, TableType};
use crate::client::{Begun, Body, Client, Operation, Project, RunLength, Sent};

pub(super) async fn run(args: &FitArgs, client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let name = args.project.as_str();
    let (query, body) = match input::open(&args.rows)? {
        Input::Rows(mut rows) => {
            let drift_type = drift_type(args.drift_type, rows.is_one_column(), json);
            let file = input::name_of(&args.rows.file);
            let batch = rows.next_batch(usize::MAX).with_context(|| format!("cannot use {file}"))?;
            let Some(batch) = batch else { bail!("{file} has none of the rows asked for") };
            (query(args, drift_type), batch.into_body())
        }
        Input::Json(data) => (Vec::new(), Body::Json(document(args, &data, json)?)),
    };
    let bar = match body.size() {
        size if size >= LARGE => progress::over_bytes(format!("sending {name}"), Some(size), json),
        _ => progress::waiting(format!("fitting {name}"), json),
    };
    let path = ["projects", name, "fit"];
    let begun = client.begin(&path, &query, body, sent(&bar));
    let begun = following::unless_interrupted(begun, "interrupted before the fit had begun").await;
    bar.finish_and_clear();
    let answer = match begun? {
        Begun::Done(answer) => answer,
        Begun::Operation(answer) if args.no_wait => {
            let id = answer.parse::<Operation>()?.id;
            writeln!(out, "{}", if json { json_line(answer.raw()) } else { printable(&id) })?;
            return Ok(());
        }
        Begun::Operation(answer) => following::to_its_project(client, answer.parse()?, name, json).await?,
    };
    if json {
        writeln!(out, "{}", json_line(answer.raw()))?;
    } else {
        write!(out, "{}", summary(name, &answer.parse()?))?;
    }
    Ok(())
}

/// A smaller body is sent in no time.
const LARGE: u64 = 1024 * 1024;

/// Shows how much of a body has been sent.
fn sent(bar: &ProgressBar) -> Sent {
    let bar = bar.clone();
    Arc::new(move |sent| bar.set_position(sent))
}

/// The drift type asked for, or what suits the columns, which is said.
pub(super) fn drift_type(asked: Option<TableType>, is_one_column: bool, json: bool) -> TableType {
    asked.unwrap_or_else(|| {
        let (drift_type, because) =
            if is_one_column { (TableType::Label, "one column") } else { (TableType::Tabular, "several columns") };
        if !json {
            // Whether or not anybody listens there.
            let _ = writeln!(
                std::io::stderr(),
                "drift type {} for {because}; --drift-type chooses another",
                drift_type.as_str()
            );
        }
        drift_type
    })
}

/// The settings beside a body of rows.
fn query(args: &FitArgs, drift_type: TableType) -> Vec<(Cow<'static, str>, String)> {
    let DetectorFlags { kind, ert, window_size, window_sizes, n_bootstraps, sigma, seed, .. } = &args.detector;
    let DetectorFlags { alternative, lam, t_max, n_kernel_centers, lambda_rd_max, p_val, other, .. } = &args.detector;
    let PreprocessingFlags { standardize, n_components, features, encoder } = &args.preprocessing;
    let settings = [
        ("drift_type", Some(drift_type.as_str().to_owned())),
        ("overwrite", args.overwrite.then(|| "true".to_owned())),
        ("missing_values", args.missing_values.map(|policy| policy.as_str().to_owned())),
        ("report_run_length", args.report_run_length.then(|| "true".to_owned())),
        ("quality", args.no_quality.then(|| "false".to_owned())),
        ("standardize", text(standardize.as_ref())),
        ("n_components", text(n_components.as_ref())),
        ("features", features.clone()),
        ("encoder", encoder.clone()),
        ("kind", kind.clone()),
        ("ert", text(ert.as_ref())),
        ("window_size", text(window_size.as_ref())),
        ("window_sizes", list(window_sizes)),
        ("n_bootstraps", text(n_bootstraps.as_ref())),
        ("sigma", list(sigma)),
        ("alternative", alternative.clone()),
        ("lam", text(lam.as_ref())),
        ("t_max", text(t_max.as_ref())),
        ("n_kernel_centers", text(n_kernel_centers.as_ref())),
        ("lambda_rd_max", text(lambda_rd_max.as_ref())),
        ("seed", text(seed.as_ref())),
        ("p_val", text(p_val.as_ref())),
    ];
    let settings = settings.into_iter().filter_map(|(name, value)| Some((Cow::Borrowed(name), value?)));
    let settings = settings.chain(args.sequence.query().into_iter().map(|(name, value)| (Cow::Borrowed(name), value)));
    settings.chain(other.iter().map(|(name, value)| (Cow::Owned(name.clone()), value.clone()))).collect()
}

pub(super) fn text<T: ToString>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

pub(super) fn list<T: ToString>(values: &[T]) -> Option<String> {
    let texts: Vec<_> = values.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

/// A request with its data and its settings in one document.
#[derive(Serialize)]
struct FitRequest<'a> {
    drift_type: TableType,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    detector: Option<&'a DetectorFlags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preprocessing: Option<&'a PreprocessingFlags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<Sequence<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_values: Option<MissingValues>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    report_run_length: bool,
    /// Said where they are turned off.
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<bool>,
    overwrite: bool,
}

fn document(args: &FitArgs, data: &JsonData, json: bool) -> anyhow::Result<Vec<u8>> {
    let request = FitRequest {
        drift_type: drift_type(args.drift_type, data.is_one_column(), json),
        data: data.raw(),
        detector: Some(&args.detector).filter(|detector| **detector != DetectorFlags::default()),
        preprocessing: Some(&args.preprocessing).filter(|flags| **flags != PreprocessingFlags::default()),
        sequence: args.sequence.member(),
        missing_values: args.missing_values,
        report_run_length: args.report_run_length,
        quality: args.no_quality.then_some(false),
        overwrite: args.overwrite,
    };
    serde_json::to_vec(&request).context("cannot write the request")
}

fn summary(name: &str, project: &Project) -> String {
    let kind = printable(project.kind().unwrap_or("a detector"));
    let drift_type = printable(project.drift_type.as_deref().unwrap_or("unknown drift type"));
    let rows = project.reference_rows.map(|rows| format!(" on {rows} rows")).unwrap_or_default();
    let warnings = project.warnings.iter().flatten().map(|warning| format!("  warning: {}\n", printable(warning)));
    let run_length = project.run_length.map(run_length).unwrap_or_default();
    format!("{name}: fitted {kind} ({drift_type}){rows}\n{run_length}{}", warnings.collect::<String>())
}

fn run_length(report: RunLength) -> String {
    let RunLength { rows, alarm_starts, per_1000_rows, low, high, wanted_per_1000_rows } = report;
    format!(
        "  alarm starts in a trial on the last fifth: {alarm_starts} in {rows} rows, {per_1000_rows:.2} per 1,000 \
         (95 % interval {low:.2} to {high:.2}), wanted {wanted_per_1000_rows:.2}\n"
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn args(line: &str) -> Box<FitArgs> {
        let cli = Cli::try_parse_from(format!("drifting fit p {line}").split_whitespace());
        match cli.map_err(|error| error.to_string()).unwrap().command {
            Command::Fit(args) => args,
            _ => panic!("expected fit"),
        }
    }

    #[test]
    fn settings_go_into_the_query() {
        let line = "x.csv --detector mmd_online --ert 400 --window-size 40 --sigma 0.5,2 --seed 7 --standardize false \
                    --alternative less --lam 0.9 --t-max 200 --n-kernel-centers 30 --lambda-rd-max 0.1 \
                    --n-components 3 --missing-values drop --report-run-length --no-quality --overwrite --n-bootstraps 100 --window-sizes 40,80 \
                    --p-val 0.01 --set window.size=5 --set tests.a=cvm";
        let query = query(&args(line), TableType::Tabular);
        let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            query.join("&"),
            "drift_type=tabular&overwrite=true&missing_values=drop&report_run_length=true&quality=false&standardize=false&n_components=3&kind=mmd_online&\
             ert=400&window_size=40&window_sizes=40,80&n_bootstraps=100&sigma=0.5,2&alternative=less&\
             lam=0.9&t_max=200&n_kernel_centers=30&lambda_rd_max=0.1&seed=7&p_val=0.01&window.size=5&tests.a=cvm"
        );
    }

    #[test]
    fn what_was_not_said_is_left_to_the_server() {
        assert_eq!(super::query(&args("x.csv"), TableType::Label), [(Cow::Borrowed("drift_type"), "label".to_owned())]);
    }

    #[test]
    fn json_carries_the_settings_beside_the_data() {
        let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
        std::fs::write(file.path(), r#"{"a": [1, 2.50], "b": ["x", null]}"#).unwrap();
        let args = args(&format!(
            "{} --detector mmd_online --ert 400 --n-components 2 --no-quality --set window.size=9 --set correction=fdr",
            file.path().display()
        ));
        let Input::Json(data) = input::open(&args.rows).unwrap() else { panic!("expected JSON") };
        assert_eq!(
            String::from_utf8(document(&args, &data, false).unwrap()).unwrap(),
            r#"{"drift_type":"tabular","data":{"a": [1, 2.50], "b": ["x", null]},"#.to_owned()
                + r#""detector":{"kind":"mmd_online","ert":400.0,"correction":"fdr","window":{"size":9}},"preprocessing":{"n_components":2},"quality":false,"overwrite":false}"#
        );
    }

    #[test]
    fn the_summary_says_what_was_fitted() {
        let project = serde_json::json!({
            "project": "p", "drift_type": "label", "detector": {"kind": "cvm_online"}, "reference_rows": 1000,
            "run_length": {
                "rows": 200, "alarm_starts": 1, "per_1000_rows": 5.0, "low": 0.1266, "high": 27.858,
                "wanted_per_1000_rows": 2.5
            },
            "warnings": ["few rows"]
        });
        let summary = summary("p", &serde_json::from_value(project).unwrap());
        assert_eq!(
            summary,
            "p: fitted cvm_online (label) on 1000 rows\n  alarm starts in a trial on the last fifth: 1 in 200 rows, \
             5.00 per 1,000 (95 % interval 0.13 to 27.86), wanted 2.50\n  warning: few rows\n"
        );
    }
}
