//! `projects`: look at what the server watches, and manage it.

use std::io::Write;

use serde_json::value::RawValue;

use super::chart::{Point, chart};
use super::output::{facts, json_line, json_list, key_values, number, printable, table};
use crate::cli::{ListArgs, ProjectsCommand, TrendArgs};
use crate::client::{Body, Client, Metric, MetricBucket, Project, Refreshed};

/// With its labels a chart fits into a terminal of 80 columns.
const CHART_WIDTH: usize = 56;
const CHART_HEIGHT: usize = 8;
/// Up to so many values are drawn one by one; of more the server is asked for buckets.
const DRAWN_MAX: usize = 5_000;

pub(super) async fn run(
    command: &ProjectsCommand,
    client: &Client,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match command {
        ProjectsCommand::List(args) => list(args, client, json, out).await,
        ProjectsCommand::Show(args) => {
            let answer = client.get(&["projects", args.project.as_str()], &[]).await?;
            let text = if json { json_line(answer.raw()) } else { key_values(&facts(answer.raw())?) };
            writeln!(out, "{}", text.trim_end())?;
            Ok(())
        }
        ProjectsCommand::Load(args) => act(args.project.as_str(), "load", client, json, out).await,
        ProjectsCommand::Unload(args) => act(args.project.as_str(), "unload", client, json, out).await,
        ProjectsCommand::Reset(args) => act(args.project.as_str(), "reset", client, json, out).await,
        ProjectsCommand::Delete(args) => {
            let name = args.project.as_str();
            let purges = args.purge_metrics.then(|| ("purge_metrics", "true".to_owned()));
            client.delete(&["projects", name], purges.as_slice()).await?;
            if json {
                writeln!(out, "{{\"project\":\"{name}\",\"deleted\":true}}")?;
            } else {
                writeln!(out, "{name}: deleted")?;
            }
            Ok(())
        }
        ProjectsCommand::Refresh => refresh(client, json, out).await,
        ProjectsCommand::Trend(args) => trend(args, client, json, out).await,
    }
}

async fn list(args: &ListArgs, client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let filter = given(&[("drift_type", args.drift_type.as_ref()), ("status", args.status.as_ref())]);
    let projects = client.list(&["projects"], &filter, "projects").await?;
    if json {
        writeln!(out, "{}", json_list("projects", &projects))?;
    } else if projects.is_empty() {
        writeln!(out, "no projects; `drifting fit NAME FILE` makes one")?;
    } else {
        write!(out, "{}", overview(&read(&projects)?))?;
    }
    Ok(())
}

async fn act(name: &str, action: &str, client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let answer = client.post(&["projects", name, action], &[], Body::Empty).await?;
    if json {
        writeln!(out, "{}", json_line(answer.raw()))?;
    } else {
        let project: Project = answer.parse()?;
        let status = printable(project.status.as_deref().unwrap_or("unknown"));
        writeln!(out, "{name}: {action} done, status {status}")?;
    }
    Ok(())
}

async fn refresh(client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let answer = client.post(&["projects", "refresh"], &[], Body::Empty).await?;
    if json {
        writeln!(out, "{}", json_line(answer.raw()))?;
        return Ok(());
    }
    let found: Refreshed = answer.parse()?;
    for (names, what) in [
        (&found.added, "has come into the store"),
        (&found.vanished, "is no longer in the store"),
        (&found.clashing, "does not serve: its name differs from another's only in case"),
    ] {
        for name in names {
            writeln!(out, "{}: {what}", printable(name))?;
        }
    }
    writeln!(out, "{} project(s)", found.n_projects)?;
    Ok(())
}

async fn trend(args: &TrendArgs, client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let name = args.project.as_str();
    let path = ["projects", name, "metrics"];
    let mut filter = given(&[("from", args.from.as_ref()), ("to", args.to.as_ref())]);
    let resolution = args.resolution.clone();
    if json {
        filter.extend(resolution.map(|resolution| ("resolution", resolution)));
        writeln!(out, "{}", json_list("metrics", &client.list(&path, &filter, "metrics").await?))?;
        return Ok(());
    }
    if resolution.is_none() {
        let metrics = client.list_up_to(&path, &filter, "metrics", DRAWN_MAX).await?;
        if metrics.len() <= DRAWN_MAX {
            write!(out, "{}", of_values(name, &read(&metrics)?))?;
            return Ok(());
        }
    }
    filter.push(("resolution", resolution.unwrap_or_else(|| CHART_WIDTH.to_string())));
    let buckets = client.list(&path, &filter, "metrics").await?;
    write!(out, "{}", of_buckets(name, &read(&buckets)?))?;
    Ok(())
}

