//! Parameters as the document shows them. What comes is checked by the operations themselves.

use std::marker::PhantomData;

use drifting_domain::operation::OperationId;
use drifting_domain::project::ProjectName;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::error::Failure;

/// The name of a project, as it stands in the path.
pub(crate) struct NameInPath(String);

impl NameInPath {
    /// The name, if it is one.
    pub(crate) fn parse(&self) -> Result<ProjectName, Failure> {
        Ok(self.0.parse::<ProjectName>()?)
    }
}

impl NameInPath {
    /// What stands there.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> ApiExtractor<'a> for NameInPath {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema {
            pattern: Some("^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$".to_owned()),
            max_length: Some(ProjectName::LENGTH_MAX),
            min_length: Some(1),
            example: Some("price".into()),
            ..MetaSchema::new("string")
        })))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        // poem-openapi numbers the parameters of a path.
        Ok(Self(request.raw_path_param("param0").unwrap_or_default().to_owned()))
    }
}

/// The id of an operation, as it stands in the path.
pub(crate) struct OperationInPath(String);

impl OperationInPath {
    /// The id; a text of another form is that of no operation.
    pub(crate) fn parse(&self) -> Result<OperationId, Failure> {
        self.0.parse().map_err(|_| Failure::no_operation())
    }
}

impl<'a> ApiExtractor<'a> for OperationInPath {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema {
            pattern: Some("^[0-9a-f]{32}$".to_owned()),
            example: Some("6441d1d2c1f80a3b5c7d9e1f20314253".into()),
            ..MetaSchema::new("string")
        })))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(request.raw_path_param("param0").unwrap_or_default().to_owned()))
    }
}

/// What the client prefers (RFC 7240). Preferences that are not known are passed over.
pub(crate) struct Prefer {
    /// Whether it would rather be answered before the work is done.
    pub(crate) respond_async: bool,
}

impl<'a> ApiExtractor<'a> for Prefer {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = ();
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let schema = MetaSchema { example: Some("respond-async".into()), ..MetaSchema::new("string") };
        Some(MetaSchemaRef::Inline(Box::new(schema)))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let preferences = request.headers().get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let mut preferences = preferences.flat_map(|value| value.split(','));
        let name =
            |preference: &str| preference.split([';', '=']).next().unwrap_or_default().trim().to_ascii_lowercase();
        Ok(Self { respond_async: preferences.any(|preference| name(preference) == "respond-async") })
    }
}

/// A parameter of the query string: only its schema.
pub(crate) struct InQuery<T>(PhantomData<T>);

impl<'a, T: Type> ApiExtractor<'a> for InQuery<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = T;
    type ParamRawType = T::RawValueType;

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(T::schema_ref())
    }

    async fn from_request(
        _request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<T>,
    ) -> poem::Result<Self> {
        Ok(Self(PhantomData))
    }
}

/// A parameter of the query string that must come: only its schema.
pub(crate) struct RequiredInQuery<T>(PhantomData<T>);

impl<'a, T: Type> ApiExtractor<'a> for RequiredInQuery<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = T;
    type ParamRawType = T::RawValueType;

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(T::schema_ref())
    }

    async fn from_request(
        _request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<T>,
    ) -> poem::Result<Self> {
        Ok(Self(PhantomData))
    }
}
