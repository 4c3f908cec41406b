//! `configuration.yaml`: readable, diffable, and protected by the checksum in its last line.

use drifting_domain::project::{Configuration, ProjectName};
use serde::{Deserialize, Serialize};

use crate::{checksum, layout};

/// Larger files are neither written nor read.
pub const SIZE_MAX: u64 = 16 * 1024 * 1024;

/// The version of the format that is written, and the only one that is read.
const FORMAT_VERSION: u64 = 1;
const VERSION_KEY: &str = "format_version: ";
const CHECKSUM_KEY: &str = "checksum: ";

/// The parameter file that belongs to a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterFile {
    /// Its name in the project's folder.
    pub file: String,
    /// The checksum of its bytes.
    pub checksum: String,
}

/// A configuration as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigurationFile {
    /// Everything but the arrays.
    pub configuration: Configuration,
    /// Where the arrays are.
    pub parameters: ParameterFile,
    /// The file's own checksum: it stands for this fit.
    pub checksum: String,
}

/// Why a configuration cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationFileError {
    /// It is too large.
    #[error("expected at most {SIZE_MAX} bytes of configuration, there are {0}")]
    Size(usize),
    /// It is no text.
    #[error("expected a text in UTF-8")]
    Encoding(#[from] std::str::Utf8Error),
    /// It does not begin with its version.
    #[error("expected `format_version` in the first line of the configuration")]
    Unversioned,
    /// Another program wrote it.
    #[error(
        "expected format version {FORMAT_VERSION}, the configuration has {0}; another version of the program wrote it"
    )]
    Version(u64),
    /// The last line is no checksum, or not the whole one.
    #[error("expected `checksum` in the last line of the configuration; the file is cut off or was edited")]
    Unprotected,
    /// Other bytes than those that were written.
    #[error("expected a configuration with the {expected}, it has the {actual}")]
    Checksum {
        /// What the file says.
        expected: String,
        /// What it has.
        actual: String,
    },
    /// It is no configuration.
    #[error("expected a configuration: {0}")]
    Content(#[from] serde_yaml::Error),
    /// It names a file that this store would not have written.
    #[error("expected the name of a parameter file, the configuration names another file")]
    ParameterFile,
    /// What is written would be read as something else.
    #[error("the configuration does not come back from its text as it was")]
    Unfaithful,
}

#[derive(Serialize, Deserialize)]
struct Content<C> {
    format_version: u64,
    #[serde(flatten)]
    configuration: C,
    parameters: ParameterFile,
}

/// The file's bytes, and the configuration as it will be read.
pub fn encode(
    configuration: Configuration,
    parameters: ParameterFile,
) -> Result<(Vec<u8>, ConfigurationFile), ConfigurationFileError> {
    let content =
        Content { format_version: FORMAT_VERSION, configuration: &configuration, parameters: parameters.clone() };
    let mut text = serde_yaml::to_string(&content)?;
    let checksum = checksum::of(&[text.as_bytes()]);
    text.push_str(&last_line(&checksum));
    if text.len() as u64 > SIZE_MAX {
        return Err(ConfigurationFileError::Size(text.len()));
    }
    // YAML has many ways to read a text as something else; what would come back changed is never committed.
    let read = decode(text.as_bytes(), &configuration.project)?;
    if read == (ConfigurationFile { configuration, parameters, checksum }) {
        Ok((text.into_bytes(), read))
    } else {
        Err(ConfigurationFileError::Unfaithful)
    }
}

/// The configuration of a file in the folder of a project, whose name wins over the one in the file.
pub fn decode(bytes: &[u8], project: &ProjectName) -> Result<ConfigurationFile, ConfigurationFileError> {
    let text = str::from_utf8(bytes)?;
    // The version comes first: a newer program may protect the file in another way.
    let version = text.lines().next().and_then(|line| line.strip_prefix(VERSION_KEY)?.parse().ok());
    match version {
        Some(FORMAT_VERSION) => {}
        Some(other) => return Err(ConfigurationFileError::Version(other)),
        None => return Err(ConfigurationFileError::Unversioned),
    }
    let checksum = verify(text)?;
    let content: Content<Configuration> = serde_yaml::from_str(text)?;
    if !layout::is_parameters(&content.parameters.file) {
        return Err(ConfigurationFileError::ParameterFile);
    }
    let configuration = Configuration { project: project.clone(), ..content.configuration };
    Ok(ConfigurationFile { configuration, parameters: content.parameters, checksum })
}

