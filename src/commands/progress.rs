//! Progress on standard error, where somebody watches: on a terminal, and not beside JSON lines.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const BAR: &str = "{msg} [{bar:40}] {bytes}/{total_bytes}, {eta} left";
const SPINNER: &str = "{spinner} {msg} {bytes}";
const WAITING: &str = "{spinner} {msg} {elapsed}";
const SHARE: &str = "{msg} [{bar:40}] {percent}%, {elapsed}";
const SHARES: u64 = 1_000;
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

/// A bar over the share of a fit that the server has done.
pub(super) fn over_share(message: String, json: bool) -> ProgressBar {
    let bar = shown(ProgressBar::new(SHARES), message, SHARE, json);
    bar.enable_steady_tick(TICK);
    bar
}

/// The position of a share from 0 to 1 on such a bar.
pub(super) fn position(share: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and SHARES")]
    let position = (share.clamp(0.0, 1.0) * SHARES as f64) as u64;
    position
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
        for template in [BAR, SPINNER, WAITING, SHARE] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn shares_stay_on_the_bar() {
        assert_eq!([-1.0, 0.0, 0.5, 1.0, 7.0, f64::NAN].map(position), [0, 0, 500, 1_000, 1_000, 0]);
    }
}
