//! What the demo tells: fit, rows from before the change, rows from after it, what moved.

use std::io::Write;

use anyhow::Context;
use serde_json::json;

use super::Teller;
use super::data::{self, N_AFTER, N_BEFORE, N_REFERENCE};
use crate::client::{Body, Client, Detection, Feature};
use crate::commands::chart::{AXIS, Point, chart};
use crate::commands::output::{number, printable, table};

/// It watches each column by itself, so it can say which of them moved.
const KIND: &str = "cvm_online";
/// Rows between false alarms.
const ERT: usize = 1000;
/// Rows from before the change in a request.
const BATCH: usize = 100;
/// With its labels a chart fits into a terminal of 80 columns.
const CHART_WIDTH: usize = 56;
const CHART_HEIGHT: usize = 8;

const YOUR_OWN: &str = "
The same with your own data:
  drifting serve
  drifting fit market training.csv --ert 1000
  drifting predict market today.csv --fail-on-drift
  drifting projects trend market";

pub(super) struct Story<'a> {
    pub(super) client: &'a Client,
}

impl Story<'_> {
    pub(super) async fn fit(&self, project: &str) -> anyhow::Result<()> {
        let settings = [("drift_type", "tabular".to_owned()), ("kind", KIND.to_owned()), ("ert", ERT.to_string())];
        let body = Body::Rows("text/csv", data::rows(0, N_REFERENCE).into());
        self.client.post(&["projects", project, "fit"], &settings, body).await.map(drop)
    }

    pub(super) async fn tell(&self, project: &str, teller: &mut Teller<'_, impl Write>) -> anyhow::Result<()> {
        teller.say(
            &json!({"event": "fitted", "project": project, "detector": KIND, "ert": ERT, "reference_rows": N_REFERENCE}),
            &format!("1. fitted `{project}`, a {KIND} with ERT {ERT}, on {N_REFERENCE} rows from before the change"),
        )?;
        let before = self.feed_before(project).await?;
        let n_alarms = alarms(&before);
        teller.say(
            &json!({"event": "fed", "phase": "before", "rows": N_BEFORE, "false_alarms": n_alarms}),
            &format!(
                "2. fed {N_BEFORE} other rows from before: {n_alarms} false alarms (about {} expected, one in {ERT} rows)",
                N_BEFORE / ERT
            ),
        )?;
        let (after, features) = self.feed_after(project, teller).await?;
        let n_in_alarm = after.iter().filter(|point| point.is_drift).count();
        teller.say(
            &json!({"event": "fed", "phase": "after", "rows": N_AFTER, "rows_in_alarm": n_in_alarm,
                "features": features}),
            &format!(
                "   {n_in_alarm} of {N_AFTER} rows from after the change are in alarm\n\n{}",
                drawn(&before, &after)
            ),
        )?;
        if !teller.json {
            writeln!(teller.out, "\nWhat moved, most first:\n{}{YOUR_OWN}", ranking(&features))?;
        }
        Ok(())
    }

    async fn feed_before(&self, project: &str) -> anyhow::Result<Vec<Point>> {
        let mut points = Vec::with_capacity(N_BEFORE);
        for first in (N_REFERENCE..N_REFERENCE + N_BEFORE).step_by(BATCH) {
            let verdict = self.feed(project, first, BATCH).await?;
            let rows = verdict.results.context("the server answers without a verdict for each row")?;
            points.extend(rows.iter().map(point));
        }
        Ok(points)
    }

    /// Row by row, as a model would; tells of the first alarm when it comes.
    async fn feed_after(
        &self,
        project: &str,
        teller: &mut Teller<'_, impl Write>,
    ) -> anyhow::Result<(Vec<Point>, Vec<Feature>)> {
        let mut points: Vec<Point> = Vec::with_capacity(N_AFTER);
        let mut features = Vec::new();
        let mut is_told = false;
        for row in 0..N_AFTER {
            let verdict = self.feed(project, N_REFERENCE + N_BEFORE + row, 1).await?;
            points.push(point(&verdict));
            features = verdict.features.unwrap_or_default();
            if points[row].is_drift && !is_told {
                is_told = true;
                let n_rows = row + 1;
                teller.say(
                    &json!({"event": "alarm", "rows_after_change": n_rows, "statistic": verdict.statistic,
                        "threshold": verdict.threshold}),
                    &format!("3. fed rows from after, one by one: alarm at row {n_rows}"),
                )?;
            }
        }
        if !is_told {
            teller.say(&json!({"event": "no_alarm", "rows": N_AFTER}), "3. fed rows from after: no alarm")?;
        }
        Ok((points, features))
    }

    async fn feed(&self, project: &str, first: usize, n_rows: usize) -> anyhow::Result<Detection> {
        let body = Body::Rows("text/csv", data::rows(first, n_rows).into());
        self.client.post(&["projects", project, "predict"], &[], body).await?.parse()
    }
}

