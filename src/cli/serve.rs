//! Options of `serve`.

use std::path::PathBuf;

use serde::Serialize;

pub(super) const EXAMPLES: &str = "\
Each setting can also be said by its environment variable, or in a configuration file by its name with underscores \
(`artifacts_path: /srv/drifting`). A flag wins over the environment, the environment over the file.

Examples:
  drifting serve
  drifting serve --artifacts-path /srv/drifting --port 9000
  drifting serve --artifacts-path s3://bucket/drifting --database-uri postgres://drifting@db/metrics
  drifting serve --database-uri postgres://drifting@db/metrics
  drifting serve --port 0 --artifacts-path memory:// --database-uri none
  drifting serve --host 0.0.0.0 --api-keys-file keys.yaml --tls-cert server.pem --tls-key server.key
  DRIFTING_LOG_LEVEL=debug drifting serve --config production.yaml";

/// Options of `serve`, and of the commands that look at what it would serve with.
#[derive(clap::Args)]
pub struct ServeArgs {
    /// Configuration file [default: drifting.yaml, if there is one]
    #[arg(long, env = "DRIFTING_CONFIG", hide_env_values = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The settings.
    #[command(flatten)]
    pub settings: SettingFlags,
}

/// Every setting as a flag, still a text: the configuration reads all layers in the same way. The names of the fields
/// are the names of the settings.
#[derive(clap::Args, Serialize)]
pub struct SettingFlags {
    /// Where projects are stored: a local path, `s3://bucket/prefix`, `gs://bucket/prefix` or `memory://` [env: DRIFTING_ARTIFACTS_PATH] [default: .drifting/]
    ///
    /// The credentials for a bucket come from the platform: environment, profile, web identity, instance metadata; service
    /// account files, application default credentials, workload identity. With `memory://` nothing is written and everything
    /// is gone when the server stops. A store that another server writes to is refused.
    #[arg(long, value_name = "PATH", aliases = ["artifacts_path", "artifact_path", "artifact-path"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts_path: Option<String>,

    /// Address of the object store [env: DRIFTING_ARTIFACTS_ENDPOINT]
    ///
    /// For S3 stores other than Amazon's, and emulators. Not given: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL of `s3://`,
    /// STORAGE_EMULATOR_HOST of `gs://` (which is called without credentials), else the address of the service.
    #[arg(long, value_name = "URL", alias = "artifacts_endpoint")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts_endpoint: Option<String>,

    /// Region of an S3 bucket [env: DRIFTING_ARTIFACTS_REGION]
    ///
    /// Not given: that of the environment or the profile, else the bucket's own, which is asked for.
    #[arg(long, value_name = "REGION", alias = "artifacts_region")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts_region: Option<String>,

    /// Local folder in which the index of a bucket is worked on [env: DRIFTING_CACHE_PATH] [default: the system's for temporary files]
    ///
    /// What is in it may be lost: the bucket holds everything.
    #[arg(long, value_name = "PATH", alias = "cache_path")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_path: Option<String>,

    /// Where metrics are stored: `local`, `none`, `postgres://…` or `sqlite://…` [env: DRIFTING_DATABASE_URI]
    ///
    /// Not given or `local`: a Postgres of the server's own beside the projects, or a SQLite file where no Postgres
    /// programs are installed; not given with projects in a bucket or in memory: nothing is saved. `none` (or `off`): nothing is saved. Otherwise that database. Other users of the machine
    /// see the command line: say a password in the environment variable or in the file.
    #[arg(long, value_name = "URI", alias = "database_uri")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_uri: Option<String>,

    /// File with the password of the Postgres [env: DRIFTING_DATABASE_PASSWORD_FILE]
    ///
    /// Read whenever a connection is made, so that it can be changed. Without it the password stands in the URI, in
    /// PGPASSWORD or in the file that PGPASSFILE names.
    #[arg(long, value_name = "FILE", alias = "database_password_file")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_password_file: Option<String>,

