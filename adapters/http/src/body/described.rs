//! The bodies that the document describes.

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::unread::Unread;
use crate::answers::{BacktestRequest, FitRequest, FitSettings, PredictRequest};

/// The body of a fit.
pub(crate) struct FitBody(pub(crate) Unread);

/// The body of a backtest.
pub(crate) struct BacktestBody(pub(crate) Unread);

/// The body of a prediction.
pub(crate) struct PredictBody(pub(crate) Unread);

const CSV: &str =
    "A header line with the names of the columns, then one line a row; an empty field is a missing value.";
const NDJSON: &str = "A JSON value on each line: a record, a row or a value, as the items of `data` in JSON.";
const PARQUET: &str = "A Parquet file of flat columns, with pages in snappy, gzip, zstd, brotli, lz4_raw or without \
     compression. Numbers become doubles, `NaN` and null are missing values; dates, times and timestamps become texts as in \
     ISO 8601 (with a time zone: in UTC, with `Z`), durations numbers of seconds, categories their values. The index of a pandas \
     data frame is left out. Nested and binary columns are refused.";
const ARROW: &str = "An Arrow IPC stream, or an Arrow IPC file (Feather), also with lz4 or zstd compression; its columns \
     are taken as those of Parquet are.";
const DATA: &str = "The data: a file in any of the other formats, known by the part's `Content-Type`, or else by the \
     ending of its file name (`.json`, `.csv`, `.ndjson`, `.jsonl`, `.parquet`, `.pq`, `.arrow`, `.arrows`, `.feather`, \
     `.ipc`). In JSON, the part is what `data` is in a JSON body.";
const FIT_PARTS: &str = "A reference as a file, and its settings; without `settings` they stand in the query string.";
const PREDICT_PARTS: &str = "Rows as a file.";

/// The names of the schemas of forms.
const FIT_FORM: &str = "FitForm";
const PREDICT_FORM: &str = "PredictForm";

/// Makes the schema of a form known, with that of its part `settings`.
fn register_form(registry: &mut Registry, name: &str, description: &'static str, settings: Option<MetaSchemaRef>) {
    let data = MetaSchema { description: Some(DATA), ..MetaSchema::new_with_format("string", "binary") };
    let data = MetaSchemaRef::Inline(Box::new(data));
    let form = MetaSchema {
        title: Some(name.to_owned()),
        description: Some(description),
        properties: settings.map(|schema| ("settings", schema)).into_iter().chain([("data", data)]).collect(),
        required: vec!["data"],
        ..MetaSchema::new("object")
    };
    registry.schemas.insert(name.to_owned(), form);
}

/// A body of data in each of the formats, with these schemas of JSON and of a form.
fn described(json: MetaSchemaRef, form: &str, description: &'static str) -> MetaRequest {
    let form = MetaSchemaRef::Reference(form.to_owned());
    let form = MetaMediaType { content_type: "multipart/form-data", schema: form };
    let mut described = described_without_form(json, description);
    described.content.push(form);
    described
}

/// The same of a body that is never a form.
fn described_without_form(json: MetaSchemaRef, description: &'static str) -> MetaRequest {
    let media_type = |content_type, schema| MetaMediaType { content_type, schema };
    let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
    let of = |content_type, description, schema| {
        media_type(content_type, inline(MetaSchema { description: Some(description), ..schema }))
    };
    let binary = || MetaSchema::new_with_format("string", "binary");
    MetaRequest {
        description: Some(description),
        content: vec![
            media_type("application/json", json),
            of("text/csv", CSV, MetaSchema::new("string")),
            of("application/x-ndjson", NDJSON, MetaSchema::new("string")),
            of("application/vnd.apache.parquet", PARQUET, binary()),
            of("application/vnd.apache.arrow.stream", ARROW, binary()),
        ],
        required: true,
    }
}

impl<'a> ApiExtractor<'a> for FitBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        FitRequest::register(registry);
        FitSettings::register(registry);
        register_form(registry, FIT_FORM, FIT_PARTS, Some(FitSettings::schema_ref()));
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(described(
            FitRequest::schema_ref(),
            FIT_FORM,
            "The reference and the settings: JSON with both, or the reference in another format with the settings in the \
             query string or in a part of their own.",
        ))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(Unread::of(request, body)))
    }
}

impl<'a> ApiExtractor<'a> for BacktestBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        BacktestRequest::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(described_without_form(
            BacktestRequest::schema_ref(),
            "The history and the settings: JSON with both, or the history in another format with the settings in the query string.",
        ))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(Unread::of(request, body)))
    }
}

impl<'a> ApiExtractor<'a> for PredictBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        PredictRequest::register(registry);
        register_form(registry, PREDICT_FORM, PREDICT_PARTS, None);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(described(PredictRequest::schema_ref(), PREDICT_FORM, "The rows, one or many, in any of the formats."))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(Unread::of(request, body)))
    }
}
