//! From outputs on prepared grids to labels on the image's own grid.
//!
//! The paper does not describe this step; it follows nnU-Net commit 6150f1b0, `segmentation_export.py`, and for logits and regions
//! nnU-Net v2, `export_prediction.py`.
//!
//! Differs: that commit resamples the probabilities of validation cases with cubic splines and those of new images linearly. Here both
//! are linear by default, so that the cross-validation describes the results for new images.

use ndarray::{Array3, ArrayView3};

use crate::predict::channels::Channels;
use crate::predict::error::PredictError;
use crate::predict::resampled::{MemberOutputs, ResampledMember};
use crate::preprocess::Placement;
use crate::volume::crop::paste;

/// Receives the probabilities of a channel, a class or a region, on the image's own grid, `[z, y, x]`.
pub type OnChannel<'a> = dyn FnMut(usize, ArrayView3<'_, f32>) -> Result<(), PredictError> + 'a;

/// The label of each voxel of an image, `[z, y, x]` on its own grid, by the mean probabilities of the members.
///
/// Channels are resampled one after the other, so that few volumes of the original size are in memory. Voxels outside the crop are
/// background. `on_channel`, if given, receives the mean probability of each channel in turn; the labels are the same without it.
///
/// # Errors
///
/// If outputs cannot be read from disk, or `on_channel` fails.
///
/// # Panics
///
/// If there is no member, or the members differ in image or channels.
pub fn vote(
    members: &[MemberOutputs<'_>],
    channels: &Channels,
    mut on_channel: Option<&mut OnChannel<'_>>,
) -> Result<Array3<i16>, PredictError> {
    let placement = members.first().expect("at least one member").placement;
    for other in members {
        assert_eq!((other.placement.original, other.placement.crop), (placement.original, placement.crop));
    }
    // The most probable class of one member is the one with the highest output.
    let by_output = members.len() == 1 && matches!(channels, Channels::Classes(_));
    let reads_probabilities = !by_output || on_channel.is_some();
    let member = |member| {
        if reads_probabilities {
            ResampledMember::of_probabilities(member)
        } else {
            Ok(ResampledMember::of_outputs(member))
        }
    };
    let members: Vec<ResampledMember<'_>> = members.iter().copied().map(member).collect::<Result<_, _>>()?;
    let fraction = 1.0 / members.len() as f32;
    let labels = channels.labels(placement.crop.shape(), members.len() as f32, |channel| {
        if by_output {
            let values = members[0].outputs(channel)?;
            if let Some(on_channel) = &mut on_channel {
                let mut probabilities = values.clone();
                members[0].activate(&mut probabilities);
                on_channel(channel, with_outside(&probabilities, placement, channels.outside(channel)).view())?;
            }
            return Ok(values);
        }
        let sum = sum_of_probabilities(&members, channel)?;
        if let Some(on_channel) = &mut on_channel {
            let mean = sum.mapv(|sum| sum * fraction);
            on_channel(channel, with_outside(&mean, placement, channels.outside(channel)).view())?;
        }
        Ok(sum)
    })?;
    Ok(with_outside(&labels, placement, 0))
}

/// The sum of the members' probabilities of a channel, `[z, y, x]`.
fn sum_of_probabilities(members: &[ResampledMember<'_>], channel: usize) -> Result<Array3<f32>, PredictError> {
    let mut sum: Option<Array3<f32>> = None;
    for member in members {
        let mut values = member.outputs(channel)?;
        member.activate(&mut values);
        match &mut sum {
            None => sum = Some(values),
            Some(sum) => *sum += &values,
        }
    }
    Ok(sum.expect("at least one member"))
}

/// Values of the crop on the whole grid of an image, with one value outside.
fn with_outside<T: Clone>(inside: &Array3<T>, placement: &Placement, outside: T) -> Array3<T> {
    let mut whole = Array3::from_elem(placement.original.0, outside);
    paste(inside.view(), whole.view_mut(), placement.crop);
    whole
}

#[cfg(test)]
mod tests {
    use ndarray::{Array4, Axis};
    use proptest::prelude::*;

    use super::*;
    use crate::predict::activation::Activation;
    use crate::predict::outputs::Outputs;
    use crate::predict::resampled::Export;
    use crate::volume::resample::Order;
    use crate::volume::{BoundingBox, Shape};

    const LINEAR: Export = Export { order: Order::Linear, separate_axis: None, activation: None };

    fn classes(count: i16) -> Channels {
        Channels::Classes((0..count).collect())
    }

    fn linear(probabilities: &Array4<f32>, placement: &Placement) -> Array3<i16> {
        let channels = classes(probabilities.len_of(Axis(0)) as i16);
        let outputs = &Outputs::Memory(probabilities.clone());
        vote(&[MemberOutputs { outputs, placement, export: LINEAR }], &channels, None).unwrap()
    }

    /// Probabilities that are 1 for the class of each voxel.
    fn certain(classes: &Array3<i16>, count: usize) -> Array4<f32> {
        let (z, y, x) = classes.dim();
        Array4::from_shape_fn((count, z, y, x), |(class, z, y, x)| f32::from(classes[[z, y, x]] == class as i16))
    }

    proptest! {
        #[test]
        fn labels_return_to_the_position_they_were_cropped_from(
            slice_axis in 0_usize..3,
            start in proptest::array::uniform3(0_usize..4),
            size in proptest::array::uniform3(1_usize..5),
            seed in 0_usize..1000,
        ) {
            let end: [usize; 3] = std::array::from_fn(|axis| start[axis] + size[axis]);
            let original = Shape(end.map(|edge| edge + 1));
            let placement = Placement { original, crop: BoundingBox { start, end }, slice_axis };
            let inside = Array3::from_shape_fn(size, |(z, y, x)| ((seed + z * 7 + y * 5 + x * 3) % 3) as i16);
            let prepared = inside.clone().permuted_axes(placement.axes());

            let labels = linear(&certain(&prepared, 3), &placement);
            let mut expected = Array3::zeros(original.0);
            paste(inside.view(), expected.view_mut(), placement.crop);
            prop_assert_eq!(labels, expected);
        }
    }

    #[test]
    fn probabilities_are_interpolated_before_the_class_is_chosen() {
        let placement =
            Placement { original: Shape([1, 1, 4]), crop: BoundingBox::whole(Shape([1, 1, 4])), slice_axis: 0 };
        let mut probabilities = Array4::zeros((2, 1, 1, 2));
        probabilities.index_axis_mut(Axis(0), 0).assign(&ndarray::array![[[0.9_f32, 0.0]]]);
        probabilities.index_axis_mut(Axis(0), 1).assign(&ndarray::array![[[0.1_f32, 1.0]]]);
        // Between the voxels, at a quarter and at three quarters, class 0 has 0.675 and 0.225.
        assert_eq!(linear(&probabilities, &placement), ndarray::array![[[0_i16, 0, 1, 1]]]);
    }

    #[test]
    fn two_members_are_averaged_on_the_images_grid() {
        let bounds = BoundingBox::whole(Shape([1, 1, 4]));
        let placement = |slice_axis| Placement { original: Shape([1, 1, 4]), crop: bounds, slice_axis };
        // On the image's own grid; and on a grid of half its resolution, with x as the first axis.
        let fine = Array4::from_shape_vec((2, 1, 1, 4), vec![0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9]).unwrap();
        let coarse = Array4::from_shape_vec((2, 2, 1, 1), vec![0.2, 0.2, 0.8, 0.8]).unwrap();
        let [fine, coarse] = [fine, coarse].map(Outputs::Memory);
        let parts = [
            MemberOutputs { outputs: &fine, placement: &placement(0), export: LINEAR },
            MemberOutputs { outputs: &coarse, placement: &placement(2), export: LINEAR },
        ];
        // Mean probabilities of class 0: 0.55, 0.55, 0.15, 0.15.
        let mut seen = Vec::new();
        let mut on_channel = |_, values: ArrayView3<'_, f32>| {
            seen.extend(values.iter().map(|value| (value * 100.0).round() as i32));
            Ok(())
        };
        let both = vote(&parts, &classes(2), Some(&mut on_channel)).unwrap();
        assert_eq!(both, ndarray::array![[[0_i16, 0, 1, 1]]]);
        assert_eq!(seen, [55, 55, 15, 15, 45, 45, 85, 85]);
        assert_eq!(vote(&parts[1..], &classes(2), None).unwrap(), ndarray::array![[[1_i16, 1, 1, 1]]]);
    }

    /// The labels of two channels of logits, and the probabilities that they lead to, in percent.
    fn of_logits(logits: &[Vec<f32>], activation: Activation, channels: &Channels) -> (Array3<i16>, Vec<i32>) {
        let (original, inside) = (Shape([1, 1, 4]), BoundingBox { start: [0, 0, 0], end: [1, 1, 3] });
        let placement = Placement { original, crop: inside, slice_axis: 0 };
        let outputs: Vec<Outputs> = logits
            .iter()
            .map(|one| Outputs::Memory(Array4::from_shape_vec((2, 1, 1, 2), one.clone()).unwrap()))
            .collect();
        let export = Export { activation: Some(activation), ..LINEAR };
        let parts: Vec<MemberOutputs<'_>> =
            outputs.iter().map(|outputs| MemberOutputs { outputs, placement: &placement, export }).collect();
        let mut seen = Vec::new();
        let mut on_channel = |_, values: ArrayView3<'_, f32>| {
            seen.extend(values.iter().map(|value| (value * 100.0).round() as i32));
            Ok(())
        };
        let labels = vote(&parts, channels, Some(&mut on_channel)).unwrap();
        assert_eq!(vote(&parts, channels, None).unwrap(), labels, "with and without probabilities");
        (labels, seen)
    }

    #[test]
    fn logits_are_resampled_before_the_softmax_and_members_are_averaged_after_it() {
        // The voxel in the middle has the mean of the logits: 0 and -1.
        let one = vec![2.0, -2.0, 0.0, -2.0];
        let (labels, seen) = of_logits(std::slice::from_ref(&one), Activation::Softmax, &classes(2));
        assert_eq!((labels, seen), (ndarray::array![[[0_i16, 0, 0, 0]]], vec![88, 73, 50, 100, 12, 27, 50, 0]));
        let (labels, seen) = of_logits(&[one, vec![0.0, 0.0, 1.0, 100.0]], Activation::Softmax, &classes(2));
        assert_eq!(labels, ndarray::array![[[0_i16, 1, 1, 0]]]);
        assert_eq!(seen, [57, 37, 25, 100, 43, 63, 75, 0]);
    }

    #[test]
    fn regions_are_thresholded_one_by_one_and_are_absent_outside_the_crop() {
        let channels = Channels::Regions(vec![1, 2]);
        let (labels, seen) = of_logits(&[vec![4.0, -2.0, 0.0, 2.0]], Activation::Sigmoid, &channels);
        assert_eq!(labels, ndarray::array![[[1_i16, 2, 2, 0]]]);
        assert_eq!(seen, [98, 73, 12, 0, 50, 73, 88, 0]);
    }
}