/// The filters that were given.
fn given<'a>(filters: &[(&'a str, Option<&String>)]) -> Vec<(&'a str, String)> {
    filters.iter().filter_map(|(name, value)| Some((*name, (*value)?.clone()))).collect()
}

fn read<T: serde::de::DeserializeOwned>(entries: &[Box<RawValue>]) -> anyhow::Result<Vec<T>> {
    entries.iter().map(|entry| Ok(serde_json::from_str(entry.get())?)).collect()
}

fn overview(projects: &[Project]) -> String {
    let text = |text: Option<&str>| text.map_or("-".to_owned(), printable);
    let count = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    let row = |project: &Project| {
        vec![
            text(project.name.as_deref()),
            text(project.drift_type.as_deref()),
            text(project.status.as_deref()),
            text(project.kind()),
            count(project.reference_rows),
            count(project.rows_seen),
            text(project.is_drift().map(|is_drift| if is_drift { "yes" } else { "no" })),
        ]
    };
    let rows: Vec<_> = projects.iter().map(row).collect();
    table(&["PROJECT", "TYPE", "STATUS", "DETECTOR", "REFERENCE", "ROWS SEEN", "DRIFT"], &rows)
}

/// The values of a project, drawn.
fn of_values(name: &str, metrics: &[Metric]) -> String {
    let (Some(first), Some(last)) = (metrics.first(), metrics.last()) else {
        return format!("{name}: nothing recorded\n");
    };
    let value = |metric: &Metric| metric.statistic.or(metric.distance);
    let is_drift = |metric: &Metric| metric.is_drift == Some(true);
    let point = |metric: &Metric| Point {
        values: value(metric).map(|value| [value; 3]),
        threshold: metric.threshold.filter(|_| metric.statistic.is_some()),
        is_drift: is_drift(metric),
    };
    let points: Vec<Point> = metrics.iter().map(point).collect();
    let at = |metric: &Metric| metric.at.as_deref().map_or("-".to_owned(), printable);
    let mut lines = vec![format!("{name}: {} values from {} to {}", metrics.len(), at(first), at(last))];
    lines.extend(chart(&points, CHART_WIDTH, CHART_HEIGHT));
    if let Some(newest) = value(last) {
        lines.push(format!("last {}{}", number(newest), against(last.threshold)));
    }
    let drifts = metrics.iter().filter(|metric| is_drift(metric)).count();
    lines.push(metrics.iter().find(|metric| is_drift(metric)).map_or("no drift".to_owned(), |first| {
        let time = first.time.map(|time| format!(" (time {time})")).unwrap_or_default();
        format!("{drifts} in drift, first at {}{time}", at(first))
    }));
    lines.join("\n") + "\n"
}

/// Buckets of values of a project, drawn.
fn of_buckets(name: &str, buckets: &[MetricBucket]) -> String {
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return format!("{name}: nothing recorded\n");
    };
    let values = |bucket: &MetricBucket| match (bucket.min, bucket.mean, bucket.max, &bucket.distance) {
        (Some(min), Some(mean), Some(max), _) => Some([min, mean, max]),
        (_, _, _, Some(distance)) => Some([distance.min?, distance.mean?, distance.max?]),
        _ => None,
    };
    let point = |bucket: &MetricBucket| Point {
        values: values(bucket),
        threshold: bucket.threshold.filter(|_| bucket.mean.is_some()),
        is_drift: bucket.drifts > 0,
    };
    let points: Vec<Point> = buckets.iter().map(point).collect();
    let text = |time: Option<&str>| time.map_or("-".to_owned(), printable);
    let count: u64 = buckets.iter().map(|bucket| bucket.count).sum();
    let span = format!("from {} to {}", text(first.at.as_deref()), text(last.until.as_deref()));
    let plural = if buckets.len() == 1 { "" } else { "s" };
    let mut lines = vec![format!("{name}: {count} values {span}, in {} bucket{plural}", buckets.len())];
    lines.extend(chart(&points, CHART_WIDTH, CHART_HEIGHT));
    if let Some([_, mean, _]) = values(last) {
        lines.push(format!("last mean {}{}", number(mean), against(last.threshold)));
    }
    let drifts: u64 = buckets.iter().map(|bucket| bucket.drifts).sum();
    lines.push(buckets.iter().find(|bucket| bucket.drifts > 0).map_or("no drift".to_owned(), |first| {
        format!("{drifts} in drift, first in the bucket from {}", text(first.at.as_deref()))
    }));
    lines.join("\n") + "\n"
}

