//! When the learning rate drops and when training stops, as a pure state machine.
//!
//! Input: the two losses of each epoch. Output: moving averages, the learning rate, and the end. Source: arXiv:1809.10486,
//! section 2.3 (spec section 9); the moving averages' weights are the first public code's.

use serde::{Deserialize, Serialize};

use crate::plan::schema::{self, Stopping, Train};
use crate::run::StopReason;

/// A value smoothed over epochs, and how long ago it was last better than its best by more than a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Smoothed {
    past: f64,
    threshold: f64,
    ema: Option<f64>,
    best: Option<f64>,
    bad_epochs: usize,
}

impl Smoothed {
    fn new(past: f64, threshold: f64) -> Self {
        Self { past, threshold, ema: None, best: None, bad_epochs: 0 }
    }

    /// Takes in a value; gives the average and its best so far.
    fn take(&mut self, value: f64) -> (f64, f64) {
        // The average starts at the first epoch's value: there is no past to weigh.
        let ema = self.ema.map_or(value, |ema| self.past * ema + (1.0 - self.past) * value);
        self.ema = Some(ema);
        match self.best {
            Some(best) if ema >= best - self.threshold => self.bad_epochs += 1,
            _ => {
                self.best = Some(ema);
                self.bad_epochs = 0;
            }
        }
        (ema, self.best.unwrap_or(ema))
    }
}

/// The schedule after some epochs. It holds all that the next epoch depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    train: Smoothed,
    validation: Smoothed,
    learning_rate: f64,
    factor: f64,
    patience: usize,
    stop_patience: usize,
    floor: f64,
    max_epochs: usize,
    epochs: usize,
    stop: Option<StopReason>,
}

/// What the schedule says of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Moving average of the training loss.
    pub train_ema: f64,
    /// Moving average of the validation loss.
    pub validation_ema: f64,
    /// Best moving average of the training loss that counted as an improvement.
    pub best_train: f64,
    /// Best moving average of the validation loss that counted as an improvement.
    pub best_validation: f64,
    /// Epochs since the training average improved, or since the learning rate dropped.
    pub bad_epochs: usize,
    /// Epochs since the validation average improved.
    pub validation_bad_epochs: usize,
    /// Whether the learning rate drops after this epoch.
    pub dropped: bool,
}

impl Schedule {
    /// The schedule before the first epoch.
    pub fn new(train: &Train) -> Self {
        let schema::Schedule::Plateau(plateau) = &train.schedule;
        let (stop_threshold, stop_patience, floor) = match &train.stopping {
            Stopping::None => (0.0, usize::MAX, 0.0),
            Stopping::ValidationPlateau(stop) => (stop.threshold, stop.patience_epochs, stop.below_learning_rate),
        };
        Self {
            train: Smoothed::new(train.train_loss_ema_decay, plateau.threshold),
            validation: Smoothed::new(train.validation_loss_ema_decay, stop_threshold),
            learning_rate: train.learning_rate,
            factor: plateau.factor,
            patience: plateau.patience_epochs,
            stop_patience,
            floor,
            max_epochs: train.max_epochs,
            epochs: 0,
            stop: None,
        }
    }

    /// Learning rate of the next epoch.
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// Why training has stopped, when it has.
    pub fn stop(&self) -> Option<StopReason> {
        self.stop
    }

