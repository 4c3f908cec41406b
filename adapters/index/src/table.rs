//! The two files: their names, what they hold, and how an entry is sealed against damage.

use std::collections::BTreeMap;
use std::path::Path;

use drifting_domain::project::{ProjectName, Status};

/// What one of the files holds: a text for each project.
pub(crate) type Entries = BTreeMap<ProjectName, String>;

/// The form of a sealed value. Another first byte is damage, or the work of a later version.
const FORMAT: u8 = 1;
const SEAL_LENGTH: usize = 5;

/// One of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// Project → the path of its folder.
    Store,
    /// Project → its status.
    Active,
}

impl Table {
    /// The key of the record about all the others; no project has an empty name.
    pub const SUMMARY_KEY: &'static str = "";

    pub fn file_name(self) -> &'static str {
        match self {
            Self::Store => "store.db",
            Self::Active => "active.db",
        }
    }

    pub fn damaged_file_name(self) -> &'static str {
        match self {
            Self::Store => "store.db.damaged",
            Self::Active => "active.db.damaged",
        }
    }

    pub fn new_file_name(self) -> &'static str {
        match self {
            Self::Store => "store.db.new",
            Self::Active => "active.db.new",
        }
    }

    /// The name of the persy index inside; another one than in the other file, so that swapped files are noticed.
    pub fn index_name(self) -> &'static str {
        match self {
            Self::Store => "paths",
            Self::Active => "statuses",
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Store => Self::Active,
            Self::Active => Self::Store,
        }
    }

    /// The table that a file of this name holds.
    pub fn of_file(path: &Path) -> Option<Self> {
        let name = path.file_name()?;
        [Self::Store, Self::Active].into_iter().find(|table| name == table.file_name())
    }

    /// Whether a text can be a value of this table.
    pub fn accepts(self, value: &str) -> bool {
        match self {
            Self::Store => true,
            Self::Active => parse_status(value).is_some(),
        }
    }

    /// A value as it is stored: `format, checksum of table, key and value, value`. The key is part of the checksum so
    /// that values which changed places are noticed.
    pub fn seal(self, key: &str, value: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(SEAL_LENGTH + value.len());
        sealed.push(FORMAT);
        sealed.extend(self.checksum(key, value).to_le_bytes());
        sealed.extend(value);
        sealed
    }

    /// The value inside a sealed one; `None` where it is not what was sealed under this key.
    pub fn unseal<'a>(self, key: &str, sealed: &'a [u8]) -> Option<&'a [u8]> {
        let (seal, value) = sealed.split_at_checked(SEAL_LENGTH)?;
        let (format, checksum) = seal.split_first()?;
        (*format == FORMAT && *checksum == self.checksum(key, value).to_le_bytes()).then_some(value)
    }

    fn checksum(self, key: &str, value: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&[FORMAT]);
        hasher.update(self.index_name().as_bytes());
        // The lengths keep `ab` + `c` apart from `a` + `bc`.
        hasher.update(&(key.len() as u64).to_le_bytes());
        hasher.update(key.as_bytes());
        hasher.update(value);
        hasher.finalize()
    }
}

/// A value of [`Table::Store`]: the path, and after it the status as far as it is known. The statuses stand in both files
/// so that one survives when the power goes while the other one is written.
pub(crate) fn place(path: &str, status: Option<&str>) -> String {
    status.map_or_else(|| path.to_owned(), |status| format!("{path}\n{status}"))
}

/// The path of a value of [`Table::Store`].
pub(crate) fn path_of(place: &str) -> &str {
    place.split_once('\n').map_or(place, |(path, _)| path)
}

/// The status that a value of [`Table::Store`] remembers.
pub(crate) fn status_of(place: &str) -> Option<&str> {
    place.split_once('\n').map(|(_, status)| status).filter(|status| parse_status(status).is_some())
}

/// Something for each of the two.
pub(crate) struct Both<T> {
    pub store: T,
    pub active: T,
}

impl<T> Both<T> {
    pub fn of(&self, table: Table) -> &T {
        match table {
            Table::Store => &self.store,
            Table::Active => &self.active,
        }
    }

