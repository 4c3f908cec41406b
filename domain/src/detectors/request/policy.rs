//! What a client asks of windows, of the reference in time, and after an alarm.

use super::{DetectorRequest, InvalidSettings, issue};
use crate::detectors::DetectorKind;
use crate::project::{Policy, ReferenceUpdate, UpdateMethod, WindowPolicy};

/// How rows are to be collected.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WindowRequest {
    /// Rows that close a window.
    pub size: Option<usize>,
    /// Rows that leave a window when its size has closed it.
    pub stride: Option<usize>,
    /// Age of the oldest row that closes a window, in seconds.
    pub max_age: Option<f64>,
}

/// How the reference is to move on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReferenceUpdateRequest {
    /// The latest rows, so many.
    pub last: Option<usize>,
    /// A sample of all rows, so many.
    pub reservoir: Option<usize>,
    /// Whether windows in drift leave it as it is.
    pub only_without_drift: Option<bool>,
}

/// More rows than this are not collected in a window, nor kept in a reference that moves on.
const ROWS_MAX: usize = 1_000_000;
/// More cells than this are not collected.
const CELLS_MAX: usize = 20_000_000;
/// Older rows than this, a hundred years, are not waited for.
const MAX_AGE_MAX: f64 = 3.2e9;
/// The window of classes, which have no detector row by row.
const WINDOW_SIZE_OF_CLASSES: usize = 100;

impl DetectorRequest {
    /// What a project of a kind, with so many columns, does around its detector.
    ///
    /// # Errors
    /// When a value is out of its range. Members that the kind does not have are refused with its specification.
    pub fn policy(&self, kind: DetectorKind, n_columns: usize) -> Result<Policy, InvalidSettings> {
        let mut issues = Vec::new();
        // A label of classes comes row by row, so its default kind collects them.
        let of_classes = self.kind.is_none() && kind == DetectorKind::ChiSquare;
        let wanted = match self.window {
            None if of_classes => {
                Some(WindowRequest { size: Some(WINDOW_SIZE_OF_CLASSES), ..WindowRequest::default() })
            }
            wanted => wanted,
        };
        let rows_max = ROWS_MAX.min(CELLS_MAX / n_columns.max(1));
        let window = wanted.map(|WindowRequest { size, stride, max_age }| {
            if size.is_none() && max_age.is_none() {
                issues.push(issue("detector/window", "expected `size`, `max_age` or both, neither came".to_owned()));
            }
            let given = size;
            let size = given.unwrap_or(rows_max);
            if !(2..=rows_max).contains(&size) {
                let detail = format!("expected a window of 2 to {rows_max} rows of these columns, {size} came");
                issues.push(issue("detector/window/size", detail));
            }
            let stride = stride.unwrap_or(size);
            if !(1..=size).contains(&stride) {
                let detail = match given {
                    Some(size) => format!("expected a stride of 1 to {size} (the size) rows, {stride} came"),
                    None => format!("expected a stride of 1 to {size} rows, {stride} came"),
                };
                issues.push(issue("detector/window/stride", detail));
            }
            if let Some(age) = max_age
                && !(age > 0.0 && age <= MAX_AGE_MAX)
            {
                let detail = format!("expected an age above 0 seconds, {age} came");
                issues.push(issue("detector/window/max_age", detail));
            }
            WindowPolicy { size, stride, max_age }
        });
        let update_reference = self.update_reference.map(|wanted| {
            let (method, setting, rows) = match (wanted.last, wanted.reservoir) {
                (Some(rows), None) => (UpdateMethod::Last, "detector/update_reference/last", rows),
                (None, Some(rows)) => (UpdateMethod::Reservoir, "detector/update_reference/reservoir", rows),
                _ => {
                    let detail = "expected a number of rows as either `last` or `reservoir`".to_owned();
                    issues.push(issue("detector/update_reference", detail));
                    (UpdateMethod::Last, "detector/update_reference", 2)
                }
            };
            if !(2..=rows_max).contains(&rows) {
                let detail = format!("expected 2 to {rows_max} rows of these columns, {rows} came");
                issues.push(issue(setting, detail));
            }
            ReferenceUpdate { method, rows, only_without_drift: wanted.only_without_drift.unwrap_or(false) }
        });
        if issues.is_empty() {
            Ok(Policy { window, update_reference, after_alarm: self.after_alarm.unwrap_or_default() })
        } else {
            Err(InvalidSettings { issues })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(window: Option<WindowRequest>, update: Option<ReferenceUpdateRequest>) -> Result<Policy, String> {
        let kind = Some(DetectorKind::Ks);
        let request = DetectorRequest { kind, window, update_reference: update, ..DetectorRequest::default() };
        request.policy(DetectorKind::Ks, 10).map_err(|error| error.to_string())
    }

    #[test]
    fn windows_follow_each_other_unless_a_stride_is_given() {
        let window = WindowRequest { size: Some(50), ..WindowRequest::default() };
        let expected = WindowPolicy { size: 50, stride: 50, max_age: None };
        assert_eq!(policy(Some(window), None).unwrap().window, Some(expected));
        let window = WindowRequest { max_age: Some(60.0), ..WindowRequest::default() };
        let expected = WindowPolicy { size: 1_000_000, stride: 1_000_000, max_age: Some(60.0) };
        assert_eq!(policy(Some(window), None).unwrap().window, Some(expected));
        assert!(policy(None, None).unwrap().is_default());
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (window, part) in [
            (WindowRequest::default(), "detector/window: expected `size`, `max_age` or both"),
            (WindowRequest { size: Some(1), ..WindowRequest::default() }, "detector/window/size: expected"),
            (
                WindowRequest { size: Some(5), stride: Some(6), max_age: None },
                "detector/window/stride: expected a stride of 1 to 5",
            ),
            (WindowRequest { size: Some(5), stride: Some(0), max_age: None }, "detector/window/stride: expected"),
            (
                WindowRequest { size: Some(5), stride: None, max_age: Some(f64::NAN) },
                "detector/window/max_age: expected",
            ),
        ] {
            let error = policy(Some(window), None).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let both = ReferenceUpdateRequest { last: Some(9), reservoir: Some(9), only_without_drift: None };
        for update in [
            both,
            ReferenceUpdateRequest::default(),
            ReferenceUpdateRequest { last: Some(1), ..ReferenceUpdateRequest::default() },
        ] {
            let error = policy(None, Some(update)).unwrap_err();
            assert!(error.contains("detector/update_reference"), "{error}");
        }
    }

    #[test]
    fn classes_without_a_kind_are_collected() {
        let policy = DetectorRequest::default().policy(DetectorKind::ChiSquare, 1).unwrap();
        assert_eq!(policy.window, Some(WindowPolicy { size: 100, stride: 100, max_age: None }));
    }
}
