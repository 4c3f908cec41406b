//! The shape of a tensor: trusted once it has been made.

/// Dimensions of which no product overflows. The first one counts rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    dimensions: Vec<usize>,
    width: usize,
    n_elements: usize,
}

impl Shape {
    /// More dimensions than this are refused.
    pub const RANK_MAX: usize = 8;

    /// The shape of these dimensions.
    ///
    /// # Errors
    /// What was expected and what came: with a negative dimension, too many of them, or more elements than can be counted.
    pub fn new(dimensions: &[i64]) -> Result<Self, String> {
        if dimensions.len() > Self::RANK_MAX {
            return Err(format!("expected at most {} dimensions, {} came", Self::RANK_MAX, dimensions.len()));
        }
        let sizes: Vec<usize> = dimensions
            .iter()
            .map(|dimension| {
                usize::try_from(*dimension).map_err(|_| format!("expected dimensions of 0 or more, {dimension} came"))
            })
            .collect::<Result<_, _>>()?;
        let too_large = || format!("expected fewer elements than the shape {dimensions:?} has");
        // Also of no rows.
        let columns = sizes.get(1..).unwrap_or_default();
        let width =
            columns.iter().try_fold(1_usize, |product, size| product.checked_mul(*size)).ok_or_else(too_large)?;
        let n_elements = width.checked_mul(sizes.first().copied().unwrap_or(1)).ok_or_else(too_large)?;
        Ok(Self { dimensions: sizes, width, n_elements })
    }

    /// The dimensions.
    pub fn dimensions(&self) -> &[usize] {
        &self.dimensions
    }

    /// The product of the dimensions.
    pub fn n_elements(&self) -> usize {
        self.n_elements
    }

    /// The first dimension; a scalar is one row.
    pub fn n_rows(&self) -> usize {
        self.dimensions.first().copied().unwrap_or(1)
    }

    /// Elements of a row.
    pub fn width(&self) -> usize {
        self.width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_do_not_overflow() {
        assert_eq!(Shape::new(&[2, 3]).unwrap().n_elements(), 6);
        assert_eq!((Shape::new(&[]).unwrap().n_rows(), Shape::new(&[]).unwrap().n_elements()), (1, 1));
        assert_eq!(Shape::new(&[1 << 40]).unwrap().n_elements(), 1 << 40);
        assert_eq!(Shape::new(&[i64::MAX, 0]).unwrap().n_elements(), 0);
        for wrong in [
            &[-1][..],
            &[1 << 40, 1 << 40],
            &[i64::MAX, 3],
            &[1; 9],
            &[i64::MIN],
            &[0, i64::MAX, i64::MAX],
            &[i64::MAX, i64::MAX, i64::MAX, 0],
        ] {
            assert!(Shape::new(wrong).is_err(), "{wrong:?}");
        }
    }
}
