//! The losses of one training, raw and smoothed, with what schedule and stopping rule compare them with.

use std::ops::Range;

use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Rectangle, Text};
use plotters::prelude::{DrawingBackend, RGBColor};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontTransform, IntoFont as _};

use crate::plan::schema::Train;
use crate::report::figure::axes::{Chart, decimal_label, draw_epoch_axes};
use crate::report::figure::canvas::Plot;
use crate::report::figure::line::{Line, draw_line, draw_line_sample, steps};
use crate::report::figure::style::{BLUE, FONT, GREY, INK, Scale, VERMILION};
use crate::report::figure::text::{RIGHT_OF, draw_text};
use crate::report::figure::training::curve::{curve, epoch_range};
use crate::run::log::{EpochRow, PlateauRow};
use crate::train::{schedule, stopping};
use crate::units::format_learning_rate;

/// Height of a line of the legend, points.
const LEGEND_PT: f64 = 10.0;

/// The losses of one training.
///
/// Raw losses are thin and pale, smoothed losses bold. A plateau schedule adds the threshold that a smoothed loss has to fall below
/// to count as improved, the epochs without improvement so far, and each drop of the learning rate. The end of training is a
/// vertical line.
pub(crate) struct LossPlot<'a> {
    /// Its epochs, at least one.
    pub rows: &'a [EpochRow],
    pub train: &'a Train,
}

/// A smoothed loss has to fall below this to count as improved.
struct Threshold {
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

/// An entry of the legend: a line, or the shaded area.
struct Entry {
    line: Option<(RGBColor, Line)>,
    text: String,
}

impl Plot for LossPlot<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let entries = self.legend();
        let legend_height = LEGEND_PT * entries.len().div_ceil(2) as f64 + 3.0;
        let (legend, below) = area.split_vertically(scale.pt(legend_height));
        draw_entries(&legend, &entries, scale)?;
        let thresholds = self.thresholds();
        let losses = self.loss_range(&thresholds);
        let mut chart = ChartBuilder::on(&below)
            .margin_left(scale.pt(4.0))
            .margin_right(scale.pt(6.0))
            .margin_top(scale.pt(4.0))
            .x_label_area_size(scale.pt(22.0))
            .y_label_area_size(scale.pt(32.0))
            .build_cartesian_2d(epoch_range(self.rows.len()), losses.clone())
            .map_err(|error| error.to_string())?;
        self.shade_patience(&mut chart, &losses)?;
        draw_epoch_axes(&mut chart, "loss", &decimal_label(losses.end - losses.start), scale)?;
        draw_line(&mut chart, curve(self.rows, |row| row.train_loss), (BLUE, Line::Pale), scale)?;
        draw_line(&mut chart, curve(self.rows, |row| row.validation_loss), (VERMILION, Line::Pale), scale)?;
        for Threshold { colour, points } in thresholds {
            draw_line(&mut chart, steps(points.into_iter()), (colour, Line::Dotted), scale)?;
        }
        draw_line(&mut chart, curve(self.rows, |row| row.train_loss_ema), (BLUE, Line::Bold), scale)?;
        let validation = (VERMILION, Line::BoldDashed);
        draw_line(&mut chart, curve(self.rows, |row| row.validation_loss_ema), validation, scale)?;
        self.mark_drops(&mut chart, &losses, scale)?;
        self.mark_end(&mut chart, &losses, scale)
    }
}

