//! The learning rate of one training, on a logarithmic axis.

use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::coord::combinators::IntoLogRange as _;
use plotters::drawing::DrawingArea;
use plotters::element::Text;
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::plan::schema::Train;
use crate::report::figure::axes::draw_epoch_axes;
use crate::report::figure::canvas::Plot;
use crate::report::figure::line::{Line, draw_line, steps};
use crate::report::figure::style::{BLUE, INK, Scale};
use crate::report::figure::text::text_style;
use crate::report::figure::training::curve::{curve, epoch_range, stopping_learning_rate};
use crate::run::log::EpochRow;
use crate::units::format_learning_rate;

/// The learning rate of one training.
pub(crate) struct LearningRatePlot<'a> {
    /// Its epochs, at least one.
    pub rows: &'a [EpochRow],
    pub train: &'a Train,
}

impl LearningRatePlot<'_> {
    /// The learning rate of each epoch, and the one after the last: a training that has stopped ends there. A rate of 0, with which
    /// some schedules end, has no place on a logarithmic axis.
    pub(super) fn points(&self) -> Vec<(f64, f64)> {
        let next = self.rows.last().map(|row| (row.epoch as f64, row.next_learning_rate));
        curve(self.rows, |row| row.learning_rate).chain(next).filter(|&(_, rate)| rate > 0.0).collect()
    }
}

impl Plot for LearningRatePlot<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let points = self.points();
        let stopping = stopping_learning_rate(self.train);
        let epochs = epoch_range(self.rows.len());
        let rates = log_range(points.iter().map(|&(_, rate)| rate).chain(stopping));
        let mut chart = ChartBuilder::on(area)
            .margin_left(scale.pt(4.0))
            .margin_right(scale.pt(6.0))
            .margin_top(scale.pt(8.0))
            .x_label_area_size(scale.pt(22.0))
            .y_label_area_size(scale.pt(40.0))
            .build_cartesian_2d(epochs.clone(), rates.log_scale())
            .map_err(|error| error.to_string())?;
        draw_epoch_axes(&mut chart, "learning rate", &|&rate| format_learning_rate(rate), scale)?;
        draw_line(&mut chart, steps(points.into_iter()), (BLUE, Line::Bold), scale)?;
        if let Some(stopping) = stopping {
            draw_line(
                &mut chart,
                [(epochs.start, stopping), (epochs.end, stopping)].into_iter(),
                (INK, Line::Dotted),
                scale,
            )?;
            let style = text_style(scale).pos(Pos::new(HPos::Left, VPos::Bottom));
            let text = Text::new(" training may stop below this line", (epochs.start, stopping * 1.1), style);
            chart.draw_series([text]).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// A range that holds all learning rates, with a factor of two to both sides.
pub(super) fn log_range(rates: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let positive = rates.filter(|rate| *rate > 0.0);
    let (low, high) = positive.fold((f64::INFINITY, 0.0_f64), |(low, high), rate| (low.min(rate), high.max(rate)));
    if low > high { 0.5..2.0 } else { low / 2.0..high * 2.0 }
}
