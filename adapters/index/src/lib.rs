//! The project index and the statuses, in persy.
