//! From the failures of the technologies to those of the port.

use std::error::Error;
use std::io;

use drifting_domain::ports::{PortError, PortErrorKind};
use rustix::io::Errno;

/// A failure of opendal.
pub fn of_opendal(operation: &'static str, error: opendal::Error) -> PortError {
    let kind = match io_source(&error) {
        Some(source) => kind_of_io(source),
        None => kind_of_opendal(&error),
    };
    PortError::new(kind, operation, error)
}

/// A failure of the operating system.
pub fn of_io(operation: &'static str, error: io::Error) -> PortError {
    PortError::new(kind_of_io(&error), operation, error)
}

/// What is stored cannot be trusted or understood.
pub fn damaged(operation: &'static str, reason: impl Into<Box<dyn Error + Send + Sync>>) -> PortError {
    PortError::new(PortErrorKind::Damaged, operation, reason)
}

/// What is asked for cannot be done.
pub fn refused(operation: &'static str, reason: impl Into<Box<dyn Error + Send + Sync>>) -> PortError {
    PortError::new(PortErrorKind::Other, operation, reason)
}

/// The first failure of the operating system among the causes.
fn io_source(error: &opendal::Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

fn kind_of_io(error: &io::Error) -> PortErrorKind {
    // The standard library has no kind for a disk that fails. It is nobody's mistake, and another try may succeed.
    if error.raw_os_error() == Some(Errno::IO.raw_os_error()) {
        return PortErrorKind::Unavailable;
    }
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => PortErrorKind::Full,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => PortErrorKind::Permission,
        io::ErrorKind::TimedOut
        | io::ErrorKind::Interrupted
        | io::ErrorKind::StaleNetworkFileHandle
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted => PortErrorKind::Unavailable,
        _ => PortErrorKind::Other,
    }
}

fn kind_of_opendal(error: &opendal::Error) -> PortErrorKind {
    match error.kind() {
        opendal::ErrorKind::PermissionDenied => PortErrorKind::Permission,
        opendal::ErrorKind::RateLimited => PortErrorKind::Unavailable,
        // A file that became shorter while it was read.
        opendal::ErrorKind::RangeNotSatisfied => PortErrorKind::Damaged,
        _ if error.is_temporary() => PortErrorKind::Unavailable,
        _ => PortErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_decides_the_kind() {
        for (cause, expected) in [
            (io::ErrorKind::StorageFull, PortErrorKind::Full),
            (io::ErrorKind::QuotaExceeded, PortErrorKind::Full),
            (io::ErrorKind::PermissionDenied, PortErrorKind::Permission),
            (io::ErrorKind::ReadOnlyFilesystem, PortErrorKind::Permission),
            (io::ErrorKind::TimedOut, PortErrorKind::Unavailable),
            (io::ErrorKind::IsADirectory, PortErrorKind::Other),
        ] {
            let error = opendal::Error::new(opendal::ErrorKind::Unexpected, "a failure")
                .set_source(io::Error::from(cause))
                .set_temporary();
            assert_eq!(of_opendal("write", error).kind(), expected, "{cause}");
            assert_eq!(of_io("write", io::Error::from(cause)).kind(), expected, "{cause}");
        }
    }

    #[test]
    fn a_disk_that_fails_is_unavailable() {
        let failure = || io::Error::from_raw_os_error(Errno::IO.raw_os_error());
        let error = opendal::Error::new(opendal::ErrorKind::Unexpected, "a failure").set_source(failure());
        assert_eq!(of_opendal("write", error).kind(), PortErrorKind::Unavailable);
        assert_eq!(of_io("write", failure()).kind(), PortErrorKind::Unavailable);
    }

    #[test]
    fn without_a_cause_opendal_decides() {
        let error = |kind| opendal::Error::new(kind, "a failure");
        let kind_of = |error| of_opendal("read", error).kind();
        assert_eq!(kind_of(error(opendal::ErrorKind::PermissionDenied)), PortErrorKind::Permission);
        assert_eq!(kind_of(error(opendal::ErrorKind::Unexpected).set_temporary()), PortErrorKind::Unavailable);
        assert_eq!(kind_of(error(opendal::ErrorKind::Unexpected)), PortErrorKind::Other);
    }
}
