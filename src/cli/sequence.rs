//! Options of how a series is read.

use serde::Serialize;

use super::fit::{positive, whole};

/// How a series is read before the detector sees it. The names of the fields are those of a request.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
#[command(next_help_heading = "Series (with --drift-type sequential)")]
pub struct SequenceFlags {
    /// Judge the change from so many rows before
    #[arg(long, value_name = "ROWS", value_parser = whole::<u64>)]
    pub difference: Option<u64>,

    /// Compare rows with those of the same value in this column, which is not judged
    #[arg(long, value_name = "NAME", group = "season")]
    pub season_column: Option<String>,

    /// Compare rows with those of the same place in a period of so many rows
    #[arg(long, value_name = "ROWS", value_parser = whole::<u64>, group = "season")]
    pub season_period: Option<u64>,

    /// Compare rows with those of the same time, by this column, which is not judged
    #[arg(long, value_name = "NAME", group = "season", requires = "season_by")]
    pub season_timestamp: Option<String>,

    /// What of the time counts: hour_of_day, day_of_week or both
    #[arg(long, value_name = "PART,…", value_delimiter = ',', requires = "season_timestamp")]
    pub season_by: Vec<String>,

    /// Mean rows of the blocks in which streams like the reference are drawn [default: as suits it]
    #[arg(long, value_name = "ROWS", value_parser = positive)]
    pub block_length: Option<f64>,
}

/// The member `sequence` of a request.
#[derive(Debug, Serialize)]
pub struct Sequence<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    season: Option<Season<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block_length: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Season<'a> {
    Column { column: &'a str },
    Period { period: u64 },
    Timestamp { timestamp: &'a str, by: &'a [String] },
}

impl SequenceFlags {
    /// What was said: the parameter of a query string, the flag, and the value.
    fn said(&self) -> impl Iterator<Item = (&'static str, &'static str, String)> {
        let by = (!self.season_by.is_empty()).then(|| self.season_by.join(","));
        let settings = [
            ("sequence.difference", "--difference", self.difference.map(|rows| rows.to_string())),
            ("sequence.season.column", "--season-column", self.season_column.clone()),
            ("sequence.season.period", "--season-period", self.season_period.map(|rows| rows.to_string())),
            ("sequence.season.timestamp", "--season-timestamp", self.season_timestamp.clone()),
            ("sequence.season.by", "--season-by", by),
            ("sequence.block_length", "--block-length", self.block_length.map(|rows| rows.to_string())),
        ];
        settings.into_iter().filter_map(|(parameter, flag, value)| Some((parameter, flag, value?)))
    }

    /// As parameters of a query string.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        self.said().map(|(parameter, _, value)| (parameter, value)).collect()
    }

    /// As flags with their values.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        self.said().map(|(_, flag, value)| (flag, value)).collect()
    }

    /// As a member of a document; none where nothing was said.
    pub fn member(&self) -> Option<Sequence<'_>> {
        let season = match (&self.season_column, self.season_period, &self.season_timestamp) {
            (Some(column), _, _) => Some(Season::Column { column }),
            (_, Some(period), _) => Some(Season::Period { period }),
            (_, _, Some(timestamp)) => Some(Season::Timestamp { timestamp, by: &self.season_by }),
            (None, None, None) => None,
        };
        let Self { difference, block_length, .. } = *self;
        (*self != Self::default()).then_some(Sequence { difference, season, block_length })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn flags(line: &str) -> Result<SequenceFlags, String> {
        let cli = Cli::try_parse_from(format!("drifting fit p x.csv {line}").split_whitespace());
        match cli.map_err(|error| error.to_string())?.command {
            Command::Fit(args) => Ok(args.sequence.clone()),
            _ => Err("another command".to_owned()),
        }
    }

    #[test]
    fn what_is_said_of_a_series_goes_into_queries_and_documents() {
        let times = flags("--difference 2 --season-timestamp at --season-by hour_of_day,day_of_week").unwrap();
        let query: Vec<_> = times.query().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            query.join("&"),
            "sequence.difference=2&sequence.season.timestamp=at&sequence.season.by=hour_of_day,day_of_week"
        );
        assert_eq!(
            serde_json::to_string(&times.member()).unwrap(),
            r#"{"difference":2,"season":{"timestamp":"at","by":["hour_of_day","day_of_week"]}}"#
        );
        let period = flags("--season-period 48 --block-length 2.5").unwrap();
        assert_eq!(serde_json::to_string(&period.member()).unwrap(), r#"{"season":{"period":48},"block_length":2.5}"#);
        // What is written of it is read as it was.
        let line = |flags: &SequenceFlags| {
            let words = flags.words();
            words.iter().map(|(flag, value)| format!("{flag} {value}")).collect::<Vec<_>>().join(" ")
        };
        for said in [&times, &period] {
            assert_eq!(&flags(&line(said)).unwrap(), said);
        }
        assert!(flags("").unwrap().member().is_none() && flags("").unwrap().query().is_empty());
    }

    #[test]
    fn a_series_has_one_season() {
        for line in ["--season-period 7 --season-column day", "--season-timestamp at", "--season-by hour_of_day"] {
            assert!(flags(line).is_err(), "{line}");
        }
    }
}
