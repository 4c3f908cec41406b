//! Predict: rows → numbers → detector, in order, under the project's own lock. Waits for no disk and no network.

use std::sync::Arc;

use futures_channel::oneshot;

use super::loaded::{LoadedProject, Running};
use super::{DriftService, OpenProject, PredictError, StateDurability};
use crate::data::{InvalidData, Table};
use crate::detection::Detection;
use crate::ports::DriftRecord;

/// The verdicts on the rows of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Rows fed.
    pub rows: usize,
    /// Rows left out because of missing values.
    pub rows_dropped: usize,
    /// Rows fed since the start or the last reset.
    pub time: u64,
    /// One a row fed, in order.
    pub detections: Vec<Detection>,
}

/// More rows than this in one request are refused: their verdicts are held in memory until they are answered.
pub const PREDICTED_ROWS_MAX: usize = 250_000;
/// Work that takes longer than this runs on the pool, in nanoseconds.
const INLINE_MAX_NS: u64 = 500_000;
/// About what a row costs beside the detector's step, in nanoseconds.
const ROW_COST_NS: u64 = 500;

impl DriftService {
    /// Feeds rows and answers with their verdicts. All rows are checked before the first is fed, and once begun they
    /// are all fed.
    ///
    /// # Errors
    /// When a row cannot be used; when the state must be saved before the answer and cannot be.
    pub async fn predict(&self, project: &OpenProject, table: Table) -> Result<Prediction, PredictError> {
        if table.n_rows() > PREDICTED_ROWS_MAX {
            let detail = format!("expected at most {PREDICTED_ROWS_MAX} rows a request, {} came", table.n_rows());
            return Err(InvalidData::whole(detail).into());
        }
        let loaded = &project.loaded;
        let cost_ns = table.n_rows() as u64 * (loaded.detector.step_cost_ns() + ROW_COST_NS);
        let at = self.ports.clock.now();
        let inline = if cost_ns <= INLINE_MAX_NS { loaded.try_running() } else { None };
        // The lock is gone before anything is waited for.
        let fed = inline.map(|mut running| feed(loaded, &mut running, &table, at));
        let prediction = if let Some(fed) = fed {
            fed?
        } else {
            let (sender, receiver) = oneshot::channel();
            let job_loaded = Arc::clone(loaded);
            self.ports.predict_pool.spawn(Box::new(move || {
                let result = feed(&job_loaded, &mut job_loaded.running(), &table, at);
                // The client may have left; the rows are fed all the same.
                let _ = sender.send(result);
            }));
            receiver.await.map_err(|_| PredictError::Crashed)??
        };
        self.record(project, &prediction, at);
        self.note_progress(project).await?;
        Ok(prediction)
    }

    fn record(&self, project: &OpenProject, prediction: &Prediction, at: chrono::DateTime<chrono::Utc>) {
        let records = prediction.detections.iter().map(|detection| DriftRecord {
            project: project.name().clone(),
            generation: project.loaded.configuration.generation,
            at,
            time: detection.time,
            rows: 1,
            statistic: detection.statistic,
            threshold: detection.threshold,
            p_value: detection.p_value,
            distance: detection.distance,
            is_drift: detection.is_drift,
            warm_up: detection.warm_up,
        });
        self.ports.sink.record(records.collect());
    }

    /// Sees to it that the moved state is saved: now, or at the next checkpoint.
    async fn note_progress(&self, project: &OpenProject) -> Result<(), PredictError> {
        if project.loaded.mark_dirty() {
            self.registry.push_dirty(Arc::clone(&project.entry));
        }
        match self.settings.durability {
            StateDurability::Interval => Ok(()),
            StateDurability::Always => Ok(self.save_state(&project.entry).await?),
        }
    }
}

fn feed(
    loaded: &LoadedProject,
    running: &mut Running,
    table: &Table,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<Prediction, PredictError> {
    if running.is_closed {
        return Err(PredictError::Inactive);
    }
    let frame = loaded.configuration.schema.read(table)?;
    let rows = loaded.encoder.encode(&frame);
    let mut detections = Vec::with_capacity(frame.n_rows());
    for row in rows.chunks_exact(loaded.encoder.width()) {
        detections.push(loaded.detector.step(&mut running.state, row));
    }
    running.tally.count(&detections, at);
    Ok(Prediction { rows: detections.len(), rows_dropped: frame.n_dropped(), time: running.state.time(), detections })
}
