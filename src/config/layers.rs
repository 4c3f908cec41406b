//! The layers of the configuration, each a figment provider of the settings that it says.

use std::path::Path;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use serde::Serialize;

use super::{ConfigError, SETTINGS};

/// The names of the layers above the defaults.
pub(super) const FILE: &str = "file";
pub(super) const ENVIRONMENT: &str = "environment";
pub(super) const FLAGS: &str = "flags";

const PREFIX: &str = "DRIFTING_";

/// Variables with the prefix that the command line or the Python client reads, and no setting of the server.
const OTHER_VARIABLES: [&str; 3] = ["DRIFTING_URL", "DRIFTING_CONFIG", "DRIFTING_PROGRAM"];

/// A larger file is no configuration.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// One layer: its settings, and how to say where it has them from.
pub(super) struct Layer {
    metadata: Metadata,
    settings: Dict,
}

impl Layer {
    pub(super) fn defaults() -> Self {
        let settings = SETTINGS.iter().filter_map(|(key, default)| Some(((*key).to_owned(), Value::from((*default)?))));
        let metadata = Metadata::named("defaults").interpolater(|_: &Profile, _: &[&str]| "the defaults".to_owned());
        Self { metadata, settings: settings.collect() }
    }

    pub(super) fn file(path: &Path) -> Result<Self, ConfigError> {
        let place = format!("the file {}", path.display());
        let unreadable = |reason: String| ConfigError::of_source(format!("cannot read the configuration: {reason}"));
        let size = std::fs::metadata(path).map_err(|error| unreadable(format!("{place}: {error}")))?.len();
        if size > FILE_BYTES_MAX {
            return Err(unreadable(format!("{place} has {size} bytes, expected at most {FILE_BYTES_MAX}")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(format!("{place}: {error}")))?;
        // By way of YAML's own value, which refuses a key that is there twice.
        let yaml: serde_yaml::Value =
            serde_yaml::from_str(&text).map_err(|error| unreadable(format!("{place}: {error}")))?;
        let mut settings: Dict = match yaml {
            // A file in which every line is a comment.
            serde_yaml::Value::Null => Dict::new(),
            serde_yaml::Value::Mapping(_) => serde_yaml::from_value(yaml)
                .map_err(|_| unreadable(format!("{place}: expected `setting: value` on each line")))?,
            _ => return Err(unreadable(format!("{place}: expected `setting: value` on each line"))),
        };
        for key in settings.keys() {
            let hint = known(key, &settings_by_name());
            hint.map_err(|hint| ConfigError::of_source(format!("unknown setting `{key}` in {place}: {hint}")))?;
        }
        settings.retain(|_, value| !is_unsaid(value));
        let metadata = Metadata::named(FILE).interpolater(move |_: &Profile, _: &[&str]| place.clone());
        Ok(Self { metadata, settings })
    }

    pub(super) fn environment() -> Result<Self, ConfigError> {
        let mut settings = Dict::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            if OTHER_VARIABLES.contains(&name) || drifting_domain::faults::VARIABLES.contains(&name) {
                continue;
            }
            let Some(value) = value.to_str() else {
                return Err(ConfigError::of_source(format!("the environment variable `{name}`: expected UTF-8")));
            };
            // Compose files and unit files pass what is not set as an empty text.
            if value.is_empty() || is_service_link(name, value) {
                continue;
            }
            known(name, &settings_by_variable())
                .map_err(|hint| ConfigError::of_source(format!("unknown environment variable `{name}`: {hint}")))?;
            settings.insert(name[PREFIX.len()..].to_ascii_lowercase(), Value::from(value));
        }
        let metadata = Metadata::named(ENVIRONMENT).interpolater(|_: &Profile, keys: &[&str]| {
            format!("the environment variable `{}`", keys.iter().copied().map(variable).collect::<String>())
        });
        Ok(Self { metadata, settings })
    }

    pub(super) fn flags(flags: &impl Serialize) -> Result<Self, ConfigError> {
        let flags = Value::serialize(flags).map_err(|error| ConfigError::of_source(error.to_string()))?;
        let metadata = Metadata::named(FLAGS)
            .interpolater(|_: &Profile, keys: &[&str]| format!("the flag `{}`", flag(&keys.concat())));
        Ok(Self { metadata, settings: flags.into_dict().unwrap_or_default() })
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.settings.clone()))
    }
}

/// `setting:` and `setting: []` leave a setting to the layer below.
fn is_unsaid(value: &Value) -> bool {
    matches!(value, Value::Empty(..)) || value.as_array().is_some_and(<[Value]>::is_empty)
}

/// A value of any layer as the text that a flag would have.
pub(super) fn text(value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(_, text) => text.clone(),
        Value::Char(_, text) => text.to_string(),
        Value::Bool(_, value) => value.to_string(),
        Value::Num(_, number) => match (number.to_u128(), number.to_i128(), number.to_f64()) {
            (Some(number), _, _) => number.to_string(),
            (_, Some(number), _) => number.to_string(),
            (_, _, Some(number)) => number.to_string(),
            (None, None, None) => return Err("expected a number that can be read".to_owned()),
        },
        Value::Empty(..) => String::new(),
        Value::Array(_, values) => {
            let texts: Result<Vec<_>, _> = values.iter().map(text).collect();
            texts?.join(",")
        }
        Value::Dict(..) => return Err("expected one value, got a mapping".to_owned()),
    };
    if text.is_empty() { Err("expected a value".to_owned()) } else { Ok(text) }
}

/// The flag that says a setting.
pub(super) fn flag(key: &str) -> String {
    format!("--{}", key.replace('_', "-"))
}

/// The environment variable that says a setting.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase())
}

fn keys() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|(key, _)| *key)
}

fn settings_by_name() -> Vec<String> {
    keys().map(str::to_owned).collect()
}

fn settings_by_variable() -> Vec<String> {
    let others = OTHER_VARIABLES.iter().map(|name| (*name).to_owned());
    keys().map(variable).chain(others).collect()
}

/// Fails with what helps: the nearest known name, if one is near.
fn known(name: &str, names: &[String]) -> Result<(), String> {
    /// What is less similar is another word rather than a slip.
    const SIMILARITY_MIN: f64 = 0.5;
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    let bare = |name: &str| name.trim_start_matches(PREFIX).to_ascii_lowercase().replace('-', "_");
    let nearest = names
        .iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(&bare(name), &bare(known)), known))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|(left, _), (right, _)| left.total_cmp(right));
    Err(match nearest {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => "`drifting serve --help` lists the settings".to_owned(),
    })
}

/// Whether a container platform put the variable there: beside a Kubernetes service (or a linked container) called
/// `drifting` every container finds `DRIFTING_SERVICE_HOST`, `DRIFTING_PORT=tcp://10.0.0.1:80`,
/// `DRIFTING_PORT_80_TCP_ADDR` and their kin, which nobody meant as settings.
fn is_service_link(name: &str, value: &str) -> bool {
    let name = &name[PREFIX.len()..];
    let is_port_link =
        name.strip_prefix("PORT_").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    name == "SERVICE_HOST" || name.starts_with("SERVICE_PORT") || is_port_link || (name == "PORT" && is_address)
}
