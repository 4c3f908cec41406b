//! Drift detection itself: data, detectors, projects, the use cases and the ports they need.
//!
//! Nothing here opens a file or a socket, starts a thread, reads a clock or draws an unseeded random number.
//!
//! # Words
//!
//! * *project*: a named, fitted detector with its configuration;
//! * *reference*: the rows that a detector was fitted on;
//! * *test window*: the rows that one test judges;
//! * *ERT*: expected run time, the mean number of rows between false alarms;
//! * *statistic*, *threshold*: what a detector computes, and what it is compared with;
//! * *online state*: what moves while a detector serves: its window and its time;
//! * *generation*: which fit of a name this is; an overwrite is the next generation.

pub mod data;
pub mod detection;
pub mod detectors;
pub mod faults;
pub mod measures;
pub mod operation;
pub mod ports;
pub mod preprocess;
pub mod project;
pub mod quality;
pub mod statistics;
pub mod use_cases;

#[cfg(any(test, feature = "contract"))]
pub mod contract;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod test_pool;
