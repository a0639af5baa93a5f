//! Cases as a figure: a row of slices per case, with the outlines of reference and prediction.
//!
//! In PNG the slices are painted by the one renderer; in SVG they are images below vector outlines.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{PathElement, Rectangle};
use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;

use crate::report::figure::canvas::Plot;
use crate::report::figure::slice::outline::{Corner, outline_polygons};
use crate::report::figure::slice::plane::evenly;
use crate::report::figure::slice::renderer::{Frame, Pen, Pixels, Slice, class_colour};
use crate::report::figure::style::{INK, Scale, Size, to_hex};
use crate::report::figure::text::{RIGHT_OF, draw_text, ellipsize, text_width};

/// Slices per case in a narrow figure.
const NARROW_SLICES: usize = 4;
/// Slices per case in a wide figure.
const WIDE_SLICES: usize = 7;
/// Minimum width of a wide figure, mm.
const WIDE_MM: f64 = 120.0;
/// Maximum height of a slice divided by its width; taller ones are drawn narrower.
const MAX_SHAPE: f64 = 1.2;
/// Height of the legend, and of the title of a row, points.
const TEXT_PT: f64 = 12.0;
/// Gap between slices, points.
const GAP_PT: f64 = 3.0;
/// Width of an outline, points.
const LINE_PT: f64 = 0.8;
/// Length of the dashes of an outline, points.
const DASH_PT: f64 = 1.8;
/// Length of a line in the legend, points.
const SAMPLE_PT: f64 = 15.0;

/// A slice with its image encoded for SVG.
#[derive(Clone, Debug)]
pub(super) struct EncodedSlice {
    pub(super) slice: Slice,
    /// The grey image as a data URI.
    pub(super) uri: String,
}

/// A case.
#[derive(Clone, Debug)]
pub(super) struct CaseRow {
    pub(super) title: String,
    pub(super) slices: Vec<EncodedSlice>,
}

/// Some cases.
#[derive(Clone, Debug)]
pub(super) struct SliceFigure {
    pub(super) rows: Vec<CaseRow>,
    /// Names of the classes, in the order of their indices.
    pub(super) classes: Vec<String>,
}

impl SliceFigure {
    /// Height of the figure at a width, mm.
    pub(super) fn height_mm(&self, width_mm: f64) -> f64 {
        let points = width_mm / 25.4 * 72.0;
        let row = TEXT_PT + GAP_PT + slice_width(points) * self.shape();
        (TEXT_PT + GAP_PT + row * self.rows.len() as f64) / 72.0 * 25.4
    }

    /// Height of a row of slices divided by the width of a slice.
    fn shape(&self) -> f64 {
        let shape = |row: &CaseRow| {
            let slice = &row.slices.first()?.slice;
            Some(slice.grey.nrows() as f64 * slice.aspect / slice.grey.ncols() as f64)
        };
        self.rows.iter().filter_map(shape).fold(0.3, f64::max).min(MAX_SHAPE)
    }

    /// Top of a row, points: of its title, with the slices below.
    fn row_top(&self, row: usize, width: f64) -> f64 {
        TEXT_PT + GAP_PT + row as f64 * (TEXT_PT + GAP_PT + slice_width(width) * self.shape())
    }

    /// The slices of a figure that is this many units wide, and where they are.
    fn place_slices(&self, scale: Scale, width: f64) -> Vec<(&EncodedSlice, Frame)> {
        let points = scale.to_points(width);
        let column = slice_width(points);
        let mut placed = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let all: Vec<&EncodedSlice> = row.slices.iter().collect();
            for (column_at, one) in evenly(&all, slices_per_row(points).min(all.len())).into_iter().enumerate() {
                let cell = Frame {
                    left: scale.pt(GAP_PT + column_at as f64 * (column + GAP_PT)),
                    top: scale.pt(self.row_top(at, points) + TEXT_PT),
                    width: scale.pt(column),
                    height: scale.pt(column * self.shape()),
                };
                placed.push((one, cell.fit(one.slice.grey.dim(), one.slice.aspect)));
            }
        }
        placed
    }

    fn draw_legend<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let (middle, mut left) = (scale.pt(TEXT_PT / 2.0), scale.pt(GAP_PT));
        for (class, name) in (1..).zip(&self.classes) {
            let square = [(left, middle - scale.pt(3.0)), (left + scale.pt(6.0), middle + scale.pt(3.0))];
            for style in [class_colour(class).filled(), INK.stroke_width(scale.line(0.4))] {
                area.draw(&Rectangle::new(square, style)).map_err(|error| error.to_string())?;
            }
            draw_text(area, name, (left + scale.pt(9.0), middle), RIGHT_OF, scale)?;
            left += scale.pt(9.0) + text_width(name, scale) + scale.pt(10.0);
        }
        for (name, dash_pt) in [("reference", SAMPLE_PT), ("prediction", DASH_PT)] {
            let style = INK.stroke_width(scale.line(LINE_PT));
            let starts = (0..).map(|dash| 2.0 * dash_pt * f64::from(dash)).take_while(|start| *start < SAMPLE_PT);
            for start in starts {
                let ends = [start, start + dash_pt].map(|points| (left + scale.pt(points), middle));
                area.draw(&PathElement::new(ends, style)).map_err(|error| error.to_string())?;
            }
            draw_text(area, name, (left + scale.pt(19.0), middle), RIGHT_OF, scale)?;
            left += scale.pt(19.0) + text_width(name, scale) + scale.pt(10.0);
        }
        Ok(())
    }
}

