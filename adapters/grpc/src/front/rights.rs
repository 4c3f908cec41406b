//! What each method asks of whoever calls it. The name of a model stands in the message: whether a key is for it is asked where
//! that is read.

use drifting_access::Scope;

/// The methods and the scope that each needs, by the last part of the path.
const SCOPES: [(&str, Scope); 9] = [
    ("ServerMetadata", Scope::Read),
    ("ModelReady", Scope::Read),
    ("ModelMetadata", Scope::Read),
    ("RepositoryIndex", Scope::Read),
    ("ModelInfer", Scope::Predict),
    ("ModelStreamInfer", Scope::Predict),
    ("RepositoryModelLoad", Scope::Fit),
    ("RepositoryModelUnload", Scope::Fit),
    ("ServerReflectionInfo", Scope::Read),
];

/// What anybody may ask: the probes.
const OPEN: [&str; 4] = [
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
];

/// Whether a method changes projects.
pub(super) fn changes(path: &str) -> bool {
    matches!(scope_of(path), Some(Scope::Fit | Scope::Admin))
}

/// The scope that a method needs, if it needs any. What is not in the table is for those who may do everything.
pub(super) fn scope_of(path: &str) -> Option<Scope> {
    if OPEN.contains(&path) {
        return None;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    Some(SCOPES.iter().find(|(known, _)| *known == name).map_or(Scope::Admin, |(_, scope)| *scope))
}
