//! The file of rows that a command sends: its format, and which of its columns and rows are taken.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;

mod csv_rows;
mod json_data;
mod row_range;

pub use csv_rows::CsvRows;
pub use json_data::JsonData;
pub use row_range::RowRange;

use super::Usage;
use crate::cli::RowsArgs;

/// The name of standard input.
const STDIN: &str = "-";

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated values, the first line naming the columns
    Csv,
    /// What a request has as its `data`
    Json,
}

/// An open file of rows.
pub enum Input {
    /// Read row by row.
    Csv(Box<CsvRows>),
    /// Read whole.
    Json(JsonData),
}

/// Opens a file of rows.
///
/// # Errors
///
/// When its format is unknown, it cannot be read, or it has none of the columns asked for.
pub fn open(args: &RowsArgs) -> anyhow::Result<Input> {
    let format = match args.format {
        Some(format) => format,
        None => format_of(&args.file)?,
    };
    let name = name_of(&args.file);
    let opened = || -> anyhow::Result<Input> {
        match format {
            Format::Csv => {
                let (file, size) = read_from(&args.file)?;
                Ok(Input::Csv(Box::new(CsvRows::open(file, size, &args.columns, args.rows)?)))
            }
            Format::Json if !args.columns.is_empty() || args.rows != RowRange::ALL => {
                Err(Usage("--columns and --rows work with CSV only".to_owned()).into())
            }
            Format::Json => {
                let mut text = String::new();
                read_from(&args.file)?.0.read_to_string(&mut text)?;
                Ok(Input::Json(JsonData::read(text)?))
            }
        }
    };
    opened().with_context(|| format!("cannot use {name}"))
}

/// What messages call a file.
pub fn name_of(file: &Path) -> String {
    if file == Path::new(STDIN) { "standard input".to_owned() } else { file.display().to_string() }
}

fn format_of(file: &Path) -> anyhow::Result<Format> {
    if file == Path::new(STDIN) {
        return Ok(Format::Csv);
    }
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "csv" => Ok(Format::Csv),
        "json" => Ok(Format::Json),
        "ndjson" | "jsonl" | "parquet" | "arrow" | "arrows" | "feather" => {
            Err(Usage(format!("cannot use {}: this version takes CSV and JSON files", file.display())).into())
        }
        _ => Err(Usage(format!(
            "cannot tell the format of {}: expected a name ending in .csv or .json, or --format",
            file.display()
        ))
        .into()),
    }
}

fn read_from(file: &Path) -> io::Result<(Box<dyn Read>, Option<u64>)> {
    if file == Path::new(STDIN) {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let file = File::open(file)?;
    let metadata = file.metadata()?;
    let size = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(file), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_tells_the_format() {
        for (file, expected) in
            [("a.csv", Format::Csv), ("A.CSV", Format::Csv), ("a.json", Format::Json), ("-", Format::Csv)]
        {
            assert_eq!(format_of(Path::new(file)).unwrap(), expected, "{file}");
        }
        for file in ["a.ndjson", "a.jsonl", "a.parquet", "a.ARROW", "b/a.feather"] {
            let error = format_of(Path::new(file)).unwrap_err();
            assert!(error.is::<Usage>());
            assert_eq!(error.to_string(), format!("cannot use {file}: this version takes CSV and JSON files"));
        }
        for file in ["a", "csv", "a.csv.gz"] {
            let error = format_of(Path::new(file)).unwrap_err().to_string();
            assert!(error.contains("--format"), "{error}");
        }
    }
}
