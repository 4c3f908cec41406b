#![expect(clippy::result_large_err, reason = "figment's jail wants its own error, which is large")]

use figment::Jail;
use serde_json::json;

use super::*;

mod mangled;

fn load(flags: &serde_json::Value) -> Result<Config, ConfigError> {
    Config::load(None, flags)
}

fn refused(flags: &serde_json::Value) -> String {
    load(flags).unwrap_err().to_string()
}

/// Runs a test in an empty folder with an empty environment.
fn in_jail(test: impl FnOnce(&mut Jail) -> figment::error::Result<()>) {
    Jail::expect_with(|jail| {
        jail.clear_env();
        test(jail)
    });
}

#[test]
fn without_anything_said_the_defaults_hold() {
    in_jail(|_| {
        let config = load(&json!({})).unwrap();
        assert_eq!(config.file, None);
        assert_eq!(config.artifacts_path, ArtifactsPath::Local(".drifting/".into()));
        assert_eq!(config.database_uri, DatabaseUri::NotGiven);
        assert_eq!(config.address().to_string(), "127.0.0.1:8080");
        assert!(config.allowed_hosts.is_empty());
        assert_eq!(config.log_level.to_string(), "info");
        assert_eq!(config.state_durability, StateDurability::Interval);
        assert_eq!(config.state_interval, Duration::from_secs(1));
        assert_eq!((config.max_body_bytes, config.fit_max_body_bytes), (32 << 20, 1 << 30));
        Ok(())
    });
}

#[test]
fn each_layer_wins_over_the_one_below() {
    in_jail(|jail| {
        jail.create_file(
            "drifting.yaml",
            "port: 1001\nartifacts_path: of-file\nstate_interval: 3s\nallowed_hosts: [a.example, b.example]\n",
        )?;
        let config = load(&json!({})).unwrap();
        assert_eq!(config.file, Some("drifting.yaml".into()));
        assert_eq!((config.port, config.state_interval), (1001, Duration::from_secs(3)));
        assert_eq!(config.artifacts_path, ArtifactsPath::Local("of-file".into()));
        assert_eq!(config.allowed_hosts, ["a.example", "b.example"]);

        jail.set_env("DRIFTING_PORT", "1002");
        jail.set_env("DRIFTING_ARTIFACTS_PATH", "007");
        jail.set_env("DRIFTING_ALLOWED_HOSTS", "c.example,d.example");
        let config = load(&json!({})).unwrap();
        assert_eq!(config.port, 1002);
        assert_eq!(config.artifacts_path, ArtifactsPath::Local("007".into()));
        assert_eq!(config.allowed_hosts, ["c.example", "d.example"]);
        assert_eq!(config.state_interval, Duration::from_secs(3));

        let config = load(&json!({"port": "1003", "artifacts_path": "memory://"})).unwrap();
        assert_eq!((config.port, config.artifacts_path), (1003, ArtifactsPath::Memory));
        assert_eq!(config.allowed_hosts, ["c.example", "d.example"]);
        Ok(())
    });
}

#[test]
fn a_named_file_takes_the_place_of_the_one_by_default_and_must_exist() {
    in_jail(|jail| {
        jail.create_file("drifting.yaml", "port: 1001\n")?;
        jail.create_file("other.yaml", "host: ::1\nmax_body_bytes: 10MB\nlog_level: debug\n")?;
        let config = Config::load(Some(Path::new("other.yaml")), &json!({})).unwrap();
        assert_eq!(config.address().to_string(), "[::1]:8080");
        assert_eq!((config.max_body_bytes, config.log_level.to_string().as_str()), (10_000_000, "debug"));
        let error = Config::load(Some(Path::new("missing.yaml")), &json!({})).unwrap_err().to_string();
        assert!(error.contains("the file missing.yaml"), "{error}");
        Ok(())
    });
}

#[test]
fn a_file_of_comments_says_nothing() {
    in_jail(|jail| {
        jail.create_file("drifting.yaml", "# port: 1001\nhost:\nallowed_hosts: []\n")?;
        assert_eq!(load(&json!({})).unwrap().address().to_string(), "127.0.0.1:8080");
        jail.create_file("drifting.yaml", "# port: 1001\n")?;
        assert_eq!(load(&json!({})).unwrap().port, 8080);
        Ok(())
    });
}

