//! Where slices are cut, and which grey values their intensities become.

use ndarray::{ArrayView3, Axis};

use crate::volume::Spacing;

/// Fraction of the darkest and of the brightest voxels that become black and white.
const CLIPPED: f64 = 0.01;
/// Maximum number of voxels that are looked at to find these.
const MAX_VOXELS: usize = 1_000_000;

/// The plane of slices through a volume: its axes as indices of `[z, y, x]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plane {
    /// The axis that slices are perpendicular to.
    pub(super) axis: usize,
    /// The axis that runs down the picture.
    pub(super) down: usize,
    /// The axis that runs across the picture.
    pub(super) across: usize,
}

impl Plane {
    pub(super) fn perpendicular_to(axis: usize) -> Self {
        let [down, across] = match axis {
            0 => [1, 2],
            1 => [0, 2],
            _ => [0, 1],
        };
        Self { axis, down, across }
    }

    /// The plane perpendicular to the axis of the largest spacing, the first one of equal ones.
    pub(super) fn of_finest_spacings(Spacing(spacing): Spacing) -> Self {
        let coarsest = (1..3).fold(0, |widest, axis| if spacing[axis] > spacing[widest] { axis } else { widest });
        Self::perpendicular_to(coarsest)
    }

    /// Height of a pixel divided by its width.
    pub(super) fn aspect(self, Spacing(spacing): Spacing) -> f64 {
        spacing[self.down] / spacing[self.across]
    }

    /// The slices in which at least one of the label maps has foreground; all slices, if none has any.
    pub(super) fn foreground_slices(self, maps: &[ArrayView3<'_, i16>]) -> Vec<usize> {
        let has_foreground =
            |at: usize| maps.iter().any(|map| map.index_axis(Axis(self.axis), at).iter().any(|&label| label > 0));
        let all = 0..maps.first().map_or(0, |map| map.len_of(Axis(self.axis)));
        let found: Vec<usize> = all.clone().filter(|&at| has_foreground(at)).collect();
        if found.is_empty() { all.collect() } else { found }
    }
}

/// The intensities that become black and white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GreyWindow {
    black: f32,
    white: f32,
}

impl GreyWindow {
    /// Grey values by the quantiles of an image's voxels; a large image is sampled evenly.
    pub(super) fn of_image(image: ArrayView3<'_, f32>) -> Self {
        let step = image.len().div_ceil(MAX_VOXELS).max(1);
        let mut values: Vec<f32> = image.iter().copied().step_by(step).filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f32::total_cmp);
        let Some(last) = values.len().checked_sub(1) else { return Self { black: 0.0, white: 1.0 } };
        let clipped = (last as f64 * CLIPPED) as usize;
        let (black, white) = (values[clipped], values[last - clipped]);
        Self { black, white: if white > black { white } else { black + 1.0 } }
    }

    pub(super) fn grey(self, value: f32) -> u8 {
        (255.0 * (value - self.black) / (self.white - self.black)).clamp(0.0, 255.0) as u8
    }
}

/// `count` evenly spaced elements of a list, each from the middle of its part.
pub(super) fn evenly<T: Copy>(all: &[T], count: usize) -> Vec<T> {
    (0..count).map(|at| all[(2 * at + 1) * all.len() / (2 * count)]).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn slices_are_perpendicular_to_the_largest_spacing() {
        let plane = Plane::of_finest_spacings(Spacing([1.0, 2.0, 0.5]));
        assert_eq!(plane, Plane { axis: 1, down: 0, across: 2 });
        approx::assert_abs_diff_eq!(plane.aspect(Spacing([1.0, 2.0, 0.5])), 2.0);
        assert_eq!(Plane::of_finest_spacings(Spacing([1.0; 3])).axis, 0);
    }

    #[test]
    fn only_slices_with_foreground_are_chosen_if_there_are_any() {
        let mut labels = Array3::<i16>::zeros((4, 2, 2));
        let plane = Plane::perpendicular_to(0);
        assert_eq!(plane.foreground_slices(&[labels.view()]), [0, 1, 2, 3]);
        labels[[2, 0, 0]] = 1;
        assert_eq!(plane.foreground_slices(&[labels.view()]), [2]);
    }

    #[test]
    fn a_constant_image_is_black() {
        assert_eq!(GreyWindow::of_image(Array3::<f32>::ones((2, 2, 2)).view()).grey(1.0), 0);
    }

    #[test]
    fn elements_are_taken_from_the_middle_of_each_part() {
        assert_eq!(evenly(&[0, 1, 2, 3, 4, 5, 6, 7], 2), [2, 6]);
        assert_eq!(evenly(&[5], 3), [5, 5, 5]);
    }
}
