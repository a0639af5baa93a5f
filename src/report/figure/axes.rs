//! Axes of charts: few grid lines, and tick labels that differ from each other.

use std::ops::Range;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingArea;
use plotters::prelude::DrawingBackend;
use plotters::style::{Color as _, TRANSPARENT};

use crate::report::figure::style::{GREY, INK, Scale};
use crate::report::figure::text::text_style;

/// A chart with two linear axes.
pub(crate) type Chart<'a, B> = ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A horizontal axis.
#[derive(Clone, Debug)]
pub(crate) struct XAxis<'a> {
    pub range: Range<f64>,
    pub below: Below<'a>,
}

/// The area below the horizontal axis.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Below<'a> {
    /// Tick labels, and a title.
    Title(&'a str),
    /// Nothing, but this many units are kept free for names of groups.
    Space(i32),
}

/// A vertical axis.
#[derive(Clone, Debug)]
pub(crate) struct YAxis<'a> {
    pub range: Range<f64>,
    pub title: &'a str,
}

/// A chart with axes and titles.
pub(crate) fn draw_chart<'a, B: DrawingBackend>(
    area: &'a DrawingArea<B, Shift>,
    x: XAxis<'_>,
    y: YAxis<'_>,
    scale: Scale,
) -> Result<Chart<'a, B>, String> {
    let foot = match x.below {
        Below::Title(_) => scale.pt(22.0),
        Below::Space(units) => units,
    };
    let mut chart = ChartBuilder::on(area)
        .margin_left(scale.pt(4.0))
        .margin_right(scale.pt(8.0))
        .margin_top(scale.pt(6.0))
        .x_label_area_size(foot)
        .y_label_area_size(scale.pt(34.0))
        .build_cartesian_2d(x.range.clone(), y.range.clone())
        .map_err(|error| error.to_string())?;
    let (x_label, y_label) = (tick_label(x.range.end - x.range.start), tick_label(y.range.end - y.range.start));
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().light_line_style(TRANSPARENT).bold_line_style(GREY.mix(0.25)).axis_style(INK);
    mesh.y_desc(y.title).x_labels(5).y_labels(6).x_label_formatter(&*x_label).y_label_formatter(&*y_label);
    mesh.label_style(text_style(scale)).axis_desc_style(text_style(scale));
    match x.below {
        Below::Title(title) => mesh.x_desc(title),
        Below::Space(_) => mesh.x_labels(0),
    };
    mesh.draw().map_err(|error| error.to_string())?;
    drop(mesh);
    Ok(chart)
}

/// Draws the axes of a chart over epochs.
pub(crate) fn draw_epoch_axes<B, Y>(
    chart: &mut ChartContext<'_, B, Cartesian2d<RangedCoordf64, Y>>,
    y_title: &str,
    y_label: &dyn Fn(&f64) -> String,
    scale: Scale,
) -> Result<(), String>
where
    B: DrawingBackend,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GREY.mix(0.25))
        .axis_style(INK)
        .x_desc("epoch")
        .y_desc(y_title)
        .x_labels(6)
        .y_labels(8)
        .x_label_formatter(&|epoch| {
            // A short training has ticks between epochs; they stay without a label.
            if (epoch - epoch.round()).abs() < 1e-6 { format!("{epoch:.0}") } else { String::new() }
        })
        .y_label_formatter(&y_label)
        .label_style(text_style(scale))
        .axis_desc_style(text_style(scale))
        .draw()
        .map_err(|error| error.to_string())
}

/// Formats tick labels: whole numbers on a long axis, else enough digits for neighbouring labels to differ.
fn tick_label(range: f64) -> Box<dyn Fn(&f64) -> String> {
    if range >= 8.0 { Box::new(|number| format!("{number:.0}")) } else { Box::new(decimal_label(range)) }
}

/// Formats tick labels of an axis of this length with enough decimals for neighbouring labels to differ.
pub(crate) fn decimal_label(range: f64) -> impl Fn(&f64) -> String {
    let decimals = (-(range / 5.0).log10()).ceil().clamp(1.0, 4.0) as usize;
    let step = 10_f64.powi(decimals as i32);
    // Adding 0 turns a rounded -0 into 0, which is shown without a sign.
    move |number| format!("{:.decimals$}", (number * step).round() / step + 0.0)
}

/// A range that holds all values, with a margin; 0 to 1 without values.
pub(crate) fn range_of(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.0..1.0;
    }
    let is_constant = high - low <= 1e-9 * high.abs();
    let margin = if is_constant { 0.1 * high.abs() + 1e-3 } else { 0.08 * (high - low) };
    low - margin..high + margin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_tick_labels_differ() {
        assert_eq!(decimal_label(1.5)(&-0.5), "-0.5");
        assert_eq!(decimal_label(0.02)(&0.405), "0.405");
        assert_eq!(decimal_label(1.0)(&-0.001), "0.0");
    }
}
