//! The decisions at the end of an epoch: moving averages, the next learning rate, and the end of training.
//!
//! Input: the two losses of each epoch. Output: the matching columns of the log. A pure state machine: nothing here knows a device
//! or a file. Source: arXiv:1809.10486, 2.3.
//!
//! Differs: in nnU-Net commit 6150f1b0, `network_trainer.py`, the moving averages start again after an interruption. Here they are part
//! of the checkpoint, so that an interrupted training ends with the same weights.

use serde::{Deserialize, Serialize};

use crate::plan::schema::Train;
use crate::run::StopReason;
use crate::run::log::PlateauRow;
use crate::train::ema::Ema;
use crate::train::schedule::{FinishedEpoch, Schedule};
use crate::train::stopping::Stopping;

/// The state after some epochs: everything that later decisions depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    epochs: usize,
    max_epochs: usize,
    learning_rate: f64,
    train_loss: Ema,
    validation_loss: Ema,
    schedule: Schedule,
    stopping: Stopping,
    stop_reason: Option<StopReason>,
}

/// The decisions at the end of an epoch, as the log records them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EpochSummary {
    /// Moving average of the training loss.
    pub(crate) train_loss_ema: f64,
    /// Moving average of the validation loss.
    pub(crate) validation_loss_ema: f64,
    /// The plateau that the schedule watches, if it does.
    pub(crate) train_plateau: Option<PlateauRow>,
    /// The plateau that the stopping rule watches, if it does.
    pub(crate) validation_plateau: Option<PlateauRow>,
    /// Learning rate of the epoch.
    pub(crate) learning_rate: f64,
    /// Learning rate of the next epoch.
    pub(crate) next_learning_rate: f64,
    /// Why training ends after this epoch; `None` if it continues.
    pub(crate) stop_reason: Option<StopReason>,
}

impl Progress {
    /// The state before the first epoch.
    pub(crate) fn new(train: &Train) -> Self {
        Self {
            epochs: 0,
            max_epochs: train.max_epochs,
            learning_rate: train.learning_rate,
            train_loss: Ema::new(train.train_loss_ema_decay),
            validation_loss: Ema::new(train.validation_loss_ema_decay),
            schedule: Schedule::new(train),
            stopping: Stopping::new(&train.stopping),
            stop_reason: None,
        }
    }

