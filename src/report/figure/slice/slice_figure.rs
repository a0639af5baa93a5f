//! Cases as a figure: a row of slices each, with the outlines of reference and prediction.
//!
//! Input: slices in 8-bit grey with their labels. Output: a [`Plot`] whose slices are pixels in PNG, and images below vector
//! outlines in SVG.

use std::fmt::Write as _;

use ndarray::Array2;
use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{PathElement, Rectangle};
use plotters::prelude::{DrawingBackend, RGBColor};
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, VPos};

use crate::report::figure::canvas::{INK, Plot, Scale, Size};
use crate::report::figure::slice::outline::{Corner, loops};
use crate::report::figure::{fitted, text, text_width};

/// Slices in a row of a narrow and of a wide figure.
const TILES: [usize; 2] = [4, 7];
/// Width from which a figure is a wide one, mm.
const WIDE_MM: f64 = 120.0;
/// A slice is no higher than so many times its width; higher ones are drawn narrower.
const TALLEST: f64 = 1.2;
/// Height of the legend, and of the words above a row, points.
const WORDS_PT: f64 = 12.0;
/// Room around slices, points.
const GAP_PT: f64 = 3.0;
/// Width of an outline, and length of its dashes, points.
const LINE_PT: f64 = 0.8;
const DASH_PT: f64 = 1.8;

/// One slice. All arrays have the same shape.
#[derive(Clone, Debug)]
pub(in crate::report) struct Tile {
    /// Intensities.
    pub(in crate::report) image: Array2<u8>,
    /// The same as a data URI.
    pub(in crate::report) uri: String,
    /// Place of each pixel's class among the classes, from 1; 0 for background.
    pub(in crate::report) reference: Array2<u8>,
    /// Likewise.
    pub(in crate::report) prediction: Array2<u8>,
}

/// A case.
#[derive(Clone, Debug)]
pub(in crate::report) struct Row {
    /// What it is.
    pub(in crate::report) title: String,
    /// Height of a pixel divided by its width.
    pub(in crate::report) aspect: f64,
    /// Its slices.
    pub(in crate::report) tiles: Vec<Tile>,
}

/// Some cases.
#[derive(Clone, Debug)]
pub(in crate::report) struct Sheet {
    /// The cases.
    pub(in crate::report) rows: Vec<Row>,
    /// Name and colour of each class.
    pub(in crate::report) classes: Vec<(String, RGBColor)>,
}

/// A slice and where it stands: left, top, width, height.
struct Placed<'a> {
    tile: &'a Tile,
    at: [i32; 4],
}

impl Sheet {
    /// Height of the figure at a width, mm.
    pub(in crate::report) fn height_mm(&self, width_mm: f64) -> f64 {
        let points = width_mm / 25.4 * 72.0;
        let row = WORDS_PT + GAP_PT + slice_width(points, tiles(width_mm)) * self.shape();
        (WORDS_PT + GAP_PT + row * self.rows.len() as f64) / 72.0 * 25.4
    }

    /// Height of the tallest slice divided by its width, as it is drawn.
    fn shape(&self) -> f64 {
        let shape = |row: &Row| {
            let tile = row.tiles.first()?;
            Some(tile.image.nrows() as f64 * row.aspect / tile.image.ncols() as f64)
        };
        self.rows.iter().filter_map(shape).fold(0.3, f64::max).min(TALLEST)
    }

    /// All slices of a figure that is so many units wide.
    fn placed(&self, scale: Scale, width: f64) -> Vec<Placed<'_>> {
        let points = scale.points(width);
        let count = tiles(points / 72.0 * 25.4);
        let room = slice_width(points, count);
        let high = room * self.shape();
        let mut placed = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let top = WORDS_PT + GAP_PT + at as f64 * (WORDS_PT + GAP_PT + high) + WORDS_PT;
            let shown = count.min(row.tiles.len());
            for place in 0..shown {
                let tile = &row.tiles[(2 * place + 1) * row.tiles.len() / (2 * shown)];
                let shape = tile.image.nrows() as f64 * row.aspect / tile.image.ncols() as f64;
                let (tall, wide) = if shape * room > high { (high, high / shape) } else { (room * shape, room) };
                let left = GAP_PT + place as f64 * (room + GAP_PT) + (room - wide) / 2.0;
                let at = [left, top + (high - tall) / 2.0, wide, tall].map(|points| scale.pt(points));
                placed.push(Placed { tile, at });
            }
        }
        placed
    }
}

/// Width of a slice of a row of so many, in the unit of the figure's width.
fn slice_width(width: f64, tiles: usize) -> f64 {
    (width - GAP_PT) / tiles as f64 - GAP_PT
}

fn tiles(width_mm: f64) -> usize {
    TILES[usize::from(width_mm >= WIDE_MM)]
}

