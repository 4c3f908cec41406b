//! What the checking process does.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::failure::{Damage, Failure};
use crate::persy_file;
use crate::table::Table;

/// What it may take on top of what it has. A sound index of a hundred thousand projects needs a small part of it.
const ADDRESS_SPACE_BYTES_MORE: u64 = 1 << 30;
/// A sound file takes milliseconds. This also ends a process that outlives its server in an endless loop.
const CPU_SECONDS_MAX: u64 = 3;

/// Opens a file of the index and reads all of it. The name, `store.db` or `active.db`, says what it should hold.
///
/// A damaged file can do worse than fail: it can loop, or abort the process. And opening runs persy's recovery, which
/// writes: give it a copy.
///
/// # Errors
/// Where the content is not what was written.
pub fn verify(path: &Path) -> Result<(), Damage> {
    let table = Table::of_file(path).ok_or(Damage::UnknownName)?;
    let file = File::options().read(true).write(true).open(path).map_err(Damage::Unreadable)?;
    match persy_file::open(file, table) {
        Ok(contents) => persy_file::close(contents.persy).map_err(|_| Damage::Panicked),
        Err(Failure::Damaged(damage)) => Err(damage),
        Err(other) => Err(Damage::Refused(other.into())),
    }
}

/// Verifies several files; the damaged ones are returned.
///
/// It takes from the process, for good, what a damaged file could make it ask for: it is for a process of its own.
pub fn verify_files(files: &[PathBuf]) -> Vec<PathBuf> {
    limit(Resource::As, address_space_bytes().saturating_add(ADDRESS_SPACE_BYTES_MORE));
    limit(Resource::Cpu, CPU_SECONDS_MAX);
    limit(Resource::Core, 0);
    files.iter().filter(|file| verify(file).is_err()).cloned().collect()
}

/// The whole of the process that [`Guard::ChildProcess`](crate::Guard::ChildProcess) starts: verifies the files, prints
/// the names of the damaged ones, one a line, and says by its exit status whether there are any.
pub fn check_command(files: &[PathBuf]) -> ExitCode {
    let damaged = verify_files(files);
    let mut output = std::io::stdout().lock();
    let mut names = damaged.iter().filter_map(|file| file.file_name());
    // Where nobody hears the names, the exit status has to do.
    let written = names.try_for_each(|name| writeln!(output, "{}", name.display())).and_then(|()| output.flush());
    if damaged.is_empty() && written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn limit(resource: Resource, value: u64) {
    // It is a net below a net: where the system refuses, the server's deadline still holds.
    let _ = setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
}

/// What the process has already: a program with many threads reserves more than it ever uses, and a limit below that would
/// make every sound file look damaged.
fn address_space_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB")?.parse().ok());
    size.map_or(0, |kib: u64| kib.saturating_mul(1024))
}
