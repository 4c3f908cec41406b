//! Encoders of texts and images from a folder: in a backtest without a server and with one, and across restarts of a server.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::backtest::{self, timeless};
use crate::server::{Server, drifting};

/// The folder of small models.
const ENCODERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/adapters/encoders/testdata");

const SIDE: usize = 28;

/// A picture with a bright square at a place that differs, at so much of its light.
fn picture(index: usize, light: usize) -> Value {
    let (x0, y0) = (index * 7 % 15, index * 5 % 17);
    let pixel = |x: usize, y: usize| {
        let is_inside = (x0..x0 + 9).contains(&x) && (y0..y0 + 9).contains(&y);
        (if is_inside { 200 } else { 20 } + index * 11 % 40) * light / 100
    };
    (0..SIDE).map(|y| (0..SIDE).map(|x| pixel(x, y)).collect::<Vec<usize>>()).collect()
}

/// Pictures, of which the last ones are darker from a row on.
fn pictures(rows: std::ops::Range<usize>, dark_from: usize) -> Vec<Value> {
    rows.map(|row| picture(row, if row < dark_from { 100 } else { 70 })).collect()
}

/// Notes about parcels, from a row on about the weather.
fn notes(n: usize, sunny_from: usize) -> Vec<String> {
    let word = |row: usize, place: usize| {
        let words = if row < sunny_from { ["parcel", "late", "the"] } else { ["sun", "valley", "rain"] };
        words[(row * 7 + place * (row % 5 + 1)) % 3]
    };
    (0..n).map(|row| (0..4 + row % 3).map(|place| word(row, place)).collect::<Vec<_>>().join(" ")).collect()
}

fn written(folder: &Path, name: &str, lines: &[String]) -> String {
    let file = folder.join(name);
    std::fs::write(&file, lines.join("\n") + "\n").expect("the file is written");
    file.to_str().expect("a plain path").to_owned()
}

/// `backtest` in a folder with nothing around it.
fn replay(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = drifting();
    command.arg("backtest").args(arguments).current_dir(folder);
    command
}

fn run(mut command: Command) -> Output {
    command.output().expect("the program runs")
}

/// The report without what differs from run to run: times.
fn report(output: &Output) -> Value {
    timeless(backtest::report(output))
}

