//! Finding the few folders that a sweep has to look at closely, at a cost that ten thousand do not notice.
//!
//! Nothing here is verified, and nothing is decided: a folder that is not plainly in order is looked at again.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::layout::{self, CONFIGURATION, STATE};
use crate::{configuration_file, state_file};

/// The generation stands near the beginning of both files.
const PEEKED_BYTES: u64 = 1024;

/// Whether a project's folder holds its configuration, one parameter file and at most a state of that generation.
pub fn is_plainly_in_order(folder: &Path) -> bool {
    look_into(folder).unwrap_or(false)
}

fn look_into(folder: &Path) -> io::Result<bool> {
    let (mut has_configuration, mut has_state, mut n_parameters) = (false, false, 0);
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        has_configuration |= name == CONFIGURATION;
        has_state |= name == STATE;
        n_parameters += usize::from(layout::is_parameters(name));
    }
    if !has_configuration || n_parameters != 1 {
        return Ok(false);
    }
    if !has_state {
        return Ok(true);
    }
    let configured = configuration_file::peek_generation(&peek(&folder.join(CONFIGURATION))?);
    let kept = state_file::peek_generation(&peek(&folder.join(STATE))?);
    Ok(configured.is_some() && configured == kept)
}

fn peek(file: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer, a link might lead anywhere.
    if !fs::symlink_metadata(file)?.is_file() {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::new();
    File::open(file)?.take(PEEKED_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
