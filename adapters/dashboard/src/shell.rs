//! The pages as anybody may read them: they hold no data, and the script that fetches these.

use drifting_domain::detectors::DetectorKind;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The projects.
    Overview,
    /// One of them, whose name stands in the address.
    Project,
    /// A form to fit another one.
    Fit,
    /// Long fits.
    Operations,
}

const STYLE: &str = include_str!("assets/style.css");
/// What every page needs, then what each does.
const SCRIPTS: [&str; 6] = [
    include_str!("assets/server.js"),
    include_str!("assets/chart.js"),
    include_str!("assets/overview.js"),
    include_str!("assets/project.js"),
    include_str!("assets/fit.js"),
    include_str!("assets/operations.js"),
];
/// What begins all of it.
const START: &str = include_str!("assets/start.js");

impl Page {
    fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Project => "project",
            Self::Fit => "fit",
            Self::Operations => "operations",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Overview => "Projects",
            Self::Project => "Project",
            Self::Fit => "Fit a project",
            Self::Operations => "Operations",
        }
    }

    fn main(self) -> Markup {
        match self {
            Self::Overview => overview(),
            Self::Project => project(),
            Self::Fit => fit(),
            Self::Operations => html! {
                h1 { "Operations" }
                p.note { "Fits in the background since the server started, the latest first." }
                div #content aria-busy="true" {}
            },
        }
    }
}

/// A page, whole, with its style and its script in it.
pub fn shell(page: Page, version: &str) -> String {
    let links = [
        (Page::Overview, "/", "Projects"),
        (Page::Fit, "/fit", "Fit"),
        (Page::Operations, "/operations", "Operations"),
    ];
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (page.title()) " · Drifting" }
                style { (PreEscaped(STYLE)) }
            }
            body data-page=(page.name()) {
                a.skip href="#main" { "Skip to the content" }
                header {
                    a.home href="/" { "Drifting" }
                    nav aria-label="Pages" {
                        @for (of, path, label) in links {
                            a href=(path) aria-current=[(of == page).then_some("page")] { (label) }
                        }
                        a href="/docs" { "API" }
                    }
                    span #live role="status" {}
                    button #key-button type="button" aria-expanded="false" aria-controls="key-form" { "API key" }
                }
                form #key-form aria-label="API key" hidden {
                    p #key-note role="status" {}
                    label for="key" { "API key with the scope " code { "read" } ", and " code { "fit" } " or " code { "admin" } " for changes" }
                    input #key type="password" autocomplete="off" spellcheck="false";
                    button { "Use it" }
                    button #forget type="button" { "Forget it" }
                    p.note { "It is kept by this tab alone until that is closed." }
                }
                main #main tabindex="-1" {
                    noscript { p { "Without scripts, see " a href="/api/v1/projects" { "the list of projects" } "." } }
                    div #note role="alert" hidden {}
                    (page.main())
                }
                footer { "Drifting " (version) " · " a href="/openapi.json" { "OpenAPI document" } }
                script { (PreEscaped(script())) }
            }
        }
    }
    .into_string()
}

fn script() -> String {
    format!("\"use strict\";\n{}\n{START}", SCRIPTS.join("\n"))
}

fn overview() -> Markup {
    html! {
        h1 { "Projects" }
        form #filters {
            label { "Status " select name="status" {
                option value="" { "all" } @for status in ["active", "inactive", "failed"] { option { (status) } }
            } }
            label { "Drift type " select name="drift_type" {
                option value="" { "all" } @for of in DRIFT_TYPES { option { (of) } }
            } }
        }
        div #content aria-busy="true" {}
    }
}

