//! Curves of a training: the plateau plot and the learning-rate schedule.

use std::path::Path;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::prelude::{DrawingBackend, IntoLogRange as _, RGBColor};
use plotters::series::{DashedLineSeries, LineSeries};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontTransform, IntoFont as _, ShapeStyle, TextStyle};

use crate::plan::schema::Train;
use crate::report::ReportError;
use crate::report::style::{BLUE, FONT, GREY, INK, Plot, Scale, VERMILION, pale, write_plot};
use crate::train::log::EpochRow;
use crate::train::schedule::StopReason;

/// Draws the plateau plot of a training as `stem.svg` and `stem.png`.
///
/// Raw losses thin and pale, smoothed losses bold, what an average has to fall below to count as better dotted, the window
/// of patience at hand shaded, each drop of the learning rate and the stop as vertical lines. Nothing without a row.
///
/// # Errors
///
/// When a file cannot be written.
pub fn plateau_plot(
    rows: &[EpochRow],
    train: &Train,
    stop: Option<StopReason>,
    stem: &Path,
) -> Result<(), ReportError> {
    if rows.is_empty() { Ok(()) } else { write_plot(&Plateau { rows, train, stop }, stem) }
}

/// Draws the learning rate over the epochs, on a logarithmic scale with its floor, as `stem.svg` and `stem.png`.
///
/// # Errors
///
/// When a file cannot be written.
pub fn learning_rate_plot(rows: &[EpochRow], train: &Train, stem: &Path) -> Result<(), ReportError> {
    if rows.is_empty() { Ok(()) } else { write_plot(&LearningRate { rows, train }, stem) }
}

/// The plateau plot of one training.
pub(super) struct Plateau<'a> {
    /// Its epochs, at least one.
    pub(super) rows: &'a [EpochRow],
    /// The schedule's numbers.
    pub(super) train: &'a Train,
    /// Why it ended; none while it goes on.
    pub(super) stop: Option<StopReason>,
}

/// The learning rate over one training.
pub(super) struct LearningRate<'a> {
    /// Its epochs, at least one.
    pub(super) rows: &'a [EpochRow],
    /// The schedule's numbers.
    pub(super) train: &'a Train,
}

/// How a line is drawn, and what the legend calls it.
#[derive(Clone, Copy)]
pub(super) enum Line {
    Pale,
    Bold,
    BoldDashed,
    Dotted,
}

/// Epochs as people count them.
pub(super) fn shown(epoch: usize) -> f64 {
    epoch as f64 + 1.0
}

/// Epochs from the first to the last one; a single epoch stands in the middle of its range.
pub(super) fn epochs(rows: &[EpochRow]) -> std::ops::Range<f64> {
    let last = rows.last().map_or(1.0, |row| shown(row.epoch));
    if last > 1.0 { 1.0..last } else { 0.5..1.5 }
}

/// A learning rate with two digits at most: the paper's rates are told apart by their second one.
pub(super) fn rate_text(rate: f64) -> String {
    format!("{rate:.1e}").replace(".0e", "e")
}

/// Writes the numbers of an axis so that neighbouring labels differ.
pub(super) fn number_text(range: f64) -> impl Fn(&f64) -> String {
    let digits = (-(range / 5.0).log10()).ceil().clamp(1.0, 4.0) as usize;
    // Adding 0 makes a zero of the rounded -0, which a tick would show with its sign.
    let step = 10_f64.powi(digits as i32);
    move |number| format!("{:.digits$}", (number * step).round() / step + 0.0)
}