impl Plot for Sheet {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let width = area.dim_in_pixel().0 as i32;
        let (middle, mut left) = (scale.pt(WORDS_PT / 2.0), scale.pt(GAP_PT));
        let beside = (HPos::Left, VPos::Center);
        for (name, colour) in &self.classes {
            let square = [(left, middle - scale.pt(3.0)), (left + scale.pt(6.0), middle + scale.pt(3.0))];
            let frame = INK.stroke_width(scale.line(0.4));
            for style in [colour.filled(), frame] {
                area.draw(&Rectangle::new(square, style)).map_err(|error| error.to_string())?;
            }
            text(area, name, (left + scale.pt(9.0), middle), beside, scale)?;
            left += scale.pt(9.0) + text_width(name, scale) + scale.pt(10.0);
        }
        for (name, dash) in [("reference", 16.0), ("prediction", DASH_PT)] {
            let style = INK.stroke_width(scale.line(LINE_PT));
            let starts = (0..).map(|step| 2.0 * dash * f64::from(step)).take_while(|start| *start < 15.0);
            for start in starts {
                let ends = [start, start + dash.min(16.0)].map(|points| (left + scale.pt(points), middle));
                area.draw(&PathElement::new(ends, style)).map_err(|error| error.to_string())?;
            }
            text(area, name, (left + scale.pt(19.0), middle), beside, scale)?;
            left += scale.pt(19.0) + text_width(name, scale) + scale.pt(10.0);
        }
        let points = scale.points(f64::from(width));
        let high = slice_width(points, tiles(points / 72.0 * 25.4)) * self.shape();
        for (at, row) in self.rows.iter().enumerate() {
            let top = WORDS_PT + GAP_PT + at as f64 * (WORDS_PT + GAP_PT + high);
            let title = fitted(&row.title, width - 2 * scale.pt(GAP_PT), scale);
            text(area, &title, (scale.pt(GAP_PT), scale.pt(top + WORDS_PT / 2.0)), beside, scale)?;
        }
        Ok(())
    }

    fn elements(&self, size: Size, scale: Scale) -> String {
        let mut svg = String::new();
        for Placed { tile, at: [left, top, wide, tall] } in self.placed(scale, scale.width(size)) {
            let (rows, columns) = tile.image.dim();
            let at = |(row, column): Corner| {
                let x = f64::from(left) + f64::from(wide) * column as f64 / columns as f64;
                let y = f64::from(top) + f64::from(tall) * row as f64 / rows as f64;
                format!("{x:.1},{y:.1}")
            };
            let (line, dash) = (LINE_PT * f64::from(scale.pt(1.0)), DASH_PT * f64::from(scale.pt(1.0)));
            let _ = write!(
                svg,
                "<image x=\"{left}\" y=\"{top}\" width=\"{wide}\" height=\"{tall}\" preserveAspectRatio=\"none\" \
                 style=\"image-rendering:pixelated\" href=\"{}\"/>\n<g fill=\"none\" stroke-width=\"{line:.1}\">",
                tile.uri
            );
            for (place, (_, RGBColor(red, green, blue))) in (1..).zip(&self.classes) {
                let dashes = format!(" stroke-dasharray=\"{dash:.1}\"");
                for (labels, dashes) in [(&tile.reference, ""), (&tile.prediction, &dashes)] {
                    for corners in loops(&labels.mapv(|label| label == place)) {
                        let points: Vec<String> = corners.into_iter().map(at).collect();
                        let points = points.join(" ");
                        let _ = write!(
                            svg,
                            "<polygon points=\"{points}\" stroke=\"#{red:02x}{green:02x}{blue:02x}\"{dashes}/>"
                        );
                    }
                }
            }
            svg.push_str("</g>\n");
        }
        svg
    }

    fn paint(&self, pixels: &mut [u8], (width, _): (u32, u32), scale: Scale) {
        let (line, dash) = (scale.pt(LINE_PT / 2.0).max(1), scale.pt(DASH_PT).max(1));
        for Placed { tile, at: [left, top, wide, tall] } in self.placed(scale, f64::from(width)) {
            let (rows, columns) = tile.image.dim();
            let voxel = |y: i32, x: i32| {
                let inside = (0..tall).contains(&y) && (0..wide).contains(&x);
                inside.then(|| (y as usize * rows / tall as usize, x as usize * columns / wide as usize))
            };
            for (y, x) in (0..tall).flat_map(|y| (0..wide).map(move |x| (y, x))) {
                let Some(own) = voxel(y, x) else { continue };
                let mut colour = [tile.image[own]; 3];
                let dotted = (x + y) / dash % 2 == 0;
                for (labels, drawn) in [(&tile.reference, true), (&tile.prediction, dotted)] {
                    let near = |(down, across): (i32, i32)| voxel(y + down, x + across).map(|voxel| labels[voxel]);
                    let steps = [(-line, 0), (line, 0), (0, -line), (0, line)];
                    let edge = labels[own] > 0 && steps.into_iter().filter_map(near).any(|label| label != labels[own]);
                    if let Some((_, RGBColor(red, green, blue))) =
                        self.classes.get(usize::from(labels[own]).wrapping_sub(1)).filter(|_| edge && drawn)
                    {
                        colour = [*red, *green, *blue];
                    }
                }
                let pixel = 3 * ((top + y) as usize * width as usize + (left + x) as usize);
                if let Some(target) = pixels.get_mut(pixel..pixel + 3) {
                    target.copy_from_slice(&colour);
                }
            }
        }
    }
}