impl LossPlot<'_> {
    fn thresholds(&self) -> Vec<Threshold> {
        let below = |plateau: fn(&EpochRow) -> Option<PlateauRow>, threshold: f64| {
            let point = |row: &EpochRow| Some((row.epoch as f64, plateau(row)?.best - threshold));
            self.rows.iter().filter_map(point).collect()
        };
        let mut thresholds = Vec::new();
        if let Some(plateau) = schedule::plateau_settings(self.train) {
            let points = below(|row| row.train_plateau, plateau.threshold);
            thresholds.push(Threshold { colour: BLUE, points });
        }
        if let Some(rule) = stopping::plateau_settings(self.train) {
            let points = below(|row| row.validation_plateau, rule.threshold);
            thresholds.push(Threshold { colour: VERMILION, points });
        }
        thresholds
    }

    /// From the lowest to the highest value drawn, with a margin.
    fn loss_range(&self, thresholds: &[Threshold]) -> Range<f64> {
        let losses = self
            .rows
            .iter()
            .flat_map(|row| [row.train_loss, row.validation_loss, row.train_loss_ema, row.validation_loss_ema])
            .chain(thresholds.iter().flat_map(|threshold| threshold.points.iter().map(|&(_, loss)| loss)));
        let (low, high) = losses
            .filter(|loss| loss.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| (low.min(loss), high.max(loss)));
        let margin = (0.06 * (high - low)).max(0.01);
        low - margin..high + margin
    }

    /// Epochs since the smoothed training loss improved, or since the learning rate dropped; 0 without a plateau schedule.
    fn bad_epochs(&self) -> usize {
        self.rows.last().and_then(|row| row.train_plateau).map_or(0, |plateau| plateau.bad_epochs)
    }

    /// Shades the epochs without improvement.
    fn shade_patience<B: DrawingBackend>(&self, chart: &mut Chart<'_, B>, losses: &Range<f64>) -> Result<(), String> {
        let bad_epochs = self.bad_epochs();
        if bad_epochs == 0 {
            return Ok(());
        }
        let last = self.rows.len() as f64;
        let first = (last - bad_epochs as f64).max(1.0);
        let shade = Rectangle::new([(first, losses.start), (last, losses.end)], GREY.mix(0.15).filled());
        chart.draw_series([shade]).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Marks each drop of the learning rate with the new one.
    fn mark_drops<B: DrawingBackend>(
        &self,
        chart: &mut Chart<'_, B>,
        losses: &Range<f64>,
        scale: Scale,
    ) -> Result<(), String> {
        if schedule::plateau_settings(self.train).is_none() {
            return Ok(());
        }
        for row in self.rows.iter().filter(|row| row.drops_learning_rate()) {
            let epoch = row.epoch as f64;
            let points = [(epoch, losses.start), (epoch, losses.end)];
            draw_line(chart, points.into_iter(), (INK, Line::Dotted), scale)?;
            let upright = (FONT, scale.text()).into_font().transform(FontTransform::Rotate270).color(&INK);
            let style = upright.pos(Pos::new(HPos::Right, VPos::Bottom));
            let label = format!("learning rate {} ", format_learning_rate(row.next_learning_rate));
            chart.draw_series([Text::new(label, (epoch, losses.end), style)]).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn mark_end<B: DrawingBackend>(
        &self,
        chart: &mut Chart<'_, B>,
        losses: &Range<f64>,
        scale: Scale,
    ) -> Result<(), String> {
        let Some(row) = self.rows.last().filter(|row| row.stop_reason.is_some()) else { return Ok(()) };
        let epoch = row.epoch as f64;
        draw_line(chart, [(epoch, losses.start), (epoch, losses.end)].into_iter(), (INK, Line::Bold), scale)
    }

    fn legend(&self) -> Vec<Entry> {
        let line = |colour, line, text: &str| Entry { line: Some((colour, line)), text: text.to_owned() };
        let mut entries = vec![
            line(BLUE, Line::Bold, "training, smoothed"),
            line(VERMILION, Line::BoldDashed, "validation, smoothed"),
            line(BLUE, Line::Pale, "training"),
            line(VERMILION, Line::Pale, "validation"),
        ];
        if schedule::plateau_settings(self.train).is_some() || stopping::plateau_settings(self.train).is_some() {
            entries.push(line(GREY, Line::Dotted, "best minus threshold"));
        }
        if let Some(plateau) = schedule::plateau_settings(self.train)
            && self.bad_epochs() > 0
        {
            let text = format!("not improved for {} of {} epochs", self.bad_epochs(), plateau.patience_epochs);
            entries.push(Entry { line: None, text });
        }
        if let Some(reason) = self.rows.last().and_then(|row| row.stop_reason) {
            entries.push(line(INK, Line::Bold, &format!("end: {reason}")));
        }
        entries
    }
}

/// Draws a legend in two columns, above the chart, where it covers no data.
fn draw_entries<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    entries: &[Entry],
    scale: Scale,
) -> Result<(), String> {
    let column = area.dim_in_pixel().0 as i32 / 2;
    for (at, entry) in (0..).zip(entries) {
        let left = scale.pt(8.0) + (at % 2) * column;
        let (right, y) = (left + scale.pt(16.0), scale.pt(6.0) + (at / 2) * scale.pt(LEGEND_PT));
        if let Some(line) = entry.line {
            draw_line_sample(area, (left, right, y), line, scale)?;
        } else {
            let half = scale.pt(3.0);
            let shade = Rectangle::new([(left, y - half), (right, y + half)], GREY.mix(0.3).filled());
            area.draw(&shade).map_err(|error| error.to_string())?;
        }
        draw_text(area, &entry.text, (right + scale.pt(4.0), y), RIGHT_OF, scale)?;
    }
    Ok(())
}
