//! Event sinks: who is told of verdicts.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, anyhow};
use drifting_sinks::{EventFormat, Secrets, SinkSettings, SinkUrl};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sinks::{Pattern, Subscription, Which};

/// A larger file is no secret.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// An event sink as it is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct EventSinkConfig {
    /// What it is called in logs and measures.
    pub name: String,
    /// Where it is.
    pub url: SinkUrl,
    /// Which verdicts it is told of.
    pub events: Which,
    /// Of which projects; of all where there is none.
    pub projects: Vec<Pattern>,
    /// How events stand in a request.
    pub format: EventFormat,
    /// Where the secrets are that requests are signed with.
    pub secret: Option<SecretPlace>,
    /// Whether it may be on this machine or in a private network.
    pub allow_private: bool,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// In a file.
    File(PathBuf),
    /// In an environment variable.
    Environment(String),
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "the file {}", file.display()),
            Self::Environment(name) => write!(f, "the environment variable `{name}`"),
        }
    }
}

impl SecretPlace {
    fn read(&self) -> anyhow::Result<Secrets> {
        let text = match self {
            Self::File(file) => {
                let found = std::fs::metadata(file).with_context(|| format!("cannot read {self}"))?;
                // A pipe would be waited for for ever.
                if !found.is_file() || found.len() > SECRET_BYTES_MAX {
                    return Err(anyhow!("{self}: expected a file of at most {SECRET_BYTES_MAX} bytes"));
                }
                std::fs::read_to_string(file).with_context(|| format!("cannot read {self}"))?
            }
            Self::Environment(name) => std::env::var(name).map_err(|_| anyhow!("{self} is not set"))?,
        };
        Secrets::parse(&text).map_err(|error| anyhow!("{self}: {error}"))
    }
}

impl EventSinkConfig {
    /// A sink of which nothing but its address is said.
    pub(super) fn of_url(url: SinkUrl, allow_private: bool, secret: Option<SecretPlace>) -> Result<Self, String> {
        if let Some(why) = url.forbidden(allow_private) {
            return Err(format!("{url}: {why}"));
        }
        let (events, format) = (Which::default(), EventFormat::default());
        Ok(Self { name: url.host(), url, events, projects: Vec::new(), format, secret, allow_private })
    }

    /// The same with its secrets.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn subscription(&self) -> anyhow::Result<Subscription> {
        let Self { name, url, events, projects, format, secret, allow_private } = self.clone();
        let secrets = secret.map(|place| place.read()).transpose();
        let secrets = secrets.with_context(|| format!("the event sink `{name}` has no secret"))?;
        let sink = SinkSettings { url, format, secrets, allow_private };
        Ok(Subscription { name, which: events, projects, sink })
    }

    /// What is shown of it.
    pub(super) fn shown(&self) -> Value {
        let mut shown = json!({
            "name": self.name,
            "url": self.url.to_string(),
            "events": self.events.as_str(),
            "projects": self.projects.iter().map(Pattern::as_str).collect::<Vec<_>>(),
            "format": self.format.to_string(),
            "allow_private": self.allow_private,
        });
        match &self.secret {
            Some(SecretPlace::File(file)) => shown["secret_file"] = file.display().to_string().into(),
            Some(SecretPlace::Environment(name)) => shown["secret_env"] = name.clone().into(),
            None => {}
        }
        shown
    }
}

/// A sink as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    url: String,
    name: Option<String>,
    events: Option<String>,
    projects: Option<OneOrMany>,
    format: Option<String>,
    secret_file: Option<PathBuf>,
    secret_env: Option<String>,
    #[serde(default)]
    allow_private: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// The sinks of a list.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct EventSinks(pub(super) Vec<EventSinkConfig>);

const EXPECTED: &str = "expected a list of sinks such as [{url: https://events.example/drift, events: changes}]";

impl EventSinks {
    /// As they stand in an environment variable: YAML, of which JSON is a part.
    pub(super) fn of_text(text: &str) -> Result<Self, String> {
        // What the parser says may repeat the text, in which a token may be.
        serde_yaml::from_str(text).map_err(|_| EXPECTED.to_owned()).and_then(Self::of)
    }

