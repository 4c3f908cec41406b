//! What a user can do, each in a file that reads from top to bottom.

mod backtest;
mod checkpoint;
mod errors;
mod expected;
mod failed_fit;
mod fit;
mod fit_computation;
mod fit_queue;
mod fit_results;
mod fit_warnings;
mod image_reading;
mod limits;
mod loaded;
mod marks;
mod measures;
mod memory;
mod once;
mod online;
mod operations;
mod predict;
mod predict_queue;
mod projects;
mod reading;
mod recent;
mod recording;
mod refresh;
mod registry;
mod run_length;
mod series;
mod serving;
mod startup;
mod tally;
mod text_reading;
mod trend;
pub(crate) mod windows;
mod word_reading;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use backtest::{
    ALARMS_LISTED_MAX, Backtest, BacktestReport, BacktestRequest, CANDIDATES_MAX, CHANGES_MAX, Candidate,
    CandidateReport, ChangeReport, Cost, FalseAlarmSource, FalseAlarms, HISTORY_ROWS_MAX, MARGIN, ReferencePart,
    Replayed, Suggestion,
};
pub use errors::{FitError, PredictError, ProjectError};
pub use expected::ExpectedProject;
pub use fit::{FitRequest, FittedProject, PreparedFit};
pub use fit_computation::REFERENCE_ROWS_MAX;
pub use fit_results::FitResult;
pub use limits::{RequestLimits, ServiceLimits};
pub use loaded::OpenProject;
pub use marks::Mark;
pub use measures::{Position, ProjectMeasures, ServiceMeasures, WindowMeasures};
pub use memory::MemoryUse;
pub use once::{AnswerLimits, Digest, FirstAnswer, RequestIdentity, WriteAnswer};
pub use operations::{BegunFit, OperationPage, OperationQuery, OperationStatus, OperationView};
pub use predict::{PredictRequest, Prediction};
pub use predict_queue::{PredictAnnouncement, PredictPlace};
pub use projects::{ListQuery, ProjectPage, ProjectStatus, ProjectStatusFilter, ProjectView};
pub use reading::Readers;
pub use recent::RecentColumns;
pub use refresh::RefreshReport;
pub use startup::StartReport;
pub use tally::LastDetection;
pub use trend::{Resolution, TrendInBuckets};

use self::fit::FitsInProgress;
use self::fit_queue::FitQueue;
use self::measures::Counts;
use self::memory::Memory;
use self::once::KeptAnswers;
use self::operations::Operations;
use self::predict_queue::PredictQueue;
use self::recording::Recording;
use self::registry::Registry;
use crate::detectors::CvmThresholds;
use crate::ports::{
    ArtifactStore, Clock, CpuPool, EventSink, ImageDecoder, ImageEncoders, MetricsHistory, MetricsSink,
    OperationJournal, ProjectIndex, TextEncoders,
};

/// What carries the ports out.
pub struct Ports {
    /// Projects as files.
    pub artifacts: Arc<dyn ArtifactStore>,
    /// The index and the statuses.
    pub index: Arc<dyn ProjectIndex>,
    /// The operations under way.
    pub operations: Arc<dyn OperationJournal>,
    /// Takes drift values without waiting.
    pub sink: Arc<dyn MetricsSink>,
    /// Tells others of verdicts without waiting.
    pub events: Arc<dyn EventSink>,
    /// Gives drift values back.
    pub metrics: Arc<dyn MetricsHistory>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Processors for fits.
    pub fit_pool: Arc<dyn CpuPool>,
    /// Processors for large predictions, which must not wait for fits.
    pub predict_pool: Arc<dyn CpuPool>,
}

/// When online state is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateDurability {
    /// Some time after the answer, by [`DriftService::checkpoint`].
    Interval,
    /// Before the answer.
    Always,
}

/// Whether the server writes to its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// It fits, deletes and saves online state; it is the only one to do so.
    #[default]
    ReadWrite,
    /// It serves what another server keeps, where no state moves: predictions whose request is the window.
    ReadOnly,
}

/// What the owner of the server decides.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// Whether the server writes to its store.
    pub access: Access,
    /// When online state is saved.
    pub durability: StateDurability,
    /// Whether the verdicts on the columns are recorded too.
    pub records_features: bool,
    /// The program and version that stands in configurations.
    pub fitted_by: String,
}

/// Everything a user can do.
///
/// Futures that change what is stored must be driven to their end, even if whoever asked has left: all but
/// [`DriftService::fit`], whose computation stops when nobody waits for it.
pub struct DriftService {
    ports: Ports,
    settings: ServiceSettings,
    registry: Registry,
    recording: Recording,
    fits: Arc<FitsInProgress>,
    fit_queue: Arc<FitQueue>,
    answers: Arc<KeptAnswers>,
    memory: Memory,
    predict_queue: Arc<PredictQueue>,
    request_limits: RequestLimits,
    operations: Operations,
    counts: Arc<Counts>,
    cvm_thresholds: Arc<CvmThresholds>,
    readers: Readers,
    /// Held by whoever looks at the store again.
    refreshing: async_lock::Mutex<()>,
}

impl DriftService {
    /// A service that knows no project yet: [`DriftService::start`] reads the store.
    pub fn new(ports: Ports, settings: ServiceSettings) -> Self {
        let limits = ServiceLimits::default();
        let recording = Recording {
            sink: Arc::clone(&ports.sink),
            events: Arc::clone(&ports.events),
            with_features: settings.records_features,
        };
        let counts = Arc::new(Counts::new(ports.clock.elapsed()));
        let predict_queue = Arc::new(PredictQueue::of(&limits, &ports));
        Self {
            ports,
            settings,
            registry: Registry::default(),
            recording,
            fits: Arc::default(),
            fit_queue: Arc::new(FitQueue::new(&limits)),
            answers: Arc::new(KeptAnswers::new(limits.answers)),
            memory: Memory::new(limits.projects_memory),
            predict_queue,
            request_limits: limits.request,
            operations: Operations::default(),
            counts,
            cvm_thresholds: Arc::default(),
            readers: Readers::default(),
            refreshing: async_lock::Mutex::new(()),
        }
    }

    /// The same with other limits than those by default.
    #[must_use]
    pub fn with_limits(self, limits: ServiceLimits) -> Self {
        Self {
            fit_queue: Arc::new(FitQueue::new(&limits)),
            answers: Arc::new(KeptAnswers::new(limits.answers)),
            memory: Memory::new(limits.projects_memory),
            predict_queue: Arc::new(PredictQueue::of(&limits, &self.ports)),
            request_limits: limits.request,
            ..self
        }
    }

    /// The same with somebody who reads files of images.
    #[must_use]
    pub fn with_images(self, images: Arc<dyn ImageDecoder>) -> Self {
        Self { readers: Readers { images, ..self.readers }, ..self }
    }

    /// The same with the encoders of texts that this server has.
    #[must_use]
    pub fn with_text_encoders(self, text_encoders: Arc<dyn TextEncoders>) -> Self {
        Self { readers: Readers { text_encoders, ..self.readers }, ..self }
    }

    /// The same with the encoders of images that this server has.
    #[must_use]
    pub fn with_image_encoders(self, image_encoders: Arc<dyn ImageEncoders>) -> Self {
        Self { readers: Readers { image_encoders, ..self.readers }, ..self }
    }

    /// The time, as verdicts are given it.
    pub fn now(&self) -> DateTime<Utc> {
        self.ports.clock.now()
    }

    /// Whether the server leaves its store as it is.
    pub fn is_read_only(&self) -> bool {
        self.settings.access == Access::ReadOnly
    }
}
