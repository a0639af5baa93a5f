//! A metric of every class as box and points.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{PathElement, Rectangle};
use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, VPos};

use crate::report::figures::{COLOURS, Chart, chart, point, range, text};
use crate::report::numbers::quantile;
use crate::report::record::Record;
use crate::report::scores::shown;
use crate::report::style::{INK, Plot, Scale};
use crate::report::summary::case_values;

/// Half the width of a box, of the room between two classes.
const HALF: f64 = 0.28;

/// Boxes of one metric.
pub(super) struct Boxes<'a> {
    /// The run.
    pub(super) record: &'a Record,
    /// Place of the metric.
    pub(super) metric: usize,
}

impl Plot for Boxes<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let columns = self.columns();
        let all = columns.iter().flat_map(|(_, _, values)| values.iter().copied());
        let name = shown(&self.record.scores.metrics[self.metric]);
        let mut chart = chart(area, (0.0..columns.len() as f64, None), (range(all), &name), scale)?;
        for (at, (class, _, values)) in columns.iter().enumerate() {
            column(&mut chart, at as f64 + 0.5, *class, values, scale)?;
        }
        // Names below the axis: the drawing library numbers axes, but does not name places on them.
        let (left, _) = area.get_base_pixel();
        let (_, height) = area.dim_in_pixel();
        for (at, (_, name, values)) in columns.iter().enumerate() {
            let (x, _) = chart.backend_coord(&(at as f64 + 0.5, 0.0));
            let words = format!("{name} (n = {})", values.len());
            text(area, &words, (x - left, height as i32 - scale.pt(7.0)), (HPos::Center, VPos::Center), scale)?;
        }
        Ok(())
    }
}

impl Boxes<'_> {
    /// Place of the class, name and values of each column.
    fn columns(&self) -> Vec<(usize, String, Vec<f64>)> {
        let configurations = self.record.configurations();
        let mut columns = Vec::new();
        for (place, (&label, class)) in self.record.plan.data.labels.iter().enumerate() {
            for configuration in configurations {
                let values = case_values(self.record, configuration.as_str(), label, self.metric);
                let name = if configurations.len() > 1 { format!("{class}, {configuration}") } else { class.clone() };
                columns.push((place, name, values.into_values().collect()));
            }
        }
        columns
    }
}

/// One box and its points.
fn column<B: DrawingBackend>(
    chart: &mut Chart<'_, B>,
    x: f64,
    class: usize,
    values: &[f64],
    scale: Scale,
) -> Result<(), String> {
    for (at, &value) in values.iter().enumerate() {
        // Spread by the golden ratio: even, and the same each time.
        let aside = (at as f64 * 0.618_033_988_749_895).fract() - 0.5;
        point(chart, (x + 0.8 * HALF * 2.0 * aside, value), class, scale)?;
    }
    let (Some(first), Some(median), Some(third)) =
        (quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75))
    else {
        return Ok(());
    };
    let reach = 1.5 * (third - first);
    let within = || values.iter().copied().filter(|value| (first - reach..=third + reach).contains(value));
    let (low, high) = (within().fold(first, f64::min), within().fold(third, f64::max));
    let thin = INK.stroke_width(scale.line(0.6));
    let fill = COLOURS[class % COLOURS.len()].mix(0.15).filled();
    let frame = Rectangle::new([(x - HALF, first), (x + HALF, third)], thin);
    chart
        .draw_series([Rectangle::new([(x - HALF, first), (x + HALF, third)], fill), frame])
        .map_err(|error| error.to_string())?;
    let lines = [
        PathElement::new(vec![(x, low), (x, first)], thin),
        PathElement::new(vec![(x, third), (x, high)], thin),
        PathElement::new(vec![(x - HALF, median), (x + HALF, median)], INK.stroke_width(scale.line(1.4))),
    ];
    chart.draw_series(lines).map(|_| ()).map_err(|error| error.to_string())
}
