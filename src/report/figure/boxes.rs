//! A metric of every class and system as box and points.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{PathElement, Rectangle};
use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, VPos};

use crate::report::figure::canvas::{INK, Plot, Scale};
use crate::report::figure::{Below, COLOURS, Chart, chart, fitted, legend, point, range, text, text_width, upright};
use crate::report::record::Record;
use crate::report::record::scores::shown;
use crate::report::statistics::numbers::quantile;
use crate::report::statistics::summary::case_values;

/// Share of a class's room that its boxes take.
const FILLED: f64 = 0.8;
/// Most room for a class's name that stands upright, points.
const NAME_PT: f64 = 70.0;

/// Boxes of one metric: a group for each class, and in it a box for each system.
pub(in crate::report) struct Boxes<'a> {
    /// The run.
    pub(in crate::report) record: &'a Record,
    /// Place of the metric.
    pub(in crate::report) metric: usize,
}

impl Plot for Boxes<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let systems = self.record.systems();
        let groups = self.groups(&systems);
        let all = groups.iter().flat_map(|(_, columns)| columns.iter().flatten().copied());
        let metric = shown(&self.record.scores.metrics[self.metric]);
        let several = systems.len() > 1;
        let (head, body) = area.split_vertically(scale.pt(if several { 14.0 } else { 0.0 }));
        if several {
            legend(&head, &systems, scale)?;
        }
        // Names that are too long for their room stand upright.
        let room = (area.dim_in_pixel().0 as i32 - scale.pt(46.0)) / (groups.len() as i32).max(1) - scale.pt(4.0);
        let widest = groups.iter().map(|(name, _)| text_width(name, scale)).max().unwrap_or(0);
        let stands = widest > room;
        let foot = if stands { widest.min(scale.pt(NAME_PT)) + scale.pt(6.0) } else { scale.pt(14.0) };
        let axis = (0.0..groups.len() as f64, Below::Room(foot));
        let mut chart = chart(&body, axis, (range(all), &metric), scale)?;
        for (at, (_, columns)) in groups.iter().enumerate() {
            let step = FILLED / columns.len() as f64;
            for (place, values) in columns.iter().enumerate() {
                let x = at as f64 + (1.0 - FILLED) / 2.0 + (place as f64 + 0.5) * step;
                column(&mut chart, (x, 0.4 * step.min(0.7)), place, values, scale)?;
            }
        }
        let (base, (_, height)) = (body.get_base_pixel(), body.dim_in_pixel());
        for (at, (name, _)) in groups.iter().enumerate() {
            let x = chart.backend_coord(&(at as f64 + 0.5, 0.0)).0 - base.0;
            let top = height as i32 - foot;
            if stands {
                // Of a name that is too long, the number of cases goes first: the tables have it.
                let class = name.rsplit_once(" (").map_or(name.as_str(), |(class, _)| class);
                let short = if text_width(name, scale) > scale.pt(NAME_PT) { class } else { name };
                let name = fitted(short, scale.pt(NAME_PT), scale);
                upright(&body, &name, (x, top + scale.pt(4.0)), (HPos::Right, VPos::Center), scale)?;
            } else {
                text(&body, name, (x, top + scale.pt(7.0)), (HPos::Center, VPos::Center), scale)?;
            }
        }
        Ok(())
    }
}

impl Boxes<'_> {
    /// Each class with the number of its cases, and its values for each system.
    fn groups(&self, systems: &[String]) -> Vec<(String, Vec<Vec<f64>>)> {
        let of_class = |(&label, class): (&u8, &String)| {
            let values = |system: &String| case_values(self.record, system, label, self.metric).into_values().collect();
            let columns: Vec<Vec<f64>> = systems.iter().map(values).collect();
            let counts = || columns.iter().map(Vec::len);
            let (low, high) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
            let cases = if low == high { low.to_string() } else { format!("{low} to {high}") };
            (format!("{class} (n = {cases})"), columns)
        };
        self.record.plan.data.labels.iter().map(of_class).collect()
    }
}

/// One box and its points, around `x` and `half` as wide to either side.
fn column<B: DrawingBackend>(
    chart: &mut Chart<'_, B>,
    (x, half): (f64, f64),
    place: usize,
    values: &[f64],
    scale: Scale,
) -> Result<(), String> {
    for (at, &value) in values.iter().enumerate() {
        // Spread by the golden ratio: even, and the same each time.
        let aside = (at as f64 * 0.618_033_988_749_895).fract() - 0.5;
        point(chart.plotting_area(), (x + 1.6 * half * aside, value), place, scale)?;
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
    let fill = COLOURS[place % COLOURS.len()].mix(0.15).filled();
    let frame = Rectangle::new([(x - half, first), (x + half, third)], thin);
    chart
        .draw_series([Rectangle::new([(x - half, first), (x + half, third)], fill), frame])
        .map_err(|error| error.to_string())?;
    let lines = [
        PathElement::new(vec![(x, low), (x, first)], thin),
        PathElement::new(vec![(x, third), (x, high)], thin),
        PathElement::new(vec![(x - half, median), (x + half, median)], INK.stroke_width(scale.line(1.4))),
    ];
    chart.draw_series(lines).map(|_| ()).map_err(|error| error.to_string())
}
