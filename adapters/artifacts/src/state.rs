//! The online state of a fit: bound to the configuration that it belongs to.

use drifting_domain::data::Tensors;
use drifting_domain::faults;
use drifting_domain::ports::{PortError, PortErrorKind};
use drifting_domain::project::ProjectName;

use crate::error::{damaged, refused};
use crate::layout::{self, STATE};
use crate::state_file::{self, StateFile};
use crate::store::{Projects, compute};

/// Larger states are neither written nor read.
const STATE_SIZE_MAX: u64 = 1024 * 1024 * 1024;

/// Interpreting fewer bytes than this takes less time than handing them to another thread.
const INTERPRETED_INLINE_MAX: usize = 64 * 1024;

const READ: &str = "read the state";
const WRITE: &str = "write the state";

impl Projects {
    /// Replaces the state of a generation, which must be the one that is stored: a late checkpoint of a former fit
    /// must not take the place of the new one's.
    pub async fn put_state(&self, name: &ProjectName, generation: u64, state: Tensors) -> Result<(), PortError> {
        let _lock = self.locks.hold(name).await;
        let Some(file) = self.read_configuration(name).await? else {
            return Err(refused(WRITE, "expected a project that the state belongs to, there is none"));
        };
        let stored = file.configuration.generation;
        if stored != generation {
            return Err(refused(WRITE, format!("expected a state of generation {stored}, one of {generation} came")));
        }
        if self.fits.is_another(name, &file.checksum) {
            let text = "expected the fit that was loaded, another has been put in its place";
            return Err(PortError::new(PortErrorKind::Replaced, WRITE, text));
        }
        let file = StateFile { generation, configuration: file.checksum, state };
        let bytes = compute(WRITE, move || state_file::encode(&file)).await?.map_err(|error| refused(WRITE, error))?;
        if bytes.len() as u64 > STATE_SIZE_MAX {
            return Err(refused(
                WRITE,
                format!("expected at most {STATE_SIZE_MAX} bytes of state, there are {}", bytes.len()),
            ));
        }
        self.files.replace(&layout::path(name, STATE), bytes, WRITE).await?;
        faults::step_done("state:written");
        self.files.synchronise(name, WRITE).await?;
        faults::step_done("state:durable");
        Ok(())
    }

    /// The state of a generation.
    pub async fn state(&self, name: &ProjectName, generation: u64) -> Result<Option<Tensors>, PortError> {
        let _lock = self.locks.hold(name).await;
        let Some(file) = self.read_configuration(name).await? else { return Ok(None) };
        if file.configuration.generation != generation {
            return Ok(None);
        }
        match self.read_state(name).await? {
            Some(found) if found.generation != generation => Ok(None),
            Some(found) if found.configuration != file.checksum => {
                Err(damaged(READ, "expected the state of this fit, it is that of another project or fit"))
            }
            found => Ok(found.map(|found| found.state)),
        }
    }

    /// The state as it is stored. The caller holds the project's lock.
    pub async fn read_state(&self, name: &ProjectName) -> Result<Option<StateFile>, PortError> {
        let Some(bytes) = self.files.read(&layout::path(name, STATE), STATE_SIZE_MAX, READ).await? else {
            return Ok(None);
        };
        let file = if bytes.len() <= INTERPRETED_INLINE_MAX {
            state_file::decode(&bytes)
        } else {
            compute(READ, move || state_file::decode(&bytes)).await?
        };
        file.map(Some).map_err(|error| damaged(READ, error))
    }
}
