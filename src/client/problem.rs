//! What the server says when it refuses (RFC 9457), in the words of the command line.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::commands::output::printable;

/// A refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    code: Option<String>,
    detail: Option<String>,
    title: Option<String>,
    errors: Option<Vec<Issue>>,
    /// All that the server said.
    #[serde(skip)]
    document: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Issue {
    pointer: Option<String>,
    detail: Option<String>,
}

/// The settings and filters of requests, and the flags that say them here.
const FLAGS: [(&str, &str); 28] = [
    ("drift_type", "--drift-type"),
    ("overwrite", "--overwrite"),
    ("missing_values", "--missing-values"),
    ("report_run_length", "--report-run-length"),
    ("kind", "--detector"),
    ("ert", "--ert"),
    ("window_size", "--window-size"),
    ("window_sizes", "--window-sizes"),
    ("n_bootstraps", "--n-bootstraps"),
    ("sigma", "--sigma"),
    ("alternative", "--alternative"),
    ("lam", "--lam"),
    ("t_max", "--t-max"),
    ("n_kernel_centers", "--n-kernel-centers"),
    ("lambda_rd_max", "--lambda-rd-max"),
    ("seed", "--seed"),
    ("standardize", "--standardize"),
    ("n_components", "--n-components"),
    ("features", "--features"),
    ("encoder", "--encoder"),
    ("status", "--status"),
    ("from", "--from"),
    ("to", "--to"),
    ("reference", "--reference"),
    ("changes", "--change"),
    ("margin", "--margin"),
    ("kinds", "--kind"),
    ("windows", "--window"),
];

impl Problem {
    /// Reads the body of a refusal; `None` where it is none of ours.
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut problem: Self = serde_json::from_slice(body).ok()?;
        problem.document = serde_json::from_slice(body).ok()?;
        (problem.detail.is_some() || problem.title.is_some()).then_some(problem)
    }

    /// What kind of refusal it is, such as `project_exists`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// All that the server said.
    pub fn document(&self) -> Map<String, Value> {
        self.document.clone()
    }

    /// What is said before the places at fault; nothing where the only place says it all.
    fn sentence(&self) -> Option<String> {
        let detail = self.detail.as_deref().or(self.title.as_deref()).unwrap_or("refused");
        let issues = self.errors.as_deref().unwrap_or_default();
        match issues.iter().find(|issue| issue.is_repeated_by(detail)) {
            Some(_) if issues.len() == 1 => None,
            // The detail is the first issue once more.
            Some(_) => Some(self.title.clone().unwrap_or_else(|| "the request cannot be used".to_owned())),
            None if self.code.as_deref() == Some("project_exists") => {
                Some(detail.replace("set `overwrite` to true to replace it", "give --overwrite to replace it"))
            }
            None if self.code.as_deref() == Some("unauthenticated") => {
                Some(format!("{detail}; commands take one from DRIFTING_API_KEY or --api-key-file"))
            }
            None => Some(detail.to_owned()),
        }
    }
}

impl Issue {
    fn detail(&self) -> &str {
        self.detail.as_deref().unwrap_or("cannot be used")
    }

    /// Whether the detail of the whole problem says nothing else.
    fn is_repeated_by(&self, detail: &str) -> bool {
        let pointer = self.pointer.as_deref().unwrap_or_default();
        let rest = detail.strip_prefix(pointer).map_or(detail, |rest| rest.strip_prefix(": ").unwrap_or(rest));
        let rest = rest.strip_prefix(self.detail());
        rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with(" (and ") && rest.ends_with("see `errors`)")))
    }
}

/// A place in a request as whoever gave a command knows it: a setting is a flag.
fn place(pointer: &str) -> &str {
    let setting = ["/detector/", "/preprocessing/", "/"].iter().find_map(|group| pointer.strip_prefix(group));
    let flag = FLAGS.iter().find(|(name, _)| Some(*name) == setting);
    flag.map_or(pointer, |(_, flag)| flag)
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(pointer) = self.pointer.as_deref().filter(|pointer| !pointer.is_empty()) {
            write!(f, "{}: ", printable(place(pointer)))?;
        }
        f.write_str(&printable(self.detail()))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(sentence) = self.sentence() {
            f.write_str(&printable(&sentence))?;
            separator = "\n  ";
        }
        for issue in self.errors.iter().flatten() {
            write!(f, "{separator}{issue}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use serde_json::json;

    use super::*;

    fn told(problem: Value) -> String {
        serde_json::from_value::<Problem>(problem).unwrap().to_string()
    }

    #[test]
    fn the_only_fault_is_told_once() {
        for pointer in ["/detector/ert", "/ert"] {
            let detail = "expected a number above 1, 0.5 came";
            let errors = json!([{"pointer": pointer, "detail": detail}]);
            let with_place = json!({"detail": format!("{pointer}: {detail}"), "title": "x", "errors": errors});
            assert_eq!(told(with_place), format!("--ert: {detail}"));
            assert_eq!(told(json!({"detail": detail, "errors": errors})), format!("--ert: {detail}"));
        }
        let whole = json!({"detail": "expected rows", "errors": [{"pointer": "", "detail": "expected rows"}]});
        assert_eq!(told(whole), "expected rows");
    }

    #[test]
    fn several_faults_stand_below_what_they_are() {
        let problem = json!({
            "title": "Settings cannot be used",
            "detail": "/kind: expected one of `a`, \"b\" came (and 1 more, see `errors`)",
            "errors": [
                {"pointer": "/kind", "detail": "expected one of `a`, \"b\" came"},
                {"pointer": "/data/kind/3", "detail": "expected a number"}
            ]
        });
        assert_eq!(
            told(problem),
            "Settings cannot be used\n  --detector: expected one of `a`, \"b\" came\n  /data/kind/3: expected a number"
        );
    }

    #[test]
    fn a_project_that_exists_is_replaced_by_a_flag() {
        let exists = "a project `p` exists; set `overwrite` to true to replace it, or take another name";
        assert_eq!(
            told(json!({"code": "project_exists", "detail": exists})),
            "a project `p` exists; give --overwrite to replace it, or take another name"
        );
        let other_case = "a project `P` exists, whose name differs only in case; take another name";
        assert_eq!(told(json!({"code": "project_exists", "detail": other_case})), other_case);
    }

    #[test]
    fn every_flag_that_is_named_is_one() {
        let command = crate::cli::Cli::command();
        let mut commands = vec![&command];
        let mut known = Vec::new();
        while let Some(command) = commands.pop() {
            known.extend(command.get_arguments().filter_map(|flag| Some(format!("--{}", flag.get_long()?))));
            commands.extend(command.get_subcommands());
        }
        for (_, flag) in FLAGS {
            assert!(known.iter().any(|known| known == flag), "{flag}");
        }
    }
}