    /// The same, each with a name that neither another one has nor the sink that is configured by itself. A host that stands twice
    /// has the number of its sink behind it.
    pub(super) fn beside(self, only: Option<&EventSinkConfig>) -> Result<Vec<EventSinkConfig>, String> {
        let is_given = |sink: &EventSinkConfig| sink.name != sink.url.host();
        let given = self.0.iter().filter(|sink| is_given(sink)).map(|sink| sink.name.clone());
        let mut taken: HashSet<String> = only.map(|sink| sink.name.clone()).into_iter().collect();
        for name in given {
            if !taken.insert(name.clone()) {
                return Err(format!("the name `{name}` is taken"));
            }
        }
        let mut sinks = self.0;
        for (index, sink) in sinks.iter_mut().enumerate() {
            if is_given(sink) {
                continue;
            }
            let host = sink.name.clone();
            let mut number = index + 1;
            while !taken.insert(sink.name.clone()) {
                sink.name = format!("{host}#{number}");
                number += 1;
            }
        }
        Ok(sinks)
    }

    pub(super) fn of(value: Value) -> Result<Self, String> {
        let Value::Array(entries) = value else { return Err(EXPECTED.to_owned()) };
        let sink = |(index, entry)| sink_of(entry).map_err(|reason| format!("sink {}: {reason}", index + 1));
        entries.into_iter().enumerate().map(sink).collect::<Result<_, _>>().map(Self)
    }
}

fn sink_of(entry: Value) -> Result<EventSinkConfig, String> {
    // A mistake in YAML makes a key of what is a value, such as an address with a token.
    let is_name = |key: &String| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if entry.as_object().is_some_and(|entry| !entry.keys().all(is_name)) {
        return Err("expected keys of small letters and `_`, such as `url`".to_owned());
    }
    let entry: Entry = serde_json::from_value(entry).map_err(|error| {
        let text = error.to_string();
        let is_telling = text.starts_with("unknown field") || text.starts_with("missing field");
        if is_telling { text } else { "expected texts, and true or false for `allow_private`".to_owned() }
    })?;
    let url: SinkUrl = entry.url.parse().map_err(|error| format!("`url`: {error}"))?;
    let secret = match (entry.secret_file, entry.secret_env) {
        (Some(_), Some(_)) => return Err("expected `secret_file` or `secret_env`, both came".to_owned()),
        (Some(file), None) => Some(SecretPlace::File(file)),
        (None, Some(name)) => Some(SecretPlace::Environment(name)),
        (None, None) => None,
    };
    let mut sink =
        EventSinkConfig::of_url(url, entry.allow_private, secret).map_err(|reason| format!("`url`: {reason}"))?;
    if let Some(name) = entry.name {
        if name.is_empty() || name.len() > 64 || name.contains(char::is_control) {
            return Err("`name`: expected 1 to 64 bytes without control characters".to_owned());
        }
        sink.name = name;
    }
    if let Some(events) = entry.events {
        sink.events = events.parse().map_err(|reason| format!("`events`: {reason}"))?;
    }
    if let Some(format) = entry.format {
        sink.format = format.parse().map_err(|reason| format!("`format`: {reason}"))?;
    }
    let projects = match entry.projects {
        None => Vec::new(),
        Some(OneOrMany::One(pattern)) => vec![pattern],
        Some(OneOrMany::Many(patterns)) => patterns,
    };
    let patterns = projects.iter().map(|pattern| pattern.parse());
    sink.projects = patterns.collect::<Result<_, _>>().map_err(|reason: String| format!("`projects`: {reason}"))?;
    Ok(sink)
}

/// The sink that has settings of its own, and those settings.
#[derive(Debug, Clone, PartialEq)]
pub struct OnlySink {
    /// The sink, if there is one.
    pub(super) sink: Option<EventSinkConfig>,
    /// The file with its secrets.
    pub(super) secret_file: Option<PathBuf>,
    /// Whether it may be on this machine or in a private network.
    pub(super) allow_private: bool,
}

