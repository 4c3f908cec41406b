//! Who holds the lease of a store, as it is written down.

use std::fs;

use drifting_domain::ports::{PortError, PortErrorKind};
use serde::{Deserialize, Serialize};

use super::random::random_name;

/// The version of the format that is written.
const FORMAT_VERSION: u64 = 1;

/// The process that holds a lease. Its address says whether it can be looked for from here: one boot of one machine, and
/// a process in a namespace of numbers, told from a later one of its number by when it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    format_version: u64,
    /// Tells this holder from every other.
    pub id: String,
    boot: Option<String>,
    pid_namespace: Option<String>,
    pid: u32,
    started: Option<u64>,
    /// The machine's name, for people.
    pub host: String,
    /// Grows with every renewal.
    pub sequence: u64,
    /// How long the lease runs from each renewal on.
    pub seconds: u64,
}

impl Holder {
    /// This process, under a name that nobody else has.
    pub fn this_process(seconds: u64) -> Self {
        let pid = std::process::id();
        Self {
            format_version: FORMAT_VERSION,
            id: random_name(),
            boot: boot(),
            pid_namespace: pid_namespace(),
            pid,
            started: start_of(pid),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            sequence: 0,
            seconds,
        }
    }

    /// The same holder at its next renewal.
    pub fn renewed(&self) -> Self {
        Self { sequence: self.sequence + 1, ..self.clone() }
    }

    /// What is written into the store.
    pub fn encode(&self, operation: &'static str) -> Result<Vec<u8>, PortError> {
        serde_json::to_vec_pretty(self).map_err(|error| PortError::new(PortErrorKind::Other, operation, error))
    }

    /// What was written; nothing if another program or version wrote it.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|holder| holder.format_version == FORMAT_VERSION)
    }

    /// Whether it can be said for certain that the process is no more: it ran on this boot of this machine, its number
    /// means the same here, and nobody with that number started when it did.
    pub fn is_gone(&self) -> bool {
        let is_here = self.boot.is_some()
            && self.boot == boot()
            && self.pid_namespace.is_some()
            && self.pid_namespace == pid_namespace();
        is_here && self.started.is_some_and(|started| has_ended(self.pid, started))
    }
}

fn boot() -> Option<String> {
    Some(fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned())
}

fn pid_namespace() -> Option<String> {
    Some(fs::read_link("/proc/self/ns/pid").ok()?.to_str()?.to_owned())
}

/// Whether no process of that number runs that has started then. Files about processes of other users may be hidden.
fn has_ended(pid: u32, started: u64) -> bool {
    // No process has a number beyond these.
    let Some(number) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else { return true };
    if rustix::process::test_kill_process(number) == Err(rustix::io::Errno::SRCH) {
        return true;
    }
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(_) => start_of(pid) != Some(started),
        Err(_) => false,
    }
}

/// When a process started, in ticks since the boot; nothing for one that is no more or only waits to be buried.
fn start_of(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything, blanks and brackets too.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_machine_can_be_known_to_be_gone() {
        let here = Holder::this_process(15);
        assert!(!here.is_gone(), "this process lives");
        assert!(Holder { started: Some(1), ..here.clone() }.is_gone(), "its number was given again");
        assert!(Holder { pid: u32::MAX, ..here.clone() }.is_gone());
        for elsewhere in [
            Holder { boot: Some("other".to_owned()), pid: u32::MAX, ..here.clone() },
            Holder { pid_namespace: None, pid: u32::MAX, ..here.clone() },
            Holder { started: None, ..here.clone() },
        ] {
            assert!(!elsewhere.is_gone(), "{elsewhere:?}");
        }
    }

    #[test]
    fn what_is_written_comes_back_and_other_versions_do_not() {
        let holder = Holder::this_process(15);
        let bytes = holder.encode("write").unwrap();
        assert_eq!(Holder::decode(&bytes), Some(holder.clone()));
        let newer = Holder { format_version: 2, ..holder };
        assert_eq!(Holder::decode(&newer.encode("write").unwrap()), None);
        assert_eq!(Holder::decode(b"{"), None);
    }
}
