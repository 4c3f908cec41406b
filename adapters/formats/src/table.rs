//! A file of rows: opened, then read batch by batch or as a table.

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field};
use bytes::Bytes;
use drifting_domain::data::{COLUMNS_MAX, Column, DataIssue, InvalidData, Table};

use crate::budget::Budget;
use crate::cells::Kind;
use crate::columns::Growing;
use crate::error::FormatError;
use crate::guard::guarded;
use crate::pandas::Index;
use crate::{arrow, parquet};

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// An Arrow IPC stream, or an Arrow IPC file (Feather), which is known by its first bytes.
    Arrow,
}

impl Format {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow",
        }
    }
}

/// The batches of a file, with columns that were chosen.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, FormatError>> + Send>;

/// Decodes the columns with these positions, which rise.
pub(crate) type Decode = Box<dyn FnOnce(&[usize]) -> Result<Batches, FormatError> + Send>;

/// A file that has been looked at, but not decoded.
pub(crate) struct Opened {
    /// Its columns, all of them.
    pub(crate) fields: Vec<Field>,
    /// How many rows it tells that it has.
    pub(crate) n_rows: usize,
    pub(crate) index: Index,
    pub(crate) decode: Decode,
}

/// The rows of a file, read from front to back.
pub struct TableReader {
    /// The chosen columns, in the order asked for, with their place in a batch.
    columns: Vec<Chosen>,
    n_rows: usize,
    n_decoded: usize,
    budget: Budget,
    batches: Batches,
    /// What is left of the batch at hand.
    rest: Option<RecordBatch>,
}

struct Chosen {
    name: String,
    kind: Kind,
    position: usize,
}

impl TableReader {
    /// Opens a file. All its columns are read, or those of these names in this order; the index of a pandas data frame
    /// is none of them unless it is asked for. Nothing of the data is decoded yet.
    ///
    /// # Errors
    /// When the file is damaged, when it has no such column, and when a column cannot be used.
    pub fn open(format: Format, file: Bytes, columns: &[String], bytes_max: usize) -> Result<Self, FormatError> {
        guarded(|| {
            let budget = Budget::new(bytes_max);
            let opened = match format {
                Format::Parquet => parquet::open(file, &budget)?,
                Format::Arrow => arrow::open(file, &budget)?,
            };
            let asked = if columns.is_empty() { without_index(&opened) } else { by_name(&opened, columns)? };
            let mut positions = asked.clone();
            positions.sort_unstable();
            positions.dedup();
            let columns = chosen(&opened.fields, &asked, &positions)?;
            let batches = (opened.decode)(&positions)?;
            Ok(Self { columns, n_rows: opened.n_rows, n_decoded: 0, budget, batches, rest: None })
        })
    }

    /// The names of the columns that are read.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// How many rows the file tells that it has.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Passes over rows; returns how many there were to pass over.
    ///
    /// # Errors
    /// When the file is damaged, or its data too large.
    pub fn skip(&mut self, n_rows: usize) -> Result<usize, FormatError> {
        guarded(|| self.each(n_rows, |_, _| Ok(())))
    }

    /// The next rows, at most `n_rows_max`; nothing after the last.
    ///
    /// # Errors
    /// As for [`Self::skip`], and when a value cannot be used.
    pub fn next(&mut self, n_rows_max: usize) -> Result<Option<Vec<Column>>, FormatError> {
        guarded(|| {
            let n_rows = n_rows_max.min(self.n_rows);
            let budget = self.budget.clone();
            let growing = self.columns.iter().map(|column| Growing::new(&column.name, column.kind, n_rows, &budget));
            let mut growing: Vec<Growing> = growing.collect::<Result<_, _>>()?;
            let positions: Vec<usize> = self.columns.iter().map(|column| column.position).collect();
            let n_read = self.each(n_rows_max, |batch, budget| {
                let columns = growing.iter_mut().zip(&positions);
                columns.into_iter().try_for_each(|(column, at)| column.push(batch.column(*at), budget))
            })?;
            if n_read == 0 {
                return Ok(None);
            }
            let columns = growing.into_iter().map(Growing::finish);
            Ok(Some(columns.map(|(name, values)| Column { name, values }).collect()))
        })
    }

