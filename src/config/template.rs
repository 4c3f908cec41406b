//! A configuration file to start from.

use super::{SETTINGS, WITHOUT_FLAG, layers};

/// Columns of a comment, so that it is read without scrolling.
const WIDTH: usize = 100;

/// A file with every setting at its default, in the order of the list; `about` says what a setting is for. A setting
/// whose default depends on something else is left empty, which leaves it to its default.
pub fn template(about: impl Fn(&str) -> String) -> String {
    let head = "Settings of drifting, each at its default. A flag wins over the environment, the environment over this \
                file. `drifting config show` tells what holds, and from where.";
    let mut text = comment(head);
    for (name, default) in SETTINGS {
        text.push('\n');
        text.push_str(&comment(&about(name)));
        let also = match name {
            WITHOUT_FLAG => layers::variable(name),
            name => format!("{}, {}", layers::flag(name), layers::variable(name)),
        };
        text.push_str(&comment(&format!("Also {also}")));
        let value = default.map(|default| format!(" {default}")).unwrap_or_default();
        text.extend([name, ":", &value, "\n"]);
    }
    text
}

/// Lines of a comment, wrapped at the blanks.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    for paragraph in text.lines().filter(|paragraph| !paragraph.is_empty()) {
        let mut line = "#".to_owned();
        for word in paragraph.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > WIDTH {
                lines.push_str(&line);
                lines.push('\n');
                line = String::from("#");
            }
            line.push(' ');
            line.push_str(word);
        }
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "figment's jail wants its own error, which is large")]
mod tests {
    use figment::Jail;
    use serde_json::json;

    use super::super::Config;
    use super::*;

    #[test]
    fn it_reads_back_as_the_defaults_and_says_every_setting() {
        Jail::expect_with(|jail| {
            jail.clear_env();
            let by_default = Config::load(None, &json!({})).unwrap();
            let text = template(|name| format!("About {name}.\n\nMore: `x`."));
            jail.create_file("drifting.yaml", &text)?;
            let read = Config::load(None, &json!({})).unwrap();
            assert_eq!(Config { file: None, ..read }, by_default);
            for (name, _) in SETTINGS {
                assert_eq!(text.lines().filter(|line| line.starts_with(&format!("{name}:"))).count(), 1, "{name}");
            }
            Ok(())
        });
    }

    #[test]
    fn comments_are_wrapped() {
        let text = comment(&"word ".repeat(50));
        assert!(text.lines().all(|line| line.starts_with("# word") && line.chars().count() <= WIDTH), "{text}");
        assert_eq!(comment("a\n\nb"), "# a\n# b\n");
    }
}
