//! Long fits: how far each has come, and what became of it.

use chrono::{DateTime, Utc};
use drifting_domain::use_cases::{OperationStatus, OperationView};
use maud::{Markup, html};

use crate::words;

/// An operation, and why it failed where it did.
#[derive(Debug, Clone)]
pub struct OperationLine {
    /// What is told of it.
    pub view: OperationView,
    /// Why it failed.
    pub fault: Option<Fault>,
}

/// A failure in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub detail: String,
    /// Where, and what was expected there.
    pub issues: Vec<(String, String)>,
}

/// Operations, the latest first.
pub fn operations(lines: &[OperationLine], next: Option<&str>, now: DateTime<Utc>) -> String {
    if lines.is_empty() && next.is_none() {
        return html! { p.empty { "No fit since the server started. " a href="/fit" { "Fit a project" } "." } }
            .into_string();
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Operations" {
            table.operations {
                thead { tr {
                    th scope="col" { "Project" } th scope="col" { "Status" } th scope="col" { "Progress" }
                    th.wide scope="col" { "Asked for" } th.wide scope="col" { "Took" } th scope="col" { "What became of it" }
                } }
                tbody { @for line in lines { (tr(line, now)) } }
            }
        }
        @if let Some(next) = next { p { button.more type="button" data-next=(next) { "Earlier operations" } } }
    }
    .into_string()
}

fn tr(OperationLine { view, fault }: &OperationLine, now: DateTime<Utc>) -> Markup {
    let name = view.project.as_str();
    let (word, class) = match view.status {
        OperationStatus::Queued => ("queued", "off"),
        OperationStatus::Running => ("running", "calm"),
        OperationStatus::Succeeded => ("succeeded", "calm"),
        OperationStatus::Failed(_) => ("failed", "failed"),
        OperationStatus::Cancelled => ("cancelled", "off"),
    };
    let began = view.started_at.unwrap_or(view.created_at);
    html! {
        tr data-operation=(view.id) {
            th scope="row" { (name) }
            td { span class={ "badge " (class) } { (word) } }
            td {
                @if view.has_ended() { "–" } @else {
                    progress max="1" value=(format!("{:.3}", view.fraction)) aria-label={ "Progress of the fit of " (name) } {}
                    " " (words::per_cent_done(view.fraction)) " " span.note { (view.stage) }
                }
            }
            td.wide { time datetime=(words::machine_time(view.created_at)) { (words::time(view.created_at)) } }
            td.wide.number { (words::duration(view.ended_at.unwrap_or(now) - began)) }
            td {
                @if !view.has_ended() {
                    button type="button" data-cancel=(view.id) aria-label={ "Cancel the fit of " (name) } { "Cancel" }
                } @else if matches!(view.status, OperationStatus::Succeeded) {
                    a href={ "/projects/" (name) } { "the project" }
                } @else if let Some(fault) = fault {
                    (fault.detail)
                    @if !fault.issues.is_empty() {
                        ul.issues { @for (pointer, detail) in &fault.issues { li { code { (pointer) } " " (detail) } } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use drifting_domain::operation::OperationId;
    use drifting_domain::use_cases::FitError;

    use super::*;

    fn line(status: OperationStatus, ended_at: Option<DateTime<Utc>>) -> OperationLine {
        let at = DateTime::UNIX_EPOCH;
        let view = OperationView {
            id: OperationId::new(7),
            project: "price".parse().unwrap(),
            status,
            stage: "thresholds",
            fraction: 0.25,
            created_at: at,
            started_at: Some(at),
            ended_at,
        };
        OperationLine { view, fault: None }
    }

    #[test]
    fn what_runs_can_be_cancelled_and_what_failed_says_why() {
        let now = DateTime::from_timestamp(65, 0).unwrap();
        let running = operations(&[line(OperationStatus::Running, None)], None, now);
        for shown in ["value=\"0.250\"", "25 %", "thresholds", "data-cancel=\"", "1 min 5 s"] {
            assert!(running.contains(shown), "{shown}: {running}");
        }
        let fault = Fault {
            detail: "<b>".to_owned(),
            issues: vec![("/data/<i>/0".to_owned(), "expected a number".to_owned())],
        };
        let status = OperationStatus::Failed(Arc::new(FitError::Interrupted));
        let failed = OperationLine { fault: Some(fault), ..line(status, Some(now)) };
        let failed = operations(&[failed], Some("t"), now);
        assert!(
            failed.contains("&lt;b&gt;") && failed.contains("/data/&lt;i&gt;/0") && !failed.contains("data-cancel")
        );
    }
}