    /// Takes in the losses of an epoch.
    ///
    /// An average improves when it falls below its best by more than the threshold. The learning rate drops when the
    /// training average has not improved for *more* than `lr_patience` epochs, and then waits anew. Training stops when the
    /// validation average has not improved for *more* than `stop_patience` epochs and the learning rate is below its floor.
    pub fn step(&mut self, train_loss: f64, validation_loss: f64) -> Step {
        self.epochs += 1;
        let (train_ema, best_train) = self.train.take(train_loss);
        let (validation_ema, best_validation) = self.validation.take(validation_loss);
        let dropped = self.train.bad_epochs > self.patience;
        if dropped {
            self.learning_rate *= self.factor;
            self.train.bad_epochs = 0;
        }
        if self.validation.bad_epochs > self.stop_patience && self.learning_rate < self.floor {
            self.stop = Some(StopReason::ValidationPlateau { epochs: self.validation.bad_epochs });
        } else if self.epochs >= self.max_epochs {
            self.stop = Some(StopReason::MaxEpochs { epochs: self.epochs });
        }
        Step {
            train_ema,
            validation_ema,
            best_train,
            best_validation,
            bad_epochs: self.train.bad_epochs,
            validation_bad_epochs: self.validation.bad_epochs,
            dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// The paper's schedule, as the example of a whole plan has it.
    fn paper() -> Train {
        crate::plan::testing::example().train
    }

    #[test]
    fn a_constant_loss_drops_the_rate_at_the_32nd_epoch_and_stops_after_the_fourth_drop() {
        let mut schedule = Schedule::new(&paper());
        let mut drops = Vec::new();
        let mut epochs = 0;
        while schedule.stop().is_none() {
            epochs += 1;
            if schedule.step(1.0, 1.0).dropped {
                drops.push((epochs, schedule.learning_rate()));
            }
        }
        let at: Vec<usize> = drops.iter().map(|&(epoch, _)| epoch).collect();
        assert_eq!(at, [32, 63, 94, 125]);
        for ((_, rate), expected) in drops.iter().zip([6e-5, 1.2e-5, 2.4e-6, 4.8e-7]) {
            assert!((rate / expected - 1.0).abs() < 1e-12, "{rate} is not {expected}");
        }
        assert_eq!(epochs, 125);
        assert_eq!(schedule.stop(), Some(StopReason::ValidationPlateau { epochs: 124 }));
    }

    #[test]
    fn averages_start_at_the_first_value_and_forget_by_their_weights() {
        let mut schedule = Schedule::new(&paper());
        schedule.step(1.0, 2.0);
        let step = schedule.step(0.0, 0.0);
        assert!((step.train_ema - 0.93).abs() < 1e-12 && (step.validation_ema - 1.8).abs() < 1e-12);
        assert_eq!((step.bad_epochs, step.validation_bad_epochs), (0, 0));
    }

    #[test]
    fn a_gain_below_the_threshold_is_none() {
        let mut schedule = Schedule::new(&Train { train_loss_ema_decay: 0.0, ..paper() });
        schedule.step(1.0, 1.0);
        assert_eq!(schedule.step(0.996, 1.0).bad_epochs, 1);
        let step = schedule.step(0.994, 1.0);
        assert_eq!((step.bad_epochs, step.best_train), (0, 0.994));
    }

    #[test]
    fn the_last_epoch_of_the_plan_ends_the_training() {
        let mut schedule = Schedule::new(&Train { max_epochs: 2, ..paper() });
        schedule.step(1.0, 1.0);
        assert_eq!(schedule.stop(), None);
        schedule.step(0.5, 0.5);
        assert_eq!(schedule.stop(), Some(StopReason::MaxEpochs { epochs: 2 }));
    }

    #[derive(Deserialize)]
    struct Oracle {
        losses: Vec<f64>,
        learning_rates: Vec<f64>,
        bad_epochs: Vec<usize>,
    }

    #[test]
    fn rates_and_counters_are_those_of_pytorch() {
        let oracle: Oracle = serde_json::from_str(include_str!("../../tests/reference/values/plateau.json")).unwrap();
        let mut schedule = Schedule::new(&Train {
            train_loss_ema_decay: 0.0,
            schedule: schema::Schedule::Plateau(schema::Plateau { patience_epochs: 5, ..paper().plateau().clone() }),
            max_epochs: 1000,
            ..paper()
        });
        assert!(oracle.losses.len() >= 100);
        for (epoch, &loss) in oracle.losses.iter().enumerate() {
            let step = schedule.step(loss, loss);
            let rate = schedule.learning_rate();
            assert!((rate / oracle.learning_rates[epoch] - 1.0).abs() < 1e-9, "epoch {epoch}: {rate}");
            assert_eq!(step.bad_epochs, oracle.bad_epochs[epoch], "epoch {epoch}");
        }
    }

    #[test]
    fn a_saved_schedule_goes_on_as_if_nothing_had_happened() {
        let mut schedule = Schedule::new(&paper());
        for epoch in 0..40 {
            schedule.step(1.0 / f64::from(epoch + 1), 1.0);
        }
        let text = serde_json::to_string(&schedule).unwrap();
        let mut again: Schedule = serde_json::from_str(&text).unwrap();
        assert_eq!(again, schedule);
        assert_eq!(again.step(0.3, 0.2), schedule.step(0.3, 0.2));
    }
}
