//! Why a request of the protocol is refused, in the terms of the protocol: HTTP and gRPC give it their status.

use std::borrow::Cow;
use std::fmt;

use drifting_domain::data::{DataIssue, InvalidData};
use drifting_domain::ports::{PortError, PortErrorKind};
use drifting_domain::project::InvalidName;
use drifting_domain::use_cases::{FitError, PredictError, ProjectError};

/// Why a request is refused.
#[derive(Debug)]
pub struct Refusal {
    /// What a program can act on.
    pub code: RefusalCode,
    /// What was expected, what came, what to do.
    pub detail: Cow<'static, str>,
    /// The places in the request that are at fault, where places are known.
    pub places: Vec<Place>,
    /// For the log alone.
    pub cause: Option<String>,
}

/// A place in a request that is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// JSON pointer (RFC 6901) into the request.
    pub pointer: String,
    /// What was expected and what came.
    pub detail: String,
}

/// The kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalCode {
    /// No request of the protocol: not JSON, a wrong shape, type or size, an unknown output.
    Malformed,
    /// The path holds no project name.
    InvalidName,
    /// There is no project of the name.
    ProjectNotFound,
    /// The project has no such version.
    VersionNotFound,
    /// A project of the name exists.
    ProjectExists,
    /// The project is inactive.
    ProjectInactive,
    /// Another fit of the project is under way.
    FitInProgress,
    /// The project cannot be loaded.
    ProjectFailed,
    /// The rows cannot be used.
    InvalidData,
    /// The settings of a fit cannot be used.
    InvalidSettings,
    /// Too many predictions are on their way.
    Overloaded,
    /// Another request came under the same idempotency key.
    KeyReused,
    /// A request that came again, whose first answer was too large to be kept.
    AnswerNotKept,
    /// The request, or what it becomes, is larger than the server takes.
    TooLarge,
    /// The protocol has it, this server does not.
    Unsupported,
    /// The server writes nothing.
    ReadOnly,
    /// Too many fits wait.
    QueueFull,
    /// The server stops.
    ShuttingDown,
    /// The server stopped before the work had ended.
    Interrupted,
    /// The time that the client gave is over.
    DeadlineExceeded,
    /// The storage cannot be reached.
    StorageUnavailable,
    /// The storage has no room left.
    StorageFull,
    /// The server failed.
    Internal,
}

impl RefusalCode {
    /// The word for it, which is a promise.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::InvalidName => "invalid_name",
            Self::ProjectNotFound => "project_not_found",
            Self::VersionNotFound => "version_not_found",
            Self::ProjectExists => "project_exists",
            Self::ProjectInactive => "project_inactive",
            Self::FitInProgress => "fit_in_progress",
            Self::ProjectFailed => "project_failed",
            Self::InvalidData => "invalid_data",
            Self::InvalidSettings => "invalid_settings",
            Self::Overloaded => "overloaded",
            Self::KeyReused => "idempotency_key_reused",
            Self::AnswerNotKept => "answer_not_kept",
            Self::TooLarge => "body_too_large",
            Self::Unsupported => "not_supported",
            Self::ReadOnly => "read_only",
            Self::QueueFull => "fit_queue_full",
            Self::ShuttingDown => "shutting_down",
            Self::Interrupted => "interrupted",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::StorageUnavailable => "storage_unavailable",
            Self::StorageFull => "storage_full",
            Self::Internal => "internal",
        }
    }
}

