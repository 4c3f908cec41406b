//! Columns of images, of which a frame holds only where they are: what they show is measured elsewhere.

use super::read::report;
use super::{ColumnSchema, ColumnType, Schema, nothing_came};
use crate::data::frame::{Cells, MISSING_CODE};
use crate::data::images::KeptImage;
use crate::data::table::{DataIssue, InvalidData, Table, Values};

/// How an image came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ImageSource<'t> {
    /// As a file in base64, unread.
    File(&'t str),
    /// As it is kept.
    Kept(KeptImage<'t>),
}

/// The images of a table, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadImages<'t> {
    /// The name of the column.
    pub column: &'t str,
    /// One a row that is kept, with its place in the table; nothing where it is missing.
    pub images: Vec<(usize, Option<ImageSource<'t>>)>,
    /// Number of rows left out because of missing values.
    pub n_dropped: usize,
}

impl Schema {
    /// The schema of one column of images.
    ///
    /// # Errors
    /// With more columns, values of another type, or nothing but missing ones.
    pub fn of_images(reference: &Table, missing_values: super::MissingValues) -> Result<Self, InvalidData> {
        let [column] = reference.columns() else {
            let n_columns = reference.columns().len();
            let detail = format!("expected one column of images, {n_columns} columns came; an image is one item of it");
            return Err(InvalidData::whole(detail));
        };
        let name = reference.name_of(0).into_owned();
        if column.values.n_missing() == column.values.len() {
            let detail = nothing_came(column.values.len());
            return Err(InvalidData::new(vec![DataIssue::column(&name, detail)]));
        }
        let columns = vec![ColumnSchema { name, kind: ColumnType::Image }];
        Ok(Self { columns, missing_values })
    }

    /// Whether it is that of one column of images.
    pub fn is_image(&self) -> bool {
        matches!(&self.columns[..], [column] if column.kind == ColumnType::Image)
    }

    /// The images of a table that is held against the schema of one column of images.
    ///
    /// # Errors
    /// As [`Schema::read`].
    pub fn read_images<'t>(&'t self, table: &'t Table) -> Result<ReadImages<'t>, InvalidData> {
        let n_dropped = self.read(table)?.n_dropped();
        let column = self.columns.first().map_or("", |column| &column.name);
        let source = self.match_columns(table)?.into_iter().next().flatten();
        let image = |row: usize| match source.map(|source| &source.values) {
            Some(Values::Text(texts) | Values::Untyped(texts)) => texts.get(row).map(ImageSource::File),
            Some(Values::Images(images)) => images.get(row).map(ImageSource::Kept),
            _ => None,
        };
        let images = (0..table.n_rows()).map(|row| (row, image(row)));
        let images = images.filter(|(_, image)| n_dropped == 0 || image.is_some()).collect();
        Ok(ReadImages { column, images, n_dropped })
    }
}

/// Reads which images are there: as the one category that all of them are of.
pub(super) fn read_image_presence(values: &Values, column: &str, issues: &mut Vec<DataIssue>) -> Cells<'static> {
    const EXPECTED: &str = "expected an image (a PNG or JPEG file in base64, or an array of rows of pixels)";
    let mut wrong = |row: usize, came: Option<String>| {
        if let Some(came) = came {
            report(issues, row, column, || format!("{EXPECTED}, {came} came"));
        }
        MISSING_CODE
    };
    let present = |is_present: bool| if is_present { 0 } else { MISSING_CODE };
    let codes = match values {
        Values::Text(texts) | Values::Untyped(texts) => texts.iter().map(|text| present(text.is_some())).collect(),
        Values::Images(images) => images.iter().map(|image| present(image.is_some())).collect(),
        Values::Numeric(numbers) => {
            let came = |number: &f64| (!number.is_nan()).then(|| format!("the number {number}"));
            numbers.iter().enumerate().map(|(row, number)| wrong(row, came(number))).collect()
        }
        Values::Boolean(truths) => {
            let came = |truth: &Option<bool>| truth.map(|truth| format!("`{truth}`"));
            truths.iter().enumerate().map(|(row, truth)| wrong(row, came(truth))).collect()
        }
        Values::Missing(n) => vec![MISSING_CODE; *n],
    };
    Cells::Categorical { codes, n_categories: 1, unseen: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Image, Images, MissingValues};

    fn column(values: Values) -> Table {
        Table::unnamed(vec![values]).unwrap()
    }

    #[test]
    fn images_come_back_with_their_places() {
        let files = column(Values::Text([Some("a"), None, Some("b")].into_iter().collect()));
        let schema = Schema::of_images(&files, MissingValues::Drop).unwrap();
        assert!(schema.is_image() && !schema.is_text());
        let read = schema.read_images(&files).unwrap();
        let expected = vec![(0, Some(ImageSource::File("a"))), (2, Some(ImageSource::File("b")))];
        assert_eq!(read, ReadImages { column: "value", images: expected, n_dropped: 1 });

        let mut images = Images::new();
        images.push(None);
        images.push(Some(&Image::new(1, 1, 1, vec![9]).unwrap()));
        let measured = column(Values::Images(images));
        let schema = Schema { missing_values: MissingValues::Impute, ..schema };
        let read = schema.read_images(&measured).unwrap();
        assert!(
            matches!(&read.images[..], [(0, None), (1, Some(ImageSource::Kept(KeptImage::Measured(_))))]),
            "{read:?}"
        );
    }

    #[test]
    fn what_is_no_image_is_refused_and_images_are_nothing_else() {
        let files = column(Values::Text([Some("a")].into_iter().collect()));
        let schema = Schema::of_images(&files, MissingValues::Reject).unwrap();
        for (values, came) in
            [(Values::Numeric(vec![2.0]), "the number 2"), (Values::Boolean(vec![Some(false)]), "`false`")]
        {
            let error = schema.read_images(&column(values)).unwrap_err().to_string();
            let expected = "column `value`, row 1: expected an image (a PNG or JPEG file in base64, or an array of rows of pixels), ";
            assert_eq!(error, format!("{expected}{came} came"));
        }
        let mut images = Images::new();
        images.push(Some(&Image::new(1, 1, 1, vec![9]).unwrap()));
        let images = column(Values::Images(images));
        assert!(Schema::infer(&images, MissingValues::Reject).unwrap_err().to_string().contains("images came"));
        let of = |values| Schema::infer(&column(values), MissingValues::Reject).unwrap();
        let texts = || Values::Text([Some("a"), Some("b")].into_iter().collect());
        for (schema, expected) in [
            (of(Values::Numeric(vec![1.0])), "row 1: expected a number, an image came"),
            (of(texts()), "row 1: expected a text, an image came"),
            (
                Schema::of_texts(&column(texts()), MissingValues::Reject).unwrap(),
                "row 1: expected a text, an image came",
            ),
        ] {
            let error = schema.read(&images).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let two = Table::unnamed(vec![texts(), texts()]).unwrap();
        let error = Schema::of_images(&two, MissingValues::Reject).unwrap_err().to_string();
        assert!(error.contains("expected one column of images, 2 columns came"), "{error}");
        assert!(Schema::of_images(&column(Values::Missing(2)), MissingValues::Reject).is_err());
    }
}
