//! Parameters as the document shows them. What comes is checked by the operations themselves.

use std::marker::PhantomData;

use drifting_access::{Caller, Denied};
use drifting_domain::operation::OperationId;
use drifting_domain::project::ProjectName;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::body::leave_body;
use crate::error::Failure;
use crate::rights::caller;

/// What stands in a path.
pub(crate) trait PathPart: Send + Sync {
    /// Which of the path's parameters it is: poem-openapi numbers them.
    const PARAMETER: &'static str;

    /// Its schema.
    fn schema() -> MetaSchema;

    /// Whether whoever calls may name this.
    fn check(_caller: &Caller, _part: &str) -> Result<(), Denied> {
        Ok(())
    }
}

/// A part of the path, as it stands there.
pub(crate) struct InPath<P>(String, PhantomData<P>);

impl<P> InPath<P> {
    /// What stands there.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a, P: PathPart> ApiExtractor<'a> for InPath<P> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(P::schema())))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let part = request.raw_path_param(P::PARAMETER).unwrap_or_default();
        if let Err(denied) = P::check(caller(request)?, part) {
            if let Ok(body) = body.take() {
                leave_body(request, body);
            }
            return Err(Failure::from(denied).into());
        }
        Ok(Self(part.to_owned(), PhantomData))
    }
}

/// The name of a project.
pub(crate) struct NamePart;

/// The name of a project, as it stands in the path.
pub(crate) type NameInPath = InPath<NamePart>;

impl PathPart for NamePart {
    const PARAMETER: &'static str = "param0";

    fn schema() -> MetaSchema {
        MetaSchema {
            pattern: Some("^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$".to_owned()),
            max_length: Some(ProjectName::LENGTH_MAX),
            min_length: Some(1),
            example: Some("price".into()),
            ..MetaSchema::new("string")
        }
    }

    fn check(caller: &Caller, part: &str) -> Result<(), Denied> {
        caller.check_project(part)
    }
}

impl NameInPath {
    /// The name, if it is one.
    pub(crate) fn parse(&self) -> Result<ProjectName, Failure> {
        Ok(self.as_str().parse::<ProjectName>()?)
    }
}

/// The id of an operation.
pub(crate) struct OperationPart;

/// The id of an operation, as it stands in the path.
pub(crate) type OperationInPath = InPath<OperationPart>;

impl PathPart for OperationPart {
    const PARAMETER: &'static str = "param0";

    fn schema() -> MetaSchema {
        MetaSchema {
            pattern: Some("^[0-9a-f]{32}$".to_owned()),
            example: Some("6441d1d2c1f80a3b5c7d9e1f20314253".into()),
            ..MetaSchema::new("string")
        }
    }
}

impl OperationInPath {
    /// The id; a text of another form is that of no operation.
    pub(crate) fn parse(&self) -> Result<OperationId, Failure> {
        self.as_str().parse().map_err(|_| Failure::no_operation())
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

/// A parameter of the query string: only its schema, and whether it must come.
pub(crate) struct InQuery<T, const IS_REQUIRED: bool = false>(PhantomData<T>);

/// A parameter of the query string that must come.
pub(crate) type RequiredInQuery<T> = InQuery<T, true>;

impl<'a, T: Type, const IS_REQUIRED: bool> ApiExtractor<'a> for InQuery<T, IS_REQUIRED> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = IS_REQUIRED;

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
