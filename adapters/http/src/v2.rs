//! The Open Inference Protocol, as KServe, Triton, MLServer and the predecessor's client speak it. What requests mean stands in
//! `drifting-inference`; here are paths, bodies and statuses. Every success is 200: its clients take anything else for an error.

mod documents;
mod fit;
mod health;
mod infer;
mod models;
mod pages;
mod repository;
mod schema;
mod unsupported;

pub(crate) use pages::{PATHS as PAGES, add_to};
pub(crate) use schema::InferenceRequest;

use drifting_inference::Inference;
use poem_openapi::Tags;
use poem_openapi::registry::MetaSchema;

use self::fit::FitApi;
use self::health::HealthApi;
use self::infer::InferApi;
use self::models::ModelsApi;
use self::repository::RepositoryApi;
use crate::api::parameter::{InPath, PathPart};
use crate::api::{FitAnswers, Readiness};
use crate::settings::HttpSettings;

/// Whether a path is one of the protocol.
pub(crate) fn has_path(path: &str) -> bool {
    path == "/v2" || path.starts_with("/v2/")
}

/// Groups of operations.
#[derive(Tags)]
#[oai(rename_all = "lowercase")]
pub(crate) enum Tag {
    /// Probes and what is told of the server.
    Server,
    /// Projects as models.
    Models,
    /// Feed rows and be told whether they drift.
    Inference,
    /// Which models there are, and which of them answer.
    Repository,
    /// The predecessor's fit.
    Fit,
}

/// All groups, as poem-openapi takes them.
pub(crate) type Api = (HealthApi, ModelsApi, InferApi, RepositoryApi, FitApi);

/// All operations.
pub(crate) fn api(inference: &Inference, readiness: Readiness, settings: &HttpSettings) -> Api {
    let timeouts = settings.timeouts;
    (
        HealthApi { readiness },
        ModelsApi { inference: inference.clone() },
        InferApi {
            inference: inference.clone(),
            limits: settings.read_limits(settings.max_body_bytes),
            timeouts,
            mlserver_headers: settings.mlserver_headers,
        },
        RepositoryApi { inference: inference.clone(), body_bytes_max: settings.max_body_bytes, timeouts },
        FitApi {
            inference: inference.clone(),
            limits: settings.read_limits(settings.fit_max_body_bytes),
            timeouts: timeouts.of_fits(),
            answers: FitAnswers::default(),
        },
    )
}

/// The version of a model.
pub(crate) struct VersionPart;

/// The version of a model, as it stands in the path.
pub(crate) type VersionInPath = InPath<VersionPart>;

impl PathPart for VersionPart {
    const PARAMETER: &'static str = "param1";

    fn schema() -> MetaSchema {
        MetaSchema {
            pattern: Some("^[A-Za-z0-9._-]{1,64}$".to_owned()),
            example: Some("1".into()),
            ..MetaSchema::new("string")
        }
    }
}