    /// How long metrics are kept, such as 12h or 90d, or `none` for ever [env: DRIFTING_METRICS_RETENTION] [default: none]
    ///
    /// Older ones are removed at the start and every hour.
    #[arg(long, value_name = "AGE", alias = "metrics_retention")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_retention: Option<String>,

    /// Store the verdict on each column too [env: DRIFTING_METRICS_FEATURES] [default: false]
    ///
    /// Of detectors that judge columns; a row of the database for each column of each window.
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        alias = "metrics_features"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_features: Option<String>,

    /// How much may wait in a file while the metrics database is down, or `none` [env: DRIFTING_METRICS_SPILL_MAX_BYTES] [default: 256MiB]
    ///
    /// Some 5 million values. What does not fit is dropped and counted in `/metrics`.
    #[arg(long, value_name = "BYTES", alias = "metrics_spill_max_bytes")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_spill_max_bytes: Option<String>,

    /// Who is told when drift begins and ends, as CloudEvents: `https://…` or `http://…` [env: DRIFTING_EVENT_SINK]
    ///
    /// Redirects are not followed, and metadata services of clouds are never connected to; see docs/events.md.
    #[arg(long, value_name = "URL", alias = "event_sink")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_sink: Option<String>,

    /// File with the secrets that posts to the event sink are signed with [env: DRIFTING_EVENT_SINK_SECRET_FILE]
    ///
    /// One a line, each of at least 16 bytes, or `whsec_` and base64; each gives a signature of Standard Webhooks.
    #[arg(long, value_name = "FILE", alias = "event_sink_secret_file")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_sink_secret_file: Option<String>,

    /// Let the event sink be on this machine or in a private network [env: DRIFTING_EVENT_SINK_ALLOW_PRIVATE] [default: false]
    ///
    /// Such as a broker in the cluster.
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        alias = "event_sink_allow_private"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_sink_allow_private: Option<String>,

    /// More event sinks, each with settings of its own [env: DRIFTING_EVENT_SINKS]
    ///
    /// A list as in YAML or JSON: `[{url: https://events.example/drift, events: changes, projects: [prod-*]}]`. Members: `url`,
    /// `name`, `events` (`changes`, `drift` or `all`), `projects`, `format` (`structured`, `binary` or `batch`), `secret_file`
    /// or `secret_env`, `allow_private`.
    #[arg(long, value_name = "LIST", alias = "event_sinks")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_sinks: Option<String>,

    /// How much may wait in a file for each event sink that is down, or `none` [env: DRIFTING_EVENT_SPOOL_MAX_BYTES] [default: 64MiB]
    ///
    /// Some 500,000 events. What does not fit is dropped and counted in `/metrics`.
    #[arg(long, value_name = "BYTES", alias = "event_spool_max_bytes")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_spool_max_bytes: Option<String>,

    /// The projects of events that are sent to `/`, by inference service [env: DRIFTING_EVENT_PROJECTS]
    ///
    /// Pairs such as `prod/churn-model=churn` (namespace, service, project) with commas between; without any, `/` takes no events, and
    /// `/v1/events/{project}` does.
    #[arg(long, value_name = "SERVICE=PROJECT,…", alias = "event_projects")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_projects: Option<String>,

    /// Name that tells this server's rows in a shared metrics database apart [env: DRIFTING_INSTANCE] [default: the name of the machine]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,

    /// Address to listen on [env: DRIFTING_HOST] [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,

    /// Port to listen on; 0 takes a free one and prints it [env: DRIFTING_PORT] [default: 8080]
    #[arg(long, value_name = "PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,

    /// Port to listen on for gRPC, or `none`; 0 takes a free one and prints it [env: DRIFTING_GRPC_PORT] [default: 8081]
    ///
    /// Not given, a port that is taken is no error: the server then answers over HTTP alone, with a warning. With `--port 0`
    /// the default is a free one, too.
    #[arg(long, value_name = "PORT", alias = "grpc_port")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_port: Option<String>,

