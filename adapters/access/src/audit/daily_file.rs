//! A file a day, begun at midnight (UTC), and whenever its path names no longer the file that is open: whoever moves it away finds a
//! new one with the next line. Of those before it the latest are kept.

use std::borrow::Cow;
use std::fs::{self, DirEntry, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

/// So many files are kept, that of today among them.
const FILES_MAX: usize = 7;
/// For whoever runs the server alone: a file tells names of projects and addresses.
const MODE: u32 = 0o600;

/// The file of the day, in its folder.
pub(super) struct DailyFile {
    folder: PathBuf,
    /// None where it could not be opened the last time.
    open: Option<Open>,
}

/// A file that is open.
struct Open {
    date: NaiveDate,
    path: PathBuf,
    file: File,
    device: u64,
    inode: u64,
    /// Whether it ends within a line.
    is_torn: bool,
}

impl DailyFile {
    /// The file of this day in a folder, which is made where it is not there.
    ///
    /// # Errors
    /// When the folder or the file cannot be made or opened.
    pub(super) fn open(folder: &Path, today: NaiveDate) -> io::Result<Self> {
        let mut daily = Self { folder: folder.to_owned(), open: None };
        daily.of(today)?;
        Ok(daily)
    }

    /// Appends a line, which ends with a line feed, to the file of this day.
    ///
    /// # Errors
    /// When it does not stand there whole. The next line is tried anew, with a file that is opened anew where that failed.
    pub(super) fn append(&mut self, line: &[u8], today: NaiveDate) -> io::Result<()> {
        let open = self.of(today)?;
        write_line(&mut open.file, &mut open.is_torn, line)
    }

    fn of(&mut self, today: NaiveDate) -> io::Result<&mut Open> {
        let open = match self.open.take() {
            Some(open) if open.date == today && open.is_at_its_path() => open,
            _ => {
                let open = Open::at(&self.folder, today)?;
                self.remove_before(today);
                open
            }
        };
        Ok(self.open.insert(open))
    }

    /// Removes the oldest of too many files. One that stays is a nuisance and no reason to write nothing.
    fn remove_before(&self, today: NaiveDate) {
        let removed = fs::read_dir(&self.folder).and_then(|entries| {
            let mut former: Vec<NaiveDate> =
                entries.filter_map(|entry| date_of(&entry.ok()?)).filter(|date| *date < today).collect();
            former.sort_unstable();
            let n_old = former.len().saturating_sub(FILES_MAX - 1);
            former[..n_old].iter().try_for_each(|date| fs::remove_file(self.folder.join(name(*date))))
        });
        if let Err(error) = removed {
            tracing::warn!(%error, "old files of the audit log are left");
        }
    }
}

impl Open {
    fn at(folder: &Path, date: NaiveDate) -> io::Result<Self> {
        let path = folder.join(name(date));
        let mut options = OpenOptions::new();
        // Reading is for its last byte.
        options.read(true).append(true).create(true).mode(MODE);
        let file = match options.open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(folder)?;
                options.open(&path)?
            }
            opened => opened?,
        };
        let metadata = file.metadata()?;
        let mut last = [b'\n'];
        if let Some(before_last) = metadata.len().checked_sub(1) {
            file.read_exact_at(&mut last, before_last)?;
        }
        Ok(Self { date, path, file, device: metadata.dev(), inode: metadata.ino(), is_torn: last != [b'\n'] })
    }

    /// Whether its path still names it. Where nobody can tell, it does.
    fn is_at_its_path(&self) -> bool {
        match fs::metadata(&self.path) {
            Ok(metadata) => (metadata.dev(), metadata.ino()) == (self.device, self.inode),
            Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        }
    }
}

fn name(date: NaiveDate) -> String {
    format!("audit.{date}.jsonl")
}

/// The day of a file of this log. Files that somebody has moved aside are theirs.
fn date_of(entry: &DirEntry) -> Option<NaiveDate> {
    let file_name = entry.file_name();
    let date = file_name.to_str()?.strip_prefix("audit.")?.strip_suffix(".jsonl")?.parse().ok()?;
    let is_file = entry.file_type().ok()?.is_file();
    (is_file && file_name == *name(date)).then_some(date)
}

