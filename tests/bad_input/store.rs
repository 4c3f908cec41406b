//! A store with a project of each kind and status, and everything that can be seen of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::row::{ARROW, CSV, NDJSON, PARQUET};
use crate::server::Server;
use crate::values::{days, numbers, table};

/// Projects that serve. Each has a twin, which is sent the same good rows and none of the bad ones.
const SERVING: [&str; 3] = ["label", "price", "classes"];

/// A server on a store with projects.
pub struct World {
    directory: TempDir,
    pub server: Server,
}

/// What can be seen of a server and its store.
#[derive(Debug, PartialEq)]
pub struct Snapshot {
    /// By path.
    answers: BTreeMap<String, Value>,
    /// The checksums of files.
    files: BTreeMap<String, String>,
}

impl World {
    /// Serves a table, a label of numbers and one of two classes, one that is inactive, and one whose parameters are
    /// damaged, with a fit that has been an operation. Every kind of request has been served once.
    pub fn with(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let server = Server::start(directory.path(), &[]);
        for name in SERVING.iter().flat_map(|name| [(*name).to_owned(), twin(name)]) {
            let body = fit_body(name.split('-').next().unwrap_or_default());
            server.post(&format!("/api/v1/projects/{name}/fit"), &body).expect(201);
        }
        for name in ["off", "broken"] {
            server.post(&format!("/api/v1/projects/{name}/fit"), &fit_body("label")).expect(201);
        }
        server.post("/api/v1/projects/off/unload", &json!({})).expect(200);
        server.stop();
        damage(&directory.path().join("store/broken/drift_detector.safetensors"));

        // State is saved before an answer and at no other time, so that files tell of every change.
        let durable = [&["--state-durability", "always", "--state-interval", "1h"], arguments].concat();
        let server = Server::start(directory.path(), &durable);
        let world = Self { directory, server };
        world.server.post("/api/v1/projects/broken/predict", &json!({"data": [0.5]})).expect(503);
        let operation = world.server.begin("long", &fit_body("label"));
        while world.server.get(&operation).expect(200)["ended_at"].is_null() {
            std::thread::yield_now();
        }
        world.server.post("/api/v1/projects/scratch/fit", &fit_body("price")).expect(201);
        world.server.delete("/api/v1/projects/scratch").expect(204);
        world.feed_every_format();
        assert_eq!(world.disagreements(0), Vec::<String>::new());
        world
    }

    /// Where the server and its store are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Everything that can be seen.
    pub fn snapshot(&self) -> Snapshot {
        let get = |path: &str| (path.to_owned(), self.server.get(path).expect(200));
        let list = get("/api/v1/projects?page_size=1000");
        let names: Vec<String> = list.1["projects"].as_array().expect("a list").iter().map(name_of).collect();
        let mut answers = BTreeMap::from([list, get("/api/v1/operations?page_size=1000")]);
        for name in names {
            answers.extend(["", "/metrics?page_size=1000"].map(|of| get(&format!("/api/v1/projects/{name}{of}"))));
        }
        let mut files = BTreeMap::new();
        let store = self.directory().join("store");
        checksums(&store, &store, &mut files);
        Snapshot { answers, files }
    }

    /// Feeds the same rows to projects and to their twins, which must answer alike; says where they do not. `round`
    /// draws the rows.
    pub fn disagreements(&self, round: usize) -> Vec<String> {
        let disagreement = |name: &&str| {
            let rows = rows_of(name, round);
            let answer = |name: &str| {
                let answer = self.server.post(&format!("/api/v1/projects/{name}/predict"), &json!({"data": rows}));
                let mut answer = answer.expect(200);
                answer["project"] = Value::Null;
                answer
            };
            let (one, other) = (answer(name), answer(&twin(name)));
            (one != other).then(|| format!("{name} answers {one}, its twin {other}"))
        };
        SERVING.iter().filter_map(disagreement).collect()
    }

    fn feed_every_format(&self) {
        let (arrow, parquet) = table(&[("nswprice", &numbers(4)), ("weekday", &days(4))]);
        let ndjson = b"[0.5, \"mon\"]\n[0.25, \"tue\"]\n[0.5, \"mon\"]\n[0.25, \"tue\"]".to_vec();
        let csv = b"nswprice,weekday\n0.5,mon\n0.25,tue\n0.5,mon\n0.25,tue\n".to_vec();
        for (media_type, body) in [(CSV, csv), (NDJSON, ndjson), (ARROW, arrow), (PARQUET, parquet)] {
            for name in ["price".to_owned(), twin("price")] {
                let head = format!(
                    "POST /api/v1/projects/{name}/predict HTTP/1.1\r\nHost: localhost\r\n\
                     Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                let request = [head.as_bytes(), &body].concat();
                let reply = crate::wire::exchange(&self.server.url, &request, false, false).expect("an answer");
                assert_eq!(reply.status, 200, "{media_type}: {}", reply.text());
            }
        }
    }
}

impl Snapshot {
    /// What differs from a later one.
    pub fn differences(&self, later: &Self) -> Vec<String> {
        let mut differences = differing("the answer of", &self.answers, &later.answers);
        differences.extend(differing("the file", &self.files, &later.files));
        differences
    }
}

fn differing<T: PartialEq + std::fmt::Debug>(
    of: &str,
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
) -> Vec<String> {
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    differ.map(|key| format!("{of} {key} was {:?} and is {:?}", before.get(key), after.get(key))).collect()
}

fn twin(name: &str) -> String {
    format!("{name}-twin")
}

fn name_of(project: &Value) -> String {
    project["project"].as_str().expect("a name").to_owned()
}

/// The fit of a serving project.
fn fit_body(name: &str) -> Value {
    let detector = json!({"ert": 20, "window_sizes": [4], "n_bootstraps": 2_000});
    match name {
        "price" => json!({
            "drift_type": "tabular",
            "data": {"nswprice": numbers(60), "weekday": days(60)},
            "detector": {"kind": "mmd_online", "ert": 20, "window_size": 4, "n_bootstraps": 2_000},
        }),
        "classes" => {
            let classes: Vec<&str> = (0..60).map(|i| if i % 3 == 0 { "yes" } else { "no" }).collect();
            json!({"drift_type": "label", "data": classes, "detector": detector})
        }
        _ => json!({"drift_type": "label", "data": numbers(60), "detector": detector}),
    }
}

/// Good rows of a serving project.
fn rows_of(name: &str, round: usize) -> Vec<Value> {
    let numbers = (0..7).map(|i| ((i * 31 + round * 17) % 23) as f64 / 23.0);
    let row = |number: f64| match name {
        "price" => json!([number, if number < 0.5 { "mon" } else { "wed" }]),
        "classes" => json!(if number < 0.3 { "yes" } else { "no" }),
        _ => json!(number),
    };
    numbers.map(row).collect()
}

fn damage(file: &Path) {
    let mut bytes = fs::read(file).expect("parameters");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(file, bytes).expect("parameters are written");
}

/// The checksum of every file under a folder of the store, by its path in there.
fn checksums(store: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            checksums(store, &path, found);
        } else {
            let digest = Sha256::digest(fs::read(&path).expect("a file"));
            let text = digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            let place = path.strip_prefix(store).unwrap_or(&path);
            found.insert(place.display().to_string(), text);
        }
    }
}
