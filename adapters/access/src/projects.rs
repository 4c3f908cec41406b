//! Which projects a key is for.

use wildmatch::WildMatchPattern;

/// Patterns of names, in which `*` stands for any letters: `churn-*`. `?` is no letter of a name and stands for itself.
type Pattern = WildMatchPattern<'*', '\0'>;

/// The projects that a key is for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProjectPatterns(Option<Vec<Pattern>>);

impl ProjectPatterns {
    /// All projects.
    pub const ALL: Self = Self(None);

    /// The projects whose name matches one of these patterns.
    pub fn of<T: AsRef<str>>(patterns: impl IntoIterator<Item = T>) -> Self {
        let patterns: Vec<Pattern> = patterns.into_iter().map(|pattern| Pattern::new(pattern.as_ref())).collect();
        let has_all = patterns.iter().any(|pattern| pattern.pattern_chars() == ['*']);
        if has_all { Self::ALL } else { Self(Some(patterns)) }
    }

    /// Whether a pattern may stand in a file of keys.
    ///
    /// # Errors
    /// When there is nothing in it: it would match no name, and the key would be good for nothing.
    pub fn check(pattern: &str) -> Result<(), String> {
        if pattern.trim().is_empty() {
            return Err(
                "expected patterns of names such as `churn-*`, an empty one came; leave `projects` out for all"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Whether they are all projects, those to come included.
    pub fn are_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a project is among them. O(length of the patterns times that of the name).
    pub fn cover(&self, project: &str) -> bool {
        self.0.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(project)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_names_and_nothing_else() {
        let patterns = ProjectPatterns::of(["churn-*", "price"]);
        for (name, is_covered) in [
            ("churn-eu", true),
            ("churn-", true),
            ("price", true),
            ("churn", false),
            ("prices", false),
            ("xchurn-eu", false),
            ("Price", false),
        ] {
            assert_eq!(patterns.cover(name), is_covered, "{name}");
        }
        assert!(!ProjectPatterns::of(Vec::<String>::new()).cover("price"), "no pattern covers nothing");
        assert!(ProjectPatterns::of(["*"]).are_all() && ProjectPatterns::ALL.cover("price"));
    }

    #[test]
    fn an_empty_pattern_is_refused() {
        for (pattern, is_taken) in [("churn-*", true), ("*", true), ("", false), (" ", false)] {
            assert_eq!(ProjectPatterns::check(pattern).is_ok(), is_taken, "`{pattern}`");
        }
    }
}
