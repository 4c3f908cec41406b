//! The codes of failures: what a program can act on.

use poem::http::StatusCode;

/// A code. Its name is a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    HostNotAllowed,
    OriginNotAllowed,
    Unauthenticated,
    Forbidden,
    RateLimited,
    ReadOnly,
    RouteNotFound,
    MethodNotAllowed,
    InvalidName,
    Malformed,
    ProjectNotFound,
    VersionNotFound,
    OperationNotFound,
    ProjectExists,
    ProjectInactive,
    FitInProgress,
    RequestTimeout,
    DeadlineExceeded,
    BodyTooLarge,
    TargetTooLong,
    HeadersTooLarge,
    UnsupportedMediaType,
    InvalidData,
    InvalidSettings,
    IdempotencyKeyReused,
    AnswerNotKept,
    Internal,
    NotSupported,
    ProjectFailed,
    StorageUnavailable,
    Overloaded,
    FitQueueFull,
    EventQueueFull,
    ShuttingDown,
    Interrupted,
    StorageFull,
}

impl Code {
    /// Name, status and title.
    fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::HostNotAllowed => ("host_not_allowed", StatusCode::FORBIDDEN, "Host not allowed"),
            Self::OriginNotAllowed => ("origin_not_allowed", StatusCode::FORBIDDEN, "Origin not allowed"),
            Self::Unauthenticated => ("unauthenticated", StatusCode::UNAUTHORIZED, "Key missing or not accepted"),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "Key not good for this"),
            Self::RateLimited => ("rate_limited", StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::ReadOnly => ("read_only", StatusCode::FORBIDDEN, "Server is read-only"),
            Self::RouteNotFound => ("route_not_found", StatusCode::NOT_FOUND, "No such route"),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::InvalidName => ("invalid_name", StatusCode::BAD_REQUEST, "Not a project name"),
            Self::Malformed => ("malformed", StatusCode::BAD_REQUEST, "Malformed request"),
            Self::ProjectNotFound => ("project_not_found", StatusCode::NOT_FOUND, "No such project"),
            Self::VersionNotFound => ("version_not_found", StatusCode::NOT_FOUND, "No such version"),
            Self::OperationNotFound => ("operation_not_found", StatusCode::NOT_FOUND, "No such operation"),
            Self::ProjectExists => ("project_exists", StatusCode::CONFLICT, "Project exists"),
            Self::ProjectInactive => ("project_inactive", StatusCode::CONFLICT, "Project is inactive"),
            Self::FitInProgress => ("fit_in_progress", StatusCode::CONFLICT, "Fit in progress"),
            Self::RequestTimeout => ("request_timeout", StatusCode::REQUEST_TIMEOUT, "Body too slow"),
            Self::DeadlineExceeded => ("deadline_exceeded", StatusCode::REQUEST_TIMEOUT, "Time-out of the client"),
            Self::BodyTooLarge => ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "Body too large"),
            Self::TargetTooLong => ("target_too_long", StatusCode::URI_TOO_LONG, "Path and query too long"),
            Self::HeadersTooLarge => {
                ("headers_too_large", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Headers too large")
            }
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type")
            }
            Self::InvalidData => ("invalid_data", StatusCode::UNPROCESSABLE_ENTITY, "Data cannot be used"),
            Self::InvalidSettings => ("invalid_settings", StatusCode::UNPROCESSABLE_ENTITY, "Settings cannot be used"),
            Self::IdempotencyKeyReused => {
                ("idempotency_key_reused", StatusCode::UNPROCESSABLE_ENTITY, "Idempotency key reused")
            }
            Self::AnswerNotKept => ("answer_not_kept", StatusCode::CONFLICT, "First answer not kept"),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
            Self::NotSupported => ("not_supported", StatusCode::NOT_IMPLEMENTED, "Not supported"),
            Self::ProjectFailed => ("project_failed", StatusCode::SERVICE_UNAVAILABLE, "Project cannot be loaded"),
            Self::StorageUnavailable => ("storage_unavailable", StatusCode::SERVICE_UNAVAILABLE, "Storage unavailable"),
            Self::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE, "Overloaded"),
            Self::FitQueueFull => ("fit_queue_full", StatusCode::SERVICE_UNAVAILABLE, "Too many fits wait"),
            Self::EventQueueFull => ("event_queue_full", StatusCode::SERVICE_UNAVAILABLE, "Too many events wait"),
            Self::Interrupted => {
                ("interrupted", StatusCode::SERVICE_UNAVAILABLE, "Interrupted by the end of the server")
            }
            Self::ShuttingDown => ("shutting_down", StatusCode::SERVICE_UNAVAILABLE, "Shutting down"),
            Self::StorageFull => ("storage_full", StatusCode::INSUFFICIENT_STORAGE, "Storage full"),
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        self.row().0
    }

    pub(crate) fn status(self) -> StatusCode {
        self.row().1
    }

    pub(crate) fn title(self) -> &'static str {
        self.row().2
    }

    /// Whether somebody who runs the server should know of it. Being asked for too much, or for what it does not have, or while it stops, is no
    /// fault of a server.
    pub(crate) fn is_fault(self) -> bool {
        let is_as_it_should_be = matches!(
            self,
            Self::Overloaded
                | Self::FitQueueFull
                | Self::EventQueueFull
                | Self::ShuttingDown
                | Self::Interrupted
                | Self::NotSupported
        );
        self.status().is_server_error() && !is_as_it_should_be
    }

    /// After how many seconds trying again may help.
    pub(crate) fn retry_after_s(self) -> Option<u64> {
        match self {
            Self::EventQueueFull | Self::Overloaded => Some(1),
            Self::StorageUnavailable => Some(5),
            Self::FitQueueFull | Self::ShuttingDown | Self::Interrupted => Some(10),
            Self::ProjectFailed => Some(60),
            _ => None,
        }
    }
}
