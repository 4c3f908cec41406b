//! Bad requests, one a row: the status and the code of each, from the real program over TCP.
//!
//! Of every row it is asked, too: the answer is the documented one, nothing has changed, and neither the processor's
//! time nor the memory is more than a bad request may cost. `--no-capture` shows the table with what each row took.

mod backtest;
mod bodies;
mod data;
mod events;
mod existence;
mod files;
mod framing;
mod gauge;
#[path = "../support/hostile_names.rs"]
mod hostile_names;
mod hosts;
mod large;
mod names;
mod queries;
mod routes;
mod row;
#[path = "../support/server.rs"]
#[expect(dead_code, reason = "the front door uses the rest of it")]
mod server;
mod settings;
mod store;
mod table;
mod tensors;
mod values;
mod wire;
