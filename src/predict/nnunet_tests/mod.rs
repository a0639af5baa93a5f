//! Preprocessing and export against the arrays that nnU-Net 2.8.1 computed for its own trained models.

mod fixture;

use burn::tensor::f16;
use ndarray::{Array3, Array4, ArrayView1, ArrayView3, ArrayView4, Axis, s};

use self::fixture::Model;
use super::activation::{LogSumExp, logistic};
use super::channels::Channels;
use super::export::vote;
use super::outputs::Outputs;
use super::resampled::{Export, MemberOutputs, ResampledMember};
use crate::preprocess::{Prepared, prepare};
use crate::volume::LabelMap;
use crate::volume::crop::crop;

/// Largest difference of preprocessed intensities, relative to the range of the channel.
const INTENSITY_TOLERANCE: f32 = 1e-6;
/// Largest difference of probabilities if logits are rounded where nnU-Net rounds them.
const PROBABILITY_TOLERANCE: f32 = 1e-4;
/// Half of the relative distance between two numbers of half precision.
const HALF_ROUNDING: f32 = 1.0 / 2048.0;

fn prepared(model: &Model) -> Prepared {
    let image = model.image();
    // Labels of 0 become -1 outside of the mask.
    let labels = LabelMap { labels: Array3::zeros(image.geometry.shape.0), geometry: image.geometry.clone() };
    prepare(image, Some(labels), &model.plan.preprocess, &model.configuration, u64::MAX).unwrap()
}

fn largest_difference(found: ArrayView4<'_, f32>, expected: ArrayView4<'_, f32>) -> f32 {
    assert_eq!(found.dim(), expected.dim());
    found.iter().zip(expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, f32::max)
}

#[test]
fn images_and_masks_are_preprocessed_as_by_nnu_net() {
    for model in Model::all() {
        let found = prepared(&model);
        let expected: Array4<f32> = model.golden("preprocessed");
        assert_eq!(found.image.dim(), expected.dim(), "{}", model.name);
        for (channel, (found, expected)) in found.image.outer_iter().zip(expected.outer_iter()).enumerate() {
            let range = expected.fold(0.0_f32, |range, value| range.max(value.abs()));
            let difference = largest_difference(found.insert_axis(Axis(0)), expected.insert_axis(Axis(0)));
            assert!(difference <= INTENSITY_TOLERANCE * range, "{}, channel {channel}: {difference:e}", model.name);
        }
        let mask: Array4<i8> = model.golden("mask");
        assert_eq!(found.labels, mask.index_axis(Axis(0), 0).mapv(i16::from), "{}", model.name);
        // Without labels, the image is the same.
        let alone = prepare(model.image(), None, &model.plan.preprocess, &model.configuration, u64::MAX).unwrap();
        assert_eq!(alone.image, found.image, "{}", model.name);
    }
}

/// A model with its logits on the prepared grid, passed to `check` as the only member of a prediction.
fn with_member(model: &Model, check: impl FnOnce(MemberOutputs<'_>, &Channels)) {
    let image = model.image();
    let export = Export::new(&model.plan, &model.configuration, image.geometry.spacing);
    let placement = prepared(model).placement;
    let outputs = Outputs::Memory(model.logits());
    check(MemberOutputs { outputs: &outputs, placement: &placement, export }, &Channels::of(&model.plan));
}

/// Whether probabilities are so close that the rounding of nnU-Net may change the label.
fn is_tie(channels: &Channels, probabilities: ArrayView1<'_, f32>, tolerance: f32) -> bool {
    let mut sorted = probabilities.to_vec();
    sorted.sort_by(f32::total_cmp);
    match channels {
        Channels::Classes(_) => sorted[sorted.len() - 1] - sorted[sorted.len() - 2] <= tolerance,
        Channels::Regions(_) => sorted.iter().any(|probability| (probability - 0.5).abs() <= tolerance),
    }
}

#[test]
fn logits_become_the_labels_and_probabilities_of_nnu_net() {
    for model in Model::all() {
        let expected: Array4<f32> = model.golden("probabilities");
        let largest = model.logits().fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
        // nnU-Net rounds resampled logits to half precision; a probability changes by at most half of what its logits do.
        let tolerance = PROBABILITY_TOLERANCE + 0.5 * HALF_ROUNDING * largest;
        with_member(&model, |member, channels| {
            let mut found = Array4::zeros(expected.dim());
            let mut on_channel = |channel: usize, values: ArrayView3<'_, f32>| {
                found.index_axis_mut(Axis(0), channel).assign(&values);
                Ok(())
            };
            let labels = vote(&[member], channels, Some(&mut on_channel)).unwrap();
            let difference = largest_difference(found.view(), expected.view());
            assert!(difference <= tolerance, "{}: {difference:e}", model.name);

            let segmentation: Array3<u8> = model.golden("segmentation");
            assert_eq!(labels.dim(), segmentation.dim(), "{}", model.name);
            let mut different = 0;
            for (voxel, expected_label) in segmentation.indexed_iter() {
                if labels[voxel] != i16::from(*expected_label) {
                    let (z, y, x) = voxel;
                    let probabilities = expected.slice(s![.., z, y, x]);
                    assert!(is_tie(channels, probabilities, tolerance), "{}: {voxel:?}: {probabilities}", model.name);
                    different += 1;
                }
            }
            assert!(different <= 1 + labels.len() / 100_000, "{}: {different} labels differ", model.name);
            assert_eq!(vote(&[member], channels, None).unwrap(), labels, "with and without probabilities");
        });
    }
}

#[test]
fn probabilities_are_those_of_nnu_net_if_resampled_logits_are_rounded_as_there() {
    for model in Model::all() {
        let expected: Array4<f32> = model.golden("probabilities");
        with_member(&model, |member, channels| {
            let resampled = ResampledMember::of_outputs(member);
            let rounded =
                |channel: usize| resampled.outputs(channel).unwrap().mapv(|logit| f16::from_f32(logit).to_f32());
            let logits: Vec<Array3<f32>> = (0..member.outputs.channels()).map(rounded).collect();
            let mut sum = LogSumExp::new(member.placement.crop.shape().0);
            for logits in &logits {
                sum.add(logits.view());
            }
            let sum = sum.finish();
            let bounds = member.placement.crop;
            for (channel, logits) in logits.iter().enumerate() {
                let found = match channels {
                    Channels::Classes(_) => (logits - &sum).mapv(f32::exp),
                    Channels::Regions(_) => logits.mapv(logistic),
                };
                let expected = crop(expected.index_axis(Axis(0), channel), bounds);
                let is_far = |(found, expected): &(&f32, &f32)| (*found - *expected).abs() > PROBABILITY_TOLERANCE;
                let far = found.iter().zip(expected).filter(is_far).count();
                // The last digit in single precision decides on some roundings.
                assert!(far * 1000 <= found.len(), "{}, channel {channel}: {far} probabilities differ", model.name);
            }
        });
    }
}