    /// Give answers to inference requests the headers that MLServer's have [env: DRIFTING_MLSERVER_HEADERS] [default: false]
    ///
    /// `ce-id`, `ce-type` and others of a CloudEvent, for what reads them behind the server.
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        alias = "mlserver_headers"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mlserver_headers: Option<String>,

    /// Tell in `/metrics` what MLServer tells, under its names too [env: DRIFTING_MLSERVER_METRICS] [default: false]
    ///
    /// Such as `model_infer_request_success_total` and `rest_server_requests_total`, for dashboards that have been made for it.
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        alias = "mlserver_metrics"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mlserver_metrics: Option<String>,

    /// How many projects `/metrics` tells apart; the rest is counted as `other` [env: DRIFTING_METRICS_MAX_PROJECTS] [default: 1000]
    ///
    /// Each has some ten series. Those that came first are told apart.
    #[arg(long, value_name = "NUMBER", alias = "metrics_max_projects")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_max_projects: Option<String>,

    /// Names that requests may call the server by, separated by commas [env: DRIFTING_ALLOWED_HOSTS]
    ///
    /// The Host header is checked where this is set, and on loopback addresses, where the loopback names are the
    /// default: so no web page can reach the server by letting a name of its own point to this machine.
    #[arg(long, value_name = "HOST,…", alias = "allowed_hosts")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_hosts: Option<String>,

    /// Pages of other servers that may use this one, separated by commas [env: DRIFTING_CORS_ORIGINS]
    ///
    /// Such as `https://app.example`. Not given, a browser lets no page of another server read anything here, and the server
    /// refuses what such a page would change.
    #[arg(long, value_name = "ORIGIN,…", alias = "cors_origins")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_origins: Option<String>,

    /// File of API keys, which `drifting keys` writes [env: DRIFTING_API_KEYS_FILE]
    ///
    /// Keys with scopes and projects, of which the file holds digests; it is read again when it changes. One key that may do
    /// everything can be said in the environment variable DRIFTING_API_KEY. Without any key the server keeps to loopback.
    #[arg(long, value_name = "FILE", alias = "api_keys_file")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_keys_file: Option<String>,

    /// Issuer of tokens that are taken as keys, as it stands in their `iss` [env: DRIFTING_JWT_ISSUER]
    ///
    /// JSON Web Tokens (OpenID Connect), signed with a public key of the issuer.
    #[arg(long, value_name = "URL", alias = "jwt_issuer")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_issuer: Option<String>,

    /// Names of this server in the `aud` of tokens, separated by commas [env: DRIFTING_JWT_AUDIENCE]
    #[arg(long, value_name = "NAME,…", alias = "jwt_audience")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_audience: Option<String>,

    /// Address or file of the issuer's public keys (JWKS) [env: DRIFTING_JWT_KEYS] [default: where the issuer's own description says]
    #[arg(long, value_name = "URL|FILE", alias = "jwt_keys")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_keys: Option<String>,

    /// Claim of tokens that holds scopes: words or a list; a way to it with dots [env: DRIFTING_JWT_SCOPES_CLAIM] [default: scope]
    ///
    /// The scopes are read, predict, fit and admin, also as `drifting:read` and so on; other words are passed over.
    #[arg(long, value_name = "CLAIM", alias = "jwt_scopes_claim")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_scopes_claim: Option<String>,

    /// Claim of tokens that holds patterns of projects, such as `churn-*` [env: DRIFTING_JWT_PROJECTS_CLAIM] [default: tokens are for all projects]
    #[arg(long, value_name = "CLAIM", alias = "jwt_projects_claim")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_projects_claim: Option<String>,

