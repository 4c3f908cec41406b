//! The projects of events that come to the root path.

use std::collections::BTreeMap;

use drifting_domain::project::ProjectName;
use serde_json::{Map, Value};

/// Projects by namespace and inference service, or by the service alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct EventProjects(pub(super) BTreeMap<String, ProjectName>);

const EXPECTED: &str = "expected projects by inference service, such as `prod/churn-model: churn` in a file, or \
                        `prod/churn-model=churn,…`";

impl EventProjects {
    /// As they stand in a flag or an environment variable.
    pub(super) fn of_text(text: &str) -> Result<Self, String> {
        let pair = |pair: &str| {
            let (service, project) = pair.split_once('=').ok_or_else(|| EXPECTED.to_owned())?;
            Ok((service.trim().to_owned(), Value::from(project.trim())))
        };
        let pairs = text.split(',').map(pair).collect::<Result<Vec<_>, String>>()?;
        let n_pairs = pairs.len();
        let pairs: Map<String, Value> = pairs.into_iter().collect();
        if pairs.len() < n_pairs {
            return Err(format!("{EXPECTED}; a service came twice"));
        }
        Self::of(pairs.into())
    }

    pub(super) fn of(value: Value) -> Result<Self, String> {
        let Value::Object(pairs) = value else { return Err(EXPECTED.to_owned()) };
        let project = |(service, project): (String, Value)| {
            let parts: Vec<&str> = service.split('/').collect();
            if parts.len() > 2 || parts.iter().any(|part| part.is_empty() || part.contains(char::is_whitespace)) {
                return Err(format!("{EXPECTED}; `{service}` came"));
            }
            let project = project.as_str().and_then(|project| project.parse().ok());
            let project = project.ok_or_else(|| format!("expected the name of a project for `{service}`"))?;
            Ok((service, project))
        };
        pairs.into_iter().map(project).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn services_have_projects() {
        let expected = EventProjects::of(json!({"prod/churn-model": "churn", "price": "price-2"})).unwrap();
        assert_eq!(EventProjects::of_text("prod/churn-model=churn, price=price-2"), Ok(expected.clone()));
        assert_eq!(expected.0["prod/churn-model"].as_str(), "churn");
        for text in ["churn", "a/b/c=churn", "/b=churn", "=churn", "a=churn,a=price", "a=no name", "a b=c", "a="] {
            let error = EventProjects::of_text(text).unwrap_err();
            assert!(error.starts_with("expected"), "{text}: {error}");
        }
        for value in [json!(["a"]), json!({"a": 1}), json!({"a": "b/c"})] {
            assert!(EventProjects::of(value.clone()).is_err(), "{value}");
        }
    }
}
