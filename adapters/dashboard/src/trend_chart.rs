//! The chart of a trend: the measure, its extremes, the threshold, and where there was drift.

use std::num::NonZeroU32;
use std::ops::Range as Span;

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, PreEscaped, html};
use plotters::coord::types::{RangedCoordf64, RangedDateTime};
use plotters::prelude::*;

use crate::drawing::{DRIFT, GRID, INK, LINE, THRESHOLD, beside_words, drawn};
use crate::trend::{Bucket, Measure, Trend};
use crate::words;

/// How large a chart is, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChartSize {
    width: u32,
    height: u32,
}

impl ChartSize {
    /// A chart of this width, within what can be read.
    pub fn of_width(width: u32) -> Self {
        let width = width.clamp(280, 1_600);
        Self { width, height: if width < 560 { 220 } else { 300 } }
    }

    /// How many points can be told apart.
    pub fn n_points(self) -> NonZeroU32 {
        NonZeroU32::MIN.saturating_add((self.width / 3).clamp(60, 400) - 1)
    }
}

/// Room for the numbers at the left and the times below.
const LEFT: u32 = 58;
const BELOW: u32 = 30;
const MARGIN: u32 = 10;
/// p-values below this are drawn as this.
const P_MIN: f64 = 1e-6;

/// The chart with all that a script needs to tell the value under the pointer and to zoom.
pub fn trend_chart(trend: &Trend, asked: Option<Span<DateTime<Utc>>>, size: ChartSize) -> String {
    let measure = trend.measure();
    let shown: Vec<&Bucket> = trend.buckets.iter().filter(|bucket| bucket.values(measure).is_some()).collect();
    let n_records = trend.n_records();
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else {
        let n = words::count(n_records);
        let why = if n_records == 0 {
            "There is no verdict in this range yet.".to_owned()
        } else {
            format!("{n} verdicts in this range, all of the warm-up: the window is not full yet.")
        };
        return html! { figure.trend { p.empty { (why) } } }.into_string();
    };
    let span = asked.unwrap_or(first.from..last.until);
    // A chart of one moment has some width, too.
    let span = if span.end - span.start < TimeDelta::milliseconds(100) {
        span.start - TimeDelta::milliseconds(500)..span.end + TimeDelta::milliseconds(500)
    } else {
        span
    };
    let axis = Axis::of(&shown, measure);
    // Writing into a text cannot fail; where plotters refuses, there is an empty frame.
    let svg = draw(&shown, measure, &span, &axis, size).unwrap_or_default();
    html! {
        figure.trend
            data-from=(words::machine_time(span.start))
            data-to=(words::machine_time(span.end))
            data-left=(LEFT + MARGIN) data-right=(size.width - MARGIN)
            data-top=(MARGIN) data-bottom=(size.height - BELOW - MARGIN)
            data-width=(size.width)
            data-measure=(measure.name())
            data-points=(points(&shown, measure, &axis)) {
            div.plot tabindex="0" role="group" aria-label=(summary(&shown, measure, &span)) {
                (PreEscaped(svg))
                div.cursor hidden {}
                div.selection hidden {}
            }
            (legend(measure, n_records, shown.len(), &span))
        }
    }
    .into_string()
}

fn legend(measure: Measure, n_records: u64, n_points: usize, span: &Span<DateTime<Utc>>) -> Markup {
    html! {
        figcaption {
            span.key.line { (measure.name()) }
            " " span.key.band { "its extremes" }
            " " span.key.threshold { "threshold" }
            " " span.key.drift { "drift" }
            " " span.note {
                (words::count(n_records)) " verdicts in " (n_points) " points, "
                time datetime=(words::machine_time(span.start)) { (words::time(span.start)) } " to "
                time datetime=(words::machine_time(span.end)) { (words::time(span.end)) }
            }
        }
    }
}

/// What is said of a chart to whoever does not see it.
fn summary(shown: &[&Bucket], measure: Measure, span: &Span<DateTime<Utc>>) -> String {
    let drifts: u64 = shown.iter().map(|bucket| bucket.sums.drifts).sum();
    let last = shown.last().and_then(|bucket| bucket.values(measure)).map(|range| range.mean);
    let threshold = shown.iter().rev().find_map(|bucket| bucket.threshold());
    format!(
        "Drift trend from {} to {}: last {} {}, threshold {}, {} verdicts of drift. Left and right arrows go through the points, plus and minus zoom.",
        words::time(span.start),
        words::time(span.end),
        measure.name(),
        words::maybe(last),
        words::maybe(threshold),
        words::count(drifts),
    )
}

