//! The patch on the median case, to scale, from two sides.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::Rectangle;
use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, VPos};

use crate::plan::schema::Configuration;
use crate::report::figure::canvas::{BLUE, GREY, Plot, Scale, VERMILION};
use crate::report::figure::text;

/// A configuration's patch.
pub(in crate::report) struct Patch<'a> {
    /// The configuration.
    pub(in crate::report) configuration: &'a Configuration,
}

impl Plot for Patch<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let (width, height) = area.dim_in_pixel();
        let (patch, mut median) = (self.configuration.patch_size.0, self.configuration.median_shape.0);
        // The patch is written with the slices' axis in front.
        median[..=self.configuration.slice_axis].rotate_right(1);
        let room = (f64::from(width) / 2.0 - f64::from(scale.pt(14.0)), f64::from(height) - f64::from(scale.pt(40.0)));
        let edge = |axis: usize| patch[axis].max(median[axis]) as f64;
        let unit = (room.0 / edge(2)).min(room.1 / edge(1)).min(room.1 / edge(0));
        let middle_y = scale.pt(14.0) + (room.1 / 2.0) as i32;
        for (side, down, name) in [(1, 1, "y down, x across"), (3, 0, "z down, x across")] {
            let middle = (width as i32 * side / 4, middle_y);
            let half = |shape: [usize; 3]| {
                ((shape[2] as f64 * unit / 2.0) as i32, ((shape[down] as f64 * unit / 2.0) as i32).max(1))
            };
            let corners = |(x, y): (i32, i32)| [(middle.0 - x, middle.1 - y), (middle.0 + x, middle.1 + y)];
            let draw = |shape: Rectangle<(i32, i32)>| area.draw(&shape).map_err(|error| error.to_string());
            draw(Rectangle::new(corners(half(median)), GREY.mix(0.35).filled()))?;
            draw(Rectangle::new(corners(half(median)), GREY.stroke_width(scale.line(0.6))))?;
            draw(Rectangle::new(corners(half(patch)), BLUE.mix(0.12).filled()))?;
            draw(Rectangle::new(corners(half(patch)), VERMILION.stroke_width(scale.line(1.2))))?;
            text(area, name, (middle.0, scale.pt(7.0)), (HPos::Center, VPos::Center), scale)?;
        }
        let words = format!(
            "orange frame: patch {}; grey: median case {}",
            self.configuration.patch_size,
            crate::volume::Shape(median)
        );
        let at = (width as i32 / 2, height as i32 - scale.pt(8.0));
        text(area, &words, at, (HPos::Center, VPos::Center), scale)
    }
}
