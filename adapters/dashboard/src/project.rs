//! A project: how it stands, what can be done with it, how it is configured.

use chrono::{DateTime, Utc};
use drifting_domain::use_cases::{Position, ProjectStatus, ProjectView};
use maud::{Markup, html};
use serde_json::Value;

use crate::overview::{last_value, since, standing};
use crate::words;

/// What is shown of a project.
#[derive(Debug, Clone)]
pub struct ProjectDetails {
    /// What is told of it.
    pub view: ProjectView,
    /// What its detector is at, where it is in memory.
    pub position: Option<Position>,
    /// When the drift began that lasts.
    pub drift_began: Option<DateTime<Utc>>,
    /// Its configuration, as the interface for programs tells it.
    pub configuration: Value,
}

/// The project; its trend and its columns stand in fragments of their own.
pub fn project(details: &ProjectDetails, now: DateTime<Utc>) -> String {
    let ProjectDetails { view, position, drift_began, configuration } = details;
    let (word, class) = standing(view);
    html! {
        div #facts {
            p.standing {
                span class={ "badge " (class) } { (word) }
                @if class == "drifting" { " since " (since(*drift_began, true, now)) }
                @if let ProjectStatus::Failed { reason } = &view.status { " " (reason) }
            }
            dl.facts {
                @if let Some(last) = &view.last_detection {
                    (fact("last value / threshold", &last_value(&last.detection)))
                    (fact("last verdict", &html! { time datetime=(words::machine_time(last.at)) { (words::time(last.at)) } }))
                }
                (fact("rows seen", &html! { (view.rows_seen.map_or_else(|| "–".to_owned(), words::count)) }))
                (fact("verdicts of drift", &html! { (view.drifts_seen.map_or_else(|| "–".to_owned(), words::count)) }))
                @if let Some(time) = view.time { (fact("rows since start or reset", &html! { (words::count(time)) })) }
                @if let Some(position) = position { (windows(position)) }
            }
        }
        div #actions { (actions(view)) }
        div #configuration { (settings(configuration)) }
    }
    .into_string()
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn windows(position: &Position) -> Markup {
    html! {
        @if let Some(fill) = position.fill {
            div { dt { label for="fill" { "window fill" } } dd { meter #fill min="0" max="1" value=(format!("{fill:.3}")) {} " " (words::per_cent(fill)) } }
        }
        @if position.windows.len() > 1 {
            @for window in &position.windows {
                @if let Some(n_rows) = window.n_rows {
                    (fact(&format!("statistic of {} rows", words::count(n_rows as u64)), &html! { (words::maybe(window.statistic)) }))
                }
            }
        }
    }
}

/// What can be done. The words of the question stand with the button, and the script asks it.
fn actions(view: &ProjectView) -> Markup {
    let name = view.name.as_str();
    let is_active = view.status == ProjectStatus::Active;
    let action = |does: &str, label: &str, question: String| {
        html! { button type="button" data-action=(does) data-question=(question) { (label) } " " }
    };
    html! {
        @if is_active {
            (action("reset", "Reset", format!("Set the online state of {name} to its start, as after its fit? Its counters stay.")))
            (action("unload", "Unload", format!("Set {name} inactive? It answers no predictions until it is loaded.")))
        } @else {
            (action("load", "Load", format!("Set {name} active and read it into memory?")))
        }
        button.danger type="button" data-action="delete" data-question=(format!("Delete {name} with everything of it? This cannot be undone.")) { "Delete" }
    }
}

/// Members and values, nested ones within.
fn settings(value: &Value) -> Markup {
    match value {
        Value::Object(members) if members.is_empty() => html! { "–" },
        Value::Object(members) => html! {
            dl.settings { @for (name, member) in members {
                div { dt { (name) } dd { (settings(member)) } }
            } }
        },
        Value::Array(items) if items.iter().any(|item| item.is_object() || is_sentence(item)) => html! {
            ul { @for item in items { li { (settings(item)) } } }
        },
        Value::Array(items) if items.is_empty() => html! { "–" },
        Value::Array(items) => html! { (items.iter().map(plain).collect::<Vec<_>>().join(", ")) },
        value => html! { (plain(value)) },
    }
}

/// Whether a text has several words, so that commas do not tell it from its neighbours.
fn is_sentence(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains(' '))
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use drifting_domain::use_cases::WindowMeasures;
    use serde_json::json;

    use super::*;

    fn shown(status: ProjectStatus, configuration: Value) -> String {
        let view = ProjectView {
            name: "price".parse().unwrap(),
            status,
            configuration: None,
            rows_seen: Some(57),
            drifts_seen: Some(0),
            time: Some(57),
            last_detection: None,
        };
        let window = |n_rows, statistic| WindowMeasures { n_rows: Some(n_rows), statistic };
        let windows = vec![window(40, Some(1.25)), window(80, None)];
        let position = Position { windows, fill: Some(0.71), ..Position::default() };
        let details = ProjectDetails { view, position: Some(position), drift_began: None, configuration };
        project(&details, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn what_can_be_done_depends_on_the_status() {
        let active = shown(ProjectStatus::Active, json!({}));
        let buttons = |html: &str| {
            ["reset", "unload", "load", "delete"].map(|does| html.contains(&format!("data-action=\"{does}\"")))
        };
        assert_eq!(buttons(&active), [true, true, false, true]);
        assert_eq!(buttons(&shown(ProjectStatus::Inactive, json!({}))), [false, false, true, true]);
        assert!(active.contains("71 %") && active.contains("statistic of 40 rows") && active.contains("1.25"));
    }

    #[test]
    fn configurations_are_shown_whole_and_escaped() {
        let html = shown(
            ProjectStatus::Active,
            json!({"detector": {"kind": "cvm_online", "window_sizes": [40, 80]}, "schema": {"columns": [{"name": "<b>&\"", "categories": null}]}}),
        );
        for text in ["cvm_online", "40, 80", "&lt;b&gt;&amp;&quot;"] {
            assert!(html.contains(text), "{text}: {html}");
        }
        assert!(!html.contains("<b>"));
    }

    #[test]
    fn texts_of_several_words_are_a_line_each_and_single_words_a_list() {
        let html = shown(ProjectStatus::Active, json!({"warnings": ["few rows, few", "`price` is constant"]}));
        assert!(html.contains("<li>few rows, few</li><li>`price` is constant</li>"), "{html}");
        assert!(shown(ProjectStatus::Active, json!({"warnings": []})).contains("<dd>–</dd>"));
        assert!(shown(ProjectStatus::Active, json!({"categories": ["mon", "tue"]})).contains("<dd>mon, tue</dd>"));
    }
}
