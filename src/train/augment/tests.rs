#![allow(clippy::float_cmp, reason = "the values are copied, not computed")]

use std::collections::BTreeSet;

use ndarray::{Array3, Array4};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use rand::RngExt as _;

use super::warp::permuted;
use super::*;
use crate::random::{Key, Purpose, stream};
use crate::train::patch::OUTSIDE;
use crate::volume::Spacing;
use crate::volume::axes::slice_back;
const KINDS: [AugmentationKind; 3] = [AugmentationKind::TwoD, AugmentationKind::ThreeD, AugmentationKind::Dummy2d];

/// The default ranges, with one probability for all transforms.
fn ranges(probability: f64) -> Augment {
    let mut augment = crate::plan::testing::example().augment;
    augment.elastic.probability = probability;
    augment.rotation.probability = probability;
    augment.scaling.probability = probability;
    augment.gamma.probability = probability;
    augment.mirroring.probability = probability;
    augment
}

fn configuration(kind: AugmentationKind, patch: [usize; 3]) -> Configuration {
    Configuration {
        spacing_mm: Spacing([1.0; 3]),
        median_shape: Shape(patch),
        slice_axis: 0,
        patch_size: Shape(patch),
        batch_size: 2,
        pool_depths: [0; 3],
        strides: None,
        kernel_sizes: None,
        blocks_per_stage: None,
        decoder_blocks_per_stage: None,
        features_per_stage: vec![4],
        batch_dice: false,
        augmentation: kind,
        dummy_2d_axis: None,
    }
}

fn augmenter(kind: AugmentationKind, probability: f64) -> Augmenter {
    let depth = if kind == AugmentationKind::TwoD { 1 } else { 6 };
    Augmenter::new(&ranges(probability), &configuration(kind, [depth, 12, 10]))
}

fn rng(sample: u64) -> Rng {
    stream(Key { purpose: Purpose::TrainingPatch, seed: 5, counters: [0, 0, 0, sample] })
}

fn loaded(augmenter: &Augmenter, channels: usize, rng: &mut Rng) -> Patch {
    let [z, y, x] = augmenter.loaded_size().0;
    Patch {
        image: Array4::from_shape_simple_fn((channels, z, y, x), || rng.random::<f32>() - 0.5),
        labels: Array3::from_shape_simple_fn((z, y, x), || [OUTSIDE, 0, 2, 5][rng.random_range(0..4_usize)]),
        first_stage: None,
    }
}

fn labels_of(patch: &Patch) -> BTreeSet<i16> {
    patch.labels.iter().copied().collect()
}

#[test]
fn without_transforms_the_middle_is_cut_out_unchanged() {
    for kind in KINDS {
        let augmenter = augmenter(kind, 0.5);
        let input = loaded(&augmenter, 2, &mut rng(0));
        let output = augmenter.apply(&Draw::default(), &input);
        let [start_y, start_x] = [1, 2].map(|axis| (input.labels.shape()[axis] - output.labels.shape()[axis]) / 2);
        let start_z = (input.labels.shape()[0] - output.labels.shape()[0]) / 2;
        for ((c, z, y, x), &value) in output.image.indexed_iter() {
            assert_eq!(value, input.image[[c, z + start_z, y + start_y, x + start_x]]);
            assert_eq!(output.labels[[z, y, x]], input.labels[[z + start_z, y + start_y, x + start_x]]);
        }
    }
}

#[test]
fn an_identity_warp_between_the_voxels_of_a_ramp_is_the_ramp() {
    // Mirroring bends the ends of the ramp; seven voxels inwards the spline is not affected.
    let loaded = Shape([21, 23, 22]);
    let mut augmenter = augmenter(AugmentationKind::ThreeD, 1.0);
    augmenter.warp.sizes.loaded = loaded;
    let [depth, height, width] = loaded.0;
    let ramp = |[z, y, x]: [f64; 3]| 3.0 * z - 2.0 * y + 0.5 * x;
    let image = Array4::from_shape_fn((1, depth, height, width), |(_, z, y, x)| {
        ramp([z, y, x].map(|index| index as f64)) as f32
    });
    let input = Patch { image, labels: Array3::zeros(loaded.0), first_stage: None };
    let draw = Draw { spatial: Spatial { scale: Some(1.0), ..Spatial::default() }, ..Draw::default() };
    let output = augmenter.apply(&draw, &input);
    // Half of 21, 23 and 22, rounded to even, is 10, 12 and 11; the patch of 6 × 12 × 10 is centred there, between voxels.
    let first = [10.0 - 2.5, 12.0 - 5.5, 11.0 - 4.5];
    for ((_, z, y, x), &value) in output.image.indexed_iter() {
        let expected = ramp([first[0] + z as f64, first[1] + y as f64, first[2] + x as f64]);
        assert!((f64::from(value) - expected).abs() < 0.01, "found {value}, expected {expected}");
    }
}

