//! The metadata at the end of a file: found, and looked at before a library reserves what it tells.

use super::thrift::{NotThrift, Reader};
use crate::budget::Budget;
use crate::error::FormatError;

const MAGIC: &[u8] = b"PAR1";
const MAGIC_ENCRYPTED: &[u8] = b"PARE";

/// The metadata of a file, fit for reading.
pub(super) fn of<'f>(file: &'f [u8], budget: &Budget) -> Result<&'f [u8], FormatError> {
    /// In memory metadata take up to so many times the bytes that they have in a file.
    const SHARE: usize = 16;
    const SIZE_MIN: usize = 4 << 20;
    const TAIL: usize = 8;
    if file.starts_with(MAGIC_ENCRYPTED) || file.ends_with(MAGIC_ENCRYPTED) {
        return Err(FormatError::malformed("expected a file without encryption, an encrypted one came"));
    }
    if !file.starts_with(MAGIC) {
        return Err(FormatError::malformed("expected `PAR1` as its first bytes, others came"));
    }
    if !file.ends_with(MAGIC) || file.len() < MAGIC.len() + TAIL {
        return Err(FormatError::malformed("expected `PAR1` as its last bytes, others came; it may have been cut off"));
    }
    let tail = file.len() - TAIL;
    let size = file[tail..].first_chunk().map_or(0, |size| u32::from_le_bytes(*size)) as usize;
    let start = tail.checked_sub(size).filter(|start| *start >= MAGIC.len());
    let start = start.ok_or_else(|| FormatError::malformed("its metadata tell more bytes than it has"))?;
    if size > SIZE_MIN.max(budget.bytes_max() / SHARE) {
        return Err(budget.too_large());
    }
    check(&file[start..tail]).map_err(FormatError::malformed)?;
    Ok(&file[start..tail])
}

/// Checks the counts that lead to large allocations or deep recursion.
fn check(metadata: &[u8]) -> Result<(), &'static str> {
    const NOT_READ: &str = "its metadata cannot be read";
    let mut shape = Ok(0);
    let mut counts = Ok(());
    let read = Reader::new(metadata).fields(|id, _, reader| {
        match id {
            2 => shape = n_leaves(reader)?,
            4 => counts = check_groups(reader, metadata.len(), shape.unwrap_or(0))?,
            _ => return Ok(false),
        }
        Ok(true)
    });
    // Reading stops at a fault.
    shape?;
    counts?;
    read.map_err(|NotThrift| NOT_READ)
}

/// How many columns the list of a schema's elements has, nested ones counted one by one.
fn n_leaves(reader: &mut Reader<'_>) -> Result<Result<usize, &'static str>, NotThrift> {
    const DEPTH_MAX: usize = 32;
    const NO_TREE: &str = "its schema is no tree";
    let n_elements = reader.structures()?;
    // How many children each group on the way to an element still expects.
    let mut open: Vec<usize> = Vec::new();
    let (mut n_leaves, mut n_told, mut fault) = (0, 1_usize, None);
    for element in 0..n_elements {
        let mut n_children = 0;
        reader.fields(|id, _, reader| {
            if id == 5 {
                n_children = reader.size()?;
            }
            Ok(id == 5)
        })?;
        n_told = n_told.saturating_add(n_children);
        match open.last_mut() {
            Some(expected) => *expected -= 1,
            None if element > 0 => fault = Some(NO_TREE),
            None => {}
        }
        if n_children > 0 {
            open.push(n_children);
        } else {
            n_leaves += 1;
        }
        if open.len() > DEPTH_MAX {
            fault = Some("expected a table of columns, deeply nested ones came");
        }
        while open.last() == Some(&0) {
            open.pop();
        }
        if fault.is_some() || n_told > n_elements {
            return Ok(Err(fault.unwrap_or(NO_TREE)));
        }
    }
    Ok(if open.is_empty() { Ok(n_leaves) } else { Err(NO_TREE) })
}

/// The row groups: each has the columns of the schema.
fn check_groups(
    reader: &mut Reader<'_>,
    n_bytes: usize,
    n_leaves: usize,
) -> Result<Result<(), &'static str>, NotThrift> {
    /// The least that a column takes in each row group.
    const COLUMN_MIN: usize = 16;
    let n_groups = reader.structures()?;
    let mut fault = None;
    if n_groups.saturating_mul(n_leaves.max(1)) > n_bytes / COLUMN_MIN {
        fault = Some("its metadata tell more row groups than they hold");
    }
    for _ in 0..n_groups {
        reader.fields(|id, _, reader| {
            if id != 1 {
                return Ok(false);
            }
            // The list is read a second time, to be passed over as a field.
            let n_columns = Reader::structures(&mut reader.clone())?;
            if n_columns != n_leaves {
                fault = Some("its row groups have other columns than its schema");
            }
            Ok(false)
        })?;
        if fault.is_some() {
            break;
        }
    }
    fault.map_or(Ok(Ok(())), |fault| Ok(Err(fault)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A schema whose elements have these numbers of children.
    fn schema(children: &[u8]) -> Vec<u8> {
        let head = u8::try_from(children.len()).unwrap();
        let mut bytes = vec![0x29, (head << 4) | 0x0c];
        for n in children {
            // Field 4: a name; field 5: twice the number, for a sign.
            bytes.extend([0x48, 1, b'x', 0x15, 2 * n, 0]);
        }
        bytes.push(0);
        bytes
    }

    #[test]
    fn schemas_are_trees() {
        for (children, is_tree) in [
            (&[2, 0, 0][..], true),
            (&[2, 1, 0, 0], true),
            (&[0], true),
            (&[3, 0, 0], false),
            (&[1, 0, 0], false),
            (&[60, 0], false),
            (&[1, 1], false),
        ] {
            assert_eq!(check(&schema(children)).is_ok(), is_tree, "{children:?}");
        }
    }

    #[test]
    fn more_row_groups_than_bytes_are_refused() {
        let mut bytes = schema(&[1, 0]);
        bytes.pop();
        // Field 4: a list of a million structures.
        bytes.extend([0x29, 0xfc, 0xc0, 0x84, 0x3d]);
        bytes.extend([0; 1_000]);
        assert!(check(&bytes).is_err_and(|detail| detail.contains("more row groups")));
    }
}
