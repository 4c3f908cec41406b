//! What the latest rows of a project look like beside its reference, column by column.

use std::sync::Arc;

use futures_channel::oneshot;

use super::serving::Detector;
use super::{DriftService, OpenProject, PredictError};
use crate::detection::{Detection, FeatureDetection, ranked};

/// The columns of the latest rows, each beside the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentColumns {
    /// Number of these rows.
    pub rows: u64,
    /// What moved in the columns; of a window, the 32 that stand out most.
    pub features: Vec<FeatureDetection>,
}

/// Of so many columns of a window it is kept what moved: a few kilobytes for each project in memory.
const COLUMNS_KEPT_MAX: usize = 32;

impl RecentColumns {
    /// Those of a window, where its verdict says what moved.
    pub(super) fn of_window(detection: &Detection) -> Option<Self> {
        if detection.features.iter().all(|feature| feature.explanation.is_none()) {
            return None;
        }
        let kept = ranked(&detection.features).into_iter().take(COLUMNS_KEPT_MAX);
        Some(Self { rows: detection.rows, features: kept.cloned().collect() })
    }
}

impl DriftService {
    /// The columns of the latest rows of a project beside its reference: of an online detector those of the largest window, and
    /// of another one the last window whose verdict said what moved. `None` before there are any, and of kinds that keep nothing
    /// of their reference.
    ///
    /// Rows that are being fed are waited for; predictions wait while the rows are copied, not while they are compared.
    /// O(n log n) for the n cells of the rows, on the pool of predictions.
    ///
    /// # Errors
    /// When the computation crashes.
    pub async fn recent_columns(&self, project: &OpenProject) -> Result<Option<RecentColumns>, PredictError> {
        let loaded = Arc::clone(&project.loaded);
        if matches!(loaded.detector, Detector::Windows(_)) {
            return Ok(loaded.last_columns().map(Arc::unwrap_or_clone));
        }
        let rows = loaded.detector.recent(&loaded.running.lock().await.state);
        let Some(rows) = rows.filter(|rows| rows.n_rows() > 0) else { return Ok(None) };
        let (sender, receiver) = oneshot::channel();
        let pool = Arc::clone(&self.ports.predict_pool);
        self.ports.predict_pool.spawn(Box::new(move || {
            let features = loaded.detector.compare(&rows, &loaded.encoder, &*pool);
            let columns = features.map(|features| RecentColumns { rows: rows.n_rows() as u64, features });
            // Whoever asked may have left.
            let _ = sender.send(columns);
        }));
        receiver.await.map_err(|_| PredictError::Crashed)
    }
}