impl Plot for Plateau<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let rows = if self.stop.is_some() { 4.0 } else { 3.0 };
        let (legend, below) = area.split_vertically(scale.pt(10.0 * rows + 3.0));
        self.legend(&legend, scale)?;
        let (low, high) = self.range();
        let mut chart = ChartBuilder::on(&below)
            .margin_left(scale.pt(4.0))
            .margin_right(scale.pt(6.0))
            .margin_top(scale.pt(4.0))
            .x_label_area_size(scale.pt(22.0))
            .y_label_area_size(scale.pt(32.0))
            .build_cartesian_2d(epochs(self.rows), low..high)
            .map_err(|error| error.to_string())?;
        self.window(&mut chart, low, high)?;
        mesh(&mut chart, "loss", &number_text(high - low), scale)?;
        let of = |value: fn(&EpochRow) -> f64| self.rows.iter().map(move |row| (shown(row.epoch), value(row)));
        line(&mut chart, of(|row| row.train_loss), BLUE, Line::Pale, scale)?;
        line(&mut chart, of(|row| row.validation_loss), VERMILION, Line::Pale, scale)?;
        let goals = [
            (self.train.lr_threshold, BLUE, (|row| row.best_train) as fn(&EpochRow) -> f64),
            (self.train.stop_threshold, VERMILION, |row| row.best_validation),
        ];
        for (threshold, colour, best) in goals {
            line(
                &mut chart,
                steps(of(best).map(|(epoch, best)| (epoch, best - threshold))),
                colour,
                Line::Dotted,
                scale,
            )?;
        }
        line(&mut chart, of(|row| row.train_ema), BLUE, Line::Bold, scale)?;
        line(&mut chart, of(|row| row.validation_ema), VERMILION, Line::BoldDashed, scale)?;
        self.marks(&mut chart, low, high, scale)
    }
}

type Chart<'a, B> = ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

