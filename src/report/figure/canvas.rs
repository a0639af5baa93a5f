//! Drawing a plot as SVG and as PNG.

use std::path::{Path, PathBuf};

use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::prelude::{DrawingBackend, WHITE};

use crate::report::error::ReportError;
use crate::report::figure::png::write_png;
use crate::report::figure::style::{COLUMN_MM, FONT, Scale, Size, use_bundled_font};
use crate::store::write_atomic;

/// Font families of SVG text: the bundled one, then one of equal widths, so that text keeps its length.
const FAMILIES: &str = "font-family=\"DejaVu Sans, Verdana, sans-serif\"";
/// Height of a plot that is drawn during a run, mm.
const HEIGHT_MM: f64 = 66.0;
/// Resolution of PNG files.
const PNG: Scale = Scale { dpi: 300.0 };
/// Resolution of SVG files; a whole number of units per point keeps their text crisp.
const SVG: Scale = Scale { dpi: 144.0 };

/// Something that can be drawn on any backend.
pub(crate) trait Plot {
    /// Draws onto a white area.
    ///
    /// # Errors
    ///
    /// The reason, if the drawing library fails.
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String>;

    /// SVG elements above the drawing that the drawing library does not have, such as images.
    fn elements(&self, _size: Size, _scale: Scale) -> String {
        String::new()
    }

    /// The same for PNG: paints over the pixels, RGB in rows, of a drawing of the given width and height.
    fn paint(&self, _pixels: &mut [u8], _size: (u32, u32), _scale: Scale) {}
}

/// Draws a plot at the width of a journal's column as `stem.svg` and `stem.png`.
///
/// # Errors
///
/// If it cannot be drawn or written.
pub(crate) fn write_plot(plot: &impl Plot, stem: &Path) -> Result<(), ReportError> {
    write_sized(plot, Size { width_mm: f64::from(COLUMN_MM), height_mm: HEIGHT_MM }, stem).map(|_| ())
}

/// Draws a plot of any size as `stem.svg` and `stem.png`; returns the SVG.
///
/// # Errors
///
/// If it cannot be drawn or written.
pub(crate) fn write_sized(plot: &impl Plot, size: Size, stem: &Path) -> Result<String, ReportError> {
    use_bundled_font();
    let drawing = |reason: String| ReportError::Drawing { name: stem.display().to_string(), reason };
    let svg = draw_svg(plot, size).map_err(drawing)?;
    write_atomic(&with_ending(stem, "svg"), svg.as_bytes())?;
    let pixel_size = PNG.size(size);
    let pixels = draw_pixels(plot, pixel_size).map_err(drawing)?;
    write_png(&with_ending(stem, "png"), &pixels, pixel_size)?;
    Ok(svg)
}

/// Appends an ending; unlike `with_extension`, it keeps the dots of a name such as `learning_rate=0.001`.
pub(crate) fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    PathBuf::from(path)
}

fn draw_svg(plot: &impl Plot, size: Size) -> Result<String, String> {
    let units = SVG.size(size);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, units).into_drawing_area();
        area.fill(&WHITE).map_err(|error| error.to_string())?;
        plot.draw(&area, SVG)?;
        area.present().map_err(|error| error.to_string())?;
    }
    let svg = compact(&svg, units, size);
    Ok(svg.replace("</svg>", &format!("{}</svg>", plot.elements(size, SVG))))
}

fn draw_pixels(plot: &impl Plot, size: (u32, u32)) -> Result<Vec<u8>, String> {
    let mut pixels = vec![0; (size.0 * size.1 * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
        area.fill(&WHITE).map_err(|error| error.to_string())?;
        plot.draw(&area, PNG)?;
        area.present().map_err(|error| error.to_string())?;
    }
    plot.paint(&mut pixels, size, PNG);
    Ok(pixels)
}

/// Gives an SVG its size in millimetres, and removes attributes that are SVG's defaults.
fn compact(svg: &str, (width, height): (u32, u32), size: Size) -> String {
    let units = format!("width=\"{width}\" height=\"{height}\"");
    let on_paper = format!("width=\"{}mm\" height=\"{:.1}mm\" {FAMILIES}", size.width_mm, size.height_mm);
    svg.replacen(&units, &on_paper, 1)
        .replace(&format!(" font-family=\"{FONT}\""), "")
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\" stroke-width=\"1\"", "")
        .replace(" stroke=\"none\"", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_in_a_name_does_not_shorten_it() {
        assert_eq!(with_ending(Path::new("a/rate=0.001-88mm"), "svg"), Path::new("a/rate=0.001-88mm.svg"));
    }
}
