//! What all charts have in common: their colours, how far their axes reach, and how they stand in a page. The colours are those of
//! `assets/style.css`, which gives each another one in the dark.

use plotters::style::RGBColor;

pub(crate) const LINE: RGBColor = RGBColor(0x1d, 0x5f, 0xa8);
pub(crate) const THRESHOLD: RGBColor = RGBColor(0xb4, 0x53, 0x09);
pub(crate) const DRIFT: RGBColor = RGBColor(0xb9, 0x1c, 0x1c);
pub(crate) const INK: RGBColor = RGBColor(0x4b, 0x55, 0x63);
pub(crate) const GRID: RGBColor = RGBColor(0xe5, 0xe7, 0xeb);

/// Larger values are drawn as this. The width of an axis to the ends of the doubles is no number, and plotters counts its steps
/// without end.
const REACH: f64 = 1e100;

/// Where a value is drawn.
pub(crate) fn drawn(value: f64) -> f64 {
    value.clamp(-REACH, REACH)
}

/// An SVG beside which words say the same: it is passed over by whoever is read to.
pub(crate) fn beside_words(svg: &str) -> String {
    svg.replacen("<svg ", "<svg aria-hidden=\"true\" focusable=\"false\" ", 1)
}
