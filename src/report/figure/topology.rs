//! The U-Net as a drawing: a box a resolution, encoder to the left, decoder to the right.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{PathElement, Rectangle};
use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, VPos};

use crate::network::topology::Topology;
use crate::report::figure::canvas::{BLUE, GREY, INK, Plot, SKY, Scale, VERMILION};
use crate::report::figure::text;
use crate::units::counted;
use crate::volume::Shape;

/// A network and the patch that it takes.
pub(in crate::report) struct Net<'a> {
    /// Its shape.
    pub(in crate::report) topology: &'a Topology,
    /// Voxels, `[z, y, x]`.
    pub(in crate::report) patch: Shape,
}

/// Where a box stands: its middle, and half its width and height.
#[derive(Clone, Copy)]
struct Place {
    x: i32,
    y: i32,
    half: (i32, i32),
}

impl Plot for Net<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let (width, height) = area.dim_in_pixel();
        let (width, height) = (f64::from(width), f64::from(height));
        let levels = self.topology.levels();
        let top = f64::from(scale.pt(20.0));
        let row = (height - top - f64::from(scale.pt(6.0))) / levels as f64;
        let half = (f64::from(scale.pt(30.0)).min(width / 6.0), f64::from(scale.pt(10.0)).min(0.36 * row));
        let inner = width / 2.0 - half.0 - f64::from(scale.pt(6.0));
        let at = |level: usize, right: bool| {
            // Each level stands a little further in, which gives the drawing the letter's shape.
            let share = level as f64 / levels.saturating_sub(2).max(1) as f64;
            let outer = half.0 + f64::from(scale.pt(6.0));
            let inset = if level + 1 == levels { width / 2.0 } else { outer + (inner - outer).max(0.0) * share };
            let x = if right { width - inset } else { inset };
            Place { x: x as i32, y: (top + (level as f64 + 0.5) * row) as i32, half: (half.0 as i32, half.1 as i32) }
        };
        for level in 0..levels - 1 {
            let (left, right) = (at(level, false), at(level, true));
            let skip = [(left.x + left.half.0, left.y), (right.x - right.half.0, right.y)];
            stroke(area, &skip, GREY, scale)?;
            let (below_left, below_right) = (at(level + 1, false), at(level + 1, true));
            stroke(area, &[(left.x, left.y), (below_left.x, below_left.y)], BLUE, scale)?;
            stroke(area, &[(below_right.x, below_right.y), (right.x, right.y)], VERMILION, scale)?;
        }
        for level in 0..levels {
            self.level(area, at(level, false), level, scale)?;
            if level + 1 < levels {
                self.level(area, at(level, true), level, scale)?;
            }
        }
        let words = format!(
            "{} → network → {}",
            counted(self.topology.in_channels, "channel"),
            counted(self.topology.classes, "class")
        );
        text(area, &words, ((width / 2.0) as i32, scale.pt(9.0)), (HPos::Center, VPos::Center), scale)
    }
}

impl Net<'_> {
    /// A box with the number of feature maps and their size.
    fn level<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        place: Place,
        level: usize,
        scale: Scale,
    ) -> Result<(), String> {
        let (across, up) = place.half;
        let corners = [(place.x - across, place.y - up), (place.x + across, place.y + up)];
        let pools = &self.topology.pools[..level];
        let [z, y, x]: [usize; 3] =
            std::array::from_fn(|axis| self.patch.0[axis] / pools.iter().map(|pool| pool[axis]).product::<usize>());
        let white = plotters::style::WHITE.filled();
        area.draw(&Rectangle::new(corners, white)).map_err(|error| error.to_string())?;
        area.draw(&Rectangle::new(corners, SKY.mix(0.35).filled())).map_err(|error| error.to_string())?;
        let frame = INK.stroke_width(scale.line(0.6));
        area.draw(&Rectangle::new(corners, frame)).map_err(|error| error.to_string())?;
        let middle = (HPos::Center, VPos::Center);
        text(area, &self.topology.features[level].to_string(), (place.x, place.y - scale.pt(4.0)), middle, scale)?;
        text(area, &format!("{z}×{y}×{x}"), (place.x, place.y + scale.pt(4.5)), middle, scale)
    }
}

fn stroke<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    points: &[(i32, i32)],
    colour: plotters::prelude::RGBColor,
    scale: Scale,
) -> Result<(), String> {
    let line = PathElement::new(points.to_vec(), colour.stroke_width(scale.line(1.0)));
    area.draw(&line).map_err(|error| error.to_string())
}
