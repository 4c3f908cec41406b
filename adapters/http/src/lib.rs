//! The HTTP interface: the native API under `/api/v1`, the Open Inference Protocol under `/v2`, their OpenAPI documents and
//! Swagger UI, and the probes.
//!
//! A request passes these places:
//!
//! 1. `connection`: one accepted socket, with its deadlines;
//! 2. `front`: request id, span and counts, checks of host, page and key, access log, and the one place where failures become
//!    problem details; `rights` says what each operation asks of a key, `audited` what the audit log is told;
//! 3. `api` and `v2`: one file per group of operations;
//! 4. `body` and `input`: from bytes to the domain's tables and settings, parsed once (Parquet and Arrow: by `formats`);
//! 5. `answers`: from the domain's verdicts to JSON.
//!
//! `pages` and `dashboard` carry what `drifting-dashboard` writes for people.

mod answers;
mod api;
mod audited;
mod body;
mod connection;
mod dashboard;
mod document;
mod error;
mod front;
mod input;
mod pages;
mod rights;
mod server;
mod settings;
mod v2;

pub use api::run_backtest;
pub use document::{openapi_document, openapi_yaml};
pub use server::{HttpServer, request_measures};
pub use settings::{AllowedHosts, HeadLimits, HttpSettings, HttpTimeouts, Measures, MeasuresFormat};
