//! Progress on standard error, where somebody watches: on a terminal, and not beside JSON lines.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const BAR: &str = "{msg} [{bar:40}] {bytes}/{total_bytes}, {eta} left";
const SPINNER: &str = "{spinner} {msg} {bytes}";
const WAITING: &str = "{spinner} {msg} {elapsed}";
const TICK: Duration = Duration::from_millis(120);

/// A bar over the bytes of a file, or a count of bytes where their number is not known.
pub(super) fn over_bytes(message: String, size: Option<u64>, json: bool) -> ProgressBar {
    let bar = size.map_or_else(ProgressBar::no_length, ProgressBar::new);
    shown(bar, message, if size.is_some() { BAR } else { SPINNER }, json)
}

/// A clock while the server works.
pub(super) fn waiting(message: String, json: bool) -> ProgressBar {
    let spinner = shown(ProgressBar::no_length(), message, WAITING, json);
    spinner.enable_steady_tick(TICK);
    spinner
}

fn shown(bar: ProgressBar, message: String, template: &str, json: bool) -> ProgressBar {
    bar.set_draw_target(if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
    // A template that cannot be read leaves the library's own style, which shows as much.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_well_formed() {
        for template in [BAR, SPINNER, WAITING] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
