//! The last values of a project in a line of a table, against their threshold.

use plotters::prelude::*;

use crate::drawing::{DRIFT, LINE, THRESHOLD, beside_words, drawn};
use crate::trend::{Bucket, Trend};

const WIDTH: u32 = 150;
const HEIGHT: u32 = 34;
const MARGIN: f64 = 3.0;

/// A small chart without words; `None` without values.
pub(crate) fn sparkline(trend: &Trend) -> Option<String> {
    let measure = trend.measure();
    let shown: Vec<(&Bucket, f64)> =
        trend.buckets.iter().filter_map(|bucket| Some((bucket, drawn(bucket.values(measure)?.mean)))).collect();
    let (first, last) = (shown.first()?.0.at(), shown.last()?.0.at());
    let span_s = ((last - first).num_microseconds().unwrap_or(i64::MAX) as f64 / 1e6).max(1e-6);
    let x = |bucket: &Bucket| (bucket.at() - first).num_microseconds().unwrap_or(i64::MAX) as f64 / 1e6 / span_s;
    let threshold = |bucket: &Bucket| bucket.threshold().map(drawn);
    let heights = || shown.iter().flat_map(|(bucket, mean)| [Some(*mean), threshold(bucket)]).flatten();
    let (low, high) = (heights().fold(f64::INFINITY, f64::min), heights().fold(f64::NEG_INFINITY, f64::max));
    let room = (high - low).max(1e-9) * MARGIN / f64::from(HEIGHT);
    let mut svg = String::new();
    let mut draw = || -> Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root).margin(2).build_cartesian_2d(-0.01..1.01, low - room..high + room)?;
        let thresholds = shown.iter().filter_map(|(bucket, _)| Some((x(bucket), threshold(bucket)?)));
        chart.draw_series(LineSeries::new(thresholds, THRESHOLD))?;
        chart.draw_series(LineSeries::new(
            shown.iter().map(|(bucket, mean)| (x(bucket), *mean)),
            LINE.stroke_width(2),
        ))?;
        let drifting = shown.iter().filter(|(bucket, _)| bucket.sums.drifts > 0);
        chart.draw_series(drifting.map(|(bucket, mean)| Circle::new((x(bucket), *mean), 2, DRIFT.filled())))?;
        root.present()?;
        Ok(())
    };
    draw().ok()?;
    Some(beside_words(&svg))
}
