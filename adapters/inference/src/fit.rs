//! The predecessor's fit: a request of the protocol as reference, settings in the query string.

use drifting_domain::data::MissingValues;
use drifting_domain::detectors::{DetectorKind, DetectorRequest};
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, ProjectName};
use drifting_domain::quality::QualityRequest;
use drifting_domain::use_cases::{Digest, FitError, FitRequest, FittedProject, RequestIdentity};

use serde::Deserialize;

use crate::content::{self, Places};
use crate::{InferRequest, Inference, Refusal, RefusalCode, TensorData};

/// The windows that watch a label.
const LABEL_WINDOWS: [usize; 2] = [40, 80];
/// Principal components of a table.
const TABULAR_COMPONENTS: usize = 2;

/// What the query string of a fit says.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct FitQuery {
    /// The name of the project.
    pub detector_name: Option<String>,
    /// What it watches.
    pub drift_type: Option<String>,
    /// Expected run time.
    pub ert: Option<String>,
    /// Rows of the window; a label has windows of its own.
    pub window_size: Option<String>,
    /// Simulated streams; a label has as many as its expected run time needs.
    pub n_bootstraps: Option<String>,
}

/// A fit whose name and settings have been read.
pub struct WantedFit {
    project: ProjectName,
    kind: FitKind,
    ert: Option<f64>,
    window_size: Option<usize>,
    n_bootstraps: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FitKind {
    Label,
    Tabular,
    Text,
    Sequential,
    Dummy,
}

impl FitQuery {
    /// Reads what the query string says.
    ///
    /// # Errors
    /// When a setting is missing or is none, or when the name is none.
    pub fn read(&self) -> Result<WantedFit, Refusal> {
        let missing =
            |setting: &str| Refusal::at(RefusalCode::InvalidSettings, format!("/{setting}"), "field required");
        let name = self.detector_name.as_deref().ok_or_else(|| missing("detector_name"))?;
        let kind = match self.drift_type.as_deref().ok_or_else(|| missing("drift_type"))? {
            "label" => FitKind::Label,
            "tabular" => FitKind::Tabular,
            "text" => FitKind::Text,
            "sequential" => FitKind::Sequential,
            "dummy" => FitKind::Dummy,
            other => {
                let shown: String = other.chars().take(40).collect();
                let detail = format!(
                    "drift_type has to be one of [\"label\", \"tabular\", \"text\", \"sequential\", \"dummy\"], {shown:?} came"
                );
                return Err(Refusal::at(RefusalCode::InvalidSettings, "/drift_type", detail));
            }
        };
        Ok(WantedFit {
            project: name.parse()?,
            kind,
            ert: number("ert", self.ert.as_deref())?,
            window_size: number("window_size", self.window_size.as_deref())?,
            n_bootstraps: number("n_bootstraps", self.n_bootstraps.as_deref())?,
        })
    }
}

fn number<T: std::str::FromStr>(setting: &str, text: Option<&str>) -> Result<Option<T>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let shown: String = text.chars().take(40).collect();
        let detail = format!("value is not a valid number, {shown:?} came");
        Refusal::at(RefusalCode::InvalidSettings, format!("/{setting}"), detail)
    })
}

impl WantedFit {
    /// The name of the project.
    pub fn project(&self) -> &ProjectName {
        &self.project
    }

