//! The processes of a server.

use std::fs;
use std::path::Path;

use rustix::process::Pid;

/// All that work in the folder of a cluster. Where there is no `/proc` none is seen; they then end by themselves, soon
/// after their head.
pub(crate) fn working_in(data: &Path) -> Vec<Pid> {
    let Ok(data) = fs::canonicalize(data) else { return Vec::new() };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|process| process.path());
    let here = processes.filter(|process| fs::read_link(process.join("cwd")).is_ok_and(|folder| folder == data));
    here.filter_map(|process| Pid::from_raw(process.file_name()?.to_str()?.parse().ok()?)).collect()
}

/// Whether one of them serves this role, on the Unix socket: it says so in place of its command.
pub(crate) fn is_serving(data: &Path, role: &str) -> bool {
    let title =
        |process: &Pid| fs::read_to_string(format!("/proc/{}/cmdline", process.as_raw_pid())).unwrap_or_default();
    let start = format!("postgres: {role} ");
    working_in(data).iter().map(title).any(|title| title.starts_with(&start) && title.contains(" [local] "))
}
