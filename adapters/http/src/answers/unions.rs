//! The schemas of what may be written in more than one way. They are only described here: `input` reads it straight from the
//! bytes. Each has a name, which generated clients take over, and null belongs to one alternative alone.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};

use super::requests::QualitySettings;

/// What poem-openapi asks of the members of an object: a name, a schema with others that it names, and to be read and
/// written, which never happens here.
macro_rules! described {
    ($($(#[$doc:meta])* $described:ident $(names $($part:ident),+)?: $schema:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $described;

        impl Type for $described {
            const IS_REQUIRED: bool = true;

            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                stringify!($described).into()
            }

            fn schema_ref() -> MetaSchemaRef {
                reference(stringify!($described))
            }

            fn register(registry: &mut Registry) {
                $($($part::register(registry);)+)?
                let title = Some(stringify!($described).to_owned());
                registry.create_schema::<Self, _>(stringify!($described).to_owned(), |_| MetaSchema { title, ..$schema });
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl ParseFromJSON for $described {
            fn parse_from_json(_value: Option<serde_json::Value>) -> ParseResult<Self> {
                Err(ParseError::custom("bodies are read by `input`"))
            }
        }

        impl ToJSON for $described {
            fn to_json(&self) -> Option<serde_json::Value> {
                None
            }
        }
    )*};
}

described! {
    /// A table, or one column.
    Data names DataColumns, DataRow: one_of(
        "An object of columns, or an array of rows: all of them records, all arrays of cells, or, of one column, all its values.",
        [
            reference("DataColumns"),
            inline(MetaSchema { title: Some("Rows".to_owned()), ..array("The rows.", reference("DataRow")) }),
        ],
    );
    /// A table by its columns.
    DataColumns names Cell: object(
        "The values of each column by its name; all have as many.",
        inline(array("The values of a column, one a row.", reference("Cell"))),
    );
    /// A row, or the value of one column.
    DataRow names DataRecord, Cell: one_of(
        "The values of a row by the names of their columns, or in the order of the columns, or the value of the only column, where \
         null is a missing one.",
        [
            reference("DataRecord"),
            inline(MetaSchema {
                title: Some("Cells".to_owned()),
                ..array("The values of a row, in the order of the columns.", reference("Cell"))
            }),
            number_or_null(),
            inline(MetaSchema::new("string")),
            inline(MetaSchema::new("boolean")),
        ],
    );
    /// A row by the names of its columns.
    DataRecord names Cell: object(
        "The values of a row by the names of their columns; an absent one is a missing value.",
        reference("Cell"),
    );
    /// A value of a row.
    Cell: one_of(
        "A number, a text or a truth value; null is a missing value.",
        [number_or_null(), inline(MetaSchema::new("string")), inline(MetaSchema::new("boolean"))],
    );
    /// One bandwidth, or several.
    Bandwidths: one_of(
        "One bandwidth, or several.",
        [
            inline(number()),
            inline(MetaSchema { max_items: Some(64), ..array("Several bandwidths.", inline(number())) }),
        ],
    );
    /// Checks of quality.
    Quality names QualitySettings: one_of(
        "Whether the quality of rows is checked, or how.",
        [inline(MetaSchema::new("boolean")), reference("QualitySettings")],
    );
    /// A number of seconds, or a text with a unit.
    Age: one_of(
        "Seconds, or a text such as `90s`, `15m`, `1.5h`, `7d`.",
        [
            inline(number()),
            inline(MetaSchema { pattern: Some("^[0-9.]+ *[smhd]$".to_owned()), ..MetaSchema::new("string") }),
        ],
    );
}

fn inline(schema: MetaSchema) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(schema))
}

fn reference(name: &str) -> MetaSchemaRef {
    MetaSchemaRef::Reference(name.to_owned())
}

fn one_of<const N: usize>(description: &'static str, alternatives: [MetaSchemaRef; N]) -> MetaSchema {
    MetaSchema { description: Some(description), one_of: alternatives.into(), ..MetaSchema::ANY }
}

fn number() -> MetaSchema {
    MetaSchema::new_with_format("number", "double")
}

fn number_or_null() -> MetaSchemaRef {
    inline(MetaSchema { nullable: true, ..number() })
}

fn array(description: &'static str, items: MetaSchemaRef) -> MetaSchema {
    let description = Some(description);
    MetaSchema { description, items: Some(Box::new(items)), min_items: Some(1), ..MetaSchema::new("array") }
}

fn object(description: &'static str, values: MetaSchemaRef) -> MetaSchema {
    let description = Some(description);
    MetaSchema { description, additional_properties: Some(Box::new(values)), ..MetaSchema::new("object") }
}
