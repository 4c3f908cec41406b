//! A column of images, some of which may be missing.

use drifting_domain::data::{Image, Images, Table, Values};

/// An empty column, of images that are measured or kept whole, with these.
pub fn filled<'i>(mut column: Images, images: impl IntoIterator<Item = Option<&'i Image>>) -> Table {
    for image in images {
        column.push(image);
    }
    Table::unnamed(vec![Values::Images(column)]).expect("a column")
}
