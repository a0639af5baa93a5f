//! A metric of every class and model as box plot and points.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{PathElement, Rectangle};
use plotters::prelude::DrawingBackend;
use plotters::style::Color as _;

use crate::evaluate::metric::Metric;
use crate::report::figure::axes::{Below, Chart, XAxis, YAxis, draw_chart, range_of};
use crate::report::figure::canvas::Plot;
use crate::report::figure::legend::{draw_legend, draw_marker, jitter};
use crate::report::figure::style::{INK, SERIES, Scale};
use crate::report::figure::text::{CENTRED, LEFT_OF, draw_text, draw_upright_text, ellipsize, text_width};
use crate::report::record::RunRecord;
use crate::report::statistics::summary::case_values;
use crate::statistics::quantile;

/// Fraction of a group's width that its boxes take.
const FILLED: f64 = 0.8;
/// Maximum length of a class name that is drawn upright, points.
const NAME_PT: f64 = 70.0;
/// Maximum length of a whisker, as a multiple of the interquartile range.
const WHISKER_IQR: f64 = 1.5;

/// Box plots of one metric: a group per class, and in it a box per model.
pub(crate) struct Boxes<'a> {
    pub record: &'a RunRecord,
    pub metric: Metric,
}

/// The boxes of one class.
struct Group {
    /// Class name.
    name: String,
    /// Class name with the number of cases.
    label: String,
    /// Values over cases, by model.
    columns: Vec<Vec<f64>>,
}

impl Plot for Boxes<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let models = self.record.models();
        let groups = self.groups(&models);
        let title = self.record.metric_title(self.metric);
        let (head, body) = area.split_vertically(scale.pt(if models.len() > 1 { 14.0 } else { 0.0 }));
        if models.len() > 1 {
            draw_legend(&head, &models, scale)?;
        }
        // Labels that are too wide for their group are drawn upright.
        let width = (area.dim_in_pixel().0 as i32 - scale.pt(46.0)) / (groups.len() as i32).max(1) - scale.pt(4.0);
        let widest = groups.iter().map(|group| text_width(&group.label, scale)).max().unwrap_or(0);
        let upright = widest > width;
        let foot = if upright { widest.min(scale.pt(NAME_PT)) + scale.pt(6.0) } else { scale.pt(14.0) };
        let values = groups.iter().flat_map(|group| group.columns.iter().flatten().copied());
        let x = XAxis { range: 0.0..groups.len() as f64, below: Below::Space(foot) };
        let mut chart = draw_chart(&body, x, YAxis { range: range_of(values), title: &title }, scale)?;
        for (at, group) in groups.iter().enumerate() {
            let step = FILLED / group.columns.len() as f64;
            for (model, values) in group.columns.iter().enumerate() {
                let x = at as f64 + (1.0 - FILLED) / 2.0 + (model as f64 + 0.5) * step;
                draw_box(&mut chart, (x, 0.4 * step.min(0.7)), model, values, scale)?;
            }
        }
        let top = body.dim_in_pixel().1 as i32 - foot;
        for (at, group) in groups.iter().enumerate() {
            let x = chart.backend_coord(&(at as f64 + 0.5, 0.0)).0 - body.get_base_pixel().0;
            if upright {
                let label = group.short_label(scale);
                draw_upright_text(&body, &label, (x, top + scale.pt(4.0)), LEFT_OF, scale)?;
            } else {
                draw_text(&body, &group.label, (x, top + scale.pt(7.0)), CENTRED, scale)?;
            }
        }
        Ok(())
    }
}

impl Boxes<'_> {
    fn groups(&self, models: &[String]) -> Vec<Group> {
        let mut groups = Vec::new();
        for (&label, class) in &self.record.plan.data.labels {
            let values = |model: &String| case_values(self.record, model, label, self.metric).into_values().collect();
            let columns: Vec<Vec<f64>> = models.iter().map(values).collect();
            let (low, high) = (columns.iter().map(Vec::len).min(), columns.iter().map(Vec::len).max());
            let (low, high) = (low.unwrap_or(0), high.unwrap_or(0));
            let cases = if low == high { low.to_string() } else { format!("{low} to {high}") };
            groups.push(Group { name: class.clone(), label: format!("{class} (n = {cases})"), columns });
        }
        groups
    }
}

impl Group {
    /// The label, without the number of cases if that is too long: the tables have it.
    fn short_label(&self, scale: Scale) -> String {
        let label = if text_width(&self.label, scale) > scale.pt(NAME_PT) { &self.name } else { &self.label };
        ellipsize(label, scale.pt(NAME_PT), scale)
    }
}

/// Draws a box and its points around `x`, reaching `half` to both sides.
fn draw_box<B: DrawingBackend>(
    chart: &mut Chart<'_, B>,
    (x, half): (f64, f64),
    model: usize,
    values: &[f64],
    scale: Scale,
) -> Result<(), String> {
    for (at, &value) in values.iter().enumerate() {
        draw_marker(chart.plotting_area(), (x + 1.6 * half * jitter(at), value), model, scale)?;
    }
    let (Some(first), Some(median), Some(third)) =
        (quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75))
    else {
        return Ok(());
    };
    let reach = WHISKER_IQR * (third - first);
    let within = || values.iter().copied().filter(|value| (first - reach..=third + reach).contains(value));
    let (low, high) = (within().fold(first, f64::min), within().fold(third, f64::max));
    let thin = INK.stroke_width(scale.line(0.6));
    let corners = [(x - half, first), (x + half, third)];
    let fill = Rectangle::new(corners, SERIES[model % SERIES.len()].mix(0.15).filled());
    chart.draw_series([fill, Rectangle::new(corners, thin)]).map_err(|error| error.to_string())?;
    let lines = [
        PathElement::new(vec![(x, low), (x, first)], thin),
        PathElement::new(vec![(x, third), (x, high)], thin),
        PathElement::new(vec![(x - half, median), (x + half, median)], INK.stroke_width(scale.line(1.4))),
    ];
    chart.draw_series(lines).map(|_| ()).map_err(|error| error.to_string())
}
