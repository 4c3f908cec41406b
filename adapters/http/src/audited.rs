//! What the audit log is told of a request that changes projects: who asks, what it is about, and how it is answered.

use std::net::SocketAddr;

use drifting_access::{AuditLog, Audited, Caller, Change, Recording};
use drifting_listening::RequestId;
use poem::http::header;
use poem::{Request, Response};
use serde::Deserialize;

use crate::api::parameter::{NamePart, OperationPart, PathPart};

/// Where operations are found, as answers name them.
const OPERATIONS: &str = "/api/v1/operations/";

/// An operation that changes projects, and the log that is told.
pub(crate) struct Changing {
    log: AuditLog,
    names: Names,
}

/// What a request of an operation names, whether or not it is allowed.
#[derive(Clone, Copy)]
enum Names {
    /// A project in its path.
    Project,
    /// A project in its query, as the predecessor's client does.
    ProjectInQuery,
    /// An operation in its path.
    Operation,
    /// Neither.
    Nothing,
}

#[derive(Deserialize)]
struct Query {
    detector_name: String,
}

impl Names {
    /// By the pattern of the path, with colons before its parameters.
    fn at(path: &str) -> Self {
        let is_within = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with(':'));
        match path {
            "/v2/models/fit" => Self::ProjectInQuery,
            _ if is_within("/api/v1/projects/") || is_within("/v2/repository/models/") => Self::Project,
            _ if is_within(OPERATIONS) => Self::Operation,
            _ => Self::Nothing,
        }
    }
}

impl Changing {
    /// The operation of this path.
    pub(crate) fn new(log: AuditLog, path: &str) -> Self {
        Self { log, names: Names::at(path) }
    }

    /// Begins to write down a request.
    pub(crate) fn begin(&self, request: &Request, caller: &Caller) -> Recording {
        let id = request.data::<RequestId>().map(|id| id.0.as_str()).unwrap_or_default();
        let address = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
        let change = Change::new(id, address, caller, request.method().as_str(), request.uri().path());
        let recording = self.log.begin(change);
        let audited = recording.audited();
        match self.names {
            Names::Project => {
                if let Some(project) = request.raw_path_param(NamePart::PARAMETER) {
                    audited.of_project(project);
                }
            }
            Names::ProjectInQuery => {
                if let Ok(Query { detector_name }) = request.params() {
                    audited.of_project(&detector_name);
                }
            }
            Names::Operation => {
                if let Some(operation) = request.raw_path_param(OperationPart::PARAMETER) {
                    audited.of_operation(operation);
                }
            }
            Names::Nothing => {}
        }
        recording
    }
}

/// Writes down how a request is answered. An operation is the one that the answer names, be it begun now or by a request before.
pub(crate) fn end(recording: Recording, answer: &poem::Result<Response>) {
    if let Ok(answer) = answer
        && let Some(location) = answer.headers().get(header::LOCATION)
        && let Some(operation) = location.to_str().ok().and_then(|location| location.strip_prefix(OPERATIONS))
    {
        recording.audited().of_operation(operation);
    }
    let status = answer.as_ref().map_or_else(poem::Error::status, Response::status);
    recording.end(status.as_str());
}

/// The change that a request asks for, as the audit log sees it.
pub(crate) fn audited(request: &Request) -> Audited {
    request.data::<Audited>().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_names_is_known_by_its_path() {
        for (path, expected) in [
            ("/api/v1/projects/:param0", "project"),
            ("/api/v1/projects/:param0/fit", "project"),
            ("/v2/repository/models/:param0/load", "project"),
            ("/v2/models/fit", "query"),
            ("/api/v1/operations/:param0/cancel", "operation"),
            ("/api/v1/projects/refresh", "nothing"),
            ("/api/v1/backtest", "nothing"),
        ] {
            let named = match Names::at(path) {
                Names::Project => "project",
                Names::ProjectInQuery => "query",
                Names::Operation => "operation",
                Names::Nothing => "nothing",
            };
            assert_eq!(named, expected, "{path}");
        }
    }
}
