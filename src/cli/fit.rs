//! Options of `fit`.

use std::str::FromStr;

use clap::ValueEnum;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use drifting_domain::project::ProjectName;

use super::{RowsArgs, SequenceFlags};

const EXAMPLES: &str = "\
Examples:
  drifting fit prices training.csv --columns price
  drifting fit sensors training.parquet --rows ..5000 --detector mmd_online --ert 1000 --window-size 60
  drifting fit prices newer.csv --columns price --overwrite --json
  drifting fit orders training.csv --detector tabular --p-val 0.01 --set window.size=500 --set window.max_age=1h
  drifting fit load training.csv --drift-type sequential --season-timestamp at --season-by day_of_week,hour_of_day
  zcat training.csv.gz | drifting fit sensors - --missing-values drop";

/// Options of `fit`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct FitArgs {
    /// Name of the project
    #[arg(value_name = "NAME")]
    pub project: ProjectName,

    /// The rows of reference.
    #[command(flatten)]
    pub rows: RowsArgs,

    /// What the rows are [default: label for one column, tabular for more]
    #[arg(long, value_enum, value_name = "TYPE")]
    pub drift_type: Option<TableType>,

    /// Replace the project of this name, if there is one
    #[arg(long)]
    pub overwrite: bool,

    /// Do not wait for the fit: print its operation, for `drifting operations show`
    #[arg(long)]
    pub no_wait: bool,

    /// What becomes of missing values [default: the server's]
    #[arg(long, value_enum, value_name = "POLICY")]
    pub missing_values: Option<MissingValues>,

    /// Report how often alarms start on the last fifth of the rows, by a trial fit on the others
    #[arg(long)]
    pub report_run_length: bool,

    /// Do not check the quality of rows: new categories, missing values, numbers out of range
    #[arg(long)]
    pub no_quality: bool,

    /// The detector.
    #[command(flatten)]
    pub detector: DetectorFlags,

    /// How a series is read.
    #[command(flatten)]
    pub sequence: SequenceFlags,

    /// What comes before the detector.
    #[command(flatten)]
    pub preprocessing: PreprocessingFlags,
}

/// What a file of rows can be fitted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableType {
    /// One column: a label, a target, a prediction
    Label,
    /// The columns of a table
    Tabular,
    /// One column of texts
    Text,
    /// One column of images: PNG or JPEG files in base64, or arrays of pixels in JSON
    Image,
    /// Rows that depend on those before
    Sequential,
}

impl TableType {
    /// Its name in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Tabular => "tabular",
            Self::Text => "text",
            Self::Image => "image",
            Self::Sequential => "sequential",
        }
    }
}

/// What becomes of missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingValues {
    /// Rows with one are refused
    Reject,
    /// Rows with one are left out
    Drop,
    /// They are filled in from the reference
    Impute,
}

impl MissingValues {
    /// Its name in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Drop => "drop",
            Self::Impute => "impute",
        }
    }
}

/// The detector and its parameters; the server knows the default of each. The names of the fields are the members of
/// a request.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize)]
#[command(next_help_heading = "Detector (defaults are the server's)")]
pub struct DetectorFlags {
    /// Kind of the detector, such as cvm_online, mmd_online, ks, chi_square or tabular
    #[arg(long = "detector", value_name = "KIND")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,

    /// Expected run time: mean number of rows between false alarms
    #[arg(long, value_name = "ROWS", value_parser = positive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ert: Option<f64>,

    /// Rows in a test window
    #[arg(long, value_name = "ROWS", value_parser = whole::<usize>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_size: Option<usize>,

    /// Rows in each of several test windows
    #[arg(long, value_name = "ROWS,…", value_delimiter = ',', value_parser = one_of_several)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub window_sizes: Vec<usize>,

    /// Bootstraps that the thresholds are computed from
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_bootstraps: Option<usize>,

    /// Bandwidths of the kernel
    #[arg(long, value_name = "WIDTH,…", value_delimiter = ',', value_parser = positive)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sigma: Vec<f64>,

    /// Which change counts: two-sided, greater or less
    #[arg(long, value_name = "WAY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternative: Option<String>,

    /// Weight of the new value in a smoothed statistic
    #[arg(long, value_name = "WEIGHT", value_parser = positive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lam: Option<f64>,

    /// Steps until the thresholds stay the same
    #[arg(long, value_name = "ROWS", value_parser = whole::<usize>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub t_max: Option<usize>,

    /// Rows of the reference that are centres of kernels
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_kernel_centers: Option<usize>,

    /// Largest relative difference that the regulariser may make
    #[arg(long, value_name = "SHARE", value_parser = positive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda_rd_max: Option<f64>,

    /// Seed of everything random
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,

    /// Significance of a test: the probability of a false alarm in a window
    #[arg(long, value_name = "P", value_parser = positive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_val: Option<f64>,

    /// Any other parameter, such as window.size=100 or correction=fdr; may be said more than once
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    #[serde(flatten, serialize_with = "as_members")]
    pub other: Vec<(String, String)>,
}

/// What happens to rows before the detector sees them. The names of the fields are the members of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Serialize)]
#[command(next_help_heading = "Preprocessing (defaults are the server's)")]
pub struct PreprocessingFlags {
    /// Whether numeric columns are centred and scaled
    #[arg(long, value_name = "true|false")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standardize: Option<bool>,

    /// Principal components to keep
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_components: Option<usize>,

    /// What texts become: components or statistics
    #[arg(long, value_name = "FEATURES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<String>,

    /// Encoder of texts or images, by its name on the server
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<String>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected a name and a value with = between")?;
    let is_name = !name.is_empty() && name.split('.').all(|part| !part.is_empty());
    if !is_name {
        return Err("expected the name of a parameter before the =, such as window.size".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Parameters as members of a document: `window.size` is the member `size` of an object `window`. A value that is JSON is
/// taken as such, any other as a text.
fn as_members<S: Serializer>(parameters: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut members = Map::new();
    for (name, value) in parameters {
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.clone()));
        match name.split_once('.') {
            None => drop(members.insert(name.clone(), value)),
            Some((object, member)) => {
                let object = members.entry(object).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(object) = object {
                    object.insert(member.to_owned(), value);
                }
            }
        }
    }
    serializer.collect_map(members)
}

pub(super) fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "expected a number above 0".to_owned())
}

pub(super) fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number".to_owned())
}

fn one_of_several(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "expected whole numbers with commas between, such as 40,80".to_owned())
}