    /// Requests that a key may send, such as 100/s or 600/min; an address, where nobody needs a key [env: DRIFTING_RATE_LIMIT]
    ///
    /// A key of the file may have a rate of its own.
    #[arg(long, value_name = "RATE", alias = "rate_limit")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<String>,

    /// Folder of the audit log: every change of projects, and who asked for it [env: DRIFTING_AUDIT_LOG] [default: none]
    ///
    /// Fits, deletes, loads, unloads, resets and cancellations, a line of JSON each, also refused ones; a file a day, of which seven are
    /// kept. Keys stand in it by their ids.
    #[arg(long, value_name = "PATH", alias = "audit_log")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_log: Option<String>,

    /// Folder of encoders of texts and images [env: DRIFTING_ENCODERS_PATH]
    ///
    /// Each folder in it is one, by its name: `model.onnx`, beside it `tokenizer.json` of one of texts, and of one of images
    /// `preprocessor_config.json` where there is one. Texts and images become vectors by it where a fit names it.
    #[arg(long, value_name = "PATH", alias = "encoders_path")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoders_path: Option<String>,

    /// File with the server's certificate and those that vouch for it, in PEM: turns on TLS [env: DRIFTING_TLS_CERT]
    ///
    /// For HTTP and gRPC. The files are read again when they change; connections that are open keep what they began with.
    #[arg(long, value_name = "FILE", alias = "tls_cert")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<String>,

    /// File with the private key of the certificate, in PEM [env: DRIFTING_TLS_KEY]
    #[arg(long, value_name = "FILE", alias = "tls_key")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<String>,

    /// File with the authorities that clients need a certificate of, in PEM [env: DRIFTING_TLS_CLIENT_CA]
    ///
    /// Not given, clients need none.
    #[arg(long, value_name = "FILE", alias = "tls_client_ca")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_ca: Option<String>,

    /// Listen beyond loopback although nobody has to authenticate [env: DRIFTING_INSECURE_NO_AUTH]
    ///
    /// Whoever reaches the server can then read, replace and delete every project.
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        alias = "insecure_no_auth"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure_no_auth: Option<String>,

    /// How log lines look: `pretty` or `json` [env: DRIFTING_LOG_FORMAT] [default: pretty on a terminal, else json]
    #[arg(long, value_name = "FORMAT", alias = "log_format")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<String>,

    /// Least level of log lines, or directives [env: DRIFTING_LOG_LEVEL] [default: info]
    ///
    /// The levels are error, warn, info, debug, trace and off; a directive such as `info,drifting_http=debug` gives a
    /// part of the program a level of its own.
    #[arg(long, value_name = "LEVEL", alias = "log_level")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,

    /// When online state is saved: `interval` or `always` [env: DRIFTING_STATE_DURABILITY] [default: interval]
    ///
    /// `interval`: behind the answers; a crash loses at most the state of one interval. `always`: before each answer;
    /// a crash loses nothing, and each answer waits for the disk.
    #[arg(long, value_name = "WHEN", alias = "state_durability")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_durability: Option<String>,

    /// How often online state is saved, such as 500ms or 30s [env: DRIFTING_STATE_INTERVAL] [default: 1s, 30s in a bucket]
    #[arg(long, value_name = "DURATION", alias = "state_interval")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_interval: Option<String>,

    /// How often the store is looked at for projects that were copied in or taken out, or `none` [env: DRIFTING_SCAN_INTERVAL] [default: 30s, none in a bucket]
    ///
    /// `POST /api/v1/projects/refresh` and `drifting projects refresh` look at once.
    #[arg(long, value_name = "DURATION", alias = "scan_interval")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan_interval: Option<String>,

    /// How long the right to write into a bucket runs without being renewed [env: DRIFTING_LEASE_DURATION] [default: 15s]
    ///
    /// A server that was killed on another machine is waited for so long. A server that cannot renew it for half the time
    /// stops writing.
    #[arg(long, value_name = "DURATION", alias = "lease_duration")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_duration: Option<String>,

