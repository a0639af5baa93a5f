//! A confusion matrix, in percent of the reference's voxels.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{PathElement, Rectangle};
use plotters::prelude::{DrawingBackend, RGBColor, WHITE};
use plotters::style::Color as _;

use crate::report::figure::canvas::Plot;
use crate::report::figure::style::{GREY, INK, Scale};
use crate::report::figure::text::{
    CENTRED, LEFT_OF, RIGHT_OF, draw_coloured_text, draw_text, draw_upright_text, ellipsize,
};
use crate::report::record::RunRecord;
use crate::report::statistics::confusion::Confusion;

/// Maximum length of a class name beside the matrix, points.
const NAME_PT: f64 = 62.0;
/// Minimum edge of a cell that is labelled, points.
const LABELLED_PT: f64 = 15.0;
/// Minimum edge of a cell that is labelled with a decimal, points.
const DECIMAL_PT: f64 = 24.0;
/// Largest number of classes whose names fit above the columns without being turned.
const MAX_HORIZONTAL: i32 = 5;
/// Colour of 100 %; paler for less, so that it can be read in grey, too.
const FULL: RGBColor = RGBColor(0, 68, 112);

/// The matrix of one model.
pub(crate) struct Matrix<'a> {
    /// The run, for the names of the classes.
    pub record: &'a RunRecord,
    pub confusion: &'a Confusion,
}

/// Where the cells are.
#[derive(Clone, Copy)]
struct Grid {
    left: i32,
    top: i32,
    /// Edge of a cell.
    cell: i32,
    /// Number of rows and columns.
    count: i32,
}

impl Grid {
    fn x(self, column: i32) -> i32 {
        self.left + column * self.cell
    }

    fn y(self, row: i32) -> i32 {
        self.top + row * self.cell
    }

    fn new((width, height): (u32, u32), count: i32, scale: Scale) -> Self {
        let (left, margin) = (scale.pt(NAME_PT + 16.0), scale.pt(16.0));
        let names = scale.pt(if count > MAX_HORIZONTAL { NAME_PT } else { 12.0 });
        let free = (width as i32 - left - scale.pt(8.0), height as i32 - 2 * margin - names);
        let cell = (free.0 / count).min(free.1 / count);
        Self { left: left.max((width as i32 - cell * count) / 2), top: margin + names, cell, count }
    }
}

impl Plot for Matrix<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let grid = Grid::new(area.dim_in_pixel(), self.confusion.labels.len() as i32, scale);
        let half = grid.cell * grid.count / 2;
        draw_text(area, "prediction", (grid.left + half, scale.pt(8.0)), CENTRED, scale)?;
        let beside = (grid.left - scale.pt(NAME_PT + 10.0), grid.top + half);
        draw_upright_text(area, "reference", beside, CENTRED, scale)?;
        for (row, &reference) in (0..).zip(&self.confusion.labels) {
            self.draw_names(area, grid, (row, reference), scale)?;
            for (column, &prediction) in (0..).zip(&self.confusion.labels) {
                if let Some(fraction) = self.confusion.fraction(reference, prediction) {
                    draw_cell(area, grid, (row, column), fraction, scale)?;
                }
            }
        }
        draw_lines(area, grid, scale)?;
        let below = (grid.left + half, grid.y(grid.count) + scale.pt(8.0));
        draw_text(area, "% of the reference's voxels", below, CENTRED, scale)
    }
}

impl Matrix<'_> {
    /// The name of a class, beside its row and above its column.
    fn draw_names<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        grid: Grid,
        (index, label): (i32, u8),
        scale: Scale,
    ) -> Result<(), String> {
        let class = self.record.class_name(label);
        let (x, y) = (grid.x(index) + grid.cell / 2, grid.y(index) + grid.cell / 2);
        let name = ellipsize(class, scale.pt(NAME_PT), scale);
        draw_text(area, &name, (grid.left - scale.pt(4.0), y), LEFT_OF, scale)?;
        if grid.count > MAX_HORIZONTAL {
            draw_upright_text(area, &name, (x, grid.top - scale.pt(4.0)), RIGHT_OF, scale)
        } else {
            let name = ellipsize(class, grid.cell - scale.pt(2.0), scale);
            draw_text(area, &name, (x, grid.top - scale.pt(7.0)), CENTRED, scale)
        }
    }
}

fn draw_cell<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    grid: Grid,
    (row, column): (i32, i32),
    fraction: f64,
    scale: Scale,
) -> Result<(), String> {
    let corners = [(grid.x(column), grid.y(row)), (grid.x(column + 1), grid.y(row + 1))];
    area.draw(&Rectangle::new(corners, FULL.mix(fraction).filled())).map_err(|error| error.to_string())?;
    if grid.cell < scale.pt(LABELLED_PT) {
        return Ok(());
    }
    let ink = if fraction > 0.5 { WHITE } else { INK };
    let middle = (grid.x(column) + grid.cell / 2, grid.y(row) + grid.cell / 2);
    draw_coloured_text(area, &percent(fraction, grid.cell >= scale.pt(DECIMAL_PT)), middle, (CENTRED, ink), scale)
}

fn draw_lines<B: DrawingBackend>(area: &DrawingArea<B, Shift>, grid: Grid, scale: Scale) -> Result<(), String> {
    let style = GREY.stroke_width(scale.line(0.4));
    for at in 0..=grid.count {
        let across = [(grid.left, grid.y(at)), (grid.x(grid.count), grid.y(at))];
        let down = [(grid.x(at), grid.top), (grid.x(at), grid.y(grid.count))];
        for points in [across, down] {
            area.draw(&PathElement::new(points, style)).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// A fraction in percent.
fn percent(fraction: f64, with_decimal: bool) -> String {
    match (fraction, with_decimal) {
        (0.0, _) => "0".to_owned(),
        (fraction, true) if fraction < 0.001 => "< 0.1".to_owned(),
        (fraction, true) => format!("{:.1}", 100.0 * fraction),
        (fraction, false) if fraction < 0.01 => "< 1".to_owned(),
        (fraction, false) => format!("{:.0}", 100.0 * fraction),
    }
}