#[test]
fn the_first_stage_moves_with_the_labels() {
    for kind in KINDS {
        let augmenter = augmenter(kind, 0.7);
        for sample in 0..20 {
            let mut rng = rng(sample);
            let mut input = loaded(&augmenter, 1, &mut rng);
            input.first_stage = Some(input.labels.clone());
            let output = augmenter.apply(&augmenter.draw(1, &mut rng), &input);
            assert_eq!(output.first_stage, Some(output.labels));
        }
    }
}

#[test]
fn all_slices_get_the_same_transform() {
    let augmenter = augmenter(AugmentationKind::Dummy2d, 1.0);
    let mut input = loaded(&augmenter, 1, &mut rng(1));
    let (image, labels) =
        (input.image.slice(s![.., ..1, .., ..]).to_owned(), input.labels.slice(s![..1, .., ..]).to_owned());
    input.image.assign(&image);
    input.labels.assign(&labels);
    let output = augmenter.apply(&augmenter.draw(1, &mut rng(2)), &input);
    for z in 1..output.labels.len_of(Axis(0)) {
        assert_eq!(output.image.slice(s![0, z, .., ..]), output.image.slice(s![0, 0, .., ..]));
        assert_eq!(output.labels.slice(s![z, .., ..]), output.labels.slice(s![0, .., ..]));
    }
}

#[test]
fn draws_cover_both_halves_of_their_ranges_and_stay_inside() {
    for kind in KINDS {
        let augmenter = augmenter(kind, 0.5);
        let draws: Vec<Draw> = (0..500).map(|sample| augmenter.draw(2, &mut rng(sample))).collect();
        let (alpha, angle) = match kind {
            AugmentationKind::ThreeD => (900.0, 15_f64.to_radians()),
            AugmentationKind::TwoD | AugmentationKind::Dummy2d => (200.0, 180_f64.to_radians()),
        };
        let spread = |values: Vec<f64>, low: f64, high: f64| {
            let middle = f64::midpoint(low, high);
            assert!(
                values.iter().all(|value| (low..=high).contains(value)),
                "{values:?} leave the range {low} to {high}"
            );
            let above = values.iter().filter(|&&value| value > middle).count();
            assert!(3 * above > values.len() && 3 * above < 2 * values.len(), "{above} of {}", values.len());
        };
        let elastic = || draws.iter().filter_map(|draw| draw.spatial.elastic);
        spread(elastic().map(|elastic| elastic.alpha).collect(), 0.0, alpha);
        spread(elastic().map(|elastic| elastic.sigma).collect(), 9.0, 13.0);
        spread(draws.iter().filter_map(|draw| draw.spatial.rotation).map(|angles| angles[0]).collect(), -angle, angle);
        let scales: Vec<f64> = draws.iter().filter_map(|draw| draw.spatial.scale).collect();
        spread(scales.iter().copied().filter(|&scale| scale < 1.0).collect(), 0.85, 1.0);
        spread(scales.iter().copied().filter(|&scale| scale >= 1.0).collect(), 1.0, 1.25);
        let enlarged = scales.iter().filter(|&&scale| scale < 1.0).count();
        assert!(scales.len().abs_diff(2 * enlarged) < scales.len() / 3, "{enlarged} of {}", scales.len());
        for axis in 0..3 {
            let mirrored = draws.iter().filter(|draw| draw.mirror[axis]).count();
            let allowed = if axis == 0 && kind == AugmentationKind::TwoD { 0..1 } else { 200..300 };
            assert!(allowed.contains(&mirrored), "axis {axis} was mirrored {mirrored} times");
        }
    }
}

#[test]
fn in_2d_only_the_first_angle_is_drawn() {
    let draw = augmenter(AugmentationKind::Dummy2d, 1.0).draw(1, &mut rng(0));
    assert_eq!(draw.spatial.rotation.map(|angles| angles[1..].to_vec()), Some(vec![0.0, 0.0]));
}

