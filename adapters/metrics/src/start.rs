//! Who a record is from.

use chrono::{DateTime, Utc};
use rand::RngExt;

/// One start of a server: what it appends is numbered from 1 on.
#[derive(Debug, Clone)]
pub struct ServerStart {
    /// Nobody else's.
    pub(crate) id: String,
    /// What tells the servers of a database apart for people.
    pub(crate) instance: String,
    /// The version of the program.
    pub(crate) version: String,
    /// When.
    pub(crate) started_at: DateTime<Utc>,
}

impl ServerStart {
    /// The start of an instance now.
    pub fn now(instance: &str, version: &str) -> Self {
        Self {
            id: format!("{:032x}", rand::rng().random::<u128>()),
            instance: instance.to_owned(),
            version: version.to_owned(),
            started_at: Utc::now(),
        }
    }
}