/// Each point as `[time in milliseconds, height from 0 to 1, mean, min, max, threshold, verdicts, drifts]`.
fn points(shown: &[&Bucket], measure: Measure, axis: &Axis) -> String {
    let points = shown.iter().filter_map(|bucket| {
        let range = bucket.values(measure)?;
        let share = ((axis.place(range.mean) - axis.span.start) / (axis.span.end - axis.span.start)).clamp(0.0, 1.0);
        let micros = bucket.at().timestamp_micros();
        Some(serde_json::json!([
            micros as f64 / 1e3,
            (share * 1e4).round() / 1e4,
            range.mean,
            range.min,
            range.max,
            bucket.threshold(),
            bucket.sums.records,
            bucket.sums.drifts,
        ]))
    });
    serde_json::Value::Array(points.collect()).to_string()
}

/// Heights of values: p-values by their size, all others as they are.
struct Axis {
    is_logarithmic: bool,
    span: Span<f64>,
}

impl Axis {
    fn of(shown: &[&Bucket], measure: Measure) -> Self {
        let is_logarithmic = measure == Measure::PValue;
        let mut axis = Self { is_logarithmic, span: 0.0..1.0 };
        let of_bucket = |bucket: &&Bucket| {
            let range = bucket.values(measure);
            [range.map(|range| range.min), range.map(|range| range.max), bucket.threshold()]
        };
        let heights = shown.iter().flat_map(of_bucket).flatten().map(|value| axis.place(value));
        let (low, high) =
            heights.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), height| (low.min(height), high.max(height)));
        let room = ((high - low) * 0.06).max(high.abs() * 1e-3).max(1e-9);
        axis.span = if is_logarithmic { low.min(-1.5) - 0.1..0.05 } else { low - room..high + room };
        axis
    }

    fn place(&self, value: f64) -> f64 {
        if self.is_logarithmic { value.max(P_MIN).log10() } else { drawn(value) }
    }

    fn label(&self, height: f64) -> String {
        words::number(if self.is_logarithmic { 10_f64.powf(height) } else { height })
    }
}

type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedDateTime<DateTime<Utc>>, RangedCoordf64>>;

fn draw(
    shown: &[&Bucket],
    measure: Measure,
    span: &Span<DateTime<Utc>>,
    axis: &Axis,
    size: ChartSize,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::with_capacity(16 * 1024);
    {
        let root = SVGBackend::with_string(&mut svg, (size.width, size.height)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin(MARGIN)
            .x_label_area_size(BELOW)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(span.start..span.end, axis.span.clone())?;
        let form = time_form(span.end - span.start);
        chart
            .configure_mesh()
            .x_labels((size.width / 110) as usize)
            .y_labels(6)
            .light_line_style(GRID.mix(0.0))
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(("sans-serif", 14, &INK))
            .x_label_formatter(&|at| at.format(form).to_string())
            .y_label_formatter(&|height| axis.label(*height))
            .draw()?;
        let within: Vec<&Bucket> =
            shown.iter().copied().filter(|bucket| bucket.until >= span.start && bucket.from < span.end).collect();
        draw_drift(&mut chart, &within, axis)?;
        draw_values(&mut chart, &within, measure, axis)?;
        root.present()?;
    }
    Ok(beside_words(&svg))
}

/// Where there was drift, from top to bottom.
fn draw_drift(chart: &mut Plane<'_, '_>, shown: &[&Bucket], axis: &Axis) -> Result<(), Box<dyn std::error::Error>> {
    // Each reaches halfway to its neighbours, so that a run of them is one area.
    let mut runs: Vec<Span<DateTime<Utc>>> = Vec::new();
    for (index, bucket) in shown.iter().enumerate().filter(|(_, bucket)| bucket.sums.drifts > 0) {
        let at = bucket.at();
        let from = index.checked_sub(1).and_then(|before| shown.get(before)).map_or(at, |b| b.at() + (at - b.at()) / 2);
        let to = shown.get(index + 1).map_or(at, |next| at + (next.at() - at) / 2);
        match runs.last_mut() {
            Some(run) if run.end >= from => run.end = to,
            _ => runs.push(from..to),
        }
    }
    chart.draw_series(runs.into_iter().map(|run| {
        Rectangle::new([(run.start, axis.span.start), (run.end, axis.span.end)], DRIFT.mix(0.13).filled())
    }))?;
    Ok(())
}

fn draw_values(
    chart: &mut Plane<'_, '_>,
    shown: &[&Bucket],
    measure: Measure,
    axis: &Axis,
) -> Result<(), Box<dyn std::error::Error>> {
    let valued = || shown.iter().filter_map(|bucket| Some((bucket, bucket.values(measure)?)));
    let upper = valued().map(|(bucket, range)| (bucket.at(), axis.place(range.max)));
    let lower = valued().map(|(bucket, range)| (bucket.at(), axis.place(range.min)));
    let band: Vec<_> = upper.chain(lower.collect::<Vec<_>>().into_iter().rev()).collect();
    chart.draw_series(std::iter::once(Polygon::new(band, LINE.mix(0.18))))?;
    let threshold = shown.iter().filter_map(|bucket| Some((bucket.at(), axis.place(bucket.threshold()?))));
    chart.draw_series(LineSeries::new(threshold, THRESHOLD.stroke_width(2)))?;
    let means = valued().map(|(bucket, range)| (bucket.at(), axis.place(range.mean)));
    chart.draw_series(LineSeries::new(means, LINE.stroke_width(2)))?;
    let drifts = valued().filter(|(bucket, _)| bucket.sums.drifts > 0);
    let drifts = drifts.map(|(bucket, range)| Circle::new((bucket.at(), axis.place(range.mean)), 2, DRIFT.filled()));
    chart.draw_series(drifts)?;
    Ok(())
}

/// Times as fine as a span of them needs.
fn time_form(span: TimeDelta) -> &'static str {
    match span.num_seconds() {
        ..=10 => "%H:%M:%S%.3f",
        11..=600 => "%H:%M:%S",
        601..=129_600 => "%H:%M",
        129_601..=1_209_600 => "%b %d %H:%M",
        _ => "%Y-%m-%d",
    }
}

