//! Which processes belong to the server of a cluster: from `/proc`, or where there is none (as on macOS) from `ps`.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Pid;

/// A process of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member {
    /// The one that was started.
    Head,
    /// One that the head has started.
    Other(Pid),
    /// One that ends: its command line is gone, and what it shares with the others may still be held.
    Ending,
}

/// Whether the process is the head of a Postgres server on this cluster; `None` where that cannot be known. One that has
/// ended is not, even if nobody has reaped it: it has no command line any more.
pub(crate) fn is_head(pid: Pid, data: &Path) -> Option<bool> {
    if all().exists() {
        let command = fs::read(all().join(pid.as_raw_pid().to_string()).join("cmdline")).unwrap_or_default();
        return Some(is_started_on(&command, data));
    }
    told_by_ps(pid, data)
}

/// The processes of servers that work in the folder of a cluster; all that belong to its server do. Nobody else counts,
/// such as a shell of somebody who looks around there. What ends loses its memory, then its folder: while it has the one and no
/// longer the other, Postgres may find its shared memory in use. Without `/proc` none is seen.
pub(crate) fn members_in(data: &Path) -> Vec<Member> {
    let processes = fs::read_dir(all()).into_iter().flatten().flatten().map(|process| process.path());
    let here = processes.filter(|process| fs::read_link(process.join("cwd")).is_ok_and(|folder| folder == data));
    here.filter_map(|process| member(&process)).collect()
}

fn all() -> &'static Path {
    Path::new("/proc")
}

fn member(process: &Path) -> Option<Member> {
    let pid = process.file_name()?.to_str()?.parse().ok().and_then(Pid::from_raw)?;
    let command = fs::read(process.join("cmdline")).ok()?;
    if command.is_empty() {
        return Some(Member::Ending);
    }
    // Those that the head starts put what they do in place of the command.
    if command.starts_with(b"postgres:") {
        return Some(Member::Other(pid));
    }
    (name_of(&command) == Some(b"postgres")).then_some(Member::Head)
}

/// The arguments of the command are separated by zeros.
fn is_started_on(command: &[u8], data: &Path) -> bool {
    let arguments: Vec<_> = command.split(|&byte| byte == 0).collect();
    name_of(command) == Some(b"postgres")
        && arguments.windows(2).any(|pair| pair == [b"-D", data.as_os_str().as_bytes()])
}

fn name_of(command: &[u8]) -> Option<&[u8]> {
    command.split(|&byte| byte == 0).next()?.rsplit(|&byte| byte == b'/').next()
}

fn told_by_ps(pid: Pid, data: &Path) -> Option<bool> {
    let pid = pid.as_raw_pid().to_string();
    let output = Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid]).output().ok()?;
    let told = String::from_utf8_lossy(&output.stdout);
    if told.trim().is_empty() {
        return None;
    }
    // The arguments have blanks between them.
    let program = told.split(" -").next().unwrap_or_default();
    let is_postgres = Path::new(program.trim()).file_name().is_some_and(|name| name == "postgres");
    Some(is_postgres && told.contains(&format!(" -D {} ", data.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, id};
    use std::time::{Duration, Instant};

    /// Something that lasts, under any command line.
    fn lasting(name: &str, arguments: &[&str], folder: &Path) -> Child {
        let mut command = Command::new("/bin/sh");
        command.arg0(name).args(["-c", "read line", "sh"]).args(arguments).current_dir(folder);
        command.stdin(std::process::Stdio::piped()).spawn().unwrap()
    }

    fn pid_of(child: &Child) -> Pid {
        Pid::from_child(child)
    }

    #[test]
    fn a_head_is_known_by_its_program_and_its_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let data = fs::canonicalize(folder.path()).unwrap().join("a b");
        fs::create_dir(&data).unwrap();
        let text = data.to_str().unwrap();
        let mut head = lasting("/any/bin/postgres", &["-D", text, "-p", "1"], &data);
        let mut other_cluster = lasting("/any/bin/postgres", &["-D", "/elsewhere", "-p", "1"], &data);
        let mut other_program = lasting("/any/bin/pilot", &["-D", text, "-p", "1"], &data);
        let own = Pid::from_raw(id().try_into().unwrap()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while is_head(pid_of(&head), &data) != Some(true) {
            assert!(Instant::now() < deadline, "its command line appears when it has been started");
        }
        for ask in [is_head, told_by_ps] {
            assert_eq!(ask(pid_of(&head), &data), Some(true));
            for pid in [pid_of(&other_cluster), pid_of(&other_program), own] {
                assert_eq!(ask(pid, &data), Some(false));
            }
        }
        head.kill().unwrap();
        // It is a zombie until it is waited for.
        while is_head(pid_of(&head), &data) != Some(false) {
            assert!(Instant::now() < deadline, "what has ended serves nothing");
        }
        assert_eq!(told_by_ps(pid_of(&head), &data), Some(false));
        for child in [&mut head, &mut other_cluster, &mut other_program] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn what_has_lost_its_memory_and_not_yet_its_folder_is_ending() {
        let processes = tempfile::tempdir().unwrap();
        let process = processes.path().join("4711");
        fs::create_dir(&process).unwrap();
        assert_eq!(member(&process), None, "it is gone");
        fs::write(process.join("cmdline"), "").unwrap();
        assert_eq!(member(&process), Some(Member::Ending));
    }

    #[test]
    fn only_processes_of_servers_work_in_a_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let data = fs::canonicalize(folder.path()).unwrap();
        let mut worker = lasting("postgres: checkpointer", &[], &data);
        let mut shell = lasting("sh", &[], &data);
        let expected = [Member::Other(pid_of(&worker))];
        let deadline = Instant::now() + Duration::from_secs(10);
        while members_in(&data) != expected {
            assert!(Instant::now() < deadline, "{:?}", members_in(&data));
        }
        for child in [&mut worker, &mut shell] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_eq!(members_in(&data), []);
    }
}
