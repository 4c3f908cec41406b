//! What a store can do: whether it honours the conditions of writes and removals, which some ignore.

use bytes::Bytes;
use drifting_domain::ports::{PortError, PortErrorKind};

use super::failure::Dialect;
use super::random::random_name;
use super::store::{Condition, RemoteStore, Version};
use crate::layout::TEMPORARY;

const TRY: &str = "try the store";

/// Which conditions a store honours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// That there is no object of the name.
    pub absent: bool,
    /// That a version stands under the name, of writes.
    pub replace: bool,
    /// The same, of removals.
    pub remove: bool,
}

impl RemoteStore {
    /// Whether the store honours the conditions of writes, so that no server can write over another's work. The first
    /// call tries it with a small object of its own.
    ///
    /// # Errors
    /// When the object cannot be written, with the permission that is missing.
    pub async fn conditional_writes(&self) -> Result<bool, PortError> {
        let abilities = self.abilities().await?;
        Ok(abilities.absent && abilities.replace)
    }

    pub(crate) async fn abilities(&self) -> Result<Abilities, PortError> {
        self.cell_of_abilities().get_or_try_init(|| self.try_abilities()).await.copied()
    }

    /// Writes an object on a condition; `None` where it does not hold. On a store that ignores conditions it is looked at
    /// just before, which leaves a gap but a small one.
    pub(crate) async fn put_if(
        &self,
        path: &str,
        bytes: Bytes,
        condition: Condition<'_>,
        operation: &'static str,
    ) -> Result<Option<Version>, PortError> {
        let abilities = self.abilities().await?;
        let (is_honoured, expected) = match condition {
            Condition::Anything => (true, None),
            Condition::Absent => (abilities.absent, None),
            Condition::Is(version) => (abilities.replace, Some(version)),
        };
        if is_honoured {
            return self.put(path, bytes, condition, operation).await;
        }
        if !self.stands(path, expected, operation).await? {
            return Ok(None);
        }
        self.put(path, bytes, Condition::Anything, operation).await
    }

    /// Removes an object if this version stands under its name; says whether it did.
    pub(crate) async fn remove_if(
        &self,
        path: &str,
        version: &Version,
        operation: &'static str,
    ) -> Result<bool, PortError> {
        if self.abilities().await?.remove {
            return self.remove(path, Some(version), operation).await;
        }
        Ok(self.stands(path, Some(version), operation).await? && self.remove(path, None, operation).await?)
    }

    /// Whether this version stands under a name, or none does.
    async fn stands(&self, path: &str, version: Option<&Version>, operation: &'static str) -> Result<bool, PortError> {
        let found = self.head(path, operation).await?;
        Ok(found.as_ref().map(|found| &found.version) == version)
    }

    async fn try_abilities(&self) -> Result<Abilities, PortError> {
        let path = format!("{TEMPORARY}/try-{}", random_name());
        let tried = self.try_with(&path).await;
        // Whatever came of it, nothing is left.
        match (tried, self.remove(&path, None, TRY).await) {
            (Ok(abilities), Ok(_)) => Ok(abilities),
            (Err(error), _) | (Ok(_), Err(error)) => Err(error),
        }
    }

    async fn try_with(&self, path: &str) -> Result<Abilities, PortError> {
        // A version that was never given.
        let other = Version(match self.dialect() {
            Dialect::S3 => "\"00000000000000000000000000000000\"".to_owned(),
            Dialect::Gcs => "1".to_owned(),
        });
        let (first, second, third) = (Bytes::from("first"), Bytes::from("second"), Bytes::from("third"));
        match self.put(path, first.clone(), Condition::Absent, TRY).await {
            Ok(_) => {}
            // A store that does not know the condition may say so.
            Err(error) if error.kind() == PortErrorKind::Other => {
                self.put(path, first, Condition::Anything, TRY).await?;
                return Ok(Abilities { absent: false, replace: false, remove: false });
            }
            Err(error) => return Err(error),
        }
        let absent = self.put(path, second, Condition::Absent, TRY).await?.is_none();
        let replace = known(self.put(path, third, Condition::Is(&other), TRY).await.map(|written| written.is_none()))?;
        let remove = known(self.remove(path, Some(&other), TRY).await.map(|removed| !removed))?;
        Ok(Abilities { absent, replace, remove })
    }
}

/// A store that does not know a condition may say so.
fn known(tried: Result<bool, PortError>) -> Result<bool, PortError> {
    match tried {
        Err(error) if error.kind() == PortErrorKind::Other => Ok(false),
        tried => tried,
    }
}
