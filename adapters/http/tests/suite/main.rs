//! A real server on a port of its own, with every port in memory, spoken to over a socket.

#![expect(clippy::unwrap_used, reason = "a failure in what the tests share fails the test, too")]

mod access;
mod audit;
mod backtest;
mod bodies;
mod body_memory;
mod connections;
mod cross_origin;
mod dashboard;
mod document;
mod events;
mod fit_warnings;
mod floods;
mod formats;
#[path = "../../../../tests/support/http2_frames.rs"]
mod frames;
mod http2;
mod images;
mod inference;
mod inference_bodies;
mod inference_repository;
mod kinds;
mod leaving;
mod libraries;
mod measures;
mod multipart;
mod mutants;
mod once;
mod open_streams;
mod operations;
mod pages;
mod predictions;
mod projects;
mod quality;
mod refusals;
mod refused_under_load;
mod sentences;
mod sequential;
mod settings;
mod streaming;
mod support;
mod texts;
mod two_sample;
mod unread_bodies;