/// Writes a line by one call, so that lines of several writers do not mix; more follow only where the first did not take it whole, as
/// on a disk that gets full within the line. What is left of such a line stands alone, since the next one begins on a line of its own.
fn write_line(file: &mut impl Write, is_torn: &mut bool, line: &[u8]) -> io::Result<()> {
    let bytes = if *is_torn { Cow::Owned([b"\n", line].concat()) } else { Cow::Borrowed(line) };
    let mut rest = &*bytes;
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => {
                *is_torn = rest[n - 1] != b'\n';
                rest = &rest[n..];
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
    }

    fn text(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join(name)).unwrap()
    }

    #[test]
    fn a_file_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        DailyFile::open(&folder.path().join("made/here"), day(1)).unwrap();
        let file = fs::metadata(folder.path().join("made/here/audit.2026-03-01.jsonl")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn each_day_has_its_file_and_seven_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let others = ["audit.2026-02-01.jsonl.gz", "audit.jsonl", "audit.2026-3-1.jsonl", "notes"];
        // A clock that went wrong takes nothing from those before it.
        let later = "audit.2027-01-01.jsonl";
        for name in others.into_iter().chain([later]) {
            fs::write(folder.path().join(name), "kept").unwrap();
        }
        let mut daily = DailyFile::open(folder.path(), day(1)).unwrap();
        for date in 1..=10 {
            daily.append(format!("{date}\n").as_bytes(), day(date)).unwrap();
        }
        let mut expected: Vec<String> = (4..=10).map(|date| name(day(date))).collect();
        expected.extend(others.into_iter().chain([later]).map(str::to_owned));
        expected.sort_unstable();
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut left: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort_unstable();
        assert_eq!(left, expected);
        assert_eq!(text(folder.path(), "audit.2026-03-09.jsonl"), "9\n");
    }

    #[test]
    fn a_file_that_was_moved_or_taken_away_is_made_anew() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("audit");
        let mut daily = DailyFile::open(&folder, day(1)).unwrap();
        daily.append(b"1\n", day(1)).unwrap();
        fs::rename(folder.join(name(day(1))), folder.join("moved")).unwrap();
        daily.append(b"2\n", day(1)).unwrap();
        assert_eq!((text(&folder, "moved").as_str(), text(&folder, &name(day(1))).as_str()), ("1\n", "2\n"));
        fs::remove_dir_all(&folder).unwrap();
        daily.append(b"3\n", day(1)).unwrap();
        daily.append(b"4\n", day(1)).unwrap();
        assert_eq!(text(&folder, &name(day(1))), "3\n4\n");
    }

    #[test]
    fn what_a_crash_left_of_a_line_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name(day(1))), "whole\nhal").unwrap();
        let mut daily = DailyFile::open(folder.path(), day(1)).unwrap();
        daily.append(b"1\n", day(1)).unwrap();
        daily.append(b"2\n", day(1)).unwrap();
        assert_eq!(text(folder.path(), &name(day(1))), "whole\nhal\n1\n2\n");
    }

    /// A disk with room for so many bytes.
    struct Disk {
        room: usize,
        taken: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let n = bytes.len().min(self.room);
            if n == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.room -= n;
            self.taken.extend(&bytes[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_is_cut_off_by_a_full_disk_is_an_error_and_ends_before_the_next() {
        let (mut disk, mut is_torn) = (Disk { room: 8, taken: Vec::new() }, false);
        write_line(&mut disk, &mut is_torn, b"first\n").unwrap();
        for _ in 0..2 {
            let error = write_line(&mut disk, &mut is_torn, b"second\n").unwrap_err();
            assert_eq!((error.kind(), is_torn), (ErrorKind::StorageFull, true));
        }
        disk.room = 100;
        write_line(&mut disk, &mut is_torn, b"third\n").unwrap();
        write_line(&mut disk, &mut is_torn, b"fourth\n").unwrap();
        assert_eq!(String::from_utf8(disk.taken).unwrap(), "first\nse\nthird\nfourth\n");
    }

    #[test]
    fn a_full_disk_is_an_error_until_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name(day(1)));
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut daily = DailyFile::open(folder.path(), day(1)).unwrap();
        for _ in 0..2 {
            let error = daily.append(b"1\n", day(1)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StorageFull);
        }
        fs::remove_file(&path).unwrap();
        daily.append(b"2\n", day(1)).unwrap();
        assert_eq!(text(folder.path(), &name(day(1))), "2\n");
    }
}
