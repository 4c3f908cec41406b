//! What whoever shows a key or a token may do.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};

use crate::limiter::Rate;
use crate::{ProjectPatterns, Scopes};

/// What a key or a token is good for.
#[derive(Debug)]
pub(crate) struct Grant {
    /// Whose it is, for logs.
    pub(crate) name: String,
    /// What tells it apart from others of the name; nothing secret.
    pub(crate) id: String,
    pub(crate) scopes: Scopes,
    pub(crate) projects: ProjectPatterns,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// How often a key may be used; tokens have the rate of their subject.
    pub(crate) rate: Option<Arc<Rate>>,
}

impl Grant {
    pub(crate) fn has_expired(&self) -> bool {
        self.expires_at.is_some_and(|at| at <= Utc::now())
    }
}

/// What a key is good for now: nothing any more once it is taken out of the file. Whoever was let in with the key shares this, and so
/// learns of a change without looking for the key again.
#[derive(Debug)]
pub(crate) struct Standing(ArcSwapOption<Grant>);

impl Standing {
    pub(crate) fn new(grant: Grant) -> Self {
        Self(ArcSwapOption::from_pointee(grant))
    }

    /// O(1), without a lock.
    pub(crate) fn grant(&self) -> Option<Arc<Grant>> {
        self.0.load_full()
    }

    /// The key is good for this from now on.
    pub(crate) fn change(&self, grant: Grant) {
        self.0.store(Some(Arc::new(grant)));
    }

    /// The key is no longer known.
    pub(crate) fn end(&self) {
        self.0.store(None);
    }
}