#[cfg(test)]
mod tests {
    use drifting_domain::ports::DriftRecord;

    use super::*;
    use crate::sparkline::sparkline;

    fn trend(n: i64, drifts_from: i64) -> Trend {
        let records = (0..n).map(|n| DriftRecord {
            project: "p".parse().unwrap(),
            generation: 1,
            at: DateTime::from_timestamp(1_700_000_000 + n * 60, 0).unwrap(),
            time: 1,
            rows: 1,
            statistic: Some(n as f64),
            threshold: Some(50.0),
            p_value: None,
            distance: None,
            is_drift: n >= drifts_from,
            warm_up: false,
            features: Box::default(),
        });
        Trend::of_records(&records.collect::<Vec<_>>(), ChartSize::of_width(1_200).n_points())
    }

    #[test]
    fn a_chart_has_its_line_its_threshold_and_its_drift() {
        let html = trend_chart(&trend(100, 51), None, ChartSize::of_width(900));
        for colour in [LINE, THRESHOLD, DRIFT, GRID, INK] {
            let RGBColor(r, g, b) = colour;
            assert!(html.contains(&format!("#{r:02X}{g:02X}{b:02X}")), "{colour:?}");
        }
        assert!(html.contains("49 verdicts of drift") && html.contains("threshold 50"), "{html}");
        assert!(html.contains("data-measure=\"statistic\"") && !html.contains("style="));
    }

    #[test]
    fn a_chart_of_little_can_be_drawn() {
        for n in [0, 1, 2] {
            let html = trend_chart(&trend(n, 1), None, ChartSize::of_width(1));
            assert_eq!(html.contains("<svg"), n > 0, "{n}: {html}");
        }
        let span = DateTime::UNIX_EPOCH..DateTime::UNIX_EPOCH + TimeDelta::days(40_000);
        assert!(trend_chart(&trend(3, 1), Some(span), ChartSize::of_width(5_000)).contains("<svg"));
    }

    #[test]
    fn a_chart_of_the_largest_values_ends() {
        for ends in [[f64::MIN, f64::MAX], [f64::MAX; 2], [0.0, f64::MIN_POSITIVE], [-1e16, -1e16 + 2.0]] {
            let mut trend = trend(4, 2);
            for (bucket, value) in trend.buckets.iter_mut().zip(ends.into_iter().cycle()) {
                bucket.sums.statistic.range = Some((value, value));
                bucket.sums.statistic.sum = value;
            }
            let html = trend_chart(&trend, None, ChartSize::of_width(900));
            assert!(html.contains("<polyline") && !html.contains("NaN") && !html.contains("inf"), "{ends:?}: {html}");
            let small = sparkline(&trend).unwrap();
            assert!(small.contains("<polyline") && !small.contains("NaN"), "{ends:?}: {small}");
        }
    }

    #[test]
    fn every_colour_of_a_chart_has_one_for_the_dark() {
        let style = include_str!("assets/style.css");
        for RGBColor(r, g, b) in [LINE, THRESHOLD, DRIFT, GRID, INK] {
            let colour = format!("\"#{r:02X}{g:02X}{b:02X}\"");
            assert!(style.contains(&format!("[stroke={colour}]")) || style.contains(&format!("[fill={colour}]")));
        }
    }

    #[test]
    fn times_are_as_fine_as_their_span_needs() {
        assert_eq!(time_form(TimeDelta::seconds(1)), "%H:%M:%S%.3f");
        assert_eq!(time_form(TimeDelta::hours(5)), "%H:%M");
        assert_eq!(time_form(TimeDelta::days(400)), "%Y-%m-%d");
    }
}
