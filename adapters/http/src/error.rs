//! Failures: what a client is told, what the log is told, and the one place where the domain's errors get their codes.

mod code;
mod problem;

pub(crate) use code::Code;
pub(crate) use problem::{Issue, Problem};

use std::borrow::{Borrow, Cow};
use std::collections::HashSet;
use std::fmt;

use drifting_access::Denied;
use drifting_domain::data::{DataIssue, InvalidData};
use drifting_domain::detectors::{FitProblem, InvalidSettings, SettingIssue};
use drifting_domain::ports::PortError;
use drifting_domain::preprocess::EncoderError;
use drifting_domain::project::{InvalidName, ProjectName};
use drifting_domain::use_cases::{FitError, PredictError, ProjectError};
use drifting_inference::{Refusal, RefusalCode};
use poem::error::ResponseError;
use poem::http::StatusCode;

use crate::input::{Form, Source, pointer_of};

/// Why a request fails.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The code, which decides the status.
    pub(crate) code: Code,
    /// For people.
    pub(crate) detail: Cow<'static, str>,
    /// Places in the request that are at fault.
    pub(crate) issues: Vec<Issue>,
    /// For the log only.
    pub(crate) cause: Option<String>,
    /// What some clients look for beside the members of every problem.
    pub(crate) also: Option<Also>,
}

/// A member beside those of every problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Also {
    /// `message`, the detail once more.
    Message,
    /// `ready`, false.
    NotReady,
    /// A header: after how many seconds to try again.
    RetryAfter(u64),
}