    pub fn map<U>(self, mut change: impl FnMut(Table, T) -> U) -> Both<U> {
        Both { store: change(Table::Store, self.store), active: change(Table::Active, self.active) }
    }

    pub fn try_map<U, E>(self, mut change: impl FnMut(Table, T) -> Result<U, E>) -> Result<Both<U>, E> {
        Ok(Both { store: change(Table::Store, self.store)?, active: change(Table::Active, self.active)? })
    }
}

/// The status of this name.
pub(crate) fn parse_status(text: &str) -> Option<Status> {
    [Status::Active, Status::Inactive].into_iter().find(|status| status.as_str() == text)
}

/// The record about all entries of a file, committed with each change.
///
/// The sum over the entries does not depend on their order: an entry that is missing, or whole but older than the others, is
/// noticed by it. The sequences are for what a file cannot notice by itself: one damaged byte of persy's journal makes it
/// take back the last transaction as a whole. So each file tells how far the other one had come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub n_entries: u64,
    pub sum: u64,
    /// How many changes this file has seen.
    pub sequence: u64,
    /// How many changes the other file had seen, at the least.
    pub other_sequence: u64,
}

impl Summary {
    const LENGTH: usize = 32;

    /// The summary of these entries, at the same point of the sequences.
    pub fn of(self, table: Table, entries: &Entries) -> Self {
        let mut summary = Self { n_entries: 0, sum: 0, ..self };
        for (project, value) in entries {
            summary.add(table, project, value);
        }
        summary
    }

    pub fn add(&mut self, table: Table, project: &ProjectName, value: &str) {
        self.n_entries = self.n_entries.wrapping_add(1);
        self.sum = self.sum.wrapping_add(fingerprint(table, project, value));
    }

    pub fn subtract(&mut self, table: Table, project: &ProjectName, value: &str) {
        self.n_entries = self.n_entries.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(fingerprint(table, project, value));
    }

    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let numbers = [self.n_entries, self.sum, self.sequence, self.other_sequence];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LENGTH] = bytes.try_into().ok()?;
        let (numbers, _) = bytes.as_chunks::<8>();
        let [n_entries, sum, sequence, other_sequence] =
            <[[u8; 8]; 4]>::try_from(numbers).ok()?.map(u64::from_le_bytes);
        Some(Self { n_entries, sum, sequence, other_sequence })
    }
}

/// The checksum of an entry, stirred: checksums alone are linear, and sums of them would cancel out too easily.
fn fingerprint(table: Table, project: &ProjectName, value: &str) -> u64 {
    let length = (value.len() as u64) << 32;
    let mut x =
        (u64::from(table.checksum(project.as_str(), value.as_bytes())) | length).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_under_its_own_key_and_table_only() {
        let sealed = Table::Active.seal("a", b"active");
        assert_eq!(Table::Active.unseal("a", &sealed), Some(b"active".as_slice()));
        assert_eq!(Table::Active.unseal("b", &sealed), None);
        assert_eq!(Table::Store.unseal("a", &sealed), None);
        assert_eq!(Table::Active.unseal("a", &sealed[..4]), None);
    }

    #[test]
    fn every_flipped_bit_of_a_sealed_value_is_noticed() {
        let sealed = Table::Store.seal("project", b"folder");
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Table::Store.unseal("project", &damaged), None, "bit {bit}");
        }
    }

    #[test]
    fn a_summary_ignores_the_order_and_notices_the_rest() {
        let name = |name: &str| name.parse::<ProjectName>().unwrap();
        let start = Summary { sequence: 3, other_sequence: 4, ..Summary::default() };
        let mut summary = start;
        summary.add(Table::Store, &name("b"), "y");
        summary.add(Table::Store, &name("a"), "z");
        summary.add(Table::Store, &name("a"), "x");
        summary.subtract(Table::Store, &name("a"), "z");
        let entries = |a: &str| Entries::from([(name("a"), a.to_owned()), (name("b"), "y".to_owned())]);
        assert_eq!(summary, start.of(Table::Store, &entries("x")));
        assert_ne!(summary, start.of(Table::Store, &entries("z")));
        assert_eq!(Summary::from_bytes(&summary.to_bytes()), Some(summary));
    }
}
