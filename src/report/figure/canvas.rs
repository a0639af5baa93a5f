//! What all plots share: size, fonts, colours, and the way to both SVG and PNG.

use std::path::Path;
use std::sync::Once;

use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::Text;
use plotters::prelude::{DrawingBackend, RGBColor, WHITE};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontStyle, IntoFont as _, TextStyle, register_font};

use crate::report::error::ReportError;
use crate::store::write_atomic;

/// Colours of Okabe and Ito, which people with any kind of colour vision can tell apart; of different brightness, too.
pub(in crate::report) const BLUE: RGBColor = RGBColor(0, 114, 178);
/// See [`BLUE`].
pub(in crate::report) const VERMILION: RGBColor = RGBColor(213, 94, 0);
/// See [`BLUE`].
pub(in crate::report) const GREEN: RGBColor = RGBColor(0, 158, 115);
/// See [`BLUE`].
pub(in crate::report) const YELLOW: RGBColor = RGBColor(240, 228, 66);
/// See [`BLUE`].
pub(in crate::report) const SKY: RGBColor = RGBColor(86, 180, 233);
/// See [`BLUE`].
pub(in crate::report) const PURPLE: RGBColor = RGBColor(204, 121, 167);
/// Text and axes.
pub(in crate::report) const INK: RGBColor = RGBColor(40, 40, 40);
/// Grid lines and what is in the background.
pub(in crate::report) const GREY: RGBColor = RGBColor(130, 130, 130);

/// The one family of fonts; bundled, so that pictures are the same on every machine.
pub(in crate::report) const FONT: &str = "sans-serif";

/// The families of SVG texts: the bundled one and one of its widths come first, so that words keep to their room.
const FAMILIES: &str = "font-family=\"DejaVu Sans, Verdana, sans-serif\"";
/// Width of a plot: a column of a journal, mm.
const WIDTH_MM: f64 = 88.0;
/// Height of a plot, mm.
const HEIGHT_MM: f64 = 66.0;
/// Resolution of PNG files, dots an inch.
const PNG_DPI: f64 = 300.0;
/// Units of an SVG drawing for each dot of the PNG; a whole number of units a point keeps its text crisp.
const SVG_DPI: f64 = 144.0;
/// Size of text, points; legible when printed at column width.
const TEXT_PT: f64 = 7.0;

/// Makes the bundled font known to the drawing library.
pub(in crate::report) fn use_bundled_font() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let font = include_bytes!("fonts/DejaVuSans-subset.ttf");
        let known = register_font(FONT, FontStyle::Normal, font);
        assert!(known.is_ok(), "the bundled font is a font");
    });
}

/// Size of a plot on paper, mm.
#[derive(Clone, Copy, Debug)]
pub(in crate::report) struct Size {
    /// Width: 88 for a column of a journal, 180 for its page.
    pub(in crate::report) width_mm: f64,
    /// Height.
    pub(in crate::report) height_mm: f64,
}

/// Lengths of a drawing, in its own units.
#[derive(Clone, Copy, Debug)]
pub(in crate::report) struct Scale {
    dpi: f64,
}

impl Scale {
    /// A length in points.
    pub(in crate::report) fn pt(self, points: f64) -> i32 {
        (points * self.dpi / 72.0).round() as i32
    }

    /// Points that a length is.
    pub(in crate::report) fn points(self, units: f64) -> f64 {
        units * 72.0 / self.dpi
    }

    /// Width of a line in points; at least one unit.
    pub(in crate::report) fn line(self, points: f64) -> u32 {
        self.pt(points).max(1) as u32
    }

    /// Size of text.
    pub(in crate::report) fn text(self) -> i32 {
        // The drawing library's sizes are of the letter's box, a little larger than the nominal size.
        self.pt(TEXT_PT * 1.1)
    }

    /// Width of a plot.
    pub(in crate::report) fn width(self, size: Size) -> f64 {
        f64::from(self.size(size).0)
    }

    fn size(self, size: Size) -> (u32, u32) {
        ((size.width_mm / 25.4 * self.dpi).round() as u32, (size.height_mm / 25.4 * self.dpi).round() as u32)
    }
}

/// Something that draws itself onto any backend.
pub(in crate::report) trait Plot {
    /// Draws onto a white area.
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String>;

    /// What lies above the drawing in SVG and is no plain line or text: elements.
    fn elements(&self, _size: Size, _scale: Scale) -> String {
        String::new()
    }