fn point(verdict: &Detection) -> Point {
    Point {
        values: verdict.statistic.map(|statistic| [statistic; 3]),
        threshold: verdict.threshold.filter(|_| verdict.statistic.is_some()),
        is_drift: verdict.is_drift == Some(true),
    }
}

/// Alarms that follow each other are one.
fn alarms(points: &[Point]) -> usize {
    let before = std::iter::once(false).chain(points.iter().map(|point| point.is_drift));
    points.iter().zip(before).filter(|(point, before)| point.is_drift && !before).count()
}

fn drawn(before: &[Point], after: &[Point]) -> String {
    let n_before = before.len().min(after.len());
    let points: Vec<_> = before[before.len() - n_before..].iter().chain(after).copied().collect();
    let lines = chart(&points, CHART_WIDTH, CHART_HEIGHT);
    let margin = lines.first().and_then(|line| line.chars().position(|c| c == AXIS)).map_or(0, |axis| axis + 1);
    let half = CHART_WIDTH.min(points.len()) / 2;
    let (left, right) = (format!("{n_before} rows before"), format!("{} rows after", after.len()));
    let lines: Vec<_> = lines.iter().map(|line| format!("  {line}")).collect();
    format!("Statistic over time (^ drift):\n{}\n  {:margin$}{left:<half$}{right}", lines.join("\n"), "")
}

fn ranking(features: &[Feature]) -> String {
    let row = |feature: &Feature| {
        let value = |value: Option<f64>| value.map_or("-".to_owned(), number);
        let verdict = if feature.is_drift == Some(true) { "yes" } else { "no" };
        let name = printable(feature.name.as_deref().unwrap_or("-"));
        vec![format!("  {name}"), value(feature.statistic), value(feature.threshold), verdict.to_owned()]
    };
    table(&["  COLUMN", "STATISTIC", "THRESHOLD", "DRIFT"], &features.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_in_a_row_are_one() {
        let points = [true, true, false, true, false, false].map(|is_drift| Point { is_drift, ..Point::default() });
        assert_eq!(alarms(&points), 2);
        assert_eq!(alarms(&[]), 0);
    }

    #[test]
    fn the_chart_shows_as_many_rows_before_as_after() {
        let point = |value, is_drift| Point { values: Some([value; 3]), threshold: None, is_drift };
        let (before, after) = (vec![point(0.0, false); 1000], vec![point(7.0, true); 4]);
        let expected = [
            "Statistic over time (^ drift):",
            "  7 ┤    ••••",
            "    ┤",
            "    ┤",
            "    ┤",
            "    ┤",
            "    ┤",
            "    ┤",
            "  0 ┤••••",
            "         ^^^^",
            "     4 rows before4 rows after",
        ];
        assert_eq!(drawn(&before, &after).lines().collect::<Vec<_>>(), expected);
    }
}