    /// The fit of these tensors.
    ///
    /// # Errors
    /// When they are no table.
    pub fn with_reference(self, request: InferRequest) -> Result<PreparedFit, Refusal> {
        let Self { project, kind, ert, window_size, n_bootstraps } = self;
        let is_numeric = request.inputs.iter().all(|input| matches!(input.data, TensorData::Numbers(_)));
        let drift_type = match kind {
            FitKind::Label => DriftType::Label,
            FitKind::Tabular => DriftType::Tabular,
            FitKind::Text => DriftType::Text,
            FitKind::Sequential => DriftType::Sequential,
            FitKind::Dummy => match request.inputs.as_slice() {
                [one] if one.shape.width() == 1 => DriftType::Label,
                _ => DriftType::Tabular,
            },
        };
        let content::Rows { table, places } = content::rows(request, drift_type)?;
        let n_columns = table.columns().len();
        let of_window = DetectorRequest { ert, window_size, n_bootstraps, ..DetectorRequest::default() };
        let detector = match kind {
            // Classes have no order to compare; the kind that suits them is chosen by what they are.
            FitKind::Label if !is_numeric => DetectorRequest { ert, ..DetectorRequest::default() },
            FitKind::Label => DetectorRequest {
                kind: Some(DetectorKind::CvmOnline),
                ert,
                window_sizes: Some(LABEL_WINDOWS.to_vec()),
                ..DetectorRequest::default()
            },
            FitKind::Tabular => DetectorRequest { kind: Some(DetectorKind::MmdOnline), ..of_window },
            // The kind that suits one column has no window.
            FitKind::Sequential if n_columns == 1 => DetectorRequest { ert, ..DetectorRequest::default() },
            FitKind::Text | FitKind::Sequential => of_window,
            FitKind::Dummy => DetectorRequest { kind: Some(DetectorKind::Dummy), ..DetectorRequest::default() },
        };
        let request = FitRequest {
            project,
            drift_type,
            reference: table,
            detector,
            standardize: None,
            // One column has no second component.
            n_components: (kind == FitKind::Tabular && n_columns >= TABULAR_COMPONENTS).then_some(TABULAR_COMPONENTS),
            texts: TextRequest::DEFAULT,
            missing_values: MissingValues::Reject,
            quality: QualityRequest::default(),
            report_run_length: false,
            overwrite: false,
        };
        Ok(PreparedFit { request, places })
    }
}

/// A fit that is ready to be computed.
pub struct PreparedFit {
    request: FitRequest,
    places: Places,
}

/// A fit that has been computed and waits to be stored.
pub struct ComputedFit {
    fitted: FittedProject,
    project: ProjectName,
}

impl ComputedFit {
    /// The same of a request that may come again.
    #[must_use]
    pub fn known_by(self, identity: Option<RequestIdentity>) -> Self {
        Self { fitted: self.fitted.known_by(identity), ..self }
    }
}

impl Inference {
    /// Whether a fit would be refused whatever its reference is.
    ///
    /// # Errors
    /// When the name is taken, when too many fits wait, or when the server writes nothing.
    pub fn check_fit(&self, wanted: &WantedFit) -> Result<(), Refusal> {
        let service = &self.service;
        let checked = service
            .check_fits()
            .and_then(|()| service.check_free(&wanted.project, false))
            .and_then(|()| service.check_queue());
        checked.map_err(|error| refusal(&error, &wanted.project, None))
    }

    /// Whether a request under this key has fitted the project lately, on this server or one before it, whatever its tensors were.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn is_fitted_under(&self, project: &ProjectName, key: &Digest) -> Result<bool, Refusal> {
        let fitted = self.service.is_fitted_under(project, key).await;
        fitted.map_err(|error| refusal(&error, project, None))
    }

    /// Whether this request has fitted the project lately, on this server or one before it.
    ///
    /// # Errors
    /// When another request did so under the same key, and when the store cannot be reached.
    pub async fn is_fitted_by(&self, project: &ProjectName, identity: &RequestIdentity) -> Result<bool, Refusal> {
        let fitted = self.service.is_fitted_by(project, identity).await;
        fitted.map_err(|error| refusal(&error, project, None))
    }

    /// Fits. The computation stops soon after the future is dropped.
    ///
    /// # Errors
    /// As [`drifting_domain::use_cases::DriftService::fit`].
    pub async fn fit(&self, fit: PreparedFit) -> Result<ComputedFit, Refusal> {
        let PreparedFit { request, places } = fit;
        let project = request.project.clone();
        let fitted = self.service.fit(request).await;
        let fitted = fitted.map_err(|error| refusal(&error, &project, Some(&places)))?;
        Ok(ComputedFit { fitted, project })
    }

    /// Stores a fit, durably, and serves it. To be driven to its end even if whoever asked has left.
    ///
    /// # Errors
    /// As [`drifting_domain::use_cases::DriftService::store`].
    pub async fn store(&self, fit: ComputedFit) -> Result<(), Refusal> {
        let ComputedFit { fitted, project } = fit;
        let stored = self.service.store(fitted).await;
        stored.map(drop).map_err(|error| refusal(&error, &project, None))
    }
}

/// The refusal of a fit, in the predecessor's words where the name is taken.
fn refusal(error: &FitError, project: &ProjectName, places: Option<&Places>) -> Refusal {
    if let FitError::Exists { .. } = error {
        return Refusal::new(RefusalCode::ProjectExists, format!("Model with name '{project}' already exists."));
    }
    Refusal::of_fit(error, |issue| places.map_or_else(|| "/inputs".to_owned(), |places| places.pointer(issue)))
}
