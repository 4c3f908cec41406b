//! The project index in persy: `store.db` (project → path of its folder) and `active.db` (project → status).
//!
//! Persy keeps its promises about crashes, but it has no checksums, and a damaged file makes it return other values, panic,
//! loop without end, or abort the process by an allocation of terabytes. Hence:
//!
//! * every entry is sealed with a checksum, and a summary of all entries is committed with each change;
//! * `store.db` carries the statuses too, and each file is made durable before the other one is written: a loss of power
//!   in the middle of a commit can leave a file that persy cannot read;
//! * each file also tells how many changes the other one had seen, since damage to its journal can make persy take back
//!   the last one without a trace;
//! * a process of its own reads a copy of each file before the server opens it ([`Guard`]);
//! * the server writes only into files that it has made since its start: damage that reading does not meet, such as in a
//!   list of free pages, could otherwise overwrite live entries later on. This is the compaction, too: persy never
//!   gives back what a kill leaks;
//! * a file that cannot be trusted is moved aside as `store.db.damaged` or `active.db.damaged`, and an empty one takes
//!   its place.
//!
//! Reads are answered from memory, as persy's are slow.

mod check;
mod disk;
mod failure;
mod guard;
mod index;
mod look;
mod opening;
mod persy_file;
mod table;

pub use check::{check_command, verify, verify_files};
pub use failure::Damage;
pub use guard::Guard;
pub use index::{Opened, PersyIndex};
pub use look::{Look, look};
pub use opening::{Found, Options};
