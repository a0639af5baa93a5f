//! Dice over the pooled voxels of validation batches: quick, and not the Dice of whole cases. Source: spec section 9.

/// Voxels of each class that were found, missed and made up, over all batches of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlineDice {
    both: Vec<u64>,
    predicted: Vec<u64>,
    reference: Vec<u64>,
}

impl OnlineDice {
    /// Nothing counted yet; `classes` include background.
    pub fn new(classes: usize) -> Self {
        Self { both: vec![0; classes], predicted: vec![0; classes], reference: vec![0; classes] }
    }

    /// Counts the voxels of a batch: the predicted class of each, and its reference.
    ///
    /// # Panics
    ///
    /// When the two are not equally long, or hold a class that is none.
    pub fn add(&mut self, predicted: &[i32], reference: &[i32]) {
        assert_eq!(predicted.len(), reference.len(), "voxels of prediction and reference");
        for (&predicted, &reference) in predicted.iter().zip(reference) {
            self.predicted[predicted as usize] += 1;
            self.reference[reference as usize] += 1;
            if predicted == reference {
                self.both[predicted as usize] += 1;
            }
        }
    }

    /// Dice of each foreground class; none where it was neither predicted nor there.
    pub fn per_class(&self) -> Vec<Option<f64>> {
        (1..self.both.len())
            .map(|class| {
                let total = self.predicted[class] + self.reference[class];
                (total > 0).then(|| 2.0 * self.both[class] as f64 / total as f64)
            })
            .collect()
    }

    /// Mean over the classes that have a Dice; none where no class has.
    pub fn mean(&self) -> Option<f64> {
        let known: Vec<f64> = self.per_class().into_iter().flatten().collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voxels_are_pooled_over_batches_and_absent_classes_are_left_out() {
        let mut dice = OnlineDice::new(4);
        dice.add(&[0, 1, 1, 2], &[0, 1, 2, 2]);
        dice.add(&[1], &[1]);
        assert_eq!(dice.per_class(), [Some(0.8), Some(2.0 / 3.0), None]);
        assert!((dice.mean().unwrap() - 0.8_f64.midpoint(2.0 / 3.0)).abs() < 1e-12);
        assert_eq!(OnlineDice::new(2).mean(), None);
    }
}
