//! Tables as Parquet files and Arrow streams: decoded into the domain's columns under a budget of memory, whoever wrote
//! them. What `/api/v1` takes as a body and what the command line takes as a file are read here.
//!
//! A reader trusts nothing: sizes that a file tells are held against the budget before they are reserved, pages and
//! buffers are decompressed no further than they say, and a panic of a library is an error like any other.

mod arrow;
mod budget;
mod cells;
mod columns;
mod error;
mod guard;
mod pandas;
mod parquet;
mod table;
mod write;

pub use error::FormatError;
pub use table::{Format, TableReader};
pub use write::arrow_stream;
