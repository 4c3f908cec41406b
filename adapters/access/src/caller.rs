//! Who sends a request, as far as the server asks.

use std::sync::Arc;

use crate::grant::{Grant, Standing};
use crate::limiter::Rates;
use crate::{Denied, Scope};

/// Who sends a request. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Caller(Option<Admitted>);

/// Somebody who has shown something.
#[derive(Debug, Clone)]
struct Admitted {
    /// What that was good for when it was last looked at.
    grant: Arc<Grant>,
    shown: Shown,
}

/// What was shown.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    /// A key, which may be changed or taken back while requests that it began are under way.
    Key(Arc<Standing>),
    /// A token, which is good for the same until it expires.
    Token {
        grant: Arc<Grant>,
        /// How often each subject may ask.
        rates: Option<Arc<Rates<String>>>,
    },
}

impl Caller {
    /// Somebody, on a server that asks nobody for a key.
    pub const ANYBODY: Self = Self(None);

    /// Whoever shows this. O(1), without a lock.
    ///
    /// # Errors
    /// When it is not good for anything now.
    pub(crate) fn of(shown: Shown) -> Result<Self, Denied> {
        let grant = match &shown {
            Shown::Key(standing) => standing.grant().ok_or(Denied::UnknownKey)?,
            Shown::Token { grant, .. } => Arc::clone(grant),
        };
        if grant.has_expired() {
            return Err(Denied::Expired);
        }
        Ok(Self(Some(Admitted { grant, shown })))
    }

    /// The same caller with what its key or token is good for by now, for those who serve it for long: a stream asks before each
    /// message or event. O(1), without a lock, and nothing on a server that asks nobody for a key.
    ///
    /// # Errors
    /// When the key is no longer known, the key or token has expired, or it no longer has this scope.
    pub fn again(&self, scope: Scope) -> Result<Self, Denied> {
        let Some(Admitted { shown, .. }) = &self.0 else { return Ok(Self::ANYBODY) };
        let caller = Self::of(shown.clone())?;
        caller.check(scope)?;
        Ok(caller)
    }

    /// Takes one request from the rate of the key, or of the token's subject.
    ///
    /// # Errors
    /// When it comes too early after others.
    pub fn take(&self) -> Result<(), Denied> {
        let Some(Admitted { grant, shown }) = &self.0 else { return Ok(()) };
        if let Shown::Token { rates: Some(rates), .. } = shown {
            rates.take(&grant.id)?;
        }
        grant.rate.as_ref().map_or(Ok(()), |rate| rate.take())
    }

    /// Who it is, in parts that together are nobody else's: what was shown, and the name of the key or the subject of the token. It stays as it is
    /// when a key is replaced by another one of the name.
    pub fn identity(&self) -> Option<[&str; 2]> {
        let Some(Admitted { grant, shown }) = &self.0 else { return None };
        let kind = match shown {
            Shown::Key(_) => "key",
            Shown::Token { .. } => "token",
        };
        Some([kind, grant.name.as_str()])
    }

    /// The name of the key or the subject of the token, where one was shown.
    pub fn name(&self) -> Option<&str> {
        self.grant().map(|grant| grant.name.as_str())
    }

    /// What tells the key apart from others of the name, and helps nobody to use it.
    pub fn key_id(&self) -> Option<&str> {
        self.grant().map(|grant| grant.id.as_str())
    }

    /// Whether this is allowed at all, on whatever project.
    ///
    /// # Errors
    /// When the scope is missing.
    pub fn check(&self, scope: Scope) -> Result<(), Denied> {
        match self.grant() {
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
        self.grant().is_none_or(|grant| grant.projects.cover(project))
    }

    /// Whether every project is shown.
    pub fn sees_all(&self) -> bool {
        self.grant().is_none_or(|grant| grant.projects.are_all())
    }

    fn grant(&self) -> Option<&Grant> {
        self.0.as_ref().map(|admitted| &*admitted.grant)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::{ProjectPatterns, Scopes};

    fn grant(scope: Scope, expires_at: Option<DateTime<Utc>>) -> Grant {
        Grant {
            name: "ada".to_owned(),
            id: "0123456789ab".to_owned(),
            scopes: Scopes::from_iter([scope]),
            projects: ProjectPatterns::ALL,
            expires_at,
            rate: None,
        }
    }

    #[test]
    fn a_key_that_changes_changes_for_whoever_was_let_in_with_it() {
        let standing = Arc::new(Standing::new(grant(Scope::Predict, None)));
        let caller = Caller::of(Shown::Key(Arc::clone(&standing))).unwrap();
        assert!(caller.again(Scope::Predict).is_ok());
        standing.change(grant(Scope::Read, None));
        assert_eq!(caller.again(Scope::Predict).unwrap_err(), Denied::Scope(Scope::Predict));
        assert!(caller.again(Scope::Read).unwrap().check(Scope::Read).is_ok());
        standing.change(grant(Scope::Predict, Some(DateTime::UNIX_EPOCH)));
        assert_eq!(caller.again(Scope::Predict).unwrap_err(), Denied::Expired);
        standing.end();
        assert_eq!(caller.again(Scope::Predict).unwrap_err(), Denied::UnknownKey);
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let caller = |expires_at| {
            let grant = Arc::new(grant(Scope::Predict, Some(expires_at)));
            // As it is once it has been let in.
            Caller(Some(Admitted { grant: Arc::clone(&grant), shown: Shown::Token { grant, rates: None } }))
        };
        assert!(caller(DateTime::<Utc>::MAX_UTC).again(Scope::Predict).is_ok());
        let late = caller(DateTime::UNIX_EPOCH);
        assert_eq!(late.again(Scope::Predict).unwrap_err(), Denied::Expired);
    }

    #[test]
    fn anybody_is_asked_nothing_again() {
        let caller = Caller::ANYBODY.again(Scope::Admin).unwrap();
        assert!(caller.name().is_none() && caller.sees_all() && caller.take().is_ok());
    }
}
