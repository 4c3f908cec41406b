//! The columns of the latest rows beside the reference: ranked, with both distributions side by side.

use std::ops::Range as Span;

use drifting_domain::data::Schema;
use drifting_domain::detection::{FeatureDetection, ranked};
use drifting_domain::detectors::{Explanation, Summary};
use drifting_domain::use_cases::RecentColumns;
use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;

use crate::drawing::{INK, LINE, THRESHOLD, beside_words, drawn};
use crate::words;

/// What is known of the latest rows.
#[derive(Debug, Clone, Copy)]
pub enum RecentSummary<'a> {
    /// Their columns, by the schema that verdicts are about.
    Known(&'a RecentColumns, &'a Schema),
    /// Nothing yet.
    NoRows,
    /// The project does not serve.
    Inactive,
}

/// Of so many columns the distributions are shown; of the others, their verdicts.
const SHOWN_MAX: usize = 24;
const WIDTH: u32 = 320;
const ROW: i32 = 22;

/// The columns, those that stand out most first.
pub fn columns(recent: RecentSummary<'_>) -> String {
    let (recent, schema) = match recent {
        RecentSummary::Known(recent, schema) => (recent, schema),
        RecentSummary::NoRows => {
            return empty(
                "No rows to compare yet. An online detector is compared by the rows of its window, another one by the last window \
                 that it has judged since the server has it in memory.",
            );
        }
        RecentSummary::Inactive => return empty("The project does not serve: load it to compare its columns."),
    };
    let ranked = ranked(&recent.features);
    let name = |feature: &FeatureDetection| schema.columns.get(feature.column).map(|column| column.name.as_str());
    html! {
        p.note { "The last " (words::count(recent.rows)) " rows beside the reference, the column that stands out most first." }
        ol.columns {
            @for (index, feature) in ranked.iter().enumerate() {
                @if let Some(name) = name(feature) {
                    li class=[feature.is_drift.then_some("moved")] {
                        h3 { (name) @if feature.is_drift { " " span.badge.drifting { "moved" } } }
                        (verdict(feature))
                        @if index < SHOWN_MAX && let Some(explanation) = feature.explanation.as_deref() { (distributions(name, explanation)) }
                    }
                }
            }
        }
    }
    .into_string()
}

fn empty(why: &str) -> String {
    html! { p.empty { (why) } }.into_string()
}

fn verdict(feature: &FeatureDetection) -> Markup {
    // The statistic of most tests is their distance, which is said once.
    let distance = if feature.distance == feature.statistic { None } else { feature.distance };
    let facts = [
        ("p-value", feature.p_value),
        ("statistic", feature.statistic),
        ("effect size", feature.effect_size),
        ("distance", distance),
        ("importance", feature.explanation.as_ref().and_then(|explanation| explanation.importance)),
    ];
    let direction = feature.explanation.as_ref().and_then(|explanation| explanation.direction);
    html! {
        p.facts {
            @for (fact, value) in facts { @if let Some(value) = value { span { (fact) " " b { (words::number(value)) } } " " } }
            @if let Some(direction) = direction { span { "moved " b { (direction.as_str()) } } }
        }
    }
}

fn distributions(name: &str, explanation: &Explanation) -> Markup {
    let (reference, window) = (&explanation.reference, &explanation.window);
    let missing = |summary: &Summary| (summary.missing_share > 0.0).then(|| words::per_cent(summary.missing_share));
    html! {
        @match (reference.quantiles, window.quantiles) {
            (Some(before), Some(now)) => (quantiles(name, &before, &now)),
            _ if !explanation.words.is_empty() => (told_words(explanation)),
            _ => (categories(name, explanation)),
        }
        @for (of, share) in [("reference", missing(reference)), ("recent rows", missing(window))] {
            @if let Some(share) = share { p.note { "Missing in the " (of) ": " (share) } }
        }
        @if !explanation.unseen.is_empty() { p.note { "New: " (explanation.unseen.join(", ")) } }
        @if !explanation.vanished.is_empty() { p.note { "Gone: " (explanation.vanished.join(", ")) } }
    }
}

