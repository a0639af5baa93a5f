//! Spacing and shape of all cases, axis by axis.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::PathElement;
use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;

use crate::fingerprint::CaseFingerprint;
use crate::report::figure::axes::{Below, XAxis, YAxis, draw_chart, range_of};
use crate::report::figure::canvas::Plot;
use crate::report::figure::legend::{draw_marker, jitter};
use crate::report::figure::style::{INK, Scale};
use crate::report::figure::text::{CENTRED, draw_text};
use crate::statistics::quantile;

/// The grids of a data set.
pub(crate) struct Grids<'a> {
    pub cases: &'a [CaseFingerprint],
}

impl Plot for Grids<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let (width, _) = area.dim_in_pixel();
        let (left, right) = area.split_horizontally(width / 2);
        self.draw_panel(&left, "spacing (mm)", |case, axis| case.spacing.0[axis], scale)?;
        self.draw_panel(&right, "shape (voxels)", |case, axis| case.shape.0[axis] as f64, scale)
    }
}

impl Grids<'_> {
    fn draw_panel<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        title: &str,
        value: fn(&CaseFingerprint, usize) -> f64,
        scale: Scale,
    ) -> Result<(), String> {
        let all = (0..3).flat_map(|axis| self.cases.iter().map(move |case| value(case, axis)));
        let x = XAxis { range: 0.0..3.0, below: Below::Space(scale.pt(14.0)) };
        let mut chart = draw_chart(area, x, YAxis { range: range_of(all), title }, scale)?;
        for (axis, name) in ["z", "y", "x"].into_iter().enumerate() {
            let middle = axis as f64 + 0.5;
            let values: Vec<f64> = self.cases.iter().map(|case| value(case, axis)).collect();
            for (at, &value) in values.iter().enumerate() {
                draw_marker(chart.plotting_area(), (middle + 0.6 * jitter(at), value), 0, scale)?;
            }
            if let Some(median) = quantile(&values, 0.5) {
                let style = INK.stroke_width(scale.line(1.2));
                let line = PathElement::new(vec![(middle - 0.35, median), (middle + 0.35, median)], style);
                chart.draw_series([line]).map_err(|error| error.to_string())?;
            }
            let x = chart.backend_coord(&(middle, 0.0)).0 - area.get_base_pixel().0;
            let y = area.dim_in_pixel().1 as i32 - scale.pt(7.0);
            draw_text(area, name, (x, y), CENTRED, scale)?;
        }
        Ok(())
    }
}