    /// Serve beside the server that writes to the store, and write nothing [env: DRIFTING_READ_ONLY] [default: false]
    ///
    /// Answers predictions of detectors whose request is the window; what would write, or move a state, is refused.
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        alias = "read_only"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<String>,

    /// Largest body of a request, such as 10MB [env: DRIFTING_MAX_BODY_BYTES] [default: 32MiB]
    #[arg(long, value_name = "BYTES", alias = "max_body_bytes")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_body_bytes: Option<String>,

    /// Largest body of a fit [env: DRIFTING_FIT_MAX_BODY_BYTES] [default: 1GiB]
    #[arg(long, value_name = "BYTES", alias = "fit_max_body_bytes")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit_max_body_bytes: Option<String>,

    /// Largest path and query of a request [env: DRIFTING_MAX_URI_BYTES] [default: 8KiB]
    #[arg(long, value_name = "BYTES", alias = "max_uri_bytes")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_uri_bytes: Option<String>,

    /// Most headers of a request, up to 100 [env: DRIFTING_MAX_HEADERS] [default: 100]
    #[arg(long, value_name = "COUNT", alias = "max_headers")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_headers: Option<String>,

    /// Largest headers of a request in all, up to 256KiB [env: DRIFTING_MAX_HEADER_BYTES] [default: 32KiB]
    #[arg(long, value_name = "BYTES", alias = "max_header_bytes")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_header_bytes: Option<String>,

    /// How deep arrays and objects of JSON may stand within one another, up to 127 [env: DRIFTING_MAX_JSON_DEPTH] [default: 127]
    #[arg(long, value_name = "COUNT", alias = "max_json_depth")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_json_depth: Option<String>,

    /// Most columns of a reference and of rows, up to 10000 [env: DRIFTING_MAX_COLUMNS] [default: 10000]
    #[arg(long, value_name = "COUNT", alias = "max_columns")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_columns: Option<String>,

    /// Most tensors of an inference request, up to 10000 [env: DRIFTING_MAX_TENSORS] [default: 4096]
    #[arg(long, value_name = "COUNT", alias = "max_tensors")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tensors: Option<String>,

    /// Most dimensions of a tensor, up to 8 [env: DRIFTING_MAX_RANK] [default: 8]
    #[arg(long, value_name = "COUNT", alias = "max_rank")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rank: Option<String>,

    /// Most permutations of a detector, up to 100000 [env: DRIFTING_MAX_PERMUTATIONS] [default: 100000]
    ///
    /// A fit that asks for more, or whose `p_val` needs more, is refused.
    #[arg(long, value_name = "COUNT", alias = "max_permutations")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_permutations: Option<String>,

    /// Most bootstraps of a detector [env: DRIFTING_MAX_BOOTSTRAPS] [default: 100000000]
    ///
    /// A fit that asks for more, or whose `ert` needs more, is refused.
    #[arg(long, value_name = "COUNT", alias = "max_bootstraps")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bootstraps: Option<String>,

    /// Connections at once, over HTTP and over gRPC each [env: DRIFTING_MAX_CONNECTIONS] [default: two fifths of the files that may be open, at most 10000]
    ///
    /// Where all are taken and another one comes, the one that has rested for longest between two requests is closed; where none rests,
    /// more wait in the system's queue.
    #[arg(long, value_name = "COUNT", alias = "max_connections")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<String>,

    /// How long the head of a request may take, and a client's part of a handshake [env: DRIFTING_HEADER_TIMEOUT] [default: 10s]
    #[arg(long, value_name = "DURATION", alias = "header_timeout")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_timeout: Option<String>,

    /// How long a body may rest between two of its bytes [env: DRIFTING_BODY_TIMEOUT] [default: 30s]
    #[arg(long, value_name = "DURATION", alias = "body_timeout")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_timeout: Option<String>,

