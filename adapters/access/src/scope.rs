//! What a key or a token is good for.

use std::fmt;
use std::str::FromStr;

/// A kind of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// To look: at projects, verdicts, metrics, operations.
    Read,
    /// To send rows and be told whether they drift.
    Predict,
    /// To fit, and to switch, reset and cancel what was fitted.
    Fit,
    /// Everything, deleting included.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Predict, Self::Fit, Self::Admin];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Predict => "predict",
            Self::Fit => "fit",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let scope = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        scope.ok_or_else(|| "expected one of `read`, `predict`, `fit` and `admin`".to_owned())
    }
}

/// Several scopes. `admin` holds every other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Whether one of them is, or holds, this scope.
    pub fn hold(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::Admin.bit()) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that were named, in the order of [`Scope::ALL`].
    pub fn named(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

/// As they stand in a list: `read, predict`.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.named().map(Scope::as_str).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_holds_itself_and_admin_holds_all() {
        for held in Scope::ALL {
            let scopes = Scopes::from_iter([held]);
            for asked in Scope::ALL {
                assert_eq!(scopes.hold(asked), held == asked || held == Scope::Admin, "{held} for {asked}");
            }
        }
        assert!(Scope::ALL.iter().all(|scope| !Scopes::default().hold(*scope)));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        assert!("Read".parse::<Scope>().is_err());
        assert_eq!(Scopes::from_iter([Scope::Predict, Scope::Read]).to_string(), "read, predict");
    }
}
