//! Trainings of all folds and seeds in one plot.

use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::coord::combinators::IntoLogRange as _;
use plotters::drawing::DrawingArea;
use plotters::element::PathElement;
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};

use crate::plan::schema::Train;
use crate::report::figure::canvas::{BLUE, INK, Plot, Scale, VERMILION};
use crate::report::figure::lines::{Line, line, mesh, steps, style_of};
use crate::report::figure::training::rate_text;
use crate::report::figure::{Below, chart, range, text};
use crate::report::record::Planned;
use crate::run::log::EpochRow;

/// Smoothed losses over epochs.
pub(in crate::report) struct Losses<'a> {
    /// Networks that have been trained.
    pub(in crate::report) networks: &'a [&'a Planned],
}

/// Learning rates over epochs.
pub(in crate::report) struct Rates<'a> {
    /// Networks that have been trained.
    pub(in crate::report) networks: &'a [&'a Planned],
    /// The schedule's numbers.
    pub(in crate::report) train: &'a Train,
}

/// Epochs from the first to the last of the longest training.
fn epochs(networks: &[&Planned]) -> std::ops::Range<f64> {
    let last = networks.iter().map(|network| network.epochs.len()).max().unwrap_or(1);
    if last > 1 { 1.0..last as f64 } else { 0.5..1.5 }
}

fn curve(network: &Planned, value: fn(&EpochRow) -> f64) -> impl Iterator<Item = (f64, f64)> + Clone + '_ {
    network.epochs.iter().map(move |row| (row.epoch as f64, value(row)))
}

impl Plot for Losses<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let (legend, below) = area.split_vertically(scale.pt(12.0));
        let losses: [fn(&EpochRow) -> f64; 2] = [|row| row.train_loss_ema, |row| row.validation_loss_ema];
        let all = self.networks.iter().flat_map(|network| {
            network.epochs.iter().flat_map(|row| losses.map(|loss| loss(row))).filter(|loss| loss.is_finite())
        });
        let mut chart =
            chart(&below, (epochs(self.networks), Below::Name("epoch")), (range(all), "loss, smoothed"), scale)?;
        let kinds = [(BLUE, Line::Bold, "training"), (VERMILION, Line::BoldDashed, "held-out cases' patches")];
        for network in self.networks {
            for (loss, (colour, kind, _)) in losses.iter().zip(kinds) {
                line(&mut chart, curve(network, *loss), colour, kind, scale)?;
            }
        }
        let mut left = scale.pt(38.0);
        for (colour, kind, name) in kinds {
            let (y, end) = (scale.pt(7.0), left + scale.pt(16.0));
            let middle = i32::midpoint(left, end);
            let gap = if matches!(kind, Line::BoldDashed) { scale.pt(1.5) } else { 0 };
            for (from, to) in [(left, middle - gap), (middle + gap, end)] {
                let dash = PathElement::new([(from, y), (to, y)], style_of(colour, kind, scale));
                legend.draw(&dash).map_err(|error| error.to_string())?;
            }
            text(&legend, name, (end + scale.pt(4.0), y), (HPos::Left, VPos::Center), scale)?;
            left = end + scale.pt(56.0);
        }
        Ok(())
    }
}

impl Plot for Rates<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let rates = self.networks.iter().flat_map(|network| network.epochs.iter().map(|row| row.learning_rate));
        let floor = self.train.validation_plateau().map_or(0.0, |rule| rule.below_learning_rate);
        let high = rates.clone().fold(floor, f64::max) * 2.0;
        // A floor of 0 cannot be drawn on a logarithmic scale.
        let low = rates.chain((floor > 0.0).then_some(floor)).fold(high, f64::min) / 2.0;
        let ends = epochs(self.networks);
        let mut chart = ChartBuilder::on(area)
            .margin_left(scale.pt(4.0))
            .margin_right(scale.pt(8.0))
            .margin_top(scale.pt(6.0))
            .x_label_area_size(scale.pt(22.0))
            .y_label_area_size(scale.pt(34.0))
            .build_cartesian_2d(ends.clone(), (low..high).log_scale())
            .map_err(|error| error.to_string())?;
        mesh(&mut chart, "learning rate", &|&rate| rate_text(rate), scale)?;
        for network in self.networks {
            line(&mut chart, steps(curve(network, |row| row.learning_rate)), BLUE, Line::Bold, scale)?;
        }
        if floor > 0.0 {
            line(&mut chart, [(ends.start, floor), (ends.end, floor)].into_iter(), INK, Line::Dotted, scale)?;
        }
        Ok(())
    }
}
