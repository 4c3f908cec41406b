//! `projects`: look at what the server watches, and manage it.

use std::io::Write;

use serde_json::value::RawValue;

use super::output::{facts, json_line, json_list, key_values, number, printable, table};
use super::sparkline::{range, sparkline};
use crate::cli::{ListArgs, ProjectsCommand, TrendArgs};
use crate::client::{Body, Client, Metric, Project, Refreshed};

const CHART_WIDTH: usize = 72;

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
            client.delete(&["projects", name]).await?;
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
    let filter = given(&[("from", args.from.as_ref()), ("to", args.to.as_ref())]);
    let metrics = client.list(&["projects", args.project.as_str(), "metrics"], &filter, "metrics").await?;
    if json {
        writeln!(out, "{}", json_list("metrics", &metrics))?;
    } else {
        write!(out, "{}", chart(args.project.as_str(), &read(&metrics)?))?;
    }
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

fn chart(name: &str, metrics: &[Metric]) -> String {
    let (Some(first), Some(last)) = (metrics.first(), metrics.last()) else {
        return format!("{name}: nothing recorded\n");
    };
    let value = |metric: &Metric| metric.statistic.or(metric.distance);
    let is_drift = |metric: &Metric| metric.is_drift == Some(true);
    let points: Vec<_> = metrics.iter().map(|metric| (value(metric), is_drift(metric))).collect();
    let at = |metric: &Metric| metric.at.as_deref().map_or("-".to_owned(), printable);
    let mut lines = vec![format!("{name}: {} values from {} to {}", metrics.len(), at(first), at(last))];
    lines.extend(sparkline(&points, CHART_WIDTH));
    let values = points.iter().filter_map(|point| point.0);
    if let Some((low, high)) = range(values) {
        let newest = value(last).map_or("-".to_owned(), number);
        let against = last.threshold.map(|threshold| format!(" against threshold {}", number(threshold)));
        let against = against.unwrap_or_default();
        lines.push(format!("statistic from {} to {}, last {newest}{against}", number(low), number(high)));
    }
    let drifts = metrics.iter().filter(|metric| is_drift(metric)).count();
    lines.push(metrics.iter().find(|metric| is_drift(metric)).map_or("no drift".to_owned(), |first| {
        let time = first.time.map(|time| format!(" (time {time})")).unwrap_or_default();
        format!("{drifts} in drift, first at {}{time}", at(first))
    }));
    lines.join("\n") + "\n"
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
            chart("p", &serde_json::from_value::<Vec<Metric>>(metrics).unwrap()),
            "p: 3 values from 2026-01-01T00:00:00Z to 2026-01-01T00:02:00Z\n\
             \u{20}▁█\n\
             \u{20} ^\n\
             statistic from -0.5 to 6.5, last 6.5 against threshold 5.68\n\
             1 in drift, first at 2026-01-01T00:02:00Z (time 3)\n"
        );
        assert_eq!(chart("p", &[]), "p: nothing recorded\n");
    }
}