impl Plateau<'_> {
    /// Losses from the lowest to the highest, with room around them.
    fn range(&self) -> (f64, f64) {
        let losses = self.rows.iter().flat_map(|row| {
            let goals = [row.best_train - self.train.lr_threshold, row.best_validation - self.train.stop_threshold];
            [row.train_loss, row.validation_loss, row.train_ema, row.validation_ema].into_iter().chain(goals)
        });
        let (low, high) = losses
            .filter(|loss| loss.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| (low.min(loss), high.max(loss)));
        let room = (0.06 * (high - low)).max(0.01);
        (low - room, high + room)
    }

    /// Shades the epochs since the smoothed training loss was last better, or since the rate last dropped.
    fn window<B: DrawingBackend>(&self, chart: &mut Chart<'_, B>, low: f64, high: f64) -> Result<(), String> {
        let Some(row) = self.rows.last().filter(|row| row.bad_epochs > 0) else { return Ok(()) };
        let last = shown(row.epoch);
        let first = (last - row.bad_epochs as f64).max(1.0);
        let shade = Rectangle::new([(first, low), (last, high)], GREY.mix(0.15).filled());
        chart.draw_series([shade]).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Marks each drop of the learning rate with the new one, and the stop.
    fn marks<B: DrawingBackend>(
        &self,
        chart: &mut Chart<'_, B>,
        low: f64,
        high: f64,
        scale: Scale,
    ) -> Result<(), String> {
        for row in self.rows.iter().filter(|row| row.dropped) {
            let at = shown(row.epoch);
            line(chart, [(at, low), (at, high)].into_iter(), INK, Line::Dotted, scale)?;
            let upright = (FONT, scale.text()).into_font().transform(FontTransform::Rotate270).color(&INK);
            let label = format!("rate {} ", rate_text(row.learning_rate * self.train.lr_factor));
            let style = upright.pos(Pos::new(HPos::Right, VPos::Bottom));
            chart.draw_series([Text::new(label, (at, high), style)]).map_err(|error| error.to_string())?;
        }
        match (self.stop, self.rows.last()) {
            (Some(_), Some(row)) => {
                let at = shown(row.epoch);
                line(chart, [(at, low), (at, high)].into_iter(), INK, Line::Bold, scale)
            }
            _ => Ok(()),
        }
    }

    /// The legend, above the plot where there are no data: two columns.
    fn legend<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let window = self.rows.last().map_or(0, |row| row.bad_epochs);
        let mut entries: Vec<(RGBColor, Option<Line>, String)> = vec![
            (BLUE, Some(Line::Bold), "training, smoothed".to_owned()),
            (VERMILION, Some(Line::BoldDashed), "validation, smoothed".to_owned()),
            (BLUE, Some(Line::Pale), "training".to_owned()),
            (VERMILION, Some(Line::Pale), "validation".to_owned()),
            (GREY, Some(Line::Dotted), "best minus threshold".to_owned()),
            (GREY, None, format!("no gain for {window} of {} epochs", self.train.lr_patience)),
        ];
        entries.extend(self.stop.map(|reason| (INK, Some(Line::Bold), format!("stop: {reason}"))));
        let (width, _) = area.dim_in_pixel();
        for (at, (colour, kind, text)) in (0..).zip(entries) {
            let x = scale.pt(8.0) + (at % 2) * (width as i32 / 2);
            let y = scale.pt(6.0) + (at / 2) * scale.pt(10.0);
            let (end, style) = (x + scale.pt(16.0), style_of(colour, kind.unwrap_or(Line::Bold), scale));
            let drawn = match kind {
                Some(Line::Dotted | Line::BoldDashed) => {
                    let dash = scale.pt(if matches!(kind, Some(Line::Dotted)) { 1.5 } else { 3.5 });
                    (0..).map(|step| x + step * 2 * dash).take_while(|&from| from < end).try_for_each(|from| {
                        area.draw(&PathElement::new([(from, y), ((from + dash).min(end), y)], style))
                    })
                }
                Some(Line::Pale | Line::Bold) => area.draw(&PathElement::new([(x, y), (end, y)], style)),
                None => {
                    let half = scale.pt(3.0);
                    area.draw(&Rectangle::new([(x, y - half), (end, y + half)], GREY.mix(0.3).filled()))
                }
            };
            drawn.map_err(|error| error.to_string())?;
            let style = text_style(scale).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw(&Text::new(text, (end + scale.pt(4.0), y), style)).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl LearningRate<'_> {
    /// The rate of each epoch, and the one that the last epoch has left: without it a training that has stopped would end
    /// above the floor.
    fn points(&self) -> Vec<(f64, f64)> {
        let left = self.rows.last().filter(|row| row.dropped);
        let left = left.map(|row| (shown(row.epoch), row.learning_rate * self.train.lr_factor));
        self.rows.iter().map(|row| (shown(row.epoch), row.learning_rate)).chain(left).collect()
    }
}

impl Plot for LearningRate<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let floor = self.train.lr_floor;
        let points = self.points();
        let rates = points.iter().map(|&(_, rate)| rate);
        let high = rates.clone().fold(floor, f64::max) * 2.0;
        // A floor of 0 cannot be drawn on a logarithmic scale.
        let low = rates.chain((floor > 0.0).then_some(floor)).fold(high, f64::min) / 2.0;
        let mut chart = ChartBuilder::on(area)
            .margin_left(scale.pt(4.0))
            .margin_right(scale.pt(6.0))
            .margin_top(scale.pt(8.0))
            .x_label_area_size(scale.pt(22.0))
            .y_label_area_size(scale.pt(40.0))
            .build_cartesian_2d(epochs(self.rows), (low..high).log_scale())
            .map_err(|error| error.to_string())?;
        mesh(&mut chart, "learning rate", &|rate| format!("{rate:.0e}"), scale)?;
        line(&mut chart, steps(points.into_iter()), BLUE, Line::Bold, scale)?;
        if floor > 0.0 {
            let ends = epochs(self.rows);
            line(&mut chart, [(ends.start, floor), (ends.end, floor)].into_iter(), INK, Line::Dotted, scale)?;
            let style = text_style(scale).pos(Pos::new(HPos::Left, VPos::Bottom));
            let text = Text::new(" training stops only below this line", (ends.start, floor * 1.1), style);
            chart.draw_series([text]).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// Axes with their names; few grid lines.
pub(super) fn mesh<B, Y>(
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

pub(super) fn line<B, Y>(
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

pub(super) fn style_of(colour: RGBColor, kind: Line, scale: Scale) -> ShapeStyle {
    match kind {
        Line::Pale => pale(colour).stroke_width(scale.line(0.5)),
        Line::Bold | Line::BoldDashed => colour.stroke_width(scale.line(1.2)),
        Line::Dotted => colour.stroke_width(scale.line(0.5)),
    }
}

pub(super) fn text_style(scale: Scale) -> TextStyle<'static> {
    (FONT, scale.text()).into_font().color(&INK)
}

/// A line through points that stays at each value until the next one.
pub(super) fn steps(points: impl Iterator<Item = (f64, f64)>) -> impl Iterator<Item = (f64, f64)> + Clone {
    let points: Vec<(f64, f64)> = points.collect();
    let ends: Vec<f64> = points.iter().skip(1).map(|&(epoch, _)| epoch).chain(points.last().map(|&(e, _)| e)).collect();
    points.into_iter().zip(ends).flat_map(|((start, value), end)| [(start, value), (end, value)])
}

#[cfg(test)]
mod tests;
