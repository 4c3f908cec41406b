//! Accepted sockets: their deadlines, the cap on how many there are, and how they are served.

mod acceptor;
mod activity;
mod answer;
mod framing;
mod guard;
mod head;
mod position;
mod refusing;
mod serving;

pub(crate) use acceptor::GuardedAcceptor;
pub(crate) use activity::{Connections, Untimely, Working};
pub(crate) use framing::OddFraming;
pub(crate) use head::{frame, status_and_headers, written};
pub(crate) use refusing::Refuse;
pub(crate) use serving::serve;
