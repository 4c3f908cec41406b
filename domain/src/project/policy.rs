//! What a project does around its detector: how rows become windows, how the reference moves on, what follows an alarm.

use serde::{Deserialize, Serialize};

/// What a project does around its detector. The default does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// How rows are collected into windows; without it, a request is a window. Of batch detectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowPolicy>,
    /// How the reference moves on. Of batch detectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_reference: Option<ReferenceUpdate>,
    /// What follows an alarm.
    #[serde(default)]
    pub after_alarm: AfterAlarm,
}

impl Policy {
    /// Whether it does nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How rows are collected into windows.
///
/// A window closes when it holds `size` rows, or when a row comes (or a second passes) after its oldest row has become
/// `max_age` old. Then it is judged. Closed by its size, its oldest `stride` rows leave: with a stride of the size windows
/// follow each other (tumbling), with a smaller one they overlap (sliding). Closed by its age, all rows leave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowPolicy {
    /// Rows that close a window.
    pub size: usize,
    /// Rows that leave a window that its size has closed, 1 to `size`.
    pub stride: usize,
    /// Age of the oldest row that closes a window, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<f64>,
}

/// How the reference moves on after each window, once that has been judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceUpdate {
    /// How rows take their place.
    pub method: UpdateMethod,
    /// Most rows of the reference.
    pub rows: usize,
    /// Whether windows in drift leave the reference as it is.
    pub only_without_drift: bool,
}

/// How rows of a window take their place in the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateMethod {
    /// The latest rows are the reference.
    Last,
    /// Every row since the fit is in the reference with the same probability (Vitter 1985, algorithm R).
    Reservoir,
}

/// What follows an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterAlarm {
    /// The detector goes on.
    #[default]
    Continue,
    /// The detector starts anew, as after a reset.
    Reset,
    /// Every verdict is drift until the project is reset.
    Latch,
}

impl AfterAlarm {
    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Reset => "reset",
            Self::Latch => "latch",
        }
    }
}