/// The generation that the beginning of a file gives, unverified.
pub fn peek_generation(beginning: &[u8]) -> Option<u64> {
    let text = beginning.utf8_chunks().next()?.valid();
    // The last line may be cut off.
    let (lines, _) = text.rsplit_once('\n')?;
    lines.lines().find_map(|line| line.strip_prefix("generation: ")?.parse().ok())
}

/// Holds the last line against the text above it.
fn verify(text: &str) -> Result<String, ConfigurationFileError> {
    let unterminated = text.strip_suffix('\n').ok_or(ConfigurationFileError::Unprotected)?;
    let start = unterminated.rfind('\n').map_or(0, |newline| newline + 1);
    let (above, last) = text.split_at(start);
    let Some(expected) = last.trim_end().strip_prefix(CHECKSUM_KEY) else {
        return Err(ConfigurationFileError::Unprotected);
    };
    let actual = checksum::of(&[above.as_bytes()]);
    // The whole line is compared, so that not even a blank in it changes unnoticed.
    if last == last_line(&actual) {
        Ok(actual)
    } else {
        Err(ConfigurationFileError::Checksum { expected: expected.to_owned(), actual })
    }
}

fn last_line(checksum: &str) -> String {
    format!("{CHECKSUM_KEY}{checksum}\n")
}

#[cfg(test)]
mod tests {
    use drifting_domain::contract::{name, sample_project};
    use drifting_domain::data::{ColumnSchema, ColumnType};
    use proptest::prelude::*;

    use super::*;
    use drifting_domain::detectors::{DetectorSpec, OnlineSpec};

    fn parameters() -> ParameterFile {
        ParameterFile { file: layout::FIRST_PARAMETERS.to_owned(), checksum: checksum::of(&[b"parameters"]) }
    }

    fn sealed(text: &str) -> Vec<u8> {
        format!("{text}{}", last_line(&checksum::of(&[text.as_bytes()]))).into_bytes()
    }

