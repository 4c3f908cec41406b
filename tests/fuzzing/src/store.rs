//! Files of a store that somebody else has written: the configuration, the parameters and the state of a project. Checksums are put
//! right, so that what they protect is read.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use drifting_artifacts::OpendalArtifacts;
use sha2::{Digest, Sha256};

use crate::server::{folder, serve, service};
use crate::wire::post;

/// A server on a store in a folder.
struct Store {
    address: SocketAddr,
    project: PathBuf,
    configuration: String,
    parameters: Vec<u8>,
    _folder: tempfile::TempDir,
}

const CONFIGURATION: &str = "configuration.yaml";
const PARAMETERS: &str = "drift_detector.safetensors";
const STATE: &str = "state.safetensors";

fn store() -> &'static Store {
    static STORE: OnceLock<Store> = OnceLock::new();
    STORE.get_or_init(|| {
        let folder = folder();
        let artifacts = OpendalArtifacts::open_local(folder.path()).expect("a store");
        let address = serve(&service(Arc::new(artifacts)));
        let project = folder.path().join("price");
        let configuration = fs::read_to_string(project.join(CONFIGURATION)).expect("a configuration");
        let parameters = fs::read(project.join(PARAMETERS)).expect("parameters");
        Store { address, project, configuration, parameters, _folder: folder }
    })
}

impl Store {
    /// Has the server read the project anew and judge a row: it does, or says that the project is damaged.
    fn open(&self) {
        let ask = |action: &str, body: &str| {
            post(self.address, &format!("/api/v1/projects/price/{action}"), "application/json", body.as_bytes())
        };
        for (action, body) in
            [("unload", ""), ("load", ""), ("predict", "{\"data\": {\"nswprice\": [0.5], \"weekday\": [\"mon\"]}}")]
        {
            let answer = ask(action, body);
            let is_damaged = answer.status == 503 && answer.text.contains("project_failed");
            // A schema may be another one now, to which the row is none.
            assert!(is_damaged || (200..500).contains(&answer.status), "{action}: {}", answer.text);
        }
    }

    fn write(&self, file: &str, bytes: &[u8]) {
        fs::write(self.project.join(file), bytes).expect("a file");
    }
}

fn checksum(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn sealed(text: &[u8]) -> Vec<u8> {
    [text, format!("checksum: {}\n", checksum(text)).as_bytes()].concat()
}

/// A configuration without its last line.
pub fn configuration(data: &[u8]) {
    let store = store();
    store.write(PARAMETERS, &store.parameters);
    store.write(CONFIGURATION, &sealed(data));
    store.open();
}

/// A file of parameters.
pub fn parameters(data: &[u8]) {
    let store = store();
    let old = checksum(&store.parameters);
    let (above, _) = store.configuration.trim_end().rsplit_once('\n').expect("several lines");
    store.write(PARAMETERS, data);
    store.write(CONFIGURATION, &sealed(format!("{}\n", above.replace(&old, &checksum(data))).as_bytes()));
    store.open();
}

/// A file of states, of this very fit.
pub fn state(data: &[u8]) {
    const BEFORE_DIGITS: &[u8] = b"\"checksum\":\"sha256:";
    let store = store();
    let mut data = data.to_vec();
    if let Some(start) = data.windows(BEFORE_DIGITS.len()).position(|part| part == BEFORE_DIGITS) {
        let start = start + BEFORE_DIGITS.len();
        if let Some(digits) = data.get_mut(start..start + 64) {
            digits.fill(b'0');
            let checksum = checksum(&data);
            data[start..start + 64].copy_from_slice(&checksum.as_bytes()["sha256:".len()..]);
        }
    }
    store.write(PARAMETERS, &store.parameters);
    store.write(CONFIGURATION, store.configuration.as_bytes());
    store.write(STATE, &data);
    store.open();
}
