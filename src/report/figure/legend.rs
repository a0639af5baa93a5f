//! Markers of classes and models, and legends that explain them.

use plotters::coord::{CoordTranslate, Shift};
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, Cross, TriangleMarker};
use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;

use crate::report::figure::style::{SERIES, Scale};
use crate::report::figure::text::{RIGHT_OF, draw_text, ellipsize, text_width};

/// Draws the marker of a class or model: its colour, and a shape that distinguishes it in grey.
pub(crate) fn draw_marker<B: DrawingBackend, C: CoordTranslate<From: Clone + 'static>>(
    area: &DrawingArea<B, C>,
    at: C::From,
    index: usize,
    scale: Scale,
) -> Result<(), String> {
    let (style, size) = (SERIES[index % SERIES.len()].mix(0.7), scale.pt(1.4));
    let thin = style.stroke_width(scale.line(0.6));
    let drawn = match index % SERIES.len() {
        0 => area.draw(&Circle::new(at, size, style.filled())),
        1 => area.draw(&TriangleMarker::new(at, scale.pt(2.2), style.filled())),
        2 => area.draw(&Cross::new(at, size, thin)),
        3 => area.draw(&Circle::new(at, scale.pt(1.8), thin)),
        _ => area.draw(&Circle::new(at, scale.pt(2.0), style.filled())),
    };
    drawn.map_err(|error| error.to_string())
}

/// Draws the names of classes or models with their markers in a row; names that do not fit are shortened.
pub(crate) fn draw_legend<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    names: &[String],
    scale: Scale,
) -> Result<(), String> {
    let (width, height) = area.dim_in_pixel();
    let (mut left, middle) = (scale.pt(40.0), height as i32 / 2);
    for (index, name) in names.iter().enumerate() {
        let name = ellipsize(name, width as i32 - left - scale.pt(8.0), scale);
        draw_marker(area, (left, middle), index, scale)?;
        draw_text(area, &name, (left + scale.pt(5.0), middle), RIGHT_OF, scale)?;
        left += text_width(&name, scale) + scale.pt(16.0);
    }
    Ok(())
}

/// Horizontal offset of a point among those of a group, -0.5 to 0.5: evenly spread by the golden ratio, without random numbers.
pub(crate) fn jitter(index: usize) -> f64 {
    (index as f64 * 0.618_033_988_749_895).fract() - 0.5
}
