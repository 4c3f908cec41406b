//! Trend: the drift values of a project over time.

use super::registry::Body;
use super::{DriftService, ProjectError};
use crate::ports::{PortErrorKind, TrendPage, TrendQuery};

impl DriftService {
    /// The recorded drift values of a project since it was fitted: those of an earlier fit, or of a deleted project of
    /// the name, belong to another detector.
    ///
    /// # Errors
    /// When there is no such project, or when the database fails.
    pub async fn trend(&self, query: &TrendQuery) -> Result<TrendPage, ProjectError> {
        let entry = self.registry.get(&query.project).ok_or(ProjectError::NotFound)?;
        let fitted_at = match entry.slot().body {
            Body::Loaded(loaded) => Some(loaded.configuration.created_at),
            Body::Cold(Some(known)) => Some(known.configuration.created_at),
            Body::Gone => return Err(ProjectError::NotFound),
            Body::Cold(None) | Body::Failed { .. } => match self.ports.artifacts.configuration(&query.project).await {
                Ok(configuration) => configuration.map(|configuration| configuration.created_at),
                // Without its configuration nobody knows; all of the name is told.
                Err(error) if error.kind() == PortErrorKind::Damaged => None,
                Err(error) => return Err(error.into()),
            },
        };
        let from = query.from.max(fitted_at);
        Ok(self.ports.metrics.trend(&TrendQuery { from, ..query.clone() }).await?)
    }
}
