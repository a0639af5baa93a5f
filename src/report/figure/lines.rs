//! Axes and lines of a chart, alike in all plots of a training.

use plotters::chart::ChartContext;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::element::Circle;
use plotters::prelude::{DrawingBackend, RGBColor};
use plotters::series::{DashedLineSeries, LineSeries};
use plotters::style::{Color as _, IntoFont as _, ShapeStyle, TextStyle};

use crate::report::figure::canvas::{FONT, GREY, INK, Scale, pale};

/// How a line is drawn, and what the legend calls it.
#[derive(Clone, Copy)]
pub(in crate::report) enum Line {
    Pale,
    Bold,
    BoldDashed,
    Dotted,
}

/// Writes the numbers of an axis so that neighbouring labels differ.
pub(in crate::report) fn number_text(range: f64) -> impl Fn(&f64) -> String {
    let digits = (-(range / 5.0).log10()).ceil().clamp(1.0, 4.0) as usize;
    // Adding 0 makes a zero of the rounded -0, which a tick would show with its sign.
    let step = 10_f64.powi(digits as i32);
    move |number| format!("{:.digits$}", (number * step).round() / step + 0.0)
}

/// Axes with their names; few grid lines.
pub(in crate::report) fn mesh<B, Y>(
    chart: &mut ChartContext<'_, B, Cartesian2d<RangedCoordf64, Y>>,
    name: &str,
    number: &dyn Fn(&f64) -> String,
    scale: Scale,
) -> Result<(), String>
where
    B: DrawingBackend,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(plotters::style::TRANSPARENT)
        .bold_line_style(GREY.mix(0.25))
        .axis_style(INK)
        .x_desc("epoch")
        .y_desc(name)
        .x_labels(6)
        .y_labels(8)
        .x_label_formatter(&|epoch| {
            // Ticks between epochs, of a short training, stay without a number.
            if (epoch - epoch.round()).abs() < 1e-6 { format!("{epoch:.0}") } else { String::new() }
        })
        .y_label_formatter(&number)
        .label_style(text_style(scale))
        .axis_desc_style(text_style(scale))
        .draw()
        .map_err(|error| error.to_string())
}

pub(in crate::report) fn line<B, Y>(
    chart: &mut ChartContext<'_, B, Cartesian2d<RangedCoordf64, Y>>,
    points: impl Iterator<Item = (f64, f64)> + Clone,
    colour: RGBColor,
    kind: Line,
    scale: Scale,
) -> Result<(), String>
where
    B: DrawingBackend,
    Y: Ranged<ValueType = f64>,
{
    let style = style_of(colour, kind, scale);
    let mut rest = points.clone();
    if let Some(first) = rest.next().filter(|first| rest.all(|point| point == *first)) {
        // A line of one point would not be seen.
        let dot = Circle::new(first, scale.pt(1.5), style.filled());
        return chart.draw_series([dot]).map(|_| ()).map_err(|error| error.to_string());
    }
    let drawn = match kind {
        Line::Pale | Line::Bold => chart.draw_series(LineSeries::new(points, style)),
        Line::BoldDashed => chart.draw_series(DashedLineSeries::new(points, scale.pt(3.5), scale.pt(2.5), style)),
        Line::Dotted => chart.draw_series(DashedLineSeries::new(points, scale.pt(1.5), scale.pt(1.5), style)),
    };
    drawn.map(|_| ()).map_err(|error| error.to_string())
}

pub(in crate::report) fn style_of(colour: RGBColor, kind: Line, scale: Scale) -> ShapeStyle {
    match kind {
        Line::Pale => pale(colour).stroke_width(scale.line(0.5)),
        Line::Bold | Line::BoldDashed => colour.stroke_width(scale.line(1.2)),
        Line::Dotted => colour.stroke_width(scale.line(0.5)),
    }
}

pub(in crate::report) fn text_style(scale: Scale) -> TextStyle<'static> {
    (FONT, scale.text()).into_font().color(&INK)
}

/// A line through points that stays at each value until the next one.
pub(in crate::report) fn steps(points: impl Iterator<Item = (f64, f64)>) -> impl Iterator<Item = (f64, f64)> + Clone {
    let points: Vec<(f64, f64)> = points.collect();
    let ends: Vec<f64> = points.iter().skip(1).map(|&(epoch, _)| epoch).chain(points.last().map(|&(e, _)| e)).collect();
    points.into_iter().zip(ends).flat_map(|((start, value), end)| [(start, value), (end, value)])
}