    #[test]
    fn the_text_is_as_documented() {
        let (bytes, _) = encode(sample_project("a", 7, 1).configuration, parameters()).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.starts_with("format_version: 1\ngeneration: 7\nproject: a\ndrift_type: tabular\ndetector:\n"),
            "{text}"
        );
        let lines: Vec<_> = text.lines().rev().take(4).collect();
        assert!(lines[0].starts_with("checksum: sha256:"), "{text}");
        assert_eq!(peek_generation(&text.as_bytes()[..60]), Some(7), "the generation stands near the beginning");
        assert!(lines[1].starts_with("  checksum: sha256:"), "{text}");
        assert_eq!(lines[2..], ["  file: drift_detector.safetensors", "parameters:"], "{text}");
    }

    #[test]
    fn every_kind_comes_back_as_it_was() {
        use drifting_domain::data::{MissingValues, Schema};
        use drifting_domain::detectors::{DetectorKind, DetectorRequest, ModelName};

        let schema = sample_project("a", 1, 1).configuration.schema;
        let schema = Schema { missing_values: MissingValues::Reject, ..schema };
        for kind in DetectorKind::ALL {
            let of = |request: DetectorRequest| {
                if kind.is_online() {
                    DetectorSpec::Online(
                        request.online_specification(kind, if kind.is_streaming() { 1 } else { 3 }).unwrap(),
                    )
                } else {
                    DetectorSpec::Batch(request.batch_specification(kind, &schema, 500).unwrap())
                }
            };
            let context_columns = (kind == DetectorKind::ContextMmd).then(|| vec![schema.columns[0].name.clone()]);
            let mut specs = vec![of(DetectorRequest { context_columns, ..DetectorRequest::default() })];
            if kind == DetectorKind::Classifier {
                let model = Some(ModelName::RandomForest);
                specs.push(of(DetectorRequest { model, n_folds: Some(5), ..DetectorRequest::default() }));
            }
            for detector in specs {
                let configuration = Configuration { detector, ..sample_project("a", 1, 1).configuration };
                let (bytes, _) = encode(configuration.clone(), parameters()).unwrap();
                assert_eq!(decode(&bytes, &name("a")).unwrap().configuration, configuration, "{kind}");
            }
        }
    }

    #[test]
    fn the_folder_wins_over_the_name_in_the_file() {
        let (bytes, _) = encode(sample_project("a", 1, 1).configuration, parameters()).unwrap();
        assert_eq!(decode(&bytes, &name("b")).unwrap().configuration.project, name("b"));
    }

    #[test]
    fn another_version_is_named() {
        let (bytes, _) = encode(sample_project("a", 1, 1).configuration, parameters()).unwrap();
        let newer = String::from_utf8(bytes).unwrap().replacen("format_version: 1", "format_version: 2", 1);
        let error = decode(newer.as_bytes(), &name("a")).unwrap_err();
        assert!(matches!(error, ConfigurationFileError::Version(2)), "{error}");
    }

    #[test]
    fn a_foreign_parameter_file_is_refused() {
        for file in ["../b/drift_detector.safetensors", "/etc/passwd", "configuration.yaml", ""] {
            let content = Content {
                format_version: FORMAT_VERSION,
                configuration: sample_project("a", 1, 1).configuration,
                parameters: ParameterFile { file: file.to_owned(), ..parameters() },
            };
            let bytes = sealed(&serde_yaml::to_string(&content).unwrap());
            assert!(matches!(decode(&bytes, &name("a")), Err(ConfigurationFileError::ParameterFile)), "{file}");
        }
    }

    #[test]
    fn a_sealed_text_that_is_no_configuration_is_refused() {
        let aliases = "format_version: 1\na: &a [x,x]\nb: &b [*a,*a]\nproject: *b\n".to_owned();
        let deep = format!("format_version: 1\nproject: {}\n", "[".repeat(1_000));
        for text in ["", "format_version: 1\n", "format_version: 1\n- 1\n", &aliases, &deep, "format_version: 1\n\0\n"]
        {
            assert!(decode(&sealed(text), &name("a")).is_err(), "{}", &text[..text.len().min(80)]);
        }
    }

    proptest! {
        #[test]
        fn texts_come_back_as_they_were(
            texts in prop::collection::vec(any::<String>(), 1..4),
            odd in prop::collection::vec("[ \\t\\r\\n:#'\"&*!|>%@`~?{}\\[\\],0-9.eE+_-]{0,12}", 1..4),
            ert in any::<f64>().prop_filter("a number", |ert| !ert.is_nan()),
            seed in any::<u64>(),
        ) {
            let mut configuration = sample_project("a", 1, 1).configuration;
            if let DetectorSpec::Online(OnlineSpec::CvmOnline(spec)) = &mut configuration.detector {
                (spec.ert, spec.seed) = (ert, seed);
            }
            for text in texts.iter().chain(&odd) {
                configuration.warnings.push(text.clone());
                let kind = ColumnType::Categorical { categories: vec![text.clone()], is_numeric: false };
                configuration.schema.columns.push(ColumnSchema { name: text.clone(), kind });
            }
            let (bytes, _) = encode(configuration.clone(), parameters()).unwrap();
            prop_assert_eq!(decode(&bytes, &name("a")).unwrap().configuration, configuration);
        }

        #[test]
        fn hostile_texts_do_no_harm(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes, &name("a"));
            let _ = decode(text.as_bytes(), &name("a"));
            let _ = decode(&sealed(&format!("format_version: 1\n{text}\n")), &name("a"));
        }
    }

    #[test]
    fn texts_that_look_like_something_else_stay_texts() {
        let mut configuration = sample_project("a", 1, 1).configuration;
        configuration.warnings = [
            "yes",
            "~",
            "null",
            "1e3",
            "0x1f",
            "1_000",
            "2026-01-01",
            ".nan",
            "- a",
            "=",
            "<<",
            "\u{feff}",
            "\u{85}",
            "\u{2028}",
            "\0",
            "\r\n",
        ]
        .map(str::to_owned)
        .to_vec();
        let (bytes, _) = encode(configuration.clone(), parameters()).unwrap();
        assert_eq!(decode(&bytes, &name("a")).unwrap().configuration, configuration);
    }
}