    /// Learning rate of the current epoch.
    pub(crate) fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// Why training has ended; `None` if it continues.
    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.stop_reason
    }

    /// Records the losses of an epoch and decides how training continues.
    pub(crate) fn end_epoch(&mut self, train_loss: f64, validation_loss: f64) -> EpochSummary {
        self.epochs += 1;
        let train_loss_ema = self.train_loss.update(train_loss);
        let validation_loss_ema = self.validation_loss.update(validation_loss);
        let learning_rate = self.learning_rate;
        self.learning_rate = self.schedule.next(FinishedEpoch { learning_rate, train_loss_ema });
        let stops = self.stopping.update(validation_loss_ema, self.learning_rate);
        let at_limit = (self.epochs >= self.max_epochs).then_some(StopReason::MaxEpochs { epochs: self.epochs });
        self.stop_reason = stops.or(at_limit);
        EpochSummary {
            train_loss_ema,
            validation_loss_ema,
            train_plateau: self.schedule.plateau(),
            validation_plateau: self.stopping.plateau(),
            learning_rate,
            next_learning_rate: self.learning_rate,
            stop_reason: self.stop_reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::plan::schema;

    /// The paper's schedule, from the example plan.
    fn paper() -> Train {
        crate::plan::testing::example().train
    }

    /// Epochs without improvement of the training and of the validation loss.
    fn bad_epochs(summary: &EpochSummary) -> [usize; 2] {
        [summary.train_plateau, summary.validation_plateau]
            .map(|plateau| plateau.expect("the paper's rules").bad_epochs)
    }

    #[test]
    fn without_a_stopping_rule_only_max_epochs_ends_training() {
        let train = Train { stopping: schema::Stopping::None, max_epochs: 200, ..paper() };
        let mut progress = Progress::new(&train);
        let summaries: Vec<EpochSummary> = (0..200).map(|_| progress.end_epoch(1.0, 1.0)).collect();
        assert!(summaries.iter().all(|summary| summary.validation_plateau.is_none()));
        assert!(summaries[..199].iter().all(|summary| summary.stop_reason.is_none()));
        assert_eq!(progress.stop_reason(), Some(StopReason::MaxEpochs { epochs: 200 }));
    }

    #[test]
    fn a_constant_loss_lowers_the_learning_rate_after_epoch_32_and_ends_training_after_the_fourth_drop() {
        let mut progress = Progress::new(&paper());
        let mut drops = Vec::new();
        let mut epochs = 0;
        while progress.stop_reason().is_none() {
            epochs += 1;
            let summary = progress.end_epoch(1.0, 1.0);
            if summary.next_learning_rate < summary.learning_rate {
                drops.push((epochs, summary.next_learning_rate));
            }
        }
        let at: Vec<usize> = drops.iter().map(|&(epoch, _)| epoch).collect();
        assert_eq!(at, [32, 63, 94, 125]);
        for ((_, found), expected) in drops.iter().zip([6e-5, 1.2e-5, 2.4e-6, 4.8e-7]) {
            assert!((found / expected - 1.0).abs() < 1e-12, "{found} is not {expected}");
        }
        assert_eq!(epochs, 125);
        assert_eq!(progress.stop_reason(), Some(StopReason::ValidationPlateau { epochs: 124 }));
    }

    #[test]
    fn averages_start_at_the_first_value_and_decay() {
        let mut progress = Progress::new(&paper());
        progress.end_epoch(1.0, 2.0);
        let summary = progress.end_epoch(0.0, 0.0);
        assert!((summary.train_loss_ema - 0.93).abs() < 1e-12 && (summary.validation_loss_ema - 1.8).abs() < 1e-12);
        assert_eq!(bad_epochs(&summary), [0, 0]);
    }

    #[test]
    fn an_improvement_below_the_threshold_does_not_count() {
        let mut progress = Progress::new(&Train { train_loss_ema_decay: 0.0, ..paper() });
        progress.end_epoch(1.0, 1.0);
        assert_eq!(bad_epochs(&progress.end_epoch(0.996, 1.0))[0], 1);
        let summary = progress.end_epoch(0.994, 1.0);
        assert_eq!(summary.train_plateau, Some(PlateauRow { best: 0.994, bad_epochs: 0 }));
    }

    #[test]
    fn max_epochs_ends_training() {
        let mut progress = Progress::new(&Train { max_epochs: 2, ..paper() });
        progress.end_epoch(1.0, 1.0);
        assert_eq!(progress.stop_reason(), None);
        progress.end_epoch(0.5, 0.5);
        assert_eq!(progress.stop_reason(), Some(StopReason::MaxEpochs { epochs: 2 }));
    }

    #[derive(Deserialize)]
    struct Oracle {
        losses: Vec<f64>,
        learning_rates: Vec<f64>,
        bad_epochs: Vec<usize>,
    }

    #[test]
    fn learning_rates_and_counters_are_those_of_pytorch() {
        let oracle: Oracle = serde_json::from_str(include_str!("../../tests/reference/values/plateau.json")).unwrap();
        let mut progress = Progress::new(&Train {
            train_loss_ema_decay: 0.0,
            schedule: schema::Schedule::Plateau(schema::Plateau { factor: 0.2, patience_epochs: 5, threshold: 5e-3 }),
            max_epochs: 1000,
            ..paper()
        });
        assert!(oracle.losses.len() >= 100);
        for (epoch, &loss) in oracle.losses.iter().enumerate() {
            let summary = progress.end_epoch(loss, loss);
            let found = summary.next_learning_rate;
            assert!((found / oracle.learning_rates[epoch] - 1.0).abs() < 1e-9, "epoch {epoch}: {found}");
            assert_eq!(bad_epochs(&summary)[0], oracle.bad_epochs[epoch], "epoch {epoch}");
        }
    }

    #[test]
    fn a_restored_state_continues_like_the_saved_one() {
        let mut progress = Progress::new(&paper());
        for epoch in 0..40 {
            progress.end_epoch(1.0 / f64::from(epoch + 1), 1.0);
        }
        let text = serde_json::to_string(&progress).unwrap();
        let mut restored: Progress = serde_json::from_str(&text).unwrap();
        assert_eq!(restored, progress);
        assert_eq!(restored.end_epoch(0.3, 0.2), progress.end_epoch(0.3, 0.2));
    }
}