/// Width of a slice in a figure of this width, points.
fn slice_width(width: f64) -> f64 {
    (width - GAP_PT) / slices_per_row(width) as f64 - GAP_PT
}

fn slices_per_row(width_pt: f64) -> usize {
    if width_pt / 72.0 * 25.4 >= WIDE_MM { WIDE_SLICES } else { NARROW_SLICES }
}

impl Plot for SliceFigure {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        self.draw_legend(area, scale)?;
        let width = area.dim_in_pixel().0 as i32;
        for (at, row) in self.rows.iter().enumerate() {
            let top = self.row_top(at, scale.to_points(f64::from(width)));
            let title = ellipsize(&row.title, width - 2 * scale.pt(GAP_PT), scale);
            draw_text(area, &title, (scale.pt(GAP_PT), scale.pt(top + TEXT_PT / 2.0)), RIGHT_OF, scale)?;
        }
        Ok(())
    }

    fn elements(&self, size: Size, scale: Scale) -> String {
        let mut svg = String::new();
        for (one, frame) in self.place_slices(scale, f64::from(scale.size(size).0)) {
            write_slice(&mut svg, one, frame, scale);
        }
        svg
    }

    fn paint(&self, pixels: &mut [u8], (width, _): (u32, u32), scale: Scale) {
        let pen = Pen { half_width: scale.pt(LINE_PT / 2.0).max(1), dot: scale.pt(DASH_PT).max(1) };
        for (one, frame) in self.place_slices(scale, f64::from(width)) {
            one.slice.paint(&mut Pixels { rgb: pixels, width }, frame, pen);
        }
    }
}

/// Writes a slice as an SVG image below polygons.
fn write_slice(svg: &mut String, one: &EncodedSlice, frame: Frame, scale: Scale) {
    let Frame { left, top, width, height } = frame;
    let (line, dash) = (LINE_PT * f64::from(scale.pt(1.0)), DASH_PT * f64::from(scale.pt(1.0)));
    let _ = write!(
        svg,
        "<image x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\" \
         style=\"image-rendering:pixelated\" href=\"{}\"/>\n<g fill=\"none\" stroke-width=\"{line:.1}\">",
        one.uri
    );
    let (rows, columns) = one.slice.grey.dim();
    let point = |(row, column): Corner| {
        let x = f64::from(left) + column as f64 * f64::from(width) / columns as f64;
        let y = f64::from(top) + row as f64 * f64::from(height) / rows as f64;
        format!("{x:.1},{y:.1}")
    };
    let dashes = format!(" stroke-dasharray=\"{dash:.1}\"");
    let classes = one.slice.solid.iter().chain(one.slice.dotted.iter().flatten()).copied().max().unwrap_or(0);
    for class in 1..=classes {
        let colour = to_hex(class_colour(class));
        let maps = [(Some(&one.slice.solid), ""), (one.slice.dotted.as_ref(), dashes.as_str())];
        for (map, dashes) in maps.into_iter().filter_map(|(map, dashes)| Some((map?, dashes))) {
            for corners in outline_polygons(&map.mapv(|pixel| pixel == class)) {
                let points = corners.into_iter().map(point).collect::<Vec<_>>().join(" ");
                let _ = write!(svg, "<polygon points=\"{points}\" stroke=\"{colour}\"{dashes}/>");
            }
        }
    }
    svg.push_str("</g>\n");
}