#[test]
fn broken_files_are_named() {
    in_jail(|jail| {
        for content in ["port: [", "postgres://drifting:geheim@db/x", "- port", "port: 1\nport: 2\n", "1: 2\n"] {
            jail.create_file("drifting.yaml", content)?;
            let error = refused(&json!({}));
            assert!(error.contains("the file drifting.yaml") && !error.contains("geheim"), "{error}");
        }
        Ok(())
    });
}

#[test]
fn an_unknown_key_names_its_source_and_the_nearest_key() {
    in_jail(|jail| {
        jail.create_file("drifting.yaml", "artifact-path: x\n")?;
        let error = refused(&json!({}));
        assert!(
            error.starts_with(
                "unknown setting `artifact-path` in the file drifting.yaml: did you mean `artifacts_path`?"
            ),
            "{error}"
        );
        jail.create_file("drifting.yaml", "wholly_unlike_anything: x\n")?;
        assert!(!refused(&json!({})).contains("did you mean"));

        jail.create_file("drifting.yaml", "")?;
        jail.set_env("DRIFTING_DATABASE_URL", "none");
        let error = refused(&json!({}));
        assert!(error.contains("variable `DRIFTING_DATABASE_URL`: did you mean `DRIFTING_DATABASE_URI`?"), "{error}");
        Ok(())
    });
}

