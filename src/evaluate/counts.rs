//! Voxel counts of each label in a prediction and its reference, and the overlap metrics that follow from them.

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
    /// The columns of `scores.parquet` that hold the counts, with their values.
    pub(super) fn columns(self) -> [(&'static str, u64); 3] {
        let Self { true_positives, false_positives, false_negatives } = self;
        [("true_positives", true_positives), ("false_positives", false_positives), ("false_negatives", false_negatives)]
    }

    /// The counts with the values of these columns.
    pub(super) fn from_columns(value: impl Fn(&str) -> u64) -> Self {
        Self {
            true_positives: value("true_positives"),
            false_positives: value("false_positives"),
            false_negatives: value("false_negatives"),
        }
    }

    /// Voxels of the label in the reference.
    pub fn reference(self) -> u64 {
        self.true_positives + self.false_negatives
    }

    /// Voxels of the label in the prediction.
    pub fn prediction(self) -> u64 {
        self.true_positives + self.false_positives
    }

    /// Whether the class occurs neither in the reference nor in the prediction.
    pub fn both_empty(self) -> bool {
        self.reference() + self.prediction() == 0
    }

    /// Dice: `2 TP / (2 TP + FP + FN)`. Returns 0 if exactly one mask is empty, and `None` if both are.
    ///
    /// Source: nnU-Net commit 6150f1b0, whose means leave out undefined values.
    pub fn dice(self) -> Option<f64> {
        ratio(2 * self.true_positives, self.reference() + self.prediction())
    }

    /// Intersection over union: `TP / (TP + FP + FN)`. Returns `None` if both masks are empty.
    pub fn iou(self) -> Option<f64> {
        ratio(self.true_positives, self.true_positives + self.false_positives + self.false_negatives)
    }

    /// `TP / (TP + FP)`. Returns `None` if the prediction is empty.
    pub fn precision(self) -> Option<f64> {
        ratio(self.true_positives, self.prediction())
    }

    /// `TP / (TP + FN)`. Returns `None` if the reference is empty.
    pub fn recall(self) -> Option<f64> {
        ratio(self.true_positives, self.reference())
    }

    /// Predicted volume minus reference volume, divided by the reference volume. Returns `None` if the reference is
    /// empty.
    pub fn volume_difference(self) -> Option<f64> {
        ratio(self.prediction(), self.reference()).map(|ratio| ratio - 1.0)
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Counts the voxels of each label of `labels`, in their order. Input: two label maps, `[z, y, x]`.
///
/// # Panics
///
/// If the label maps differ in shape, or a label is negative.
pub fn count_voxels<L: Copy + Into<i16>>(
    reference: ArrayView3<'_, i16>,
    prediction: ArrayView3<'_, i16>,
    labels: &[L],
) -> Vec<Counts> {
    assert_eq!(reference.dim(), prediction.dim(), "shapes of reference and prediction");
    let labels: Vec<usize> =
        labels.iter().map(|&label| usize::try_from(label.into()).expect("label values are not negative")).collect();
    let mut class_of_label = vec![None; labels.iter().max().map_or(0, |largest| largest + 1)];
    for (class, &label) in labels.iter().enumerate() {
        class_of_label[label] = Some(class);
    }
    let class_of = |label: i16| usize::try_from(label).ok().and_then(|label| *class_of_label.get(label)?);
    let none = Counts { true_positives: 0, false_positives: 0, false_negatives: 0 };
    let mut counts = vec![none; labels.len()];
    Zip::from(reference).and(prediction).for_each(|&reference, &prediction| {
        if reference == prediction {
            if let Some(class) = class_of(reference) {
                counts[class].true_positives += 1;
            }
            return;
        }
        if let Some(class) = class_of(reference) {
            counts[class].false_negatives += 1;
        }
        if let Some(class) = class_of(prediction) {
            counts[class].false_positives += 1;
        }
    });
    counts
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn voxels_are_counted_per_label() {
        let reference = array![[[1_i16, 1, 2, 0, 0]]];
        let prediction = array![[[1_i16, 2, 2, 1, 0]]];
        let counts = count_voxels(reference.view(), prediction.view(), &[1_u8, 2]);
        assert_eq!(counts[0], Counts { true_positives: 1, false_positives: 1, false_negatives: 1 });
        assert_eq!(counts[1], Counts { true_positives: 1, false_positives: 1, false_negatives: 0 });
        assert_eq!(counts[0].dice(), Some(0.5));
        assert_eq!(counts[1].iou(), Some(0.5));
    }

    #[test]
    fn dice_of_two_empty_masks_is_undefined_and_of_one_is_zero() {
        assert_eq!(Counts::default().dice(), None);
        assert_eq!(Counts { false_positives: 3, ..Counts::default() }.dice(), Some(0.0));
        assert_eq!(Counts { false_negatives: 3, ..Counts::default() }.dice(), Some(0.0));
    }

    #[test]
    fn precision_needs_a_prediction_and_recall_and_volume_need_a_reference() {
        let counts = Counts { true_positives: 3, false_positives: 1, false_negatives: 5 };
        assert_eq!((counts.precision(), counts.recall()), (Some(0.75), Some(0.375)));
        assert_eq!(counts.volume_difference(), Some(-0.5));
        let false_alarm = Counts { false_positives: 2, ..Counts::default() };
        assert_eq!(
            (false_alarm.precision(), false_alarm.recall(), false_alarm.volume_difference()),
            (Some(0.0), None, None)
        );
        let missed = Counts { false_negatives: 2, ..Counts::default() };
        assert_eq!((missed.precision(), missed.recall()), (None, Some(0.0)));
        assert_eq!(missed.volume_difference(), Some(-1.0));
    }
}