#[test]
fn texts_and_images_are_replayed_with_an_encoder_here_and_on_a_server_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let notes = written(folder.path(), "notes.csv", &[vec!["note".to_owned()], notes(400, 300)].concat());
    let images: Vec<String> = pictures(0..400, 300).iter().map(Value::to_string).collect();
    let images = written(folder.path(), "images.ndjson", &images);
    let store = folder.path().join("store");
    std::fs::create_dir(&store).expect("a folder");
    let server = Server::start(&store, &["--encoders-path", ENCODERS]);
    for (file, drift_type, encoder) in [(&notes, "text", "small"), (&images, "image", "convolutions")] {
        let asked = [
            file,
            "--drift-type",
            drift_type,
            "--encoder",
            encoder,
            "--kind",
            "mmd",
            "--window",
            "25",
            "--reference",
            "200",
            "--change",
            "300",
            "--margin",
            "50",
            "--json",
        ];
        let flag = [&asked[..], &["--encoders-path", ENCODERS]].concat();
        let here = report(&run(replay(folder.path(), &flag)));
        let replayed = &here["candidates"][0]["replayed"];
        assert_eq!(replayed["n_missed"], json!(0), "{here}");
        assert_eq!(replayed["preprocessing"]["encoder"], json!(encoder), "{here}");
        // As a server has it, by its environment and by its file.
        let mut by_environment = replay(folder.path(), &asked);
        by_environment.env("DRIFTING_ENCODERS_PATH", ENCODERS);
        assert_eq!(report(&run(by_environment)), here);
        let configured = folder.path().join("drifting.yaml");
        std::fs::write(&configured, format!("encoders_path: {ENCODERS}\nport: 9000\n")).expect("the file is written");
        assert_eq!(report(&run(replay(folder.path(), &asked))), here);
        std::fs::remove_file(configured).expect("it is removed");
        let there = [&asked[..], &["--url", &server.url]].concat();
        assert_eq!(report(&run(replay(folder.path(), &there))), here);
        // The command that it suggests is of that encoder.
        let shown = run(replay(folder.path(), &[&asked[..asked.len() - 1], &["--encoders-path", ENCODERS]].concat()));
        let text = String::from_utf8(shown.stdout).expect("a text");
        for part in [format!("--encoder {encoder}"), format!(r#""preprocessing":{{"encoder":"{encoder}"}}"#)] {
            assert!(text.contains(&part), "{part}: {text}");
        }
        let command = text.lines().find_map(|line| line.trim().strip_prefix("drifting ")).expect("a command");
        let command = command.replace("NAME", drift_type);
        let fitted = drifting().args(command.split(' ')).env("DRIFTING_URL", &server.url).output();
        let fitted = fitted.expect("the program runs");
        assert!(fitted.status.success(), "{command}: {}", String::from_utf8_lossy(&fitted.stderr));
    }
    for (arguments, code, part) in [
        (&["--encoder", "small"][..], 2, "--encoder: expected --encoders-path (DRIFTING_ENCODERS_PATH)"),
        (&["--encoders-path", ENCODERS], 2, "--encoder <NAME>"),
        (
            &["--encoder", "small", "--encoders-path", ENCODERS, "--url", &server.url],
            2,
            "expected none beside a server",
        ),
        (
            &["--encoder", "small", "--encoders-path", ENCODERS, "--drift-type", "tabular"],
            1,
            "--encoder: expected none",
        ),
    ] {
        let drift_type = if arguments.contains(&"tabular") { &[][..] } else { &["--drift-type", "text"] };
        let output = run(replay(folder.path(), &[&[&*notes][..], drift_type, arguments].concat()));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(part), "{arguments:?}: {told}");
    }
    let unknown =
        ["--drift-type", "text", "--encoder", "other", "--encoders-path", ENCODERS, "--kind", "mmd", "--json"];
    let unknown = report(&run(replay(folder.path(), &[&[&*notes][..], &unknown].concat())));
    let problem = unknown["candidates"][0]["problem"].as_str().expect("a problem");
    assert!(problem.contains("expected the name of an encoder (`pooled`, `small`), `other` came"), "{problem}");
}

#[test]
fn a_project_of_encoded_images_outlives_servers_that_have_its_model() {
    let store = tempfile::tempdir().expect("a folder");
    let with_encoders = ["--encoders-path", ENCODERS, "--state-durability", "always"];
    let server = Server::start(store.path(), &with_encoders);
    let body = json!({
        "drift_type": "image", "detector": {"kind": "mmd_online", "ert": 100, "window_size": 8, "n_bootstraps": 2000},
        "preprocessing": {"encoder": "convolutions", "n_components": 6}, "data": pictures(0..300, 1_000),
    });
    server.post("/api/v1/projects/photos/fit", &body).expect(201);
    let feed = |server: &Server, from: usize| {
        let body = json!({"data": pictures(from..from + 10, 600)});
        server.post("/api/v1/projects/photos/predict", &body).expect(200)
    };
    assert_eq!(feed(&server, 500)["time"], json!(10));
    server.kill();
    let server = Server::start(store.path(), &with_encoders);
    let dark = feed(&server, 600);
    assert_eq!((&dark["time"], &dark["is_drift"]), (&json!(20), &json!(true)), "{dark}");
    server.kill();
    // A server without the model says so, and leaves the project as it is.
    let server = Server::start(store.path(), &["--state-durability", "always"]);
    let answer = server.post("/api/v1/projects/photos/predict", &json!({"data": pictures(0..1, 9)}));
    assert_eq!(answer.status, 503, "{:?}", answer.body);
    assert!(answer.body.to_string().contains("its encoder of images is not there any more"), "{:?}", answer.body);
    server.kill();
    let server = Server::start(store.path(), &with_encoders);
    assert_eq!(feed(&server, 610)["time"], json!(30));
}
