//! How much memory this process may take.

use std::fs;
use std::path::{Path, PathBuf};

const CGROUPS: &str = "/sys/fs/cgroup";

/// The memory of the machine in bytes, or of the control group that the process is in where that is less.
pub fn available() -> Option<u64> {
    let of_group = fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| of_groups(&text, Path::new(CGROUPS)));
    of_group.into_iter().chain(of_machine()).min()
}

fn of_machine() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The least limit of a group and of those that it is in, of either version of control groups.
fn of_groups(groups: &str, root: &Path) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        let (folder, file) = match controllers {
            "" => (root.to_path_buf(), "memory.max"),
            controllers if controllers.split(',').any(|name| name == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        // Within a container the group may be told from the outside: then its root is what can be seen.
        let group: PathBuf = folder.join(group.trim_start_matches('/'));
        let within = group.ancestors().take_while(|place| place.starts_with(&folder));
        within.filter_map(|place| fs::read_to_string(place.join(file)).ok()?.trim().parse().ok()).min()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_on_the_way_to_the_root_holds() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::create_dir_all(root.path().join("memory/c")).unwrap();
        assert_eq!(of_groups("0::/a/b\n", root.path()), None);
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        fs::write(root.path().join("a/memory.max"), "1073741824\n").unwrap();
        assert_eq!(of_groups("0::/a/b\n", root.path()), Some(1 << 30));
        fs::write(inner.join("memory.max"), "4096\n").unwrap();
        assert_eq!(of_groups("0::/a/b\n", root.path()), Some(4_096));
        assert_eq!(of_groups("0::/gone\n", root.path()), None);
        fs::write(root.path().join("memory/c/memory.limit_in_bytes"), "8192\n").unwrap();
        assert_eq!(of_groups("4:cpu:/c\n3:memory,x:/c\n", root.path()), Some(8_192));
    }

    #[test]
    fn this_machine_has_some() {
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
    }
}
