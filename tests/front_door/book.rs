//! The pages of `docs/` and the README: a site without a broken link, and blocks that do what the pages say (`tests/book` has the
//! checks).

use crate::python;

/// Runs the checks of a file; what they found is shown where one fails, and how long each page took with `--no-capture`.
fn run(file: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = python::program("book", "python")
        .args(["-m", "pytest", "-p", "no:cacheprovider", "--quiet", "--capture=no", "--basetemp"])
        .arg(folder.path().join("checks"))
        .arg(file)
        .env("DRIFTING_PROGRAM", env!("CARGO_BIN_EXE_drifting"))
        .env("BOOK_TOOLS", python::environment("book-tools"))
        .env("OBJECT_STORES", python::environment("object-stores"))
        .env("READER_ENVIRONMENT", python::environment("python-client"))
        .current_dir(format!("{}/tests/book", env!("CARGO_MANIFEST_DIR")))
        .output()
        .expect("the program runs");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{file}: something is not as expected");
}

#[test]
fn the_site_is_whole_and_no_link_is_broken() {
    run("test_site.py");
}

#[test]
fn the_pages_do_what_they_say() {
    run("test_blocks.py");
}

#[test]
fn what_is_wrong_with_a_page_is_found() {
    run("test_checks.py");
}
