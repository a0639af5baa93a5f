//! nnU-Net's pseudo Dice: the Dice over the pooled voxels of an epoch's validation batches.
//!
//! It is computed on patches, many of them centred on foreground, and is not the Dice of whole cases. Source: nnU-Net commit
//! 6150f1b0, `nnUNetTrainer.py` (`run_online_evaluation`).

use crate::statistics::mean;

/// Voxel counts of each class over all batches so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PseudoDice {
    true_positives: Vec<u64>,
    predicted: Vec<u64>,
    reference: Vec<u64>,
}

impl PseudoDice {
    /// Empty counts; `classes` includes background.
    pub(super) fn new(classes: usize) -> Self {
        Self { true_positives: vec![0; classes], predicted: vec![0; classes], reference: vec![0; classes] }
    }

    /// Adds the voxels of a batch.
    ///
    /// # Panics
    ///
    /// If prediction and reference differ in length, or contain an unknown class.
    pub(super) fn add(&mut self, predicted: &[i32], reference: &[i32]) {
        assert_eq!(predicted.len(), reference.len(), "voxels of prediction and reference");
        for (&predicted, &reference) in predicted.iter().zip(reference) {
            self.predicted[predicted as usize] += 1;
            self.reference[reference as usize] += 1;
            if predicted == reference {
                self.true_positives[predicted as usize] += 1;
            }
        }
    }

    /// Dice of each foreground class; `None` if the class is in neither prediction nor reference.
    pub(super) fn per_class(&self) -> Vec<Option<f64>> {
        (1..self.true_positives.len())
            .map(|class| {
                let total = self.predicted[class] + self.reference[class];
                (total > 0).then(|| 2.0 * self.true_positives[class] as f64 / total as f64)
            })
            .collect()
    }

    /// Mean over the classes that have a Dice; `None` if no class has one.
    pub(super) fn mean(&self) -> Option<f64> {
        let known: Vec<f64> = self.per_class().into_iter().flatten().collect();
        mean(&known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voxels_are_pooled_over_batches_and_absent_classes_are_left_out() {
        let mut dice = PseudoDice::new(4);
        dice.add(&[0, 1, 1, 2], &[0, 1, 2, 2]);
        dice.add(&[1], &[1]);
        assert_eq!(dice.per_class(), [Some(0.8), Some(2.0 / 3.0), None]);
        assert!((dice.mean().unwrap() - 0.8_f64.midpoint(2.0 / 3.0)).abs() < 1e-12);
        assert_eq!(PseudoDice::new(2).mean(), None);
    }
}
