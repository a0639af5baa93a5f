//! Exponential moving average.

use serde::{Deserialize, Serialize};

/// An exponential moving average that starts at the first value.
///
/// The decays are those of nnU-Net commit 6150f1b0, `network_trainer.py`; the paper (arXiv:1809.10486, 2.3) states none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ema {
    decay: f64,
    value: Option<f64>,
}

impl Ema {
    /// An average of no values yet. `decay` is the weight of the previous average, 0 to 1.
    pub(super) fn new(decay: f64) -> Self {
        Self { decay, value: None }
    }

    /// Adds a value and returns the new average.
    pub(super) fn update(&mut self, value: f64) -> f64 {
        let average = self.value.map_or(value, |average| self.decay * average + (1.0 - self.decay) * value);
        self.value = Some(average);
        average
    }
}
