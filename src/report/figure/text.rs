//! Text in figures.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::Text;
use plotters::prelude::{DrawingBackend, RGBColor};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, IntoFont as _, TextStyle};

use crate::report::figure::style::{FONT, INK, Scale};

/// A position of text relative to a point, horizontal and vertical.
pub(crate) type Anchor = (HPos, VPos);

/// Text whose middle is at the point.
pub(crate) const CENTRED: Anchor = (HPos::Center, VPos::Center);
/// Text that begins at the point.
pub(crate) const RIGHT_OF: Anchor = (HPos::Left, VPos::Center);
/// Text that ends at the point.
pub(crate) const LEFT_OF: Anchor = (HPos::Right, VPos::Center);

/// The text style of all figures.
pub(crate) fn text_style(scale: Scale) -> TextStyle<'static> {
    (FONT, scale.text()).into_font().color(&INK)
}

/// Draws text at a point of an area, in its units.
pub(crate) fn draw_text<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    text: &str,
    at: (i32, i32),
    anchor: Anchor,
    scale: Scale,
) -> Result<(), String> {
    draw_styled(area, text, at, anchor, text_style(scale))
}

/// Draws text of a colour.
pub(crate) fn draw_coloured_text<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    text: &str,
    at: (i32, i32),
    (anchor, colour): (Anchor, RGBColor),
    scale: Scale,
) -> Result<(), String> {
    draw_styled(area, text, at, anchor, text_style(scale).color(&colour))
}

/// Draws text that reads from bottom to top; the anchor is that of the text before it is turned.
pub(crate) fn draw_upright_text<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    text: &str,
    at: (i32, i32),
    anchor: Anchor,
    scale: Scale,
) -> Result<(), String> {
    let font = (FONT, scale.text()).into_font().transform(FontTransform::Rotate270);
    draw_styled(area, text, at, anchor, font.color(&INK))
}

fn draw_styled<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    text: &str,
    at: (i32, i32),
    (horizontal, vertical): Anchor,
    style: TextStyle<'_>,
) -> Result<(), String> {
    let style = style.pos(Pos::new(horizontal, vertical));
    area.draw(&Text::new(text.to_owned(), at, style)).map_err(|error| error.to_string())
}

/// Width of a text, in units of the drawing.
pub(crate) fn text_width(text: &str, scale: Scale) -> i32 {
    text_style(scale).font.layout_box(text).map_or(0, |((left, _), (right, _))| right - left)
}

/// The text, cut off with an ellipsis if it is wider than `width`.
pub(crate) fn ellipsize(text: &str, width: i32, scale: Scale) -> String {
    if text_width(text, scale) <= width {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let shorter = |count: usize| letters[..count].iter().collect::<String>().trim_end().to_owned() + "…";
    let fitting = (1..letters.len()).rev().map(shorter).find(|text| text_width(text, scale) <= width);
    fitting.unwrap_or_else(|| "…".to_owned())
}

/// Draws text of a size in pixels whose left edge is at the point; returns its width.
pub(crate) fn draw_pixel_text<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    text: &str,
    at: (i32, i32),
    (size, colour): (i32, RGBColor),
) -> Result<i32, String> {
    let style: TextStyle<'_> = (FONT, size).into_font().color(&colour);
    let width = style.font.layout_box(text).map_or(0, |((left, _), (right, _))| right - left);
    draw_styled(area, text, at, RIGHT_OF, style).map(|()| width)
}
