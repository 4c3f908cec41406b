//! The projects: how each stands, since when, and its last values.

use chrono::{DateTime, Utc};
use drifting_domain::use_cases::{ProjectStatus, ProjectView};
use maud::{Markup, PreEscaped, html};

use crate::sparkline::sparkline;
use crate::trend::Trend;
use crate::words;

/// A project with its last values.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectLine {
    /// What is told of it.
    pub view: ProjectView,
    /// Its values since the fit; `None` where they cannot be read now.
    pub trend: Option<Trend>,
    /// When the drift began that lasts.
    pub drift_began: Option<DateTime<Utc>>,
}

/// How a project stands, in a word and a class of the style sheet.
pub(crate) fn standing(view: &ProjectView) -> (&'static str, &'static str) {
    match (&view.status, &view.last_detection) {
        (ProjectStatus::Failed { .. }, _) => ("failed", "failed"),
        (ProjectStatus::Inactive, _) => ("inactive", "off"),
        (ProjectStatus::Active, None) => ("no verdict yet", "off"),
        (ProjectStatus::Active, Some(last)) if last.detection.is_drift => ("drift", "drifting"),
        (ProjectStatus::Active, Some(last)) if last.detection.warm_up => ("warming up", "off"),
        (ProjectStatus::Active, Some(_)) => ("no drift", "calm"),
    }
}

/// Some projects, with a button for more of them where there are more.
pub fn overview(lines: &[ProjectLine], next: Option<&str>, is_filtered: bool, now: DateTime<Utc>) -> String {
    if lines.is_empty() && next.is_none() {
        return html! {
            p.empty {
                @if is_filtered { "No project is like that." }
                @else { "No project yet: " a href="/fit" { "fit one" } " on a CSV file." }
            }
        }
        .into_string();
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Projects" {
            table.projects {
                thead { tr {
                    th scope="col" { "Project" }
                    th scope="col" { "Status" }
                    th scope="col" { "Drift since" }
                    th scope="col" { "Trend" }
                    th scope="col" { "Last value / threshold" }
                    th.wide scope="col" { "Rows seen" }
                    th.wide scope="col" { "Detector" }
                } }
                tbody { @for line in lines { (tr(line, now)) } }
            }
        }
        @if let Some(next) = next {
            p { button.more type="button" data-next=(next) { "Next projects" } }
        }
    }
    .into_string()
}

/// One line of it, which takes the place of an older one.
pub fn overview_line(line: &ProjectLine, now: DateTime<Utc>) -> String {
    html! { table { tbody { (tr(line, now)) } } }.into_string()
}

fn tr(line: &ProjectLine, now: DateTime<Utc>) -> Markup {
    let ProjectLine { view, trend, drift_began } = line;
    let (word, class) = standing(view);
    let name = view.name.as_str();
    let last = view.last_detection.as_ref();
    html! {
        tr data-project=(name) {
            th scope="row" { a href={ "/projects/" (name) } { (name) } }
            td { span class={ "badge " (class) } { (word) }
                @if let ProjectStatus::Failed { reason } = &view.status { span.note { " " (reason) } }
            }
            td { (since(*drift_began, class == "drifting", now)) }
            td.spark {
                @match trend.as_ref().map(sparkline) {
                    Some(Some(svg)) => (PreEscaped(svg)),
                    Some(None) => span.note { "no values" },
                    None => span.note { "not to be read now" },
                }
            }
            td.number { @if let Some(last) = last { (last_value(&last.detection)) } @else { "–" } }
            td.number.wide { (view.rows_seen.map_or_else(|| "–".to_owned(), words::count)) }
            td.wide { (view.configuration.as_ref().map_or("–", |of| of.detector.kind().as_str())) }
        }
    }
}

/// What is compared with the threshold, and that. Of a p-value it is said, since a small one tells drift.
pub(crate) fn last_value(detection: &drifting_domain::detection::Detection) -> Markup {
    let value = detection.p_value.or(detection.statistic).or(detection.distance);
    html! { @if detection.p_value.is_some() { "p " } (words::maybe(value)) " / " (words::maybe(detection.threshold)) }
}

/// Since when there is drift.
pub(crate) fn since(began: Option<DateTime<Utc>>, is_drifting: bool, now: DateTime<Utc>) -> Markup {
    match began.filter(|_| is_drifting) {
        Some(at) => html! {
            time datetime=(words::machine_time(at)) { (words::time(at)) }
            " " span.note data-since=(words::machine_time(at)) { (words::duration(now - at)) }
        },
        None if is_drifting => html! { "not known" },
        None => html! { "–" },
    }
}

#[cfg(test)]
mod tests {
    use drifting_domain::detection::Detection;
    use drifting_domain::use_cases::LastDetection;

    use super::*;

    fn line(status: ProjectStatus, detection: Option<Detection>) -> ProjectLine {
        let at = DateTime::UNIX_EPOCH;
        let view = ProjectView {
            name: "price".parse().unwrap(),
            status,
            configuration: None,
            rows_seen: Some(45_312),
            drifts_seen: Some(3),
            time: Some(1),
            last_detection: detection.map(|detection| LastDetection { at, detection }),
        };
        ProjectLine { view, trend: Some(Trend::default()), drift_began: Some(at) }
    }

    #[test]
    fn a_drifting_project_says_since_when() {
        let drifts = Detection { is_drift: true, statistic: Some(6.5), threshold: Some(5.0), ..Detection::default() };
        let now = DateTime::from_timestamp(90, 0).unwrap();
        let html = overview(&[line(ProjectStatus::Active, Some(drifts))], None, false, now);
        for shown in ["1970-01-01 00:00:00 UTC", "1 min 30 s", "6.5 / 5", "45,312", "href=\"/projects/price\""] {
            assert!(html.contains(shown), "{shown}: {html}");
        }
        let calm = overview(&[line(ProjectStatus::Active, Some(Detection::default()))], Some("t"), false, now);
        assert!(calm.contains("no drift") && !calm.contains("1 min 30 s") && calm.contains("data-next=\"t\""));
    }

    #[test]
    fn what_comes_from_elsewhere_is_escaped() {
        let reason = "<img src=x onerror=alert(1)>".to_owned();
        let html = overview(&[line(ProjectStatus::Failed { reason }, None)], Some("\"><script>"), false, Utc::now());
        assert!(html.contains("&lt;img") && !html.contains("<img") && !html.contains("<script"), "{html}");
    }

    #[test]
    fn an_empty_list_says_what_to_do() {
        assert!(overview(&[], None, false, Utc::now()).contains("href=\"/fit\""));
        assert!(overview(&[], None, true, Utc::now()).contains("No project is like that"));
    }
}