fn against(threshold: Option<f64>) -> String {
    threshold.map(|threshold| format!(" against threshold {}", number(threshold))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn projects_stand_in_a_table() {
        let projects = json!([
            {"project": "prices", "drift_type": "label", "status": "active", "detector": {"kind": "cvm_online"},
             "reference_rows": 1000, "rows_seen": 57, "last_detection": {"is_drift": true}},
            {"project": "x", "status": "failed", "detector": null}
        ]);
        assert_eq!(
            overview(&serde_json::from_value::<Vec<Project>>(projects).unwrap()),
            "PROJECT  TYPE   STATUS  DETECTOR    REFERENCE  ROWS SEEN  DRIFT\n\
             prices   label  active  cvm_online  1000       57         yes\n\
             x        -      failed  -           -          -          -\n"
        );
    }

    #[test]
    fn a_trend_is_drawn_and_summed_up() {
        let metrics = json!([
            {"at": "2026-01-01T00:00:00Z", "time": 1, "statistic": null, "is_drift": false, "warm_up": true},
            {"at": "2026-01-01T00:01:00Z", "time": 2, "statistic": -0.5, "threshold": 5.68, "is_drift": false},
            {"at": "2026-01-01T00:02:00Z", "time": 3, "statistic": 6.5, "threshold": 5.68, "is_drift": true}
        ]);
        assert_eq!(
            of_values("p", &serde_json::from_value::<Vec<Metric>>(metrics).unwrap()),
            "p: 3 values from 2026-01-01T00:00:00Z to 2026-01-01T00:02:00Z\n\
             \u{20}          6.5 ┤  •\n\
             threshold 5.68 ┤ ╌╌\n\
             \u{20}              ┤\n\
             \u{20}              ┤\n\
             \u{20}              ┤\n\
             \u{20}              ┤\n\
             \u{20}              ┤\n\
             \u{20}         -0.5 ┤ •\n\
             \u{20}                 ^\n\
             last 6.5 against threshold 5.68\n\
             1 in drift, first at 2026-01-01T00:02:00Z (time 3)\n"
        );
        assert_eq!(of_values("p", &[]), "p: nothing recorded\n");
    }

    #[test]
    fn buckets_are_drawn_with_their_ranges() {
        let buckets = json!([
            {"at": "2026-01-01T00:00:00Z", "until": "2026-01-01T01:00:00Z", "count": 60, "drifts": 0,
             "min": 0.0, "mean": 1.0, "max": 2.0, "threshold": 5.0},
            {"at": "2026-01-01T01:00:00Z", "until": "2026-01-01T02:00:00Z", "count": 40, "drifts": 3,
             "min": 1.0, "mean": 4.0, "max": 7.0, "threshold": 5.0}
        ]);
        assert_eq!(
            of_buckets("p", &serde_json::from_value::<Vec<MetricBucket>>(buckets).unwrap()),
            "p: 100 values from 2026-01-01T00:00:00Z to 2026-01-01T02:00:00Z, in 2 buckets\n\
             \u{20}         7 ┤ │\n\
             \u{20}           ┤ │\n\
             threshold 5 ┤╌│\n\
             \u{20}           ┤ •\n\
             \u{20}           ┤ │\n\
             \u{20}           ┤││\n\
             \u{20}           ┤•│\n\
             \u{20}         0 ┤│\n\
             \u{20}             ^\n\
             last mean 4 against threshold 5\n\
             3 in drift, first in the bucket from 2026-01-01T01:00:00Z\n"
        );
        assert_eq!(of_buckets("p", &[]), "p: nothing recorded\n");
    }
}
