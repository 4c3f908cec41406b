//! Who sends a request, as far as the server asks.

use std::sync::Arc;

use crate::grant::Grant;
use crate::{Denied, Scope};

/// Who sends a request. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Caller(pub(crate) Option<Arc<Grant>>);

impl Caller {
    /// Somebody, on a server that asks nobody for a key.
    pub const ANYBODY: Self = Self(None);

    /// The name of the key or the subject of the token, where one was shown.
    pub fn name(&self) -> Option<&str> {
        self.0.as_ref().map(|grant| grant.name.as_str())
    }

    /// What tells the key apart from others of the name, and helps nobody to use it.
    pub fn key_id(&self) -> Option<&str> {
        self.0.as_ref().map(|grant| grant.id.as_str())
    }

    /// Whether this is allowed at all, on whatever project.
    ///
    /// # Errors
    /// When the scope is missing.
    pub fn check(&self, scope: Scope) -> Result<(), Denied> {
        match &self.0 {
            Some(grant) if !grant.scopes.hold(scope) => Err(Denied::Scope(scope)),
            _ => Ok(()),
        }
    }

    /// Whether this project may be touched.
    ///
    /// # Errors
    /// When the key is for others.
    pub fn check_project(&self, project: &str) -> Result<(), Denied> {
        if self.sees(project) { Ok(()) } else { Err(Denied::Project) }
    }

    /// Whether what concerns all projects is allowed.
    ///
    /// # Errors
    /// When the key is for some.
    pub fn check_all_projects(&self) -> Result<(), Denied> {
        if self.sees_all() { Ok(()) } else { Err(Denied::AllProjects) }
    }

    /// Whether this project is shown.
    pub fn sees(&self, project: &str) -> bool {
        self.0.as_ref().is_none_or(|grant| grant.projects.cover(project))
    }

    /// Whether every project is shown.
    pub fn sees_all(&self) -> bool {
        self.0.as_ref().is_none_or(|grant| grant.projects.are_all())
    }
}