    /// How long a connection may rest between two requests [env: DRIFTING_IDLE_TIMEOUT] [default: 75s]
    ///
    /// Over HTTP; pings are no requests. Over gRPC it may rest for as long as its client answers pings.
    #[arg(long, value_name = "DURATION", alias = "idle_timeout")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<String>,

    /// How long a client may take nothing of an answer [env: DRIFTING_WRITE_TIMEOUT] [default: 25s]
    #[arg(long, value_name = "DURATION", alias = "write_timeout")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_timeout: Option<String>,

    /// How many answers are kept for requests that are sent again [env: DRIFTING_IDEMPOTENCY_MAX_KEYS] [default: 100000]
    ///
    /// Of requests with an `Idempotency-Key`, for 24 hours; the oldest give way. Those of the latest 64 requests of each project are
    /// saved with its state as well.
    #[arg(long, value_name = "COUNT", alias = "idempotency_max_keys")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_max_keys: Option<String>,

    /// How many bytes of such answers are kept [env: DRIFTING_IDEMPOTENCY_MAX_BYTES] [default: 64MiB]
    #[arg(long, value_name = "BYTES", alias = "idempotency_max_bytes")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_max_bytes: Option<String>,

    /// What projects in memory may take, such as 2GiB, or `none` [env: DRIFTING_PROJECTS_MEMORY] [default: half of the machine's, or of its control group's]
    ///
    /// Above it, projects that have not been used for longest are saved and leave memory; their next request loads them again. They stay
    /// active.
    #[arg(long, value_name = "BYTES", alias = "projects_memory")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projects_memory: Option<String>,

    /// What the bodies of requests may take together, such as 512MiB, or `none` [env: DRIFTING_BODIES_MEMORY] [default: an eighth of the machine's, or of its control group's]
    ///
    /// As they came and as they are decoded, until their requests are answered. More is refused: 503 `overloaded`. Those of fits and backtests may
    /// take as much again. The first 16 KiB of a body do not count, and a body that is alone is taken whatever this is.
    #[arg(long, value_name = "BYTES", alias = "bodies_memory")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bodies_memory: Option<String>,

    /// Predictions that may wait or be at work [env: DRIFTING_PREDICT_QUEUE] [default: 1000]
    ///
    /// More are refused before their bodies are read: 503 `overloaded`.
    #[arg(long, value_name = "COUNT", alias = "predict_queue")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predict_queue: Option<String>,

    /// How long predictions may be expected to wait, or `none` [env: DRIFTING_PREDICT_WAIT] [default: 250ms]
    ///
    /// Where as many are on their way as are judged in that time, and more than 64, others are refused like those beyond `--predict-queue`.
    /// While many more are refused than judged, a tenth of that time counts, and fewer than 64.
    #[arg(long, value_name = "DURATION", alias = "predict_wait")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predict_wait: Option<String>,

    /// Fits that may compute at once [env: DRIFTING_CONCURRENT_FITS] [default: a quarter of the processors, at least 1]
    #[arg(long, value_name = "COUNT", alias = "concurrent_fits")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent_fits: Option<String>,

    /// Fits that may wait for their turn [env: DRIFTING_FIT_QUEUE] [default: 16]
    ///
    /// More are refused: 503 `fit_queue_full`.
    #[arg(long, value_name = "COUNT", alias = "fit_queue")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit_queue: Option<String>,

    /// How long to go on serving after SIGTERM, when `/readyz` says no already [env: DRIFTING_DRAIN_DELAY] [default: 0s]
    ///
    /// For load balancers that need a while to send requests elsewhere; 5s suits Kubernetes.
    #[arg(long, value_name = "DURATION", alias = "drain_delay")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_delay: Option<String>,

    /// How long requests under way may take after that [env: DRIFTING_SHUTDOWN_TIMEOUT] [default: 25s]
    #[arg(long, value_name = "DURATION", alias = "shutdown_timeout")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown_timeout: Option<String>,
}
