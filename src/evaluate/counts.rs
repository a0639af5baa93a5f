//! Voxels of each label in a prediction and its reference, and the overlap that follows from them.

use ndarray::{ArrayView3, Zip};

/// Voxels of one label in a prediction and its reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In both.
    pub true_positives: u64,
    /// In the prediction only.
    pub false_positives: u64,
    /// In the reference only.
    pub false_negatives: u64,
}

impl Counts {
    /// Voxels of the label in the reference.
    pub fn reference(self) -> u64 {
        self.true_positives + self.false_negatives
    }

    /// Voxels of the label in the prediction.
    pub fn prediction(self) -> u64 {
        self.true_positives + self.false_positives
    }

    /// `2 TP / (2 TP + FP + FN)`; none where both are empty, 0 where one is. Source: spec section 15.
    pub fn dice(self) -> Option<f64> {
        let total = self.reference() + self.prediction();
        (total > 0).then(|| 2.0 * self.true_positives as f64 / total as f64)
    }

    /// `TP / (TP + FP + FN)`; none where both are empty.
    pub fn iou(self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_positives + self.false_negatives)
    }

    /// `TP / (TP + FP)`; none where the prediction is empty.
    pub fn precision(self) -> Option<f64> {
        share(self.true_positives, self.prediction())
    }

    /// `TP / (TP + FN)`; none where the reference is empty.
    pub fn recall(self) -> Option<f64> {
        share(self.true_positives, self.reference())
    }

    /// Predicted volume above (positive) or below the reference's, as a share of it; none where the reference is empty.
    pub fn volume_difference(self) -> Option<f64> {
        share(self.prediction(), self.reference()).map(|ratio| ratio - 1.0)
    }
}

/// A share of some voxels; none where there are no voxels to have a share of.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Counts of each label of `labels`, in their order.
///
/// # Panics
///
/// When the label maps differ in shape.
pub fn count<L: Copy + Into<i16>>(
    reference: ArrayView3<'_, i16>,
    prediction: ArrayView3<'_, i16>,
    labels: &[L],
) -> Vec<Counts> {
    assert_eq!(reference.dim(), prediction.dim(), "shapes of reference and prediction");
    let labels: Vec<usize> = labels
        .iter()
        .map(|&label| usize::try_from(label.into()).expect("the values of classes are not negative"))
        .collect();
    let mut place = vec![None; labels.iter().max().map_or(0, |largest| largest + 1)];
    for (at, &label) in labels.iter().enumerate() {
        place[label] = Some(at);
    }
    let place = |label: i16| usize::try_from(label).ok().and_then(|label| *place.get(label)?);
    let mut counts = vec![Counts::default(); labels.len()];
    Zip::from(reference).and(prediction).for_each(|&reference, &prediction| {
        if reference == prediction {
            if let Some(at) = place(reference) {
                counts[at].true_positives += 1;
            }
            return;
        }
        if let Some(at) = place(reference) {
            counts[at].false_negatives += 1;
        }
        if let Some(at) = place(prediction) {
            counts[at].false_positives += 1;
        }
    });
    counts
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn voxels_are_counted_label_by_label() {
        let reference = array![[[1_i16, 1, 2, 0, 0]]];
        let prediction = array![[[1_i16, 2, 2, 1, 0]]];
        let counts = count(reference.view(), prediction.view(), &[1_u8, 2]);
        assert_eq!(counts[0], Counts { true_positives: 1, false_positives: 1, false_negatives: 1 });
        assert_eq!(counts[1], Counts { true_positives: 1, false_positives: 1, false_negatives: 0 });
        assert_eq!(counts[0].dice(), Some(0.5));
        assert_eq!(counts[1].iou(), Some(0.5));
    }

    #[test]
    fn two_empty_masks_have_no_dice_and_one_empty_mask_has_zero() {
        assert_eq!(Counts::default().dice(), None);
        assert_eq!(Counts { false_positives: 3, ..Counts::default() }.dice(), Some(0.0));
        assert_eq!(Counts { false_negatives: 3, ..Counts::default() }.dice(), Some(0.0));
    }

    #[test]
    fn precision_needs_a_prediction_and_recall_and_volume_a_reference() {
        let counts = Counts { true_positives: 3, false_positives: 1, false_negatives: 5 };
        assert_eq!((counts.precision(), counts.recall()), (Some(0.75), Some(0.375)));
        assert_eq!(counts.volume_difference(), Some(-0.5));
        let invented = Counts { false_positives: 2, ..Counts::default() };
        assert_eq!((invented.precision(), invented.recall(), invented.volume_difference()), (Some(0.0), None, None));
        let overlooked = Counts { false_negatives: 2, ..Counts::default() };
        assert_eq!((overlooked.precision(), overlooked.recall()), (None, Some(0.0)));
        assert_eq!(overlooked.volume_difference(), Some(-1.0));
    }
}