/// The words of the recent rows, and those of the reference, those that tell most first.
fn told_words(explanation: &Explanation) -> Markup {
    let of = |is_new: bool| -> Vec<&str> {
        let words = explanation.words.iter().filter(|word| (word.weight > 0.0) == is_new);
        words.map(|word| word.word.as_str()).collect()
    };
    html! {
        @for (whose, words) in [("recent rows", of(true)), ("reference", of(false))] {
            @if !words.is_empty() { p.note { "Words of the " (whose) ": " (words.join(", ")) } }
        }
    }
}

/// Boxes from the quartiles, lines to the twentieths, a stroke at the median: the reference above the recent rows.
fn quantiles(name: &str, reference: &[f64; 5], window: &[f64; 5]) -> Markup {
    let both = || reference.iter().chain(window).copied().filter(|value| value.is_finite()).map(drawn);
    let (low, high) = (both().fold(f64::INFINITY, f64::min), both().fold(f64::NEG_INFINITY, f64::max));
    if !(low.is_finite() && high.is_finite()) {
        return html! {};
    }
    let room = ((high - low) * 0.04).max(high.abs() * 1e-6).max(1e-12);
    let label = format!(
        "{name}: median {} in the reference, {} in the recent rows; middle half {} to {}, now {} to {}",
        words::number(reference[2]),
        words::number(window[2]),
        words::number(reference[1]),
        words::number(reference[3]),
        words::number(window[1]),
        words::number(window[3]),
    );
    let svg = draw_quantiles(reference, window, low - room..high + room);
    html! {
        figure.distribution {
            div role="img" aria-label=(label) { (PreEscaped(svg.unwrap_or_default())) }
            table.quantiles {
                thead { tr { td {} th.key.reference scope="col" { "reference" } th.key.recent scope="col" { "recent" } } }
                tbody { @for (index, of) in ["5 %", "25 %", "median", "75 %", "95 %"].iter().enumerate() {
                    tr { th scope="row" { (of) } td { (words::number(reference[index])) } td { (words::number(window[index])) } }
                } }
            }
        }
    }
}

fn draw_quantiles(
    reference: &[f64; 5],
    window: &[f64; 5],
    span: Span<f64>,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, 2 * ROW.unsigned_abs() + 24)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin(2)
            .margin_right(14)
            .margin_left(14)
            .x_label_area_size(20)
            .build_cartesian_2d(span, 0.0..2.0)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .disable_y_axis()
            .x_labels(4)
            .axis_style(INK)
            .label_style(("sans-serif", 13, &INK))
            .x_label_formatter(&|value| words::number(*value))
            .draw()?;
        for (values, middle, colour) in [(reference, 1.5, LINE), (window, 0.5, THRESHOLD)] {
            let [p05, p25, p50, p75, p95] = values.map(drawn);
            chart.draw_series([PathElement::new(vec![(p05, middle), (p95, middle)], colour.stroke_width(2))])?;
            chart.draw_series([
                Rectangle::new([(p25, middle - 0.3), (p75, middle + 0.3)], colour.mix(0.35).filled()),
                Rectangle::new([(p25, middle - 0.3), (p75, middle + 0.3)], colour.stroke_width(1)),
            ])?;
            chart.draw_series([PathElement::new(
                vec![(p50, middle - 0.38), (p50, middle + 0.38)],
                colour.stroke_width(3),
            )])?;
        }
        root.present()?;
    }
    Ok(beside_words(&svg))
}

/// The shares of the categories that moved most, as pairs of bars.
fn categories(name: &str, explanation: &Explanation) -> Markup {
    if explanation.categories.is_empty() {
        return html! {};
    }
    html! {
        figure.distribution {
            table.categories {
                caption { "Shares of the categories of " (name) " that moved most" }
                thead { tr { th scope="col" { "category" } th scope="col" { "reference" } th scope="col" { "recent" } } }
                tbody { @for shift in &explanation.categories {
                    tr {
                        th scope="row" { (shift.category) }
                        @for (of, share) in [("reference", shift.reference_share), ("recent", shift.window_share)] {
                            td { (PreEscaped(draw_bar(share, of == "reference").unwrap_or_default())) " " (words::per_cent(share)) }
                        }
                    }
                } }
            }
        }
    }
}