    /// The same for PNG: paints over the drawing's pixels, RGB in rows; their width and height are given.
    fn paint(&self, _pixels: &mut [u8], _size: (u32, u32), _scale: Scale) {}
}

/// Draws a plot of a journal's column as `stem.svg` and `stem.png`.
pub(in crate::report) fn write_plot(plot: &impl Plot, stem: &Path) -> Result<(), ReportError> {
    write_sized(plot, Size { width_mm: WIDTH_MM, height_mm: HEIGHT_MM }, stem).map(|_| ())
}

/// Draws a plot of any size as `stem.svg` and `stem.png`; gives the SVG's text.
pub(in crate::report) fn write_sized(plot: &impl Plot, size: Size, stem: &Path) -> Result<String, ReportError> {
    use_bundled_font();
    let fail = |reason: String| ReportError::Drawing { name: stem.display().to_string(), reason };

    let scale = Scale { dpi: SVG_DPI };
    let (width, height) = scale.size(size);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        area.fill(&WHITE).map_err(|error| fail(error.to_string()))?;
        plot.draw(&area, scale).map_err(fail)?;
        area.present().map_err(|error| fail(error.to_string()))?;
    }
    let svg = compact(&svg, (width, height), size);
    let svg = svg.replace("</svg>", &format!("{}</svg>", plot.elements(size, scale)));
    write_atomic(&stem.with_extension("svg"), svg.as_bytes())?;

    let scale = Scale { dpi: PNG_DPI };
    let (width, height) = scale.size(size);
    let mut pixels = vec![0; (width * height * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        area.fill(&WHITE).map_err(|error| fail(error.to_string()))?;
        plot.draw(&area, scale).map_err(fail)?;
        area.present().map_err(|error| fail(error.to_string()))?;
    }
    plot.paint(&mut pixels, (width, height), scale);
    write_png(&stem.with_extension("png"), &pixels, width, height)?;
    Ok(svg)
}

/// A drawing in millimetres, so that it has its size on paper, and without what SVG takes for granted.
fn compact(svg: &str, (width, height): (u32, u32), size: Size) -> String {
    let units = format!("width=\"{width}\" height=\"{height}\"");
    let on_paper = format!("width=\"{}mm\" height=\"{:.1}mm\" {FAMILIES}", size.width_mm, size.height_mm);
    svg.replacen(&units, &on_paper, 1)
        .replace(&format!(" font-family=\"{FONT}\""), "")
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\" stroke-width=\"1\"", "")
        .replace(" stroke=\"none\"", "")
}

/// Writes pixels, 8-bit RGB in rows, as a PNG file; gives its bytes.
pub(in crate::report) fn write_png(
    path: &Path,
    pixels: &[u8],
    width: u32,
    height: u32,
) -> Result<Vec<u8>, ReportError> {
    let bytes = png(path, pixels, (width, height), png::ColorType::Rgb)?;
    write_atomic(path, &bytes)?;
    Ok(bytes)
}

/// Pixels, 8 bits a channel in rows, as the bytes of a PNG file.
pub(in crate::report) fn png(
    path: &Path,
    pixels: &[u8],
    (width, height): (u32, u32),
    colour: png::ColorType,
) -> Result<Vec<u8>, ReportError> {
    let mut bytes = Vec::new();
    let fail = |reason: png::EncodingError| ReportError::Drawing {
        name: path.display().to_string(),
        reason: reason.to_string(),
    };
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(fail)?;
    writer.write_image_data(pixels).map_err(fail)?;
    writer.finish().map_err(fail)?;
    Ok(bytes)
}

/// Writes words of a size in pixels at the middle of their left edge, and gives their width.
pub(in crate::report) fn write_words<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    words: &str,
    at: (i32, i32),
    (size, colour): (i32, RGBColor),
) -> Result<i32, String> {
    let style: TextStyle<'_> = (FONT, size).into_font().color(&colour);
    let width = style.font.layout_box(words).map_or(0, |((left, _), (right, _))| right - left);
    let text = Text::new(words.to_owned(), at, style.pos(Pos::new(HPos::Left, VPos::Center)));
    area.draw(&text).map(|()| width).map_err(|error| error.to_string())
}

/// A colour made paler.
pub(in crate::report) fn pale(colour: RGBColor) -> plotters::style::RGBAColor {
    colour.mix(0.4)
}
