//! Failures as statuses: what a program can act on is the code and the metadata `drifting-code`, the message is for people.

use drifting_access::Denied;
use drifting_inference::{Refusal, RefusalCode};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// The metadata that say more exactly than the status code why a call is refused, by the words of the HTTP interface. Only
/// what this server refuses has them, not what fails below it.
const KEY: &str = "drifting-code";

/// The status of a refusal; its cause goes to the log, once.
pub(crate) fn refused(refusal: &Refusal) -> Status {
    let code = code_of(refusal.code);
    let cause = refusal.cause.as_deref();
    // Being asked for too much, or while it stops, is no fault of a server.
    let is_as_it_should_be = matches!(
        refusal.code,
        RefusalCode::Overloaded | RefusalCode::QueueFull | RefusalCode::ShuttingDown | RefusalCode::Interrupted
    );
    if matches!(code, Code::Internal | Code::Unavailable) && !is_as_it_should_be {
        tracing::error!(?code, cause, "a gRPC call failed");
    } else {
        tracing::debug!(?code, cause, detail = %refusal.detail, "a gRPC call was refused");
    }
    self::refusal(refusal.code, refusal.detail.as_ref())
}

/// The server failed.
pub(crate) fn internal(cause: &str) -> Status {
    refused(&Refusal::internal(cause))
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
            (RefusalCode::TooLarge, detail)
        }
        Code::Internal | Code::Unknown => {
            let detail = "expected one message, framed and compressed as gRPC and the metadata say, other bytes came";
            (RefusalCode::Malformed, detail.to_owned())
        }
        Code::Unimplemented if status.message().is_empty() => {
            let detail = "there is no such method; server reflection lists those that there are";
            (RefusalCode::Unsupported, detail.to_owned())
        }
        _ => return status,
    };
    let mut mended = Status::with_metadata(code_of(code), message, status.metadata().clone());
    mended.metadata_mut().insert(KEY, MetadataValue::from_static(code.as_str()));
    mended
}

/// Who calls shows nothing that is good for this.
pub(crate) fn denied(denied: &Denied) -> Status {
    let (code, word) = match denied {
        Denied::TooMany { .. } | Denied::TooManyFailures { .. } => (Code::ResourceExhausted, "rate_limited"),
        denied if denied.is_unauthenticated() => (Code::Unauthenticated, "unauthenticated"),
        _ => (Code::PermissionDenied, "forbidden"),
    };
    let mut status = coded(code, denied.to_string(), word);
    if let Some(seconds) = denied.retry_after_s() {
        status.metadata_mut().insert("retry-after", seconds.into());
    }
    status
}

/// The code of a refusal.
fn code_of(code: RefusalCode) -> Code {
    match code {
        RefusalCode::Malformed | RefusalCode::InvalidName => Code::InvalidArgument,
        RefusalCode::ProjectNotFound | RefusalCode::VersionNotFound => Code::NotFound,
        RefusalCode::ProjectExists => Code::AlreadyExists,
        RefusalCode::FitInProgress => Code::Aborted,
        RefusalCode::ProjectInactive
        | RefusalCode::InvalidData
        | RefusalCode::InvalidSettings
        | RefusalCode::KeyReused
        | RefusalCode::AnswerNotKept => Code::FailedPrecondition,
        RefusalCode::TooLarge | RefusalCode::StorageFull => Code::ResourceExhausted,
        RefusalCode::Unsupported => Code::Unimplemented,
        RefusalCode::ReadOnly => Code::PermissionDenied,
        RefusalCode::DeadlineExceeded => Code::DeadlineExceeded,
        RefusalCode::ProjectFailed
        | RefusalCode::Overloaded
        | RefusalCode::QueueFull
        | RefusalCode::ShuttingDown
        | RefusalCode::Interrupted
        | RefusalCode::StorageUnavailable => Code::Unavailable,
        RefusalCode::Internal => Code::Internal,
    }
}

/// A status with the word for its reason.
pub(crate) fn coded(code: Code, detail: impl Into<String>, word: &'static str) -> Status {
    let mut status = Status::new(code, detail);
    status.metadata_mut().insert(KEY, MetadataValue::from_static(word));
    status
}

/// The status of a refusal that is in no log.
pub(crate) fn refusal(code: RefusalCode, detail: impl Into<String>) -> Status {
    let mut status = coded(code_of(code), detail, code.as_str());
    if code == RefusalCode::Overloaded {
        // Clients that try again by themselves wait so long before.
        status.metadata_mut().insert("grpc-retry-pushback-ms", MetadataValue::from_static("1000"));
    }
    status
}
