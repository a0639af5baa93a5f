//! Axes of figures: few lines, numbers that differ from each other, room for names below.

use std::ops::Range;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingArea;
use plotters::prelude::DrawingBackend;
use plotters::style::{Color as _, TRANSPARENT};

use crate::report::figure::canvas::{GREY, INK, Scale};
use crate::report::figure::lines::{number_text, text_style};

/// A chart with two linear axes.
pub(in crate::report) type Chart<'a, B> = ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// What stands below the horizontal axis.
#[derive(Clone, Copy)]
pub(in crate::report) enum Below<'a> {
    /// Numbers, and a name.
    Name(&'a str),
    /// Nothing yet: so many units for names of places.
    Room(i32),
}

/// A chart with few grid lines and named axes.
pub(in crate::report) fn chart<'a, B: DrawingBackend>(
    area: &'a DrawingArea<B, Shift>,
    (x, below): (Range<f64>, Below<'_>),
    (y, vertical): (Range<f64>, &str),
    scale: Scale,
) -> Result<Chart<'a, B>, String> {
    let foot = match below {
        Below::Name(_) => scale.pt(22.0),
        Below::Room(units) => units,
    };
    let mut chart = ChartBuilder::on(area)
        .margin_left(scale.pt(4.0))
        .margin_right(scale.pt(8.0))
        .margin_top(scale.pt(6.0))
        .x_label_area_size(foot)
        .y_label_area_size(scale.pt(34.0))
        .build_cartesian_2d(x.clone(), y.clone())
        .map_err(|error| error.to_string())?;
    let (across, up) = (axis_number(x.end - x.start), axis_number(y.end - y.start));
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().light_line_style(TRANSPARENT).bold_line_style(GREY.mix(0.25)).axis_style(INK);
    mesh.y_desc(vertical).x_labels(5).y_labels(6).x_label_formatter(&*across).y_label_formatter(&*up);
    mesh.label_style(text_style(scale)).axis_desc_style(text_style(scale));
    match below {
        Below::Name(name) => mesh.x_desc(name),
        Below::Room(_) => mesh.x_labels(0),
    };
    mesh.draw().map_err(|error| error.to_string())?;
    drop(mesh);
    Ok(chart)
}

/// Writes the numbers of an axis: whole ones on a long axis, else with enough digits to differ.
fn axis_number(range: f64) -> Box<dyn Fn(&f64) -> String> {
    if range >= 8.0 { Box::new(|number| format!("{number:.0}")) } else { Box::new(number_text(range)) }
}

/// A range that holds all numbers, with some room; 0 to 1 where there are none.
pub(in crate::report) fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.0..1.0;
    }
    let alike = high - low <= 1e-9 * high.abs();
    let room = if alike { 0.1 * high.abs() + 1e-3 } else { 0.08 * (high - low) };
    low - room..high + room
}
