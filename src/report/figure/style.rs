//! The look of all figures: sizes, colours, the bundled font.

use std::sync::Once;

use plotters::prelude::RGBColor;
use plotters::style::{Color as _, FontStyle, RGBAColor, register_font};

/// Colours of Okabe and Ito: distinguishable with every kind of colour vision, and of different lightness.
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
/// See [`BLUE`].
pub(crate) const VERMILION: RGBColor = RGBColor(213, 94, 0);
/// See [`BLUE`].
pub(crate) const GREEN: RGBColor = RGBColor(0, 158, 115);
/// See [`BLUE`].
pub(crate) const YELLOW: RGBColor = RGBColor(240, 228, 66);
/// See [`BLUE`].
pub(crate) const SKY: RGBColor = RGBColor(86, 180, 233);
/// See [`BLUE`].
pub(crate) const PURPLE: RGBColor = RGBColor(204, 121, 167);
/// Text and axes.
pub(crate) const INK: RGBColor = RGBColor(40, 40, 40);
/// Grid lines and background.
pub(crate) const GREY: RGBColor = RGBColor(130, 130, 130);
/// Colours of classes and models on white. Each has a marker of its own, too, for print in grey.
pub(crate) const SERIES: [RGBColor; 5] = [BLUE, VERMILION, GREEN, PURPLE, SKY];
/// Colours of classes on grey images.
pub(crate) const OUTLINES: [RGBColor; 5] = [YELLOW, SKY, VERMILION, GREEN, PURPLE];

/// Width of a column of a journal, mm.
pub(crate) const COLUMN_MM: u32 = 88;
/// Width of a page of a journal, mm.
pub(crate) const PAGE_MM: u32 = 180;
/// Size of text, points; legible when printed at column width.
const TEXT_PT: f64 = 7.0;

/// The one font family, bundled, so that figures are the same on every machine.
pub(crate) const FONT: &str = "sans-serif";

/// Registers the bundled font with the drawing library.
pub(crate) fn use_bundled_font() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let font = include_bytes!("fonts/DejaVuSans-subset.ttf");
        let registered = register_font(FONT, FontStyle::Normal, font);
        assert!(registered.is_ok(), "the bundled font cannot be registered");
    });
}

/// Size of a figure on paper, mm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub width_mm: f64,
    pub height_mm: f64,
}

/// Resolution of a drawing: converts points and millimetres to its units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Units per inch.
    pub dpi: f64,
}

impl Scale {
    /// A length in units.
    pub(crate) fn pt(self, points: f64) -> i32 {
        (points * self.dpi / 72.0).round() as i32
    }

    /// A length in points.
    pub(crate) fn to_points(self, units: f64) -> f64 {
        units * 72.0 / self.dpi
    }

    /// Width of a line in units; at least one.
    pub(crate) fn line(self, points: f64) -> u32 {
        self.pt(points).max(1) as u32
    }

    /// Size of text in units.
    pub(crate) fn text(self) -> i32 {
        // The drawing library measures the box of a letter, which is a little larger than the nominal size.
        self.pt(TEXT_PT * 1.1)
    }

    /// Width and height of a figure in units.
    pub(crate) fn size(self, size: Size) -> (u32, u32) {
        ((size.width_mm / 25.4 * self.dpi).round() as u32, (size.height_mm / 25.4 * self.dpi).round() as u32)
    }
}

/// A paler shade of a colour.
pub(crate) fn pale(colour: RGBColor) -> RGBAColor {
    colour.mix(0.4)
}

/// A colour as HTML and SVG write it, such as `#0072b2`.
pub(crate) fn to_hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