impl Failure {
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), issues: Vec::new(), cause: None, also: None }
    }

    /// A failure with the places that are at fault; the first one is the detail.
    pub(crate) fn at(code: Code, issues: Vec<Issue>) -> Self {
        let detail = match issues.as_slice() {
            [] => Cow::Borrowed("the request cannot be used"),
            [only] => Cow::Owned(only.to_string()),
            [first, rest @ ..] => Cow::Owned(format!("{first} (and {} more, see `errors`)", rest.len())),
        };
        Self { code, detail, issues, cause: None, also: None }
    }

    /// The same with a member beside those of every problem.
    pub(crate) fn also(self, also: Also) -> Self {
        Self { also: Some(also), ..self }
    }

    /// A failure of the server itself; the cause goes to the log.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let mut failure = Self::new(Code::Internal, "the server failed; its log says why under this request id");
        failure.cause = Some(cause.into());
        failure
    }

    /// A wrong setting in the query string or in a path.
    pub(crate) fn setting(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::at(Code::InvalidSettings, vec![Issue { pointer: pointer.into(), detail: detail.into() }])
    }

    /// What the client is told of a failed fit, in the terms of what it sent.
    pub(crate) fn of_fit(error: impl Borrow<FitError>, project: &ProjectName, source: &Source) -> Self {
        Self::of_computation(error.borrow(), project.as_str(), source)
    }

    /// What the client is told of a failed backtest, which has no project.
    pub(crate) fn of_backtest(error: &FitError, source: &Source) -> Self {
        Self::of_computation(error, "", source)
    }

    fn of_computation(error: &FitError, project: &str, source: &Source) -> Self {
        let failure = match error {
            FitError::ReadOnly => Self::new(Code::ReadOnly, FitError::ReadOnly.to_string()),
            FitError::Settings(invalid) => Self::of_settings(invalid, source),
            FitError::Data(invalid) => Self::of_data(invalid, source.form(), &[]),
            FitError::Problem(problem) => Self::of_problem(problem, source),
            FitError::Encoder(error) => Self::of_encoder(error, source),
            FitError::Exists { existing } => Self::exists(existing, project),
            FitError::KeyReused => Self::new(Code::IdempotencyKeyReused, FitError::KeyReused.to_string()),
            FitError::Deleted => Self::new(Code::ProjectNotFound, FitError::Deleted.to_string()),
            FitError::InProgress => Self::new(Code::FitInProgress, FitError::InProgress.to_string()),
            FitError::QueueFull => Self::new(Code::FitQueueFull, FitError::QueueFull.to_string()),
            FitError::Stopping => Self::new(Code::ShuttingDown, FitError::Stopping.to_string()),
            FitError::Interrupted => Self::new(Code::Interrupted, FitError::Interrupted.to_string()),
            FitError::Storage(error) => Self::of_port(error),
            FitError::Crashed => Self::internal("the computation of a fit ended without a result"),
        };
        source.placed(failure)
    }

    fn exists(existing: &str, project: &str) -> Self {
        let detail = if existing == project {
            format!("a project `{existing}` exists; set `overwrite` to true to replace it, or take another name")
        } else {
            format!("a project `{existing}` exists, whose name differs only in case; take another name")
        };
        Self::new(Code::ProjectExists, detail)
    }

    fn of_settings(invalid: &InvalidSettings, source: &Source) -> Self {
        let issue = |issue: &SettingIssue| Issue {
            pointer: source.setting_pointer(issue.setting),
            detail: issue.detail.clone(),
        };
        let issues = invalid.issues.iter().map(issue);
        Self::at(Code::InvalidSettings, issues.collect())
    }

    fn of_problem(problem: &FitProblem, source: &Source) -> Self {
        let detail = problem.to_string();
        match problem {
            FitProblem::TooFewReferenceRows { .. }
            | FitProblem::TooManyReferenceRows { .. }
            | FitProblem::TooFewRows { .. }
            | FitProblem::TooFewRowsForCenters { .. }
            | FitProblem::CoincidentCenters { .. }
            | FitProblem::NotBinary
            | FitProblem::SeveralColumns { .. }
            | FitProblem::Uncertainty(_)
            | FitProblem::NoBandwidth
            | FitProblem::Overflow
            | FitProblem::NoComponents
            | FitProblem::AllConstant => {
                Self::at(Code::InvalidData, vec![Issue { pointer: "/data".to_owned(), detail }])
            }
            FitProblem::AllComponents { .. } => Self::setting(source.setting_pointer("detector/n_components"), detail),
            FitProblem::TooFewBootstraps { .. } => {
                Self::setting(source.setting_pointer("detector/n_bootstraps"), detail)
            }
            FitProblem::NoRegularizer { .. } => Self::setting(source.setting_pointer("detector/lambda_rd_max"), detail),
            FitProblem::Calibration(_) => Self::setting(source.setting_pointer("detector/ert"), detail),
            FitProblem::TooLarge { .. } => Self::setting(source.setting_pointer("detector/n_bootstraps"), detail),
            FitProblem::Cancelled => Self::internal("a fit was cancelled while its client waited"),
        }
    }

    fn of_encoder(error: &EncoderError, source: &Source) -> Self {
        match error {
            EncoderError::Components { .. } | EncoderError::Decomposition => {
                Self::setting(source.setting_pointer("preprocessing/n_components"), error.to_string())
            }
        }
    }

    /// What the client is told of a failed prediction. `columns` are those of the project; `width` columns came.
    pub(crate) fn of_predict(error: PredictError, form: Form, width: usize, columns: &[&str]) -> Self {
        match error {
            // All rows have one width, so the first is at fault already.
            PredictError::Data(invalid) if form == Form::Rows && width != columns.len() => {
                let issues = invalid.issues().iter();
                let issue = |issue: &DataIssue| Issue { pointer: "/data/0".to_owned(), detail: issue.detail.clone() };
                Self::at(Code::InvalidData, issues.map(issue).collect())
            }
            PredictError::Data(invalid) => Self::of_data(&invalid, form, columns),
            PredictError::ReadOnly => Self::new(Code::ReadOnly, PredictError::ReadOnly.to_string()),
            PredictError::Inactive => Self::inactive(),
            PredictError::Overloaded => Self::overloaded(),
            PredictError::KeyReused => Self::new(Code::IdempotencyKeyReused, PredictError::KeyReused.to_string()),
            PredictError::AnswerNotKept => Self::new(Code::AnswerNotKept, PredictError::AnswerNotKept.to_string()),
            PredictError::Storage(error) => Self::of_port(&error),
            PredictError::Crashed => Self::internal("the computation of a prediction ended without a result"),
        }
    }

    /// Data that cannot be used. `columns` are those of the project, by which unnamed data are matched.
    pub(crate) fn of_data(invalid: &InvalidData, form: Form, columns: &[&str]) -> Self {
        let issue = |issue: &DataIssue| {
            let detail = match (&issue.column, issue.row) {
                // Only the form of columns has a place for a whole column.
                (Some(column), None) if form != Form::Columns => format!("column `{column}`: {}", issue.detail),
                _ => issue.detail.clone(),
            };
            Issue { pointer: pointer_of(issue, form, columns), detail }
        };
        let mut issues: Vec<Issue> = invalid.issues().iter().map(issue).collect();
        // A cell that has the wrong type need not be said to miss its value too.
        let mut places = HashSet::new();
        issues.retain(|issue| issue.pointer == "/data" || places.insert(issue.pointer.clone()));
        Self::at(Code::InvalidData, issues)
    }

    /// What the client is told when something else with a project fails.
    pub(crate) fn of_project(error: ProjectError) -> Self {
        match error {
            ProjectError::ReadOnly => Self::new(Code::ReadOnly, ProjectError::ReadOnly.to_string()),
            ProjectError::NotFound => Self::not_found(),
            ProjectError::Inactive => Self::inactive(),
            ProjectError::Failed { reason } => {
                Self::new(Code::ProjectFailed, format!("the project cannot be loaded: {reason}"))
            }
            ProjectError::Storage(error) => Self::of_port(&error),
        }
    }

    /// There are too many predictions.
    pub(crate) fn overloaded() -> Self {
        Self::new(Code::Overloaded, PredictError::Overloaded.to_string())
    }

    /// The server stops, and does not wait for the end of a request any longer.
    pub(crate) fn interrupted() -> Self {
        let detail = "the server stopped before this had ended, and some of it may have been done; look, or send it again under the \
                      `Idempotency-Key` that it had";
        Self::new(Code::Interrupted, detail)
    }

    /// There is no memory for another body, or for the rest of one.
    pub(crate) fn bodies_full() -> Self {
        Self::new(Code::Overloaded, "the bodies of other requests take the memory that there is for them; try again")
    }

    /// There is no project of the name.
    pub(crate) fn not_found() -> Self {
        Self::new(Code::ProjectNotFound, "there is no project of this name; fit one first")
    }

    /// There is no operation of the id.
    pub(crate) fn no_operation() -> Self {
        let detail = "there is no operation of this id; operations that have ended are kept for some days, the latest \
                      1000, until the server starts anew";
        Self::new(Code::OperationNotFound, detail)
    }

    fn inactive() -> Self {
        Self::new(Code::ProjectInactive, "the project is inactive; load it first")
    }

    /// A failure outside the domain: a fixed text for the client, the cause for the log.
    pub(crate) fn of_port(error: &PortError) -> Self {
        Refusal::of_port(error).into()
    }
}