#[test]
fn variables_that_are_no_settings_are_passed_over() {
    in_jail(|jail| {
        for (name, value) in [
            ("DRIFTING_URL", "http://127.0.0.1:1"),
            ("DRIFTING_CONFIG", "x.yaml"),
            ("DRIFTING_PROGRAM", "/usr/local/bin/drifting"),
            ("DRIFTING_SERVICE_HOST", "10.0.0.1"),
            ("DRIFTING_SERVICE_PORT_HTTP", "8080"),
            ("DRIFTING_PORT", "tcp://10.0.0.1:8080"),
            ("DRIFTING_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("DRIFTING_DATABASE_URI", ""),
        ] {
            jail.set_env(name, value);
        }
        let config = load(&json!({})).unwrap();
        assert_eq!((config.port, config.database_uri), (8080, DatabaseUri::NotGiven));
        Ok(())
    });
}

#[test]
fn wrong_values_name_setting_source_and_what_was_expected() {
    in_jail(|jail| {
        let error = load(&json!({"port": "many"})).unwrap_err();
        assert!(error.is_usage());
        assert_eq!(error.to_string(), "`port` from the flag `--port`: expected a port from 0 to 65535, got `many`");

        jail.create_file("drifting.yaml", "state_interval: 5\nport: {a: 1}\n")?;
        assert!(
            refused(&json!({"port": "1"})).starts_with("`state_interval` from the file drifting.yaml: expected a dur")
        );
        let error = refused(&json!({"state_interval": "1s"}));
        assert!(error.starts_with("`port` from the file drifting.yaml: expected one value"), "{error}");

        jail.create_file("drifting.yaml", "")?;
        jail.set_env("DRIFTING_MAX_BODY_BYTES", "lots");
        let error = load(&json!({})).unwrap_err();
        assert!(!error.is_usage());
        assert!(
            error.to_string().starts_with(
                "`max_body_bytes` from the environment variable `DRIFTING_MAX_BODY_BYTES`: expected a number of bytes"
            ),
            "{error}"
        );
        Ok(())
    });
}

#[test]
fn a_password_is_in_no_text_of_a_configuration() {
    in_jail(|jail| {
        jail.set_env("DRIFTING_DATABASE_URI", "postgres://drifting:geheim@db/metrics");
        let config = load(&json!({})).unwrap();
        assert!(!format!("{config:?} {config:#?}").contains("geheim"));
        jail.set_env("DRIFTING_DATABASE_URI", "mysql://drifting:geheim@db/metrics");
        assert!(!refused(&json!({})).contains("geheim"));
        Ok(())
    });
}

#[test]
fn beyond_loopback_authentication_must_be_waived() {
    in_jail(|jail| {
        jail.set_env("DRIFTING_HOST", "0.0.0.0");
        let error = refused(&json!({}));
        assert!(error.starts_with("`host` from the environment variable `DRIFTING_HOST`: "), "{error}");
        assert!(error.contains("--insecure-no-auth"), "{error}");

        let config = load(&json!({"insecure_no_auth": "true"})).unwrap();
        assert!(!config.is_loopback());
        assert_eq!(config.checked_hosts(), None);
        assert!(config.is_open_to_rebinding());
        for closing in [
            json!({"insecure_no_auth": "true", "allowed_hosts": "drift.example"}),
            json!({"insecure_no_auth": "true", "tls_cert": "cert.pem", "tls_key": "key.pem"}),
            json!({"api_keys_file": "keys.yaml"}),
        ] {
            assert!(!load(&closing).unwrap().is_open_to_rebinding(), "{closing}");
        }
        jail.set_env("DRIFTING_HOST", "127.0.0.1");
        let config = load(&json!({})).unwrap();
        assert!(config.checked_hosts().unwrap().contains(&"localhost".to_owned()));
        assert!(!config.is_open_to_rebinding());
        Ok(())
    });
}

#[test]
fn grpc_has_a_port_of_its_own_that_may_be_none() {
    in_jail(|jail| {
        let port = |flags: serde_json::Value| load(&flags).unwrap().grpc_port;
        assert_eq!(port(json!({})), GrpcPort::ByDefault(8081));
        assert_eq!(port(json!({"port": "0"})), GrpcPort::ByDefault(0));
        assert_eq!(port(json!({"grpc_port": "0"})), GrpcPort::Given(0));
        assert_eq!(load(&json!({"host": "::1"})).unwrap().grpc_address().unwrap().to_string(), "[::1]:8081");
        jail.create_file("drifting.yaml", "grpc_port: 9001\n")?;
        assert_eq!(port(json!({})), GrpcPort::Given(9001));
        jail.set_env("DRIFTING_GRPC_PORT", "None");
        assert_eq!((port(json!({})), load(&json!({})).unwrap().grpc_address()), (GrpcPort::None, None));
        assert_eq!(port(json!({"grpc_port": "9002"})), GrpcPort::Given(9002));

        let error = refused(&json!({"grpc_port": "x"}));
        assert!(error.starts_with("`grpc_port` from the flag `--grpc-port`: expected a port from 0"), "{error}");
        let error = refused(&json!({"grpc_port": "8080"}));
        let expected =
            "`grpc_port` from the flag `--grpc-port`: expected another port than that of HTTP, got 8080 for both";
        assert_eq!(error, expected);
        assert!(load(&json!({"port": "0", "grpc_port": "0"})).is_ok());
        Ok(())
    });
}

#[test]
fn beyond_loopback_a_key_is_needed_and_one_is_made_ready() {
    in_jail(|jail| {
        let error = refused(&json!({"host": "0.0.0.0"}));
        let key = error.split_whitespace().find(|word| word.starts_with("drk_")).unwrap();
        assert!(error.contains("DRIFTING_API_KEY") && error.contains("--api-keys-file"), "{error}");
        assert_eq!(key.len(), 68);
        assert!(load(&json!({"host": "0.0.0.0", "api_keys_file": "keys.yaml"})).is_ok());
        jail.set_env("DRIFTING_API_KEY", key);
        let config = load(&json!({"host": "0.0.0.0"})).unwrap();
        assert!(config.access.asks_for_keys());
        assert!(!format!("{config:?}").contains(key));
        jail.set_env("DRIFTING_API_KEY", "geheim");
        let error = refused(&json!({}));
        let expected = "`api_key` from the environment variable `DRIFTING_API_KEY`: expected at least 16 characters";
        assert!(error.starts_with(expected) && !error.contains("geheim"), "{error}");
        Ok(())
    });
}

#[test]
fn beyond_loopback_a_file_of_keys_must_have_one() {
    in_jail(|jail| {
        for text in ["", "# none yet\n", "[]\n"] {
            jail.create_file("keys.yaml", text)?;
            let error = refused(&json!({"host": "0.0.0.0", "api_keys_file": "keys.yaml"}));
            let key = error.split_whitespace().find(|word| word.starts_with("drk_")).unwrap();
            assert!(error.starts_with("`host` from the flag `--host`: ") && key.len() == 68, "{error}");
            assert!(
                error.contains("the file of keys keys.yaml has none") && error.contains("DRIFTING_API_KEY"),
                "{error}"
            );
            // Where nobody else gets to it, a server may wait for its first key.
            assert!(load(&json!({"api_keys_file": "keys.yaml"})).is_ok());
            for other in [json!({"jwt_issuer": "https://a.example", "jwt_audience": "a"}), json!({"api_key": key})] {
                let mut settings = json!({"host": "0.0.0.0", "api_keys_file": "keys.yaml"});
                settings.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
                assert!(load(&settings).is_ok(), "{other}");
            }
        }
        // What cannot be read is told of by the gate, in its own words.
        jail.create_file("keys.yaml", "no list")?;
        assert!(load(&json!({"host": "0.0.0.0", "api_keys_file": "keys.yaml"})).is_ok());
        let digest = format!("sha256:{}", "0".repeat(64));
        jail.create_file("keys.yaml", &format!("- name: a\n  hash: {digest}\n  scopes: [read]\n"))?;
        assert!(load(&json!({"host": "0.0.0.0", "api_keys_file": "keys.yaml"})).is_ok());
        Ok(())
    });
}

#[test]
fn a_path_of_the_server_has_room_within_the_least_size() {
    in_jail(|_| {
        for (size, is_taken) in [("1", false), ("199", false), ("200", true), ("256KiB", true), ("257KiB", false)] {
            let loaded = load(&json!({"max_uri_bytes": size}));
            assert_eq!(loaded.is_ok(), is_taken, "{size}");
        }
        let error = refused(&json!({"max_uri_bytes": "199"}));
        assert!(
            error.ends_with("expected at least 200, which every path of the server fits into, got `199`"),
            "{error}"
        );
        Ok(())
    });
}

#[test]
fn settings_that_need_each_other_say_so() {
    in_jail(|_| {
        for (flags, word) in [
            (json!({"jwt_issuer": "https://a.example"}), "jwt_audience"),
            (json!({"jwt_audience": "drifting"}), "jwt_issuer"),
            (json!({"jwt_keys": "keys.json"}), "jwt_issuer"),
            (json!({"jwt_projects_claim": "projects"}), "jwt_issuer"),
            (json!({"tls_cert": "cert.pem"}), "tls_key"),
            (json!({"tls_key": "key.pem"}), "tls_cert"),
            (json!({"tls_client_ca": "ca.pem"}), "tls_cert"),
        ] {
            assert!(refused(&flags).contains(&format!("expected `{word}` too")), "{flags}");
        }
        let tokens = json!({"jwt_issuer": "https://a.example", "jwt_audience": "a, b"});
        let tokens = load(&tokens).unwrap().access.tokens.unwrap();
        assert_eq!((tokens.audiences, tokens.scopes_claim.as_str()), (vec!["a".to_owned(), "b".to_owned()], "scope"));
        Ok(())
    });
}

#[test]
fn the_table_of_limits_has_the_defaults() {
    let table = include_str!("../../docs/limits.md");
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, _, setting, default, _, _] = cells.as_slice() else { return None };
        Some((setting.strip_prefix('`')?.strip_suffix('`')?, *default))
    });
    let rows: Vec<(&str, &str)> = rows.collect();
    assert!(rows.len() >= 12, "{rows:?}");
    for (setting, told) in rows {
        let known = SETTINGS.iter().find(|(name, _)| *name == setting);
        let (_, default) = known.unwrap_or_else(|| panic!("there is no setting `{setting}`"));
        // What depends on the machine is told in words.
        assert!(
            default.map_or_else(|| told.contains(' '), |default| default == told),
            "{setting}: {told}, {default:?}"
        );
    }
}
