//! The pages for people, as text. A shell is the same for everybody and tells of no project; fragments tell of projects, and the
//! script of the shell asks for them with the key that it was given. Nothing here knows how texts travel.
//!
//! Whatever comes from users is escaped where it is written (maud for pages, plotters within charts).

mod columns;
mod drawing;
mod operations;
mod overview;
mod project;
mod shell;
mod sparkline;
mod trend;
mod trend_chart;
mod words;

pub use columns::{RecentSummary, columns};
pub use operations::{Fault, OperationLine, operations};
pub use overview::{ProjectLine, overview, overview_line};
pub use project::{ProjectDetails, project};
pub use shell::{Page, shell};
pub use trend::{Bucket, Measure, Range, Trend};
pub use trend_chart::{ChartSize, trend_chart};