impl Refusal {
    /// A refusal without places.
    pub fn new(code: RefusalCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), places: Vec::new(), cause: None }
    }

    /// A refusal for a place in the request.
    pub fn at(code: RefusalCode, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::of_places(code, vec![Place { pointer: pointer.into(), detail: detail.into() }])
    }

    /// A refusal for several places; the first one speaks.
    pub(crate) fn of_places(code: RefusalCode, places: Vec<Place>) -> Self {
        let detail = match places.as_slice() {
            [] => Cow::Borrowed("the request cannot be used"),
            [only] => Cow::Owned(only.to_string()),
            [first, rest @ ..] => Cow::Owned(format!("{first} (and {} more)", rest.len())),
        };
        Self { code, detail, places, cause: None }
    }

    /// A request that is none of the protocol.
    pub fn malformed(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let pointer = pointer.into();
        // Of a request without JSON there is no place.
        if pointer.is_empty() {
            return Self::new(RefusalCode::Malformed, detail.into());
        }
        Self::at(RefusalCode::Malformed, pointer, detail)
    }

    /// There is no project of the name.
    pub(crate) fn no_project(name: &str) -> Self {
        Self::new(RefusalCode::ProjectNotFound, format!("there is no project `{name}`; fit one first"))
    }

    /// The server failed; the cause goes to the log.
    pub fn internal(cause: impl Into<String>) -> Self {
        let detail = "the server failed; its log says why under this request id";
        Self { cause: Some(cause.into()), ..Self::new(RefusalCode::Internal, detail) }
    }

    /// Rows that cannot be used; `place` finds a column among the inputs of the request.
    pub(crate) fn of_data(invalid: &InvalidData, place: impl Fn(&DataIssue) -> String) -> Self {
        let places = invalid.issues().iter().map(|issue| {
            let detail = match (&issue.column, issue.row) {
                (Some(column), None) => format!("column `{column}`: {}", issue.detail),
                _ => issue.detail.clone(),
            };
            Place { pointer: place(issue), detail }
        });
        Self::of_places(RefusalCode::InvalidData, places.collect())
    }

    pub(crate) fn of_project(error: &ProjectError, name: &str) -> Self {
        let code = match error {
            ProjectError::NotFound => return Self::no_project(name),
            ProjectError::Storage(error) => return Self::of_port(error),
            ProjectError::ReadOnly => RefusalCode::ReadOnly,
            ProjectError::Inactive => RefusalCode::ProjectInactive,
            ProjectError::Failed { .. } => RefusalCode::ProjectFailed,
        };
        Self::new(code, error.to_string())
    }

    pub(crate) fn of_predict(error: &PredictError, place: impl Fn(&DataIssue) -> String) -> Self {
        let code = match error {
            PredictError::Data(invalid) => return Self::of_data(invalid, place),
            PredictError::Storage(error) => return Self::of_port(error),
            PredictError::Crashed => return Self::internal("the computation of a prediction ended without a result"),
            PredictError::ReadOnly => RefusalCode::ReadOnly,
            PredictError::Inactive => RefusalCode::ProjectInactive,
            PredictError::Overloaded => RefusalCode::Overloaded,
            PredictError::KeyReused => RefusalCode::KeyReused,
            PredictError::AnswerNotKept => RefusalCode::AnswerNotKept,
        };
        Self::new(code, error.to_string())
    }

    pub(crate) fn of_fit(error: &FitError, place: impl Fn(&DataIssue) -> String) -> Self {
        let code = match error {
            FitError::Data(invalid) => return Self::of_data(invalid, place),
            FitError::Storage(error) => return Self::of_port(error),
            FitError::Crashed => return Self::internal("the computation of a fit ended without a result"),
            FitError::Settings(invalid) => {
                let place = |issue: &drifting_domain::detectors::SettingIssue| Place {
                    // The settings stand in the query string, without a path.
                    pointer: format!("/{}", issue.setting.rsplit('/').next().unwrap_or(issue.setting)),
                    detail: issue.detail.clone(),
                };
                return Self::of_places(RefusalCode::InvalidSettings, invalid.issues.iter().map(place).collect());
            }
            FitError::ReadOnly => RefusalCode::ReadOnly,
            FitError::Problem(_) => RefusalCode::InvalidData,
            FitError::Encoder(_) => RefusalCode::InvalidSettings,
            FitError::Exists { .. } => RefusalCode::ProjectExists,
            FitError::KeyReused => RefusalCode::KeyReused,
            FitError::Deleted => RefusalCode::ProjectNotFound,
            FitError::InProgress => RefusalCode::FitInProgress,
            FitError::QueueFull => RefusalCode::QueueFull,
            FitError::Stopping => RefusalCode::ShuttingDown,
            FitError::Interrupted => RefusalCode::Interrupted,
        };
        Self::new(code, error.to_string())
    }

    /// A failure outside the domain: a fixed text for the client, the cause for the log.
    pub fn of_port(error: &PortError) -> Self {
        let (code, detail) = match error.kind() {
            PortErrorKind::Unavailable => {
                (RefusalCode::StorageUnavailable, "the storage cannot be reached now; try again")
            }
            PortErrorKind::Permission => {
                (RefusalCode::StorageUnavailable, "the storage refuses the server; its log says why")
            }
            PortErrorKind::InUse => {
                (RefusalCode::StorageUnavailable, "the storage is held by somebody else; try again")
            }
            PortErrorKind::Replaced => {
                (RefusalCode::StorageUnavailable, "the project has been replaced in the storage meanwhile; try again")
            }
            PortErrorKind::Full => (RefusalCode::StorageFull, "the storage has no room left"),
            PortErrorKind::Damaged => {
                (RefusalCode::ProjectFailed, "what is stored of the project is damaged; the server's log says more")
            }
            PortErrorKind::Refused | PortErrorKind::Other => {
                (RefusalCode::Internal, "the storage failed; the server's log says why")
            }
        };
        Self { cause: Some(format!("{error}: {}", error.source_text())), ..Self::new(code, detail) }
    }
}

impl From<InvalidName> for Refusal {
    fn from(error: InvalidName) -> Self {
        Self::new(RefusalCode::InvalidName, error.to_string())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() { f.write_str(&self.detail) } else { write!(f, "{}: {}", self.pointer, self.detail) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Refusal {}