impl From<InvalidName> for Failure {
    fn from(error: InvalidName) -> Self {
        match error {
            InvalidName::Malformed | InvalidName::Reserved => Self::new(Code::InvalidName, error.to_string()),
        }
    }
}

/// A refusal of the Open Inference Protocol.
impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.code {
            RefusalCode::Malformed => Code::Malformed,
            RefusalCode::InvalidName => Code::InvalidName,
            RefusalCode::ProjectNotFound => Code::ProjectNotFound,
            RefusalCode::VersionNotFound => Code::VersionNotFound,
            RefusalCode::ProjectExists => Code::ProjectExists,
            RefusalCode::ProjectInactive => Code::ProjectInactive,
            RefusalCode::FitInProgress => Code::FitInProgress,
            RefusalCode::ProjectFailed => Code::ProjectFailed,
            RefusalCode::InvalidData => Code::InvalidData,
            RefusalCode::InvalidSettings => Code::InvalidSettings,
            RefusalCode::Overloaded => Code::Overloaded,
            RefusalCode::KeyReused => Code::IdempotencyKeyReused,
            RefusalCode::AnswerNotKept => Code::AnswerNotKept,
            RefusalCode::TooLarge => Code::BodyTooLarge,
            RefusalCode::Unsupported => Code::NotSupported,
            RefusalCode::ReadOnly => Code::ReadOnly,
            RefusalCode::QueueFull => Code::FitQueueFull,
            RefusalCode::ShuttingDown => Code::ShuttingDown,
            RefusalCode::Interrupted => Code::Interrupted,
            RefusalCode::DeadlineExceeded => Code::DeadlineExceeded,
            RefusalCode::StorageUnavailable => Code::StorageUnavailable,
            RefusalCode::StorageFull => Code::StorageFull,
            RefusalCode::Internal => Code::Internal,
        };
        let Refusal { code: _, detail, places, cause } = refusal;
        let issues = places.into_iter().map(|place| Issue { pointer: place.pointer, detail: place.detail });
        Self { code, detail, issues: issues.collect(), cause, also: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Failure {}

/// Failures travel as poem's errors to the front, which alone renders them.
impl ResponseError for Failure {
    fn status(&self) -> StatusCode {
        self.code.status()
    }
}

/// The beginning of a name that a header or a request line carries, in characters that can be printed.
pub(crate) fn shown(name: &str) -> String {
    const SHOWN: usize = 60;
    let printable = |character: char| if character.is_ascii_graphic() || character == ' ' { character } else { '?' };
    let mut shown: String = name.chars().take(SHOWN).map(printable).collect();
    if name.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Who sends a request shows nothing that is good for it.
impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        let code = match &denied {
            Denied::TooMany { .. } | Denied::TooManyFailures { .. } => Code::RateLimited,
            denied if denied.is_unauthenticated() => Code::Unauthenticated,
            _ => Code::Forbidden,
        };
        let failure = Self::new(code, denied.to_string());
        match denied.retry_after_s() {
            Some(seconds) => failure.also(Also::RetryAfter(seconds)),
            None => failure,
        }
    }
}
