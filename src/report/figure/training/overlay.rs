//! The trainings of all folds and seeds of a configuration in one plot.

use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::coord::combinators::IntoLogRange as _;
use plotters::drawing::DrawingArea;
use plotters::prelude::DrawingBackend;

use crate::plan::schema::Train;
use crate::report::figure::axes::{Below, XAxis, YAxis, draw_chart, draw_epoch_axes, range_of};
use crate::report::figure::canvas::Plot;
use crate::report::figure::line::{Line, draw_line, draw_line_sample, steps};
use crate::report::figure::style::{BLUE, INK, Scale, VERMILION};
use crate::report::figure::text::{RIGHT_OF, draw_text};
use crate::report::figure::training::curve::{curve, epoch_range, stopping_learning_rate};
use crate::report::figure::training::learning_rate::log_range;
use crate::report::record::NetworkRecord;
use crate::units::format_learning_rate;

/// Smoothed losses over epochs.
pub(crate) struct LossOverlay<'a> {
    /// Networks that have been trained.
    pub networks: &'a [&'a NetworkRecord],
}

/// Learning rates over epochs.
pub(crate) struct LearningRateOverlay<'a> {
    /// Networks that have been trained.
    pub networks: &'a [&'a NetworkRecord],
    pub train: &'a Train,
}

/// Number of epochs of the longest training.
fn last_epoch(networks: &[&NetworkRecord]) -> usize {
    networks.iter().map(|network| network.epochs.len()).max().unwrap_or(1)
}

impl Plot for LossOverlay<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let (legend, below) = area.split_vertically(scale.pt(12.0));
        let rows = self.networks.iter().flat_map(|network| &network.epochs);
        let losses = rows.flat_map(|row| [row.train_loss_ema, row.validation_loss_ema]).filter(|loss| loss.is_finite());
        let x = XAxis { range: epoch_range(last_epoch(self.networks)), below: Below::Title("epoch") };
        let mut chart = draw_chart(&below, x, YAxis { range: range_of(losses), title: "loss (smoothed)" }, scale)?;
        let (training, validation) = ((BLUE, Line::Bold), (VERMILION, Line::BoldDashed));
        for network in self.networks {
            draw_line(&mut chart, curve(&network.epochs, |row| row.train_loss_ema), training, scale)?;
            draw_line(&mut chart, curve(&network.epochs, |row| row.validation_loss_ema), validation, scale)?;
        }
        let mut left = scale.pt(38.0);
        for (line, name) in [(training, "training patches"), (validation, "validation patches")] {
            let (y, right) = (scale.pt(7.0), left + scale.pt(16.0));
            draw_line_sample(&legend, (left, right, y), line, scale)?;
            draw_text(&legend, name, (right + scale.pt(4.0), y), RIGHT_OF, scale)?;
            left = right + scale.pt(76.0);
        }
        Ok(())
    }
}

impl Plot for LearningRateOverlay<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let rates = self.networks.iter().flat_map(|network| network.epochs.iter().map(|row| row.learning_rate));
        let stopping = stopping_learning_rate(self.train);
        let epochs = epoch_range(last_epoch(self.networks));
        let mut chart = ChartBuilder::on(area)
            .margin_left(scale.pt(4.0))
            .margin_right(scale.pt(8.0))
            .margin_top(scale.pt(6.0))
            .x_label_area_size(scale.pt(22.0))
            .y_label_area_size(scale.pt(34.0))
            .build_cartesian_2d(epochs.clone(), log_range(rates.chain(stopping)).log_scale())
            .map_err(|error| error.to_string())?;
        draw_epoch_axes(&mut chart, "learning rate", &|&rate| format_learning_rate(rate), scale)?;
        for network in self.networks {
            let points = steps(curve(&network.epochs, |row| row.learning_rate));
            draw_line(&mut chart, points, (BLUE, Line::Bold), scale)?;
        }
        if let Some(stopping) = stopping {
            let points = [(epochs.start, stopping), (epochs.end, stopping)];
            draw_line(&mut chart, points.into_iter(), (INK, Line::Dotted), scale)?;
        }
        Ok(())
    }
}
