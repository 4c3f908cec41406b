//! What goes wrong below the index, and what it is to the caller.

use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use drifting_domain::ports::{PortError, PortErrorKind};
use persy::{PE, PersyError};
use rustix::io::Errno;

/// Why the content of a file cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// It is not a plain file with something in it.
    #[error("it is empty or no plain file")]
    NoContent,
    /// Its bytes cannot be read.
    #[error("its bytes cannot be read")]
    Unreadable(#[source] io::Error),
    /// The database library does not accept it.
    #[error("the database library does not accept it")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The database library panicked on it.
    #[error("the database library panicked on it")]
    Panicked,
    /// An entry is not what was written.
    #[error("an entry does not match its checksum or has an impossible value")]
    Entry,
    /// The entries together are not what was written.
    #[error("entries are missing, or older than the others")]
    Summary,
    /// The other file has seen later changes of this one.
    #[error("its last changes are missing, of which the other file knows")]
    Outdated,
    /// The process that checked it reported it, or died of it, or did not come to an end.
    #[error("the process that checked it reported it, died of it or did not come to an end")]
    Condemned,
    /// Its name is neither `store.db` nor `active.db`.
    #[error("its name is that of no file of the index")]
    UnknownName,
}

/// What goes wrong with one of the files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Damaged(#[from] Damage),
    #[error("the database library failed")]
    Persy(#[source] PersyError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the disk is nearly full: {available} bytes are left")]
    NearlyFull { available: u64 },
}

impl<E: Into<PersyError>> From<PE<E>> for Failure {
    fn from(error: PE<E>) -> Self {
        Self::Persy(error.persy_error())
    }
}

impl Failure {
    /// What a caller can act on.
    pub fn kind(&self) -> PortErrorKind {
        match self {
            Self::Persy(PersyError::Io { from: error }) | Self::Io(error) => kind_of_io(error),
            Self::Persy(PersyError::AlreadyInUse(_)) => PortErrorKind::InUse,
            Self::Persy(PersyError::TransactionTimeout) => PortErrorKind::Unavailable,
            Self::Persy(PersyError::KeyOrValueTooBig | PersyError::RecordToBig) => PortErrorKind::Other,
            // The rest of persy's are states that only a damaged file can bring about.
            Self::Damaged(_) | Self::Persy(_) => PortErrorKind::Damaged,
            Self::NearlyFull { .. } => PortErrorKind::Full,
        }
    }

    /// The same failure where a file was read: what the surroundings are not to blame for is damage.
    pub fn in_reading(self) -> Result<Damage, Self> {
        match (self.kind(), self) {
            (_, Self::Damaged(damage)) => Ok(damage),
            (PortErrorKind::Damaged | PortErrorKind::Other, Self::Persy(error)) => Ok(Damage::Refused(error.into())),
            (_, other) => Err(other),
        }
    }

    /// The same failure where a file was written. What is in the file may be anything then, and what is in memory is right:
    /// the next write makes the file anew, which is no damage.
    pub fn in_writing(self, operation: &'static str) -> PortError {
        let kind = match self.kind() {
            PortErrorKind::Damaged => PortErrorKind::Unavailable,
            other => other,
        };
        PortError::new(kind, operation, self)
    }

    pub fn into_port_error(self, operation: &'static str) -> PortError {
        PortError::new(self.kind(), operation, self)
    }
}

fn kind_of_io(error: &io::Error) -> PortErrorKind {
    // The standard library has no kind for a disk that fails. It is nobody's mistake, and another try may succeed.
    if error.raw_os_error() == Some(Errno::IO.raw_os_error()) {
        return PortErrorKind::Unavailable;
    }
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PortErrorKind::Full,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => PortErrorKind::Permission,
        io::ErrorKind::WouldBlock | io::ErrorKind::ResourceBusy => PortErrorKind::InUse,
        io::ErrorKind::Interrupted | io::ErrorKind::TimedOut | io::ErrorKind::StaleNetworkFileHandle => {
            PortErrorKind::Unavailable
        }
        _ => PortErrorKind::Other,
    }
}

/// Runs a call of persy's; a panic in it becomes damage.
///
/// Whatever of persy's the call borrows has to be forgotten, not dropped, when this fails: a panic poisons persy's locks,
/// and the destructors panic on poisoned locks, which aborts the process where one panic is under way already.
pub(crate) fn caught<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(Failure::Damaged(Damage::Panicked)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_the_kinds_that_a_caller_can_act_on() {
        let io = |kind: io::ErrorKind| Failure::Persy(PersyError::Io { from: kind.into() }).kind();
        assert_eq!(io(io::ErrorKind::StorageFull), PortErrorKind::Full);
        assert_eq!(io(io::ErrorKind::PermissionDenied), PortErrorKind::Permission);
        assert_eq!(io(io::ErrorKind::UnexpectedEof), PortErrorKind::Other);
        let in_use = Failure::Persy(PersyError::AlreadyInUse(io::ErrorKind::WouldBlock.into()));
        assert_eq!(in_use.kind(), PortErrorKind::InUse);
        assert!(in_use.in_reading().is_err(), "a file in use is not damaged");
        assert_eq!(Failure::Persy(PersyError::NotPersyFile).kind(), PortErrorKind::Damaged);
        assert_eq!(Failure::NearlyFull { available: 0 }.kind(), PortErrorKind::Full);
    }

    #[test]
    fn a_panic_is_an_error() {
        let failure = caught::<()>(|| panic!("inside persy")).unwrap_err();
        assert_eq!(failure.into_port_error("try").kind(), PortErrorKind::Damaged);
    }
}
