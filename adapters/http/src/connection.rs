//! One accepted socket: its deadlines, and the cap on how many there are.

mod acceptor;
mod activity;
mod guarded;

pub(crate) use acceptor::GuardedAcceptor;
pub(crate) use activity::{Connections, Working};
