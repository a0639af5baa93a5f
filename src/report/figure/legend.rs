//! Words, markers and keys of figures.

use plotters::coord::{CoordTranslate, Shift};
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, Cross, Text, TriangleMarker};
use plotters::prelude::{DrawingBackend, RGBColor};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontTransform, IntoFont as _};

use crate::report::figure::canvas::{BLUE, FONT, GREEN, INK, PURPLE, SKY, Scale, VERMILION};
use crate::report::figure::lines::text_style;

/// Colours of classes and systems on white, each told from the others in grey by its marker, too.
pub(in crate::report) const COLOURS: [RGBColor; 5] = [BLUE, VERMILION, GREEN, PURPLE, SKY];

/// Draws the marker of the class or system at `place`: its colour, and a form that tells it from others in grey.
pub(in crate::report) fn point<B: DrawingBackend, C: CoordTranslate<From: Clone + 'static>>(
    area: &DrawingArea<B, C>,
    at: C::From,
    place: usize,
    scale: Scale,
) -> Result<(), String> {
    let (style, size) = (COLOURS[place % COLOURS.len()].mix(0.7), scale.pt(1.4));
    let thin = style.stroke_width(scale.line(0.6));
    let drawn = match place % COLOURS.len() {
        0 => area.draw(&Circle::new(at, size, style.filled())),
        1 => area.draw(&TriangleMarker::new(at, scale.pt(2.2), style.filled())),
        2 => area.draw(&Cross::new(at, size, thin)),
        3 => area.draw(&Circle::new(at, scale.pt(1.8), thin)),
        _ => area.draw(&Circle::new(at, scale.pt(2.0), style.filled())),
    };
    drawn.map_err(|error| error.to_string())
}

/// Names of classes or systems with their markers, in a row from the left; those that do not fit are cut.
pub(in crate::report) fn legend<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    names: &[String],
    scale: Scale,
) -> Result<(), String> {
    let (width, height) = area.dim_in_pixel();
    let (mut left, middle) = (scale.pt(40.0), height as i32 / 2);
    for (place, name) in names.iter().enumerate() {
        let name = fitted(name, width as i32 - left - scale.pt(8.0), scale);
        point(area, (left, middle), place, scale)?;
        text(area, &name, (left + scale.pt(5.0), middle), (HPos::Left, VPos::Center), scale)?;
        left += text_width(&name, scale) + scale.pt(16.0);
    }
    Ok(())
}

/// Text at a place of an area, its own units.
pub(in crate::report) fn text<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    words: &str,
    at: (i32, i32),
    anchor: (HPos, VPos),
    scale: Scale,
) -> Result<(), String> {
    coloured(area, words, at, anchor, (INK, scale))
}

/// Text of a colour.
pub(in crate::report) fn coloured<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    words: &str,
    at: (i32, i32),
    (horizontal, vertical): (HPos, VPos),
    (colour, scale): (RGBColor, Scale),
) -> Result<(), String> {
    let style = text_style(scale).color(&colour).pos(Pos::new(horizontal, vertical));
    area.draw(&Text::new(words.to_owned(), at, style)).map_err(|error| error.to_string())
}

/// Text that is read from below; anchors are those of the text before it is turned.
pub(in crate::report) fn upright<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    words: &str,
    at: (i32, i32),
    (horizontal, vertical): (HPos, VPos),
    scale: Scale,
) -> Result<(), String> {
    let font = (FONT, scale.text()).into_font().transform(FontTransform::Rotate270);
    let style = font.color(&INK).pos(Pos::new(horizontal, vertical));
    area.draw(&Text::new(words.to_owned(), at, style)).map_err(|error| error.to_string())
}

/// Width of a text, in the units of the drawing.
pub(in crate::report) fn text_width(words: &str, scale: Scale) -> i32 {
    text_style(scale).font.layout_box(words).map_or(0, |((left, _), (right, _))| right - left)
}

/// A text that is no wider than so many units: its beginning and an ellipsis where it would be.
pub(in crate::report) fn fitted(words: &str, width: i32, scale: Scale) -> String {
    if text_width(words, scale) <= width {
        return words.to_owned();
    }
    let letters: Vec<char> = words.chars().collect();
    let shorter = |count: usize| letters[..count].iter().collect::<String>().trim_end().to_owned() + "…";
    let fits = (1..letters.len()).rev().map(shorter).find(|text| text_width(text, scale) <= width);
    fits.unwrap_or_else(|| "…".to_owned())
}
