//! Every file of the corpus, given to its reader: good ones, and those that have once been too much for it.

use std::fs;
use std::path::Path;
use std::time::Instant;

use drifting_fuzzing::{TARGETS, call};

fn corpus() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

#[test]
fn every_file_is_read_or_refused() {
    for (name, _) in TARGETS {
        let folder = fs::read_dir(corpus().join(name)).unwrap_or_else(|_| panic!("{name} has no corpus"));
        let mut n_files = 0;
        for file in folder {
            let path = file.expect("an entry").path();
            let data = fs::read(&path).expect("a file");
            let begin = Instant::now();
            let called = std::panic::catch_unwind(|| call(name, &data));
            assert!(called.is_ok(), "{}", path.display());
            println!("{name}: {} took {:?}", path.display(), begin.elapsed());
            n_files += 1;
        }
        assert!(n_files > 0, "{name} has no corpus");
    }
}

#[test]
fn every_folder_has_a_reader() {
    for folder in fs::read_dir(corpus()).expect("a corpus") {
        let name = folder.expect("an entry").file_name();
        assert!(TARGETS.iter().any(|(known, _)| *known == name), "{name:?} has no reader");
    }
}
