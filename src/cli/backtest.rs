//! Options of `backtest`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::fit::{positive, whole};
use super::{MissingValues, RowsArgs, SequenceFlags, TableType};

const EXAMPLES: &str = "\
Examples:
  drifting backtest history.csv --columns price
  drifting backtest history.csv --reference 5000 --change 17424 --kind ks,cvm_online --window 100,500
  drifting backtest history.parquet --reference 20% --no-change --ert 1000
  drifting backtest notes.csv --drift-type text --encoder minilm --encoders-path encoders/
  drifting backtest history.csv --change 17424 --json --url http://127.0.0.1:8080";

/// Options of `backtest`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct BacktestArgs {
    /// The history.
    #[command(flatten)]
    pub rows: RowsArgs,

    /// What the rows are [default: label for one column, tabular for more]
    #[arg(long, value_enum, value_name = "TYPE")]
    pub drift_type: Option<TableType>,

    /// How many of the first rows are the reference, or which share of the rows, such as 30% [default: 30%]
    #[arg(long, value_name = "ROWS|SHARE%")]
    pub reference: Option<ReferenceShare>,

    /// Row, counted from 0 among those that are read, with which a change begins; may be said more than once
    #[arg(long = "change", value_name = "ROW,…", value_delimiter = ',', value_parser = whole::<u64>)]
    pub changes: Vec<u64>,

    /// Nothing changes: every alarm is a false one
    #[arg(long, conflicts_with = "changes")]
    pub no_change: bool,

    /// Rows after a change within which an alarm tells it [default: 1000]
    #[arg(long, value_name = "ROWS", value_parser = whole::<u64>)]
    pub margin: Option<u64>,

    /// Kind of detector to try; may be said more than once [default: those that suit the columns]
    #[arg(long = "kind", value_name = "KIND,…", value_delimiter = ',')]
    pub kinds: Vec<String>,

    /// Rows in the windows to try, of kinds that judge windows; may be said more than once [default: 50, 200 and 1000, as fit]
    #[arg(long = "window", value_name = "ROWS,…", value_delimiter = ',', value_parser = whole::<u64>)]
    pub windows: Vec<u64>,

    /// Rows between false alarms that are wanted, on average [default: what each kind promises]
    #[arg(long, value_name = "ROWS", value_parser = positive)]
    pub ert: Option<f64>,

    /// What becomes of missing values [default: reject]
    #[arg(long, value_enum, value_name = "POLICY")]
    pub missing_values: Option<MissingValues>,

    /// Seed of everything random [default: 0]
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    pub seed: Option<u64>,

    /// Encoder of texts or images that every candidate sees them by, by its name
    #[arg(long, value_name = "NAME")]
    pub encoder: Option<String>,

    /// The settings that a server would have.
    #[command(flatten)]
    pub settings: EncoderFlags,

    /// Configuration file that says the folder of encoders [default: drifting.yaml, if there is one]
    #[arg(long, env = "DRIFTING_CONFIG", hide_env_values = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// How a series is read.
    #[command(flatten)]
    pub sequence: SequenceFlags,
}

/// A setting of a server that a backtest without one has, too. The name of the field is that of the setting.
#[derive(Debug, Default, clap::Args, Serialize)]
pub struct EncoderFlags {
    /// Folder of encoders, without a server [env: DRIFTING_ENCODERS_PATH]
    #[arg(long, value_name = "PATH", alias = "encoders_path", requires = "encoder")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoders_path: Option<String>,
}

/// How much of a history is the reference: from 1 on rows, below 1 a share of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReferenceShare {
    /// So many rows.
    Rows(u64),
    /// This share of the rows.
    Share(f64),
}

impl FromStr for ReferenceShare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || match text.strip_suffix('%') {
            Some(percent) => {
                let percent =
                    percent.trim().parse::<f64>().ok().filter(|percent| *percent > 0.0 && *percent < 100.0)?;
                Some(Self::Share(percent / 100.0))
            }
            None => text.parse().ok().filter(|rows| *rows > 0).map(Self::Rows),
        };
        read().ok_or_else(|| "expected a number of rows such as 5000, or a share of them such as 30%".to_owned())
    }
}

impl fmt::Display for ReferenceShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => rows.fmt(f),
            Self::Share(share) => share.fmt(f),
        }
    }
}

impl Serialize for ReferenceShare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Rows(rows) => serializer.serialize_u64(*rows),
            Self::Share(share) => serializer.serialize_f64(*share),
        }
    }
}
