//! Curves of a training: the plateau plot and the learning-rate schedule.

pub mod overlay;

use std::path::Path;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingArea;
use plotters::element::{PathElement, Rectangle, Text};
use plotters::prelude::{DrawingBackend, IntoLogRange as _, RGBColor};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontTransform, IntoFont as _};

use crate::plan::schema::Train;
use crate::report::error::ReportError;
use crate::report::figure::canvas::{BLUE, FONT, GREY, INK, Plot, Scale, VERMILION, write_plot};
use crate::report::figure::lines::{Line, line, mesh, number_text, steps, style_of, text_style};
use crate::run::StopReason;
use crate::run::log::{EpochRow, PlateauRow};

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
pub(in crate::report) struct Plateau<'a> {
    /// Its epochs, at least one.
    pub(in crate::report) rows: &'a [EpochRow],
    /// The schedule's numbers.
    pub(in crate::report) train: &'a Train,
    /// Why it ended; none while it goes on.
    pub(in crate::report) stop: Option<StopReason>,
}

/// The learning rate over one training.
pub(in crate::report) struct LearningRate<'a> {
    /// Its epochs, at least one.
    pub(in crate::report) rows: &'a [EpochRow],
    /// The schedule's numbers.
    pub(in crate::report) train: &'a Train,
}

/// The best value of a plateau; not a number without one.
fn best(plateau: Option<PlateauRow>) -> f64 {
    plateau.map_or(f64::NAN, |plateau| plateau.best)
}

fn bad_epochs(row: &EpochRow) -> usize {
    row.train_plateau.map_or(0, |plateau| plateau.bad_epochs)
}

/// Epochs as people count them.
pub(in crate::report) fn shown(epoch: usize) -> f64 {
    epoch as f64
}

/// Epochs from the first to the last one; a single epoch stands in the middle of its range.
pub(in crate::report) fn epochs(rows: &[EpochRow]) -> std::ops::Range<f64> {
    let last = rows.last().map_or(1.0, |row| shown(row.epoch));
    if last > 1.0 { 1.0..last } else { 0.5..1.5 }
}

/// A learning rate with two digits at most: the paper's rates are told apart by their second one.
pub(in crate::report) fn rate_text(rate: f64) -> String {
    format!("{rate:.1e}").replace(".0e", "e")
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
            (self.train.plateau().threshold, BLUE, (|row| best(row.train_plateau)) as fn(&EpochRow) -> f64),
            (self.train.validation_plateau().map_or(0.0, |rule| rule.threshold), VERMILION, |row| {
                best(row.validation_plateau)
            }),
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
        line(&mut chart, of(|row| row.train_loss_ema), BLUE, Line::Bold, scale)?;
        line(&mut chart, of(|row| row.validation_loss_ema), VERMILION, Line::BoldDashed, scale)?;
        self.marks(&mut chart, low, high, scale)
    }
}

type Chart<'a, B> = ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

impl Plateau<'_> {
    /// Losses from the lowest to the highest, with room around them.
    fn range(&self) -> (f64, f64) {
        let losses = self.rows.iter().flat_map(|row| {
            let goals = [
                best(row.train_plateau) - self.train.plateau().threshold,
                best(row.validation_plateau) - self.train.validation_plateau().map_or(0.0, |rule| rule.threshold),
            ];
            [row.train_loss, row.validation_loss, row.train_loss_ema, row.validation_loss_ema].into_iter().chain(goals)
        });
        let (low, high) = losses
            .filter(|loss| loss.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| (low.min(loss), high.max(loss)));
        let room = (0.06 * (high - low)).max(0.01);
        (low - room, high + room)
    }

    /// Shades the epochs since the smoothed training loss was last better, or since the rate last dropped.
    fn window<B: DrawingBackend>(&self, chart: &mut Chart<'_, B>, low: f64, high: f64) -> Result<(), String> {
        let Some(row) = self.rows.last().filter(|row| bad_epochs(row) > 0) else { return Ok(()) };
        let last = shown(row.epoch);
        let first = (last - bad_epochs(row) as f64).max(1.0);
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
        for row in self.rows.iter().filter(|row| row.drops_learning_rate()) {
            let at = shown(row.epoch);
            line(chart, [(at, low), (at, high)].into_iter(), INK, Line::Dotted, scale)?;
            let upright = (FONT, scale.text()).into_font().transform(FontTransform::Rotate270).color(&INK);
            let label = format!("rate {} ", rate_text(row.next_learning_rate));
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
        let window = self.rows.last().map_or(0, bad_epochs);
        let mut entries: Vec<(RGBColor, Option<Line>, String)> = vec![
            (BLUE, Some(Line::Bold), "training, smoothed".to_owned()),
            (VERMILION, Some(Line::BoldDashed), "validation, smoothed".to_owned()),
            (BLUE, Some(Line::Pale), "training".to_owned()),
            (VERMILION, Some(Line::Pale), "validation".to_owned()),
            (GREY, Some(Line::Dotted), "best minus threshold".to_owned()),
            (GREY, None, format!("no gain for {window} of {} epochs", self.train.plateau().patience_epochs)),
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
        let left = self.rows.last().filter(|row| row.drops_learning_rate());
        let left = left.map(|row| (shown(row.epoch), row.next_learning_rate));
        self.rows.iter().map(|row| (shown(row.epoch), row.learning_rate)).chain(left).collect()
    }
}

impl Plot for LearningRate<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let floor = self.train.validation_plateau().map_or(0.0, |rule| rule.below_learning_rate);
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

#[cfg(test)]
mod tests;