    /// All rows as a table.
    ///
    /// # Errors
    /// As for [`Self::next`], and when there is no row.
    pub fn into_table(mut self) -> Result<Table, FormatError> {
        let columns = self.next(usize::MAX)?;
        if columns.is_none() && !self.columns.is_empty() {
            return Err(InvalidData::whole("expected at least one row, none came").into());
        }
        Ok(Table::named(columns.unwrap_or_default())?)
    }

    fn each(
        &mut self,
        n_rows_max: usize,
        mut take: impl FnMut(&RecordBatch, &Budget) -> Result<(), FormatError>,
    ) -> Result<usize, FormatError> {
        let mut n_rows = 0;
        while n_rows < n_rows_max {
            let batch = match self.rest.take() {
                Some(batch) => batch,
                None => match self.batches.next() {
                    None if self.n_decoded == self.n_rows || self.columns.is_empty() => break,
                    None => return Err(FormatError::malformed("it has fewer rows than it tells")),
                    Some(batch) => self.counted(batch?)?,
                },
            };
            let n_taken = batch.num_rows().min(n_rows_max - n_rows);
            take(&batch.slice(0, n_taken), &self.budget)?;
            n_rows += n_taken;
            if n_taken < batch.num_rows() {
                self.rest = Some(batch.slice(n_taken, batch.num_rows() - n_taken));
            } else {
                self.budget.end_batch();
            }
        }
        Ok(n_rows)
    }

    /// Room was made for as many rows as the file tells.
    fn counted(&mut self, batch: RecordBatch) -> Result<RecordBatch, FormatError> {
        self.n_decoded = self.n_decoded.saturating_add(batch.num_rows());
        if self.n_decoded > self.n_rows {
            return Err(FormatError::malformed("it has more rows than it tells"));
        }
        Ok(batch)
    }
}

fn without_index(opened: &Opened) -> Vec<usize> {
    let fields = opened.fields.iter().enumerate();
    fields.filter(|(_, field)| !opened.index.has(field.name())).map(|(position, _)| position).collect()
}

fn by_name(opened: &Opened, columns: &[String]) -> Result<Vec<usize>, FormatError> {
    let position = |column: &String| {
        opened.fields.iter().position(|field| field.name() == column).ok_or_else(|| {
            let names: Vec<&str> = opened.fields.iter().map(|field| field.name().as_str()).collect();
            let detail = format!("there is no column `{column}`, only {}", names.join(", "));
            FormatError::Data(InvalidData::whole(detail))
        })
    };
    columns.iter().map(position).collect()
}

fn chosen(fields: &[Field], asked: &[usize], positions: &[usize]) -> Result<Vec<Chosen>, FormatError> {
    if asked.len() > COLUMNS_MAX {
        return Err(too_many_columns(asked.len()));
    }
    let mut issues = Vec::new();
    let mut chosen = Vec::with_capacity(asked.len());
    for column in asked {
        let field = &fields[*column];
        match Kind::of(field.data_type()) {
            Ok(kind) => {
                // Every position that is asked for is one of the positions.
                let position = positions.binary_search(column).unwrap_or_default();
                chosen.push(Chosen { name: field.name().clone(), kind, position });
            }
            Err(holds) => issues.push(DataIssue::column(field.name(), not_usable(holds))),
        }
    }
    if issues.is_empty() { Ok(chosen) } else { Err(InvalidData::new(issues).into()) }
}

pub(crate) fn too_many_columns(n_columns: usize) -> FormatError {
    InvalidData::whole(format!("expected at most {COLUMNS_MAX} columns, {n_columns} came")).into()
}

fn not_usable(holds: &str) -> String {
    format!("expected numbers, texts, truth values, dates or times, a column of {holds} came")
}

/// Whether arrays of a type are all in one place, without arrays within.
pub(crate) fn is_flat(data_type: &DataType) -> bool {
    Kind::of(data_type).is_ok() || matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}
