//! Spacings and shapes of all cases, axis by axis.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::PathElement;
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};

use crate::fingerprint::CaseFingerprint;
use crate::report::figure::canvas::{INK, Plot, Scale};
use crate::report::figure::{Below, chart, point, range, text};
use crate::report::statistics::numbers::quantile;

/// The grids of a data set.
pub(in crate::report) struct Grids<'a> {
    /// Its cases.
    pub(in crate::report) cases: &'a [CaseFingerprint],
}

impl Plot for Grids<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let (width, _) = area.dim_in_pixel();
        let (left, right) = area.split_horizontally(width / 2);
        self.panel(&left, "spacing, mm", |case, axis| case.spacing.0[axis], scale)?;
        self.panel(&right, "shape, voxels", |case, axis| case.shape.0[axis] as f64, scale)
    }
}

impl Grids<'_> {
    fn panel<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        name: &str,
        value: fn(&CaseFingerprint, usize) -> f64,
        scale: Scale,
    ) -> Result<(), String> {
        let all = (0..3).flat_map(|axis| self.cases.iter().map(move |case| value(case, axis)));
        let mut chart = chart(area, (0.0..3.0, Below::Room(scale.pt(14.0))), (range(all), name), scale)?;
        let (base, (_, height)) = (area.get_base_pixel(), area.dim_in_pixel());
        for (axis, axis_name) in ["z", "y", "x"].into_iter().enumerate() {
            let middle = axis as f64 + 0.5;
            let values: Vec<f64> = self.cases.iter().map(|case| value(case, axis)).collect();
            for (at, &value) in values.iter().enumerate() {
                // Spread by the golden ratio: even, and the same each time.
                let aside = (at as f64 * 0.618_033_988_749_895).fract() - 0.5;
                point(chart.plotting_area(), (middle + 0.6 * aside, value), 0, scale)?;
            }
            if let Some(median) = quantile(&values, 0.5) {
                let style = plotters::style::Color::stroke_width(&INK, scale.line(1.2));
                let line = PathElement::new(vec![(middle - 0.35, median), (middle + 0.35, median)], style);
                chart.draw_series([line]).map_err(|error| error.to_string())?;
            }
            let (x, _) = chart.backend_coord(&(middle, 0.0));
            let at = (x - base.0, height as i32 - scale.pt(7.0));
            text(area, axis_name, at, (HPos::Center, VPos::Center), scale)?;
        }
        Ok(())
    }
}
