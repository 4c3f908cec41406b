//! Articles of Reuters of 1987 (Lewis, *Reuters-21578*; the split of Apté, Damerau & Weiss 1994), as Debian's package `weka` has them:
//! 2,158 texts, of which 160 are about grain.

use std::path::Path;
use std::sync::LazyLock;

/// The articles, and whether each is about grain.
static ARTICLES: LazyLock<Vec<(String, bool)>> = LazyLock::new(|| {
    let of = |part| articles(&read(&format!("ReutersGrain-{part}.arff")));
    ["train", "test"].into_iter().flat_map(of).collect()
});

/// Those about grain, or all others.
pub fn about(is_grain: bool) -> Vec<&'static str> {
    ARTICLES.iter().filter(|(_, of_grain)| *of_grain == is_grain).map(|(text, _)| text.as_str()).collect()
}

/// A file of the package that `scripts/test` unpacks beside what is built.
fn read(file: &str) -> String {
    let unpacked = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../weka/usr/share/doc/weka/examples");
    std::fs::read_to_string(unpacked.join(file))
        .expect("the data of the Debian package weka, which scripts/test unpacks")
}

/// The rows of a file of the form ARFF: after `@data`, a text in single quotes and a class of 0 or 1 each.
fn articles(file: &str) -> Vec<(String, bool)> {
    let (_, rows) = file.split_once("\n@data").expect("rows");
    rows.lines().filter(|row| row.starts_with('\'')).map(article).collect()
}

fn article(row: &str) -> (String, bool) {
    let (quoted, class) = row.rsplit_once("',").expect("a text and a class");
    let mut text = String::with_capacity(quoted.len());
    let mut characters = quoted.chars().skip(1);
    while let Some(character) = characters.next() {
        match (character, (character == '\\').then(|| characters.next()).flatten()) {
            (_, Some('n')) => text.push('\n'),
            (_, Some(escaped)) => text.push(escaped),
            (plain, None) => text.push(plain),
        }
    }
    (text, class == "1")
}
