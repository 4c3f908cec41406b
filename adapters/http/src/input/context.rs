//! The member `context`: columns that the others are judged given, beside `data` and in any of its forms. They are joined to
//! the data, and places of faults among them are told as they came.

use super::data::Read;
use super::faults::Faults;
use super::pointer::{Form, push_part};
use crate::error::Failure;

/// Contexts that came beside the data, and now stand after them.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Their names; none where they came without.
    names: Vec<String>,
    form: Form,
    /// Columns of data before them, and the form in which those came.
    n_data_columns: usize,
    n_columns: usize,
    data_form: Form,
}

pub(crate) const CONTEXT: &str = "/context";

/// The data with their contexts behind them.
pub(super) fn join(data: Read, context: Read, faults: &mut Faults) -> (Read, Option<Context>) {
    let (data_form, form) = (data.form(), context.form());
    let is_empty = match &context {
        Read::Named(columns, _) => columns.is_empty(),
        Read::Unnamed(columns, _) => columns.is_empty(),
    };
    if is_empty {
        faults.data(|| CONTEXT.to_owned(), || "expected at least one column of context, none came".to_owned());
        return (data, None);
    }
    match (data, context) {
        (Read::Named(mut columns, _), Read::Named(contexts, _)) => {
            let context = Context {
                names: contexts.iter().map(|column| column.name.clone()).collect(),
                form,
                n_data_columns: columns.len(),
                n_columns: contexts.len(),
                data_form,
            };
            columns.extend(contexts);
            (Read::Named(columns, data_form), Some(context))
        }
        (Read::Unnamed(mut columns, _), Read::Unnamed(contexts, _)) => {
            let context = Context {
                names: Vec::new(),
                form,
                n_data_columns: columns.len(),
                n_columns: contexts.len(),
                data_form,
            };
            columns.extend(contexts);
            // Two columns are no list of values.
            (Read::Unnamed(columns, Form::Rows), Some(context))
        }
        (data, _) => {
            let detail = || "expected names for the columns of `data` and of `context`, or for neither".to_owned();
            faults.data(|| CONTEXT.to_owned(), detail);
            (data, None)
        }
    }
}

impl Context {
    /// Whether a project of these columns takes its context where it stands: by name, or behind the others.
    pub(crate) fn suits(&self, columns: &[String], context_columns: &[String]) -> bool {
        let is_context = |name: &String| context_columns.contains(name);
        !self.names.is_empty()
            || (columns.len() == self.n_data_columns + self.n_columns
                && !columns[..self.n_data_columns].iter().any(is_context)
                && columns[self.n_data_columns..].iter().all(is_context))
    }

    /// The names that these columns have in a project whose columns are called like this.
    pub(crate) fn names(&self, name_of: impl Fn(usize) -> String) -> Vec<String> {
        if self.names.is_empty() {
            (self.n_data_columns..self.n_data_columns + self.n_columns).map(name_of).collect()
        } else {
            self.names.clone()
        }
    }

    /// A failure with the places of its faults as they came.
    pub(crate) fn placed(&self, mut failure: Failure) -> Failure {
        if failure.issues.is_empty() {
            return failure;
        }
        for issue in &mut failure.issues {
            if let Some(pointer) = self.pointer(&issue.pointer) {
                issue.pointer = pointer;
            }
        }
        Failure::at(failure.code, failure.issues)
    }

    /// Where the place of a fault in the joined data came from; `None` where it is right.
    fn pointer(&self, joined: &str) -> Option<String> {
        let (first, second) = match joined.strip_prefix("/data/")?.split_once('/') {
            Some((first, second)) => (first, Some(second)),
            None => (joined.strip_prefix("/data/")?, None),
        };
        if self.names.is_empty() {
            let index: usize = second?.parse().ok()?;
            return match (index.checked_sub(self.n_data_columns), self.data_form, self.form) {
                (Some(_), _, Form::Values) => Some(format!("{CONTEXT}/{first}")),
                (Some(index), _, _) => Some(format!("{CONTEXT}/{first}/{index}")),
                (None, Form::Values, _) => Some(format!("/data/{first}")),
                (None, _, _) => None,
            };
        }
        let (column, row) = if self.data_form == Form::Columns { (first, second) } else { (second?, Some(first)) };
        let is_context = self.names.iter().any(|name| {
            let mut part = String::new();
            push_part(&mut part, name);
            part[1..] == *column
        });
        is_context.then(|| match (self.form, row) {
            (Form::Columns, Some(row)) => format!("{CONTEXT}/{column}/{row}"),
            (_, Some(row)) => format!("{CONTEXT}/{row}/{column}"),
            (Form::Columns, None) => format!("{CONTEXT}/{column}"),
            (_, None) => CONTEXT.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(names: &[&str], form: Form, data_form: Form) -> Context {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Context { n_columns: names.len().max(2), names, form, n_data_columns: 2, data_form }
    }

    #[test]
    fn places_are_those_that_came() {
        let unchanged = None;
        for (context, joined, expected) in [
            (context(&["hour", "a/b"], Form::Columns, Form::Columns), "/data/hour/3", Some("/context/hour/3")),
            (context(&["hour", "a/b"], Form::Records, Form::Columns), "/data/a~1b/3", Some("/context/3/a~1b")),
            (context(&["hour"], Form::Columns, Form::Records), "/data/3/hour", Some("/context/hour/3")),
            (context(&["hour"], Form::Columns, Form::Columns), "/data/hour", Some("/context/hour")),
            (context(&["hour"], Form::Columns, Form::Columns), "/data/price/3", unchanged),
            (context(&[], Form::Rows, Form::Rows), "/data/7/3", Some("/context/7/1")),
            (context(&[], Form::Values, Form::Rows), "/data/7/2", Some("/context/7")),
            (context(&[], Form::Rows, Form::Rows), "/data/7/1", unchanged),
            (context(&[], Form::Rows, Form::Values), "/data/7/0", Some("/data/7")),
            (context(&[], Form::Rows, Form::Rows), "/data/7", unchanged),
            (context(&["hour"], Form::Columns, Form::Columns), "/detector/kind", unchanged),
        ] {
            assert_eq!(context.pointer(joined).as_deref(), expected, "{context:?} {joined}");
        }
    }
}