/// The address of a sink.
pub(super) struct Url(pub(super) SinkUrl);

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: drifting_sinks::InvalidSinkUrl| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        EventSinks::of_text(text).unwrap_err()
    }

    #[test]
    fn a_list_is_read_with_its_defaults() {
        let text = r#"[{"url": "https://a.example/hook/geheim"}, {url: "http://broker:80/", name: knative, events: all,
            projects: [prod-*, churn], format: binary, secret_env: SECRET, allow_private: true},
            {url: https://a.example, projects: x}]"#;
        let sinks = EventSinks::of_text(text).unwrap().beside(None).unwrap();
        let [first, second, third] = &sinks[..] else { panic!("{sinks:?}") };
        assert_eq!(
            (first.name.as_str(), first.events, first.format),
            ("a.example", Which::Changes, EventFormat::Structured)
        );
        assert!(!first.allow_private && first.secret.is_none() && first.projects.is_empty());
        assert_eq!((second.name.as_str(), second.events, second.format), ("knative", Which::All, EventFormat::Binary));
        assert_eq!(
            (second.secret.clone(), second.projects.len()),
            (Some(SecretPlace::Environment("SECRET".to_owned())), 2)
        );
        assert_eq!((third.name.as_str(), third.projects.len()), ("a.example#3", 1));
        let shown = Value::from(sinks.iter().map(EventSinkConfig::shown).collect::<Vec<_>>()).to_string();
        assert!(!shown.contains("geheim") && shown.contains("https://a.example/***"), "{shown}");
        assert!(!format!("{sinks:?}").contains("geheim"));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_place() {
        for (text, expected) in [
            ("https://a.example/geheim", "expected a list of sinks"),
            ("[{url: ", "expected a list of sinks"),
            ("[https://a.example/geheim]", "sink 1: expected texts"),
            ("[{url: https://a.example, evnts: all}]", "sink 1: unknown field `evnts`, expected one of `url`"),
            ("[{url: https://a.example}, {events: all}]", "sink 2: missing field `url`"),
            ("[{url: ftp://a.example/geheim}]", "sink 1: `url`: expected an address"),
            ("[{url: https://a:geheim@b}]", "sink 1: `url`: expected an address"),
            (
                "[{url: http://127.0.0.1/geheim}]",
                "sink 1: `url`: http://127.0.0.1/***: it is an address of this machine",
            ),
            ("[{url: http://2852039166/, allow_private: true}]", "that no sink can have"),
            ("[{url: http://a, events: some}]", "sink 1: `events`: expected changes, drift or all"),
            ("[{url: http://a, format: xml}]", "sink 1: `format`: expected structured, binary or batch"),
            ("[{url: http://a, projects: a/b}]", "sink 1: `projects`: expected the name"),
            ("[{url: http://a, name: ''}]", "sink 1: `name`: expected"),
            ("[{https://a.example/geheim: url}]", "sink 1: expected keys of small letters"),
            ("[{'url: https://a.example/geheim': }]", "sink 1: expected keys of small letters"),
            ("[{url: http://a, secret_file: x, secret_env: y}]", "sink 1: expected `secret_file` or `secret_env`"),
            ("[{url: http://a, allow_private: geheim}]", "sink 1: expected texts"),
        ] {
            let error = refused(text);
            assert!(error.contains(expected) && !error.contains("geheim"), "{text}: {error}");
        }
    }

    #[test]
    fn each_sink_has_a_name_of_its_own() {
        let only = EventSinkConfig::of_url("https://a.example".parse().unwrap(), false, None).unwrap();
        let names = |text: &str, only| {
            let sinks = EventSinks::of_text(text).unwrap().beside(only)?;
            Ok::<_, String>(sinks.into_iter().map(|sink| sink.name).collect::<Vec<_>>())
        };
        let hosts = "[{url: https://a.example/1}, {url: https://b.example}, {url: https://a.example/2}]";
        assert_eq!(names(hosts, None).unwrap(), ["a.example", "b.example", "a.example#3"]);
        assert_eq!(names(hosts, Some(&only)).unwrap(), ["a.example#1", "b.example", "a.example#3"]);
        let given = "[{url: https://a.example}, {url: https://b.example, name: a.example}]";
        assert_eq!(names(given, None).unwrap(), ["a.example#1", "a.example"]);
        let numbered =
            "[{url: https://a.example}, {url: https://a.example}, {url: https://b.example, name: a.example#2}]";
        assert_eq!(names(numbered, None).unwrap(), ["a.example", "a.example#3", "a.example#2"]);
        let taken = "[{url: https://b.example, name: x}, {url: https://c.example, name: x}]";
        assert_eq!(names(taken, None).unwrap_err(), "the name `x` is taken");
        assert_eq!(names(given, Some(&only)).unwrap_err(), "the name `a.example` is taken");
    }

    #[test]
    fn secrets_are_read_from_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let sink = |place| {
            EventSinkConfig::of_url("http://a.example".parse().unwrap(), false, Some(place)).unwrap().subscription()
        };
        let error = |place| format!("{:#}", sink(place).unwrap_err());
        assert!(error(SecretPlace::File(file.clone())).contains("`a.example` has no secret: cannot read the file"));
        std::fs::write(&file, "short").unwrap();
        assert!(error(SecretPlace::File(file.clone())).contains("at least 16 bytes"));
        std::fs::write(&file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let subscription = sink(SecretPlace::File(file)).unwrap();
        assert_eq!(subscription.sink.secrets, Secrets::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").ok());
        assert!(error(SecretPlace::File(folder.path().to_owned())).contains("expected a file"));
        assert!(error(SecretPlace::Environment("NO_SUCH_SECRET".to_owned())).contains("`NO_SUCH_SECRET` is not set"));
    }
}
