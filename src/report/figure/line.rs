//! Lines of charts: solid, dashed, dotted, stepped.

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, PathElement};
use plotters::prelude::{DrawingBackend, RGBColor};
use plotters::series::{DashedLineSeries, LineSeries};
use plotters::style::{Color as _, ShapeStyle};

use crate::report::figure::style::{Scale, pale};

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line {
    Pale,
    Bold,
    BoldDashed,
    Dotted,
}

impl Line {
    /// Length of dashes and of the gaps between them, points. `None` for a solid line.
    fn dash_pt(self) -> Option<(f64, f64)> {
        match self {
            Self::Pale | Self::Bold => None,
            Self::BoldDashed => Some((3.5, 2.5)),
            Self::Dotted => Some((1.5, 1.5)),
        }
    }

    fn style(self, colour: RGBColor, scale: Scale) -> ShapeStyle {
        match self {
            Self::Pale => pale(colour).stroke_width(scale.line(0.5)),
            Self::Bold | Self::BoldDashed => colour.stroke_width(scale.line(1.2)),
            Self::Dotted => colour.stroke_width(scale.line(0.5)),
        }
    }
}

/// Draws a line through points of a chart. A line of a single point is drawn as a dot.
pub(crate) fn draw_line<B, Y>(
    chart: &mut ChartContext<'_, B, Cartesian2d<RangedCoordf64, Y>>,
    points: impl Iterator<Item = (f64, f64)> + Clone,
    (colour, line): (RGBColor, Line),
    scale: Scale,
) -> Result<(), String>
where
    B: DrawingBackend,
    Y: Ranged<ValueType = f64>,
{
    let style = line.style(colour, scale);
    let mut rest = points.clone();
    if let Some(first) = rest.next().filter(|first| rest.all(|point| point == *first)) {
        let dot = Circle::new(first, scale.pt(1.5), style.filled());
        return chart.draw_series([dot]).map(|_| ()).map_err(|error| error.to_string());
    }
    let drawn = match line.dash_pt() {
        None => chart.draw_series(LineSeries::new(points, style)),
        Some((dash, gap)) => chart.draw_series(DashedLineSeries::new(points, scale.pt(dash), scale.pt(gap), style)),
    };
    drawn.map(|_| ()).map_err(|error| error.to_string())
}

/// Draws a short horizontal sample of a line for a legend, from `left` to `right` at height `y`.
pub(crate) fn draw_line_sample<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    (left, right, y): (i32, i32, i32),
    (colour, line): (RGBColor, Line),
    scale: Scale,
) -> Result<(), String> {
    let style = line.style(colour, scale);
    let dash = line.dash_pt().map_or(right - left, |(dash, _)| scale.pt(dash));
    let starts = (0..).map(|index| left + 2 * index * dash).take_while(|&start| start < right);
    for start in starts {
        let dash = PathElement::new([(start, y), ((start + dash).min(right), y)], style);
        area.draw(&dash).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Points of a step function that keeps each value until the next point.
pub(crate) fn steps(points: impl Iterator<Item = (f64, f64)>) -> impl Iterator<Item = (f64, f64)> + Clone {
    let points: Vec<(f64, f64)> = points.collect();
    let ends: Vec<f64> = points.iter().skip(1).map(|&(x, _)| x).chain(points.last().map(|&(x, _)| x)).collect();
    points.into_iter().zip(ends).flat_map(|((start, value), end)| [(start, value), (end, value)])
}
