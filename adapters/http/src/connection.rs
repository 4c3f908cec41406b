//! One accepted socket: its deadlines, and the cap on how many there are.

mod acceptor;
mod activity;
mod guard;

pub(crate) use acceptor::GuardedAcceptor;
pub(crate) use activity::{Connections, Working};