#[test]
fn elongated_patches_are_rotated_less() {
    let elongated = Augmenter::new(&ranges(1.0), &configuration(AugmentationKind::TwoD, [1, 64, 40]));
    for sample in 0..50 {
        let angles = elongated.draw(1, &mut rng(sample)).spatial.rotation.expect("its probability is 1");
        assert!(angles[0].abs() <= 15_f64.to_radians());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_key_gives_the_same_patch(sample: u64, kind in 0..3_usize) {
        let augmenter = augmenter(KINDS[kind], 0.6);
        let once = || {
            let mut rng = rng(sample);
            let input = loaded(&augmenter, 2, &mut rng);
            augmenter.apply(&augmenter.draw(2, &mut rng), &input)
        };
        prop_assert_eq!(once(), once());
    }

    #[test]
    fn no_new_labels_appear(sample: u64, kind in 0..3_usize, order in 0..2_u8) {
        let mut augmenter = augmenter(KINDS[kind], 0.9);
        augmenter.warp.label_order = order;
        let mut rng = rng(sample);
        let mut input = loaded(&augmenter, 1, &mut rng);
        input.labels.mapv_inplace(|label| label.max(0));
        let output = augmenter.apply(&augmenter.draw(1, &mut rng), &input);
        let mut allowed = labels_of(&input);
        allowed.insert(OUTSIDE);
        prop_assert!(labels_of(&output).is_subset(&allowed));
        prop_assert!(output.image.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn mirroring_twice_is_the_identity(sample: u64, axes: [bool; 3]) {
        let augmenter = augmenter(AugmentationKind::ThreeD, 0.0);
        let input = loaded(&augmenter, 2, &mut rng(sample));
        let once = mirroring::apply(input.clone(), axes);
        prop_assert_eq!(once == input, axes == [false; 3]);
        prop_assert_eq!(mirroring::apply(once, axes), input);
    }

    #[test]
    fn mirroring_moves_each_voxel_to_the_opposite_index(sample: u64, axis in 0..3_usize) {
        let augmenter = augmenter(AugmentationKind::ThreeD, 0.0);
        let input = loaded(&augmenter, 1, &mut rng(sample));
        let mut axes = [false; 3];
        axes[axis] = true;
        let output = mirroring::apply(input.clone(), axes);
        for ((z, y, x), &label) in input.labels.indexed_iter() {
            let mut index = [z, y, x];
            index[axis] = input.labels.shape()[axis] - 1 - index[axis];
            prop_assert_eq!(output.labels[index], label);
        }
    }
}

#[test]
fn slices_across_any_axis_are_transformed_as_slices_across_z() {
    let shape = [6, 12, 10];
    let across_z = augmenter(AugmentationKind::Dummy2d, 1.0);
    for axis in [1, 2] {
        // A patch whose thin axis is the second or the third one; the order of the other two is unchanged.
        let back = slice_back(axis);
        let patch = back.map(|axis| shape[axis]);
        let across = Augmenter::new(&ranges(1.0), &configuration(AugmentationKind::Dummy2d, patch));
        assert_eq!(across.loaded_size().0, back.map(|axis| across_z.loaded_size().0[axis]), "axis {axis}");
        for sample in 0..5 {
            let mut input = loaded(&across_z, 2, &mut rng(sample));
            input.first_stage = Some(input.labels.clone());
            let draw = across_z.draw(2, &mut rng(100 + sample));
            assert!(draw.spatial.rotation.is_some() && draw.spatial.elastic.is_some());
            // Mirrored axes are drawn in the patch's own order; everything else is the same draw.
            let mirror = back.map(|axis| draw.mirror[axis]);
            let drawn = across.draw(2, &mut rng(100 + sample));
            assert_eq!((drawn.spatial, &drawn.gamma), (draw.spatial, &draw.gamma));
            let found = across.apply(&Draw { mirror, ..draw.clone() }, &permuted(&input, back));
            assert!(found == permuted(&across_z.apply(&draw, &input), back), "axis {axis}, sample {sample}");
        }
    }
}

#[test]
fn dummy_2d_axis_overrides_the_shortest_edge() {
    let thin_z = configuration(AugmentationKind::Dummy2d, [6, 12, 10]);
    let written = Configuration { dummy_2d_axis: Some(2), ..thin_z.clone() };
    let mut input = loaded(&Augmenter::new(&ranges(1.0), &written), 1, &mut rng(1));
    let first = input.labels.slice(s![.., .., ..1]).to_owned();
    input.labels.assign(&first);
    let augmenter = Augmenter::new(&ranges(1.0), &written);
    let output = augmenter.apply(&augmenter.draw(1, &mut rng(2)), &input);
    for x in 1..output.labels.len_of(Axis(2)) {
        assert_eq!(
            output.labels.slice(s![.., .., x]),
            output.labels.slice(s![.., .., 0]),
            "slices across x get the same transform"
        );
    }
    assert_eq!(Augmenter::new(&ranges(1.0), &thin_z).loaded_size().0[0], 6, "z is not enlarged");
    assert_eq!(augmenter.loaded_size().0[2], 10, "x is not enlarged");
}

#[test]
fn the_maximum_angle_depends_on_the_plane_of_the_slices() {
    // Slices of 64 × 40 voxels are elongated, those of 64 × 60 are not.
    for (patch, axis, limit) in [([64, 8, 40], 1, 15.0), ([64, 8, 60], 1, 180.0), ([8, 64, 60], 0, 180.0)] {
        let configuration = configuration(AugmentationKind::Dummy2d, patch);
        assert_eq!(configuration.augmented_axis(), axis);
        let augmenter = Augmenter::new(&ranges(1.0), &configuration);
        let angles = (0..50).filter_map(|sample| augmenter.draw(1, &mut rng(sample)).spatial.rotation);
        let largest = angles.map(|angles| angles[0].abs().to_degrees()).fold(0.0, f64::max);
        assert!(largest <= limit && largest > 0.8 * limit, "{patch:?}: {largest}");
    }
}

/// A plan that runs one configuration.
fn plan_of(name: ConfigurationName, configuration: Configuration) -> Plan {
    let mut plan: Plan = crate::plan::testing::example();
    plan.run.configurations = vec![name];
    plan.configurations.insert(name, configuration);
    plan
}

#[test]
fn the_description_has_the_values_of_the_configurations_that_run() {
    let in_3d = configuration(AugmentationKind::ThreeD, [16, 16, 16]);
    let in_2d = configuration(AugmentationKind::TwoD, [1, 16, 16]);
    let elongated = configuration(AugmentationKind::TwoD, [1, 16, 64]);
    insta::assert_snapshot!(describe(&plan_of(ConfigurationName::FullRes, in_3d.clone())), @"Training patches were augmented by elastic deformation (probability 0.2; noise of amplitude 0 to 900 voxels, smoothed by a Gaussian with a standard deviation of 9 to 13 voxels), rotation (probability 0.2; up to 15° about each axis), scaling (probability 0.2; factor 0.85 to 1.25), gamma correction (probability 0.3; exponent 0.7 to 1.5) and mirroring along each axis (probability 0.5).");
    let elongated = describe(&plan_of(ConfigurationName::TwoD, elongated));
    assert!(
        elongated.contains("amplitude 0 to 200 pixels") && elongated.contains("(probability 0.2; up to 15°)"),
        "{elongated}"
    );
    let mut both = plan_of(ConfigurationName::TwoD, in_2d);
    both.run.configurations.push(ConfigurationName::Cascade);
    both.configurations.insert(ConfigurationName::Cascade, in_3d);
    let both = describe(&both);
    assert!(both.contains("amplitude 0 to 900 voxels in 3D, 0 to 200 pixels in 2D"), "{both}");
    assert!(both.contains("up to 15° about each axis in 3D, up to 180° in 2D"), "{both}");
    insta::assert_snapshot!(both.split_once("(probability 0.5). ").unwrap().1, @"In the second stage of the cascade, the predictions of the first stage were corrupted by erosion, dilation, opening or closing with a ball (probability 0.4; radius 1 to 8 voxels) and by removal of a component of less than 15 % of the patch from each class (probability 0.2).");
}

#[test]
fn a_transform_with_probability_0_is_not_described() {
    let mut plan = plan_of(ConfigurationName::FullRes, configuration(AugmentationKind::ThreeD, [16, 16, 16]));
    plan.augment = Augment { label_order: 1, ..ranges(0.0) };
    assert_eq!(describe(&plan), "Training patches were not augmented.");
    plan.augment.gamma.probability = 0.3;
    let expected = "Training patches were augmented by gamma correction (probability 0.3; exponent 0.7 to 1.5).";
    assert_eq!(describe(&plan), expected);
}
