//! The patch on the median case, to scale, in two views.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::Rectangle;
use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;

use crate::plan::schema::Configuration;
use crate::report::figure::canvas::Plot;
use crate::report::figure::style::{BLUE, GREY, Scale, VERMILION};
use crate::report::figure::text::{CENTRED, draw_text};
use crate::volume::Shape;

/// The patch of a configuration.
pub(crate) struct Patch<'a> {
    pub configuration: &'a Configuration,
}

impl Plot for Patch<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let (width, height) = area.dim_in_pixel();
        let (patch, mut median) = (self.configuration.patch_size.0, self.configuration.median_shape.0);
        // A patch has the axis that slices are perpendicular to first.
        median[..=self.configuration.slice_axis].rotate_right(1);
        let free = (f64::from(width) / 2.0 - f64::from(scale.pt(14.0)), f64::from(height) - f64::from(scale.pt(40.0)));
        let edge = |axis: usize| patch[axis].max(median[axis]) as f64;
        let unit = (free.0 / edge(2)).min(free.1 / edge(1)).min(free.1 / edge(0));
        let middle_y = scale.pt(14.0) + (free.1 / 2.0) as i32;
        for (quarter, down, view) in [(1, 1, "y × x"), (3, 0, "z × x")] {
            let middle = (width as i32 * quarter / 4, middle_y);
            let corners = |shape: [usize; 3]| {
                let half_x = (shape[2] as f64 * unit / 2.0) as i32;
                let half_y = ((shape[down] as f64 * unit / 2.0) as i32).max(1);
                [(middle.0 - half_x, middle.1 - half_y), (middle.0 + half_x, middle.1 + half_y)]
            };
            for rectangle in [
                Rectangle::new(corners(median), GREY.mix(0.35).filled()),
                Rectangle::new(corners(median), GREY.stroke_width(scale.line(0.6))),
                Rectangle::new(corners(patch), BLUE.mix(0.12).filled()),
                Rectangle::new(corners(patch), VERMILION.stroke_width(scale.line(1.2))),
            ] {
                area.draw(&rectangle).map_err(|error| error.to_string())?;
            }
            draw_text(area, view, (middle.0, scale.pt(7.0)), CENTRED, scale)?;
        }
        let patch = self.configuration.patch_size;
        let key = format!("orange frame: patch, {patch}; grey: median case, {}", Shape(median));
        draw_text(area, &key, (width as i32 / 2, height as i32 - scale.pt(8.0)), CENTRED, scale)
    }
}
