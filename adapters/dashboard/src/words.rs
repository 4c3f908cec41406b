//! Numbers, times and durations as people read them.

use chrono::{DateTime, TimeDelta, Utc};

/// A number in four digits.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}").replace('-', "−");
    }
    #[expect(clippy::cast_possible_truncation, reason = "from -3 to 6")]
    let before_point = if size == 0.0 { 0 } else { size.log10().floor() as i32 };
    let places = usize::try_from(3 - before_point).unwrap_or(0);
    let text = format!("{value:.places$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.replace('-', "−")
}

/// A number, if there is one.
pub(crate) fn maybe(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), number)
}

/// A count with its thousands apart.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time for people.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A time for programs.
pub(crate) fn machine_time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// How long something takes, in its two largest units.
pub(crate) fn duration(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{} s", seconds % 60),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// A share in per cent.
pub(crate) fn per_cent(share: f64) -> String {
    if share.is_finite() { format!("{:.0} %", share * 100.0) } else { "–".to_owned() }
}

/// How much is done, in per cent: all of it when it is.
pub(crate) fn per_cent_done(share: f64) -> String {
    format!("{:.0} %", (share.clamp(0.0, 1.0) * 100.0).floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let shown = [0.0, 1.5, -0.31, 5.684_3, 123.45, 12_345.6, 1e-7, 2.5e9, f64::NAN].map(number);
        assert_eq!(shown, ["0", "1.5", "−0.31", "5.684", "123.5", "12346", "1.00e−7", "2.50e9", "–"]);
        assert_eq!([0.414_93, 0.001_563_4, 12.345_6].map(number), ["0.4149", "0.001563", "12.35"]);
        assert_eq!((count(7), count(1_234), count(1_234_567)), ("7".into(), "1,234".into(), "1,234,567".into()));
    }

    #[test]
    fn durations_have_two_units() {
        let shown = [0, 59, 61, 3_700, 90_000, -5].map(|seconds| duration(TimeDelta::seconds(seconds)));
        assert_eq!(shown, ["0 s", "59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h", "0 s"]);
        assert_eq!((per_cent(0.256), per_cent_done(0.999)), ("26 %".to_owned(), "99 %".to_owned()));
    }
}
