//! A Postgres cluster that the server creates, starts and stops for itself.
