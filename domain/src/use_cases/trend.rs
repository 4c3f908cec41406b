//! Trend: the drift values of a project over time.

use super::{DriftService, ProjectError};
use crate::ports::{TrendPage, TrendQuery};

impl DriftService {
    /// The recorded drift values of a project.
    ///
    /// # Errors
    /// When there is no such project, or when the database fails.
    pub async fn trend(&self, query: &TrendQuery) -> Result<TrendPage, ProjectError> {
        self.registry.get(&query.project).ok_or(ProjectError::NotFound)?;
        Ok(self.ports.metrics.trend(query).await?)
    }
}
