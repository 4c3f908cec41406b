//! Failures as statuses: what a program can act on is the code and the metadata `drifting-code`, the message is for people.

use drifting_inference::{Refusal, RefusalCode};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::front::RequestId;

/// The metadata that say more exactly than the status code why a call is refused, by the words of the HTTP interface. Only
/// what this server refuses has them, not what fails below it.
const KEY: &str = "drifting-code";

/// The status of a refusal; its cause goes to the log, once.
pub(crate) fn refused(refusal: &Refusal, id: &RequestId) -> Status {
    let (code, word) = row(refusal.code);
    let (request_id, cause) = (id.0.as_str(), refusal.cause.as_deref());
    if matches!(code, Code::Internal | Code::Unavailable) {
        tracing::error!(request_id, ?code, cause, "a gRPC call failed");
    } else {
        tracing::debug!(request_id, ?code, cause, detail = %refusal.detail, "a gRPC call was refused");
    }
    let mut status = Status::new(code, refusal.detail.as_ref());
    status.metadata_mut().insert(KEY, MetadataValue::from_static(word));
    status
}

/// The server failed.
pub(crate) fn internal(cause: &str, id: &RequestId) -> Status {
    refused(&Refusal::internal(cause), id)
}

/// What failed below the service, in words for people: a client that is no client of the protocol, or asks too much. What the
/// service itself refuses stays as it is.
pub(crate) fn mended(status: Status, max_message_bytes: usize) -> Status {
    if status.metadata().contains_key(KEY) {
        return status;
    }
    let (code, message) = match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            let detail = format!(
                "expected a message of at most {max_message_bytes} bytes, a larger one came; send fewer rows at a time"
            );
            (Code::ResourceExhausted, detail)
        }
        Code::Internal | Code::Unknown => {
            let detail = "expected one message, framed and compressed as gRPC and the metadata say, other bytes came";
            (Code::InvalidArgument, detail.to_owned())
        }
        Code::Unimplemented if status.message().is_empty() => {
            (Code::Unimplemented, "there is no such method; server reflection lists those that there are".to_owned())
        }
        _ => return status,
    };
    let metadata = status.metadata().clone();
    Status::with_metadata(code, message, metadata)
}

/// The code of a refusal, and the word for it.
fn row(code: RefusalCode) -> (Code, &'static str) {
    match code {
        RefusalCode::Malformed => (Code::InvalidArgument, "malformed"),
        RefusalCode::InvalidName => (Code::InvalidArgument, "invalid_name"),
        RefusalCode::ProjectNotFound => (Code::NotFound, "project_not_found"),
        RefusalCode::VersionNotFound => (Code::NotFound, "version_not_found"),
        RefusalCode::ProjectExists => (Code::AlreadyExists, "project_exists"),
        RefusalCode::FitInProgress => (Code::Aborted, "fit_in_progress"),
        RefusalCode::ProjectInactive => (Code::FailedPrecondition, "project_inactive"),
        RefusalCode::InvalidData => (Code::FailedPrecondition, "invalid_data"),
        RefusalCode::InvalidSettings => (Code::FailedPrecondition, "invalid_settings"),
        RefusalCode::TooLarge => (Code::ResourceExhausted, "body_too_large"),
        RefusalCode::StorageFull => (Code::ResourceExhausted, "storage_full"),
        RefusalCode::Unsupported => (Code::Unimplemented, "unsupported"),
        RefusalCode::ReadOnly => (Code::PermissionDenied, "read_only"),
        RefusalCode::DeadlineExceeded => (Code::DeadlineExceeded, "deadline_exceeded"),
        RefusalCode::ProjectFailed => (Code::Unavailable, "project_failed"),
        RefusalCode::QueueFull => (Code::Unavailable, "fit_queue_full"),
        RefusalCode::ShuttingDown => (Code::Unavailable, "shutting_down"),
        RefusalCode::Interrupted => (Code::Unavailable, "interrupted"),
        RefusalCode::StorageUnavailable => (Code::Unavailable, "storage_unavailable"),
        RefusalCode::Internal => (Code::Internal, "internal"),
    }
}
