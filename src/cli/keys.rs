//! The commands under `keys`.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use clap::Subcommand;
use drifting_access::{ProjectPatterns, RateLimit, Scope};

const CREATE_EXAMPLES: &str = "\
Examples:
  drifting keys create nightly-scoring --file keys.yaml
  drifting keys create training --scopes fit,read --projects 'churn-*' --expires 90d --file keys.yaml";

const HASH_EXAMPLES: &str = "Example:\n  drifting keys hash < key.txt";

/// What to do with API keys.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Make a key, print it once, and add its digest to a file of keys
    ///
    /// The key goes to standard output and is stored nowhere. Without a file its entry is printed too, to be added by hand. A server that
    /// reads the file takes the key within seconds.
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateKeyArgs),

    /// Print the digest of a key that is read from standard input
    #[command(after_help = HASH_EXAMPLES)]
    Hash,

    /// Show the keys of a file
    #[command(after_help = "Example:\n  drifting keys list --file keys.yaml")]
    List {
        /// File of keys
        #[arg(long, env = "DRIFTING_API_KEYS_FILE", hide_env_values = true, value_name = "FILE")]
        file: PathBuf,
    },
}

/// Options of `keys create`.
#[derive(clap::Args)]
pub struct CreateKeyArgs {
    /// Whose key it is, for logs
    #[arg(value_name = "NAME")]
    pub name: String,

    /// What it is good for: read, predict, fit, admin
    #[arg(long, value_name = "SCOPE,…", value_delimiter = ',', default_value = "read,predict")]
    pub scopes: Vec<Scope>,

    /// The projects that it is for, in which `*` stands for any letters [default: all]
    #[arg(long, value_name = "PATTERN,…", value_delimiter = ',', value_parser = pattern)]
    pub projects: Vec<String>,

    /// When it ends: after so many days or hours (90d, 12h), or on a day (2027-01-31) [default: never]
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    pub expires: Option<DateTime<Utc>>,

    /// How often it may be used, such as 100/s or 600/min [default: as the server says]
    #[arg(long, value_name = "RATE")]
    pub rate_limit: Option<RateLimit>,

    /// File of keys to add it to, which is made where there is none
    #[arg(long, env = "DRIFTING_API_KEYS_FILE", hide_env_values = true, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

fn pattern(text: &str) -> Result<String, String> {
    ProjectPatterns::check(text)?;
    Ok(text.to_owned())
}

/// When a key ends, which is still to come: one that has ended would be of no use to anybody.
fn expiry(text: &str) -> Result<DateTime<Utc>, String> {
    let at = moment(text)?;
    if at <= Utc::now() {
        let since = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        return Err(format!("expected a time to come, such as 90d or a later day, got one that is over since {since}"));
    }
    Ok(at)
}

fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let expected = || "expected a time such as 90d or 12h, or a day such as 2027-01-31".to_owned();
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    if let Ok(at) = text.parse::<DateTime<Utc>>() {
        return Ok(at);
    }
    let number = |unit: char| text.strip_suffix(unit).and_then(|number| number.parse::<i64>().ok()).filter(|n| *n > 0);
    let after = number('d').and_then(TimeDelta::try_days).or_else(|| number('h').and_then(TimeDelta::try_hours));
    after.and_then(|after| Utc::now().checked_add_signed(after)).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_on_a_day_or_after_some_time() {
        assert_eq!(moment("2027-01-31").unwrap().to_rfc3339(), "2027-01-31T00:00:00+00:00");
        let days = (expiry("90d").unwrap() - Utc::now()).num_hours();
        assert!((90 * 24 - 1..=90 * 24).contains(&days), "{days}");
        for refused in ["", "0d", "-1d", "d", "90", "9999999999999d", "soon"] {
            assert!(expiry(refused).unwrap_err().contains("90d"), "{refused}");
        }
    }

    #[test]
    fn a_key_ends_in_time_to_come() {
        for over in ["2020-01-31", "2020-01-31T12:00:00Z"] {
            let told = expiry(over).unwrap_err();
            assert!(told.contains("a time to come") && told.contains("over since 2020-01-31T"), "{told}");
        }
        assert!(expiry("9999-01-31").is_ok() && expiry("1h").is_ok());
    }
}