fn project() -> Markup {
    html! {
        h1 #name { "Project" }
        div #standing aria-busy="true" {}
        section aria-labelledby="trend-title" {
            h2 #trend-title { "Drift trend" }
            div.tools role="group" aria-label="Range of the trend" {
                @for (does, label) in [("in", "Zoom in"), ("out", "Zoom out"), ("earlier", "Earlier"), ("later", "Later"), ("hour", "Last hour"), ("day", "Last day"), ("week", "Last week"), ("all", "All")] {
                    button type="button" data-zoom=(does) { (label) }
                }
                button #download type="button" { "Download as CSV" }
            }
            p #reading role="status" { "Point at the chart, or go through it with the arrow keys. Drag to zoom." }
            div #trend {}
        }
        section aria-labelledby="columns-title" { h2 #columns-title { "Columns: reference and recent rows" } div #columns {} }
        section aria-labelledby="settings-title" { h2 #settings-title { "Configuration" } div #settings {} }
        section aria-labelledby="actions-title" { h2 #actions-title { "Actions" } div #buttons {} }
        dialog #confirm aria-labelledby="question" {
            p #question {}
            p #purge-line hidden { label { input #purge type="checkbox"; " Delete its metrics too" } }
            p { button #yes type="button" { "Yes" } " " button #no type="button" { "No" } }
        }
    }
}

/// Those that this version fits.
const DRIFT_TYPES: [&str; 3] = ["label", "tabular", "text"];

fn fit() -> Markup {
    html! {
        h1 { "Fit a project" }
        form #fit novalidate {
            div.field {
                label for="file" { "Reference data: a CSV file with a line of names" }
                div #drop {
                    input #file type="file" accept=".csv,text/csv" required aria-describedby="file-note";
                    p #file-note { "Choose a file, or drop one here." }
                }
            }
            div.field { label for="project" { "Name" } input #project name="project" required maxlength="128" autocomplete="off" spellcheck="false" aria-describedby="project-note"; p.note #project-note { "Letters, digits, dots, dashes and underscores." } }
            div.field { label for="drift_type" { "Drift type" } select #drift_type name="drift_type" {
                @for of in DRIFT_TYPES { option selected[of == "tabular"] { (of) } }
            } }
            div.field { label for="missing_values" { "Missing values" } select #missing_values name="missing_values" {
                option value="" { "refuse them" }
                option value="drop" { "leave their rows out" }
                option value="impute" { "take the median, or the most frequent category" }
            } }
            div.field { label for="kind" { "Detector" } select #kind name="kind" {
                option value="" { "the one that suits the data" }
                @for kind in DetectorKind::ALL { option { (kind.as_str()) } }
            } }
            div.field { label for="ert" { "Expected run time: rows between false alarms" } input #ert name="ert" inputmode="numeric" placeholder="400" autocomplete="off"; }
            div.field { label for="p_val" { "Significance, of detectors that judge windows" } input #p_val name="p_val" inputmode="decimal" placeholder="0.05" autocomplete="off"; }
            div.field { label for="more" { "Further settings of the detector, as JSON" } textarea #more name="more" rows="3" spellcheck="false" placeholder="{\"window_size\": 40, \"seed\": 1}" {} }
            p { label { input #overwrite type="checkbox"; " Replace a project of this name" } }
            p { button #submit { "Fit" } " " button #cancel type="button" hidden { "Cancel" } }
        }
        section #outcome aria-live="polite" {
            p #stage {}
            ul #warnings {}
            progress #progress max="1" aria-label="Progress of the fit" hidden {}
            div #faults role="alert" tabindex="-1" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGES: [Page; 4] = [Page::Overview, Page::Project, Page::Fit, Page::Operations];

    #[test]
    fn a_page_asks_no_other_host_and_has_no_handler_within_its_elements() {
        for page in PAGES {
            let html = shell(page, "1.2.3");
            for foreign in ["http://", "https://", " onclick", " onload", " style=", "javascript:", "src="] {
                assert!(!html.contains(foreign), "{page:?} has {foreign}");
            }
            assert!(
                html.contains("Drifting 1.2.3")
                    && html.matches("aria-current").count() >= usize::from(page != Page::Project)
            );
            assert_eq!((html.matches("<script>").count(), html.matches("<style>").count()), (1, 1));
        }
    }

    #[test]
    fn a_version_is_escaped() {
        assert!(!shell(Page::Overview, "<script>").contains("Drifting <script>"));
    }

    #[test]
    fn what_stands_in_a_page_ends_where_its_element_ends() {
        let script = script();
        assert!(!script.contains("</script") && !STYLE.contains("</style"));
    }
}
