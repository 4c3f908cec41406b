//! The migrations of the metrics database.
