//! What the link does now, for all its connections.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::connection::Connection;

/// What the link does with what comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mode {
    Pass,
    Delay(Duration),
    Hold,
    Refuse,
    ResetAfter(u64),
    /// The link is dropped.
    Over,
}

/// How much has come so far.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_field_names, reason = "counts begin with n everywhere")]
pub(super) struct Counts {
    pub(super) n_connections: u64,
    pub(super) n_bytes_to_server: u64,
    pub(super) n_bytes_to_client: u64,
}

/// Which way a piece goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Direction {
    ToServer,
    ToClient,
}

/// What has passed towards the server on one connection since the link was last told what to do.
#[derive(Debug, Default)]
pub(super) struct Passed {
    n_turns: u64,
    n_bytes: u64,
}

/// What becomes of a piece.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Pass,
    /// So many bytes of it pass, and then the connection is reset.
    ResetAfter(usize),
}

#[derive(Debug)]
pub(super) struct Switch {
    state: Mutex<State>,
    turned: Condvar,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    /// How often the mode was set.
    n_turns: u64,
    counts: Counts,
    connections: Vec<Weak<Connection>>,
}

impl Default for Switch {
    fn default() -> Self {
        let state = State { mode: Mode::Pass, n_turns: 0, counts: Counts::default(), connections: Vec::new() };
        Self { state: Mutex::new(state), turned: Condvar::new() }
    }
}

impl Switch {
    pub(super) fn turn(&self, mode: Mode) {
        let mut state = self.lock();
        state.mode = mode;
        state.n_turns += 1;
        if matches!(mode, Mode::Refuse | Mode::Over) {
            for connection in state.connections.drain(..).filter_map(|connection| connection.upgrade()) {
                connection.reset();
            }
        }
        self.turned.notify_all();
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Counts a new connection, and tells what is to be done with it.
    pub(super) fn admit(&self, connection: &Arc<Connection>) -> Mode {
        let mut state = self.lock();
        if state.mode != Mode::Over {
            state.counts.n_connections += 1;
        }
        state.connections.retain(|connection| connection.strong_count() > 0);
        if !matches!(state.mode, Mode::Refuse | Mode::Over) {
            state.connections.push(Arc::downgrade(connection));
        }
        state.mode
    }

    pub(super) fn wait_while_held(&self, connection: &Connection) {
        let state = self.lock();
        let is_held = |state: &mut State| state.mode == Mode::Hold && !connection.is_reset();
        drop(self.turned.wait_while(state, is_held).unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until a piece of `n` bytes may pass, and counts what does. The end of a stream is a piece of none.
    pub(super) fn judge(
        &self,
        connection: &Connection,
        direction: Direction,
        n: usize,
        passed: &mut Passed,
    ) -> Verdict {
        let arrived = Instant::now();
        let mut state = self.lock();
        let verdict = loop {
            let patience = match (state.mode, direction) {
                _ if connection.is_reset() => break Verdict::ResetAfter(0),
                (Mode::Refuse | Mode::Over, _) => break Verdict::ResetAfter(0),
                (Mode::Hold, _) => Duration::MAX,
                (Mode::Delay(by), Direction::ToServer) => by.saturating_sub(arrived.elapsed()),
                (Mode::ResetAfter(n_bytes), Direction::ToServer) => break passed.count(&state, n_bytes, n),
                (Mode::Pass | Mode::Delay(_) | Mode::ResetAfter(_), _) => Duration::ZERO,
            };
            if patience.is_zero() {
                break Verdict::Pass;
            }
            // A mode that comes meanwhile holds for this piece too.
            let waited = self.turned.wait_timeout(state, patience.min(Duration::from_hours(1)));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        let n_passing = match verdict {
            Verdict::Pass => n,
            Verdict::ResetAfter(n) => {
                // From here on nothing comes back: the answer to the last bytes may be faster than the reset.
                connection.doom();
                n
            }
        };
        let counts = &mut state.counts;
        let total = match direction {
            Direction::ToServer => &mut counts.n_bytes_to_server,
            Direction::ToClient => &mut counts.n_bytes_to_client,
        };
        *total += n_passing as u64;
        verdict
    }

    /// A connection was reset by itself: those that wait for it may go.
    pub(super) fn wake(&self) {
        let _state = self.lock();
        self.turned.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of a connection has ended that connection already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passed {
    fn count(&mut self, state: &State, n_bytes_max: u64, n: usize) -> Verdict {
        if self.n_turns != state.n_turns {
            *self = Self { n_turns: state.n_turns, n_bytes: 0 };
        }
        let left = n_bytes_max.saturating_sub(self.n_bytes);
        self.n_bytes += n as u64;
        if self.n_bytes < n_bytes_max {
            return Verdict::Pass;
        }
        Verdict::ResetAfter(usize::try_from(left).map_or(n, |left| left.min(n)))
    }
}
