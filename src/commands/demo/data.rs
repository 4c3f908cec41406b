//! The rows of the demo: `electricity.csv`, drawn at random from both sides of a known change.

/// What happened.
pub(super) const STORY: &str = "\
The electricity market of New South Wales, a row each half-hour from May 1996 to December 1998. At row 17,424 of 45,312
it was joined to Victoria's: what until then stood still in Victoria's columns began to move. The rows of each side come
in random order, because detectors take rows to be independent, which half-hours are not.";

/// Where the rows are from.
pub(super) const SOURCE: &str = "2,100 of the 45,312 rows collected by M. Harries (1999), as in scikit-multiflow 0.4.1";
/// How they may be used.
pub(super) const LICENCE: &str = "BSD-3-Clause package, data in public use since 1999";

/// The first line names the columns; [`N_REFERENCE`] and [`N_BEFORE`] rows from before the change follow, then
/// [`N_AFTER`] from after it, drawn without replacement.
const CSV: &str = include_str!("electricity.csv");

/// Rows to fit on.
pub(super) const N_REFERENCE: usize = 1000;
/// Rows from before the change to feed.
pub(super) const N_BEFORE: usize = 1000;
/// Rows from after the change.
pub(super) const N_AFTER: usize = 100;

/// So many rows from a row on, as CSV.
pub(super) fn rows(first: usize, n_rows: usize) -> Vec<u8> {
    let mut lines = CSV.lines();
    let header = lines.next().unwrap_or_default();
    let rows: Vec<_> = std::iter::once(header).chain(lines.skip(first).take(n_rows)).collect();
    (rows.join("\n") + "\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_rows_that_are_told_of() {
        assert_eq!(CSV.lines().count(), 1 + N_REFERENCE + N_BEFORE + N_AFTER);
        // Until the change, Victoria's demand was not known and stood still.
        let stands_still = |rows: Vec<u8>| String::from_utf8(rows).unwrap().matches(",0.422915,").count();
        assert_eq!(stands_still(rows(0, N_REFERENCE + N_BEFORE)), N_REFERENCE + N_BEFORE);
        assert_eq!(stands_still(rows(N_REFERENCE + N_BEFORE, N_AFTER)), 0);
    }

    #[test]
    fn parts_begin_with_the_header() {
        assert_eq!(
            String::from_utf8(rows(1, 1)).unwrap(),
            "nswprice,nswdemand,vicprice,vicdemand,transfer\n0.056173,0.408063,0.003467,0.422915,0.414912\n"
        );
    }
}
