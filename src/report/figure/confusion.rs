//! Which class was taken for which, as shares of the reference's voxels.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::Rectangle;
use plotters::prelude::{DrawingBackend, RGBColor, WHITE};
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, VPos};

use crate::report::figure::canvas::{GREY, INK, Plot, Scale};
use crate::report::figure::{coloured, fitted, text, upright};
use crate::report::record::Record;
use crate::report::statistics::confusion::Confusion;

/// Most room for a name beside the matrix, points.
const NAMES_PT: f64 = 62.0;
/// Smallest cell that its number fits into, points.
const CELL_PT: f64 = 15.0;
/// Colour of a share of 1; paler for less, so that it is read in grey, too.
const FULL: RGBColor = RGBColor(0, 68, 112);

/// The matrix of one system.
pub(in crate::report) struct Matrix<'a> {
    /// The run, for the classes' names.
    pub(in crate::report) record: &'a Record,
    /// What was counted.
    pub(in crate::report) confusion: &'a Confusion,
}

impl Plot for Matrix<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let labels = &self.confusion.labels;
        let count = labels.len() as i32;
        let (width, height) = area.dim_in_pixel();
        let (left, top) = (scale.pt(NAMES_PT + 16.0), scale.pt(16.0));
        let names = scale.pt(if count > 5 { NAMES_PT } else { 12.0 });
        let cell = ((width as i32 - left - scale.pt(8.0)) / count).min((height as i32 - 2 * top - names) / count);
        let left = left.max((width as i32 - cell * count) / 2);
        let top = top + names;
        let middle = (HPos::Center, VPos::Center);
        let end = |at: i32| (left + at * cell, top + at * cell);
        text(area, "prediction", (left + cell * count / 2, scale.pt(8.0)), middle, scale)?;
        let beside = (left - scale.pt(NAMES_PT + 10.0), top + cell * count / 2);
        upright(area, "reference", beside, middle, scale)?;
        for (row, &reference) in (0..).zip(labels) {
            let name = fitted(self.record.class(reference), scale.pt(NAMES_PT), scale);
            let y = end(row).1 + cell / 2;
            text(area, &name, (left - scale.pt(4.0), y), (HPos::Right, VPos::Center), scale)?;
            let x = end(row).0 + cell / 2;
            if count > 5 {
                upright(area, &name, (x, top - scale.pt(4.0)), (HPos::Left, VPos::Center), scale)?;
            } else {
                let name = fitted(self.record.class(reference), cell - scale.pt(2.0), scale);
                text(area, &name, (x, top - scale.pt(7.0)), middle, scale)?;
            }
            for (column, &prediction) in (0..).zip(labels) {
                let Some(share) = self.confusion.share(reference, prediction) else { continue };
                let corners = [(end(column).0, end(row).1), (end(column + 1).0, end(row + 1).1)];
                let fill = Rectangle::new(corners, FULL.mix(share).filled());
                area.draw(&fill).map_err(|error| error.to_string())?;
                if cell >= scale.pt(CELL_PT) {
                    let ink = if share > 0.5 { WHITE } else { INK };
                    let at = (end(column).0 + cell / 2, y);
                    coloured(area, &percent(share, cell >= scale.pt(24.0)), at, middle, (ink, scale))?;
                }
            }
        }
        for line in 0..=count {
            let style = GREY.stroke_width(scale.line(0.4));
            let (across, down) = (end(line).1, end(line).0);
            let lines = [[(left, across), (end(count).0, across)], [(down, top), (down, end(count).1)]];
            for points in lines {
                let line = plotters::element::PathElement::new(points, style);
                area.draw(&line).map_err(|error| error.to_string())?;
            }
        }
        let below = (left + cell * count / 2, end(count).1 + scale.pt(8.0));
        text(area, "% of the reference's voxels", below, middle, scale)
    }
}

/// A share in percent, with a decimal where there is room.
fn percent(share: f64, decimal: bool) -> String {
    match (share, decimal) {
        (0.0, _) => "0".to_owned(),
        (share, true) if share < 0.001 => "< 0.1".to_owned(),
        (share, true) => format!("{:.1}", 100.0 * share),
        (share, false) if share < 0.01 => "< 1".to_owned(),
        (share, false) => format!("{:.0}", 100.0 * share),
    }
}