fn draw_bar(share: f64, is_reference: bool) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (80, 12)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root).build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
        let colour = if is_reference { LINE } else { THRESHOLD };
        chart.draw_series([Rectangle::new([(0.0, 0.0), (share.clamp(0.0, 1.0), 1.0)], colour.filled())])?;
        root.present()?;
    }
    Ok(beside_words(&svg))
}

#[cfg(test)]
mod tests {
    use drifting_domain::data::{ColumnSchema, ColumnType, MissingValues};
    use drifting_domain::detectors::{CategoryShift, ColumnTest};

    use super::*;

    const HOSTILE: &str = "</svg><script>alert(1)</script>\"'&";

    fn summary(quantiles: Option<[f64; 5]>) -> Summary {
        Summary { n_rows: 10, missing_share: 0.25, quantiles }
    }

    fn feature(column: usize, p_value: f64, quantiles: Option<[f64; 5]>) -> FeatureDetection {
        let shift = CategoryShift { category: HOSTILE.to_owned(), reference_share: 0.5, window_share: 1.0 };
        let explanation = Explanation {
            test: ColumnTest::Ks,
            direction: None,
            reference: summary(quantiles),
            window: summary(quantiles.map(|of| of.map(|value| value + 1.0))),
            categories: if quantiles.is_none() { vec![shift] } else { Vec::new() },
            unseen: vec![HOSTILE.to_owned()],
            vanished: Vec::new(),
            importance: None,
            words: Vec::new(),
        };
        let explanation = Some(Box::new(explanation));
        FeatureDetection {
            column,
            p_value: Some(p_value),
            is_drift: p_value < 0.05,
            explanation,
            ..FeatureDetection::default()
        }
    }

    fn shown(features: Vec<FeatureDetection>) -> String {
        let column = |name: &str| ColumnSchema { name: name.to_owned(), kind: ColumnType::Numeric };
        let schema = Schema { columns: vec![column("calm"), column(HOSTILE)], missing_values: MissingValues::Reject };
        columns(RecentSummary::Known(&RecentColumns { rows: 40, features }, &schema))
    }

    #[test]
    fn the_column_that_moved_comes_first_with_both_distributions() {
        let html = shown(vec![feature(0, 0.7, Some([0.0, 1.0, 2.0, 3.0, 4.0])), feature(1, 0.001, None)]);
        assert!(html.find("calm").unwrap() > html.find("moved").unwrap(), "{html}");
        assert!(html.contains("median 2 in the reference, 3 in the recent rows") && html.contains("100 %"), "{html}");
        assert!(html.contains("Missing in the reference: 25 %"));
    }

    #[test]
    fn hostile_columns_and_categories_are_escaped() {
        let html = shown(vec![feature(1, 0.001, None), feature(1, 0.2, Some([0.0, 1.0, 2.0, 3.0, 4.0]))]);
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;"), "{html}");
    }

    #[test]
    fn quantiles_that_are_no_numbers_are_left_out() {
        assert!(!shown(vec![feature(0, 0.5, Some([f64::NAN; 5]))]).contains("<svg"));
        assert!(shown(vec![feature(0, 0.5, Some([0.0; 5]))]).contains("<svg"));
    }

    #[test]
    fn distributions_to_the_ends_of_the_doubles_are_drawn_to_their_end() {
        for quantiles in
            [[f64::MIN, f64::MIN, 0.0, 1e308, f64::MAX], [f64::MAX; 5], [-1e16, -1e16, -1e16, -1e16, 1e-16]]
        {
            let html = shown(vec![feature(0, 0.5, Some(quantiles))]);
            assert!(html.contains("<svg") && !html.contains("NaN"), "{quantiles:?}: {html}");
        }
    }
}
