use ndarray::{Array3, Array4};
use proptest::prelude::*;

use super::footprint::{Extent, bytes_to_prepare};
use super::*;
use crate::plan::schema::{Configuration, ConfigurationName, Plan, PreprocessingOrder};
use crate::volume::resample::{Order, resize_labels};
use crate::volume::{Geometry, Image, LabelMap, Shape, Spacing};

fn plan(masked: bool, label_order: u8, image_order: u8) -> Plan {
    let mut plan: Plan = crate::plan::testing::example();
    plan.preprocess.normalize_in_mask = masked;
    plan.preprocess.label_order = label_order;
    plan.preprocess.image_order = image_order;
    plan
}

fn configuration(plan: &Plan, spacing: [f64; 3], slice_axis: usize) -> Configuration {
    let full = plan.configurations[&ConfigurationName::FullRes].clone();
    Configuration { spacing_mm: Spacing(spacing), slice_axis, ..full }
}

/// A ball of intensities with labels, some of which lie outside the ball.
fn case(shape: [usize; 3], seed: usize) -> (Image, LabelMap) {
    let geometry = Geometry::axis_aligned(Shape(shape), Spacing([2.0, 1.0, 1.5]), [0.0; 3]);
    let noise = |z: usize, y: usize, x: usize| (z * 31 + y * 17 + x * 7 + seed * 13) % 23;
    let inside = |voxel: [usize; 3]| {
        let squares = (0..3).map(|axis| (voxel[axis] as f64 / shape[axis] as f64 - 0.5).powi(2));
        squares.sum::<f64>() < 0.14
    };
    let voxels = Array4::from_shape_fn((1, shape[0], shape[1], shape[2]), |(_, z, y, x)| {
        if inside([z, y, x]) { 5.0 + noise(z, y, x) as f32 } else { 0.0 }
    });
    let labels =
        Array3::from_shape_fn(shape, |(z, y, x)| if noise(z, y, x) < 8 { noise(z, y, x) as i16 / 3 } else { 0 });
    (Image { voxels, geometry: geometry.clone() }, LabelMap { labels, geometry })
}

fn prepared(plan: &Plan, case: &(Image, LabelMap), labelled: bool, configuration: &Configuration) -> Prepared {
    let labels = labelled.then(|| case.1.clone());
    prepare(case.0.clone(), labels, &plan.preprocess, configuration, u64::MAX).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_image_of_a_case_does_not_depend_on_its_labels(
        shape in prop::array::uniform3(6_usize..14), seed in 0_usize..100, masked in prop::bool::ANY,
        label_order in 0_u8..2, slice_axis in 0_usize..3, spacing in prop::array::uniform3(0.8_f64..3.0),
        order in prop::sample::select(PreprocessingOrder::ALL.to_vec()),
    ) {
        let mut plan = plan(masked, label_order, 3);
        plan.preprocess.order = order;
        let (case, configuration) = (case(shape, seed), configuration(&plan, spacing, slice_axis));
        let with = prepared(&plan, &case, true, &configuration);
        let without = prepared(&plan, &case, false, &configuration);
        prop_assert_eq!(with.image, without.image);
        prop_assert_eq!(with.placement, without.placement);
        prop_assert_eq!(with.labels.dim(), without.labels.dim());
    }

    #[test]
    fn labels_keep_their_class_and_mark_the_outside_of_the_mask(
        shape in prop::array::uniform3(6_usize..14), seed in 0_usize..100, slice_axis in 0_usize..3,
        spacing in prop::array::uniform3(0.8_f64..3.0),
    ) {
        let (masked, plain) = (plan(true, 0, 1), plan(false, 0, 1));
        let (case, configuration) = (case(shape, seed), configuration(&masked, spacing, slice_axis));
        let marked = prepared(&masked, &case, true, &configuration);
        let unmarked = prepared(&plain, &case, true, &configuration);
        prop_assert_eq!(marked.labels.mapv(class_of), unmarked.labels.mapv(class_of));
        prop_assert_eq!(&marked.foreground, &unmarked.foreground);
        for (&label, &value) in marked.labels.iter().zip(&marked.image) {
            prop_assert!(label >= 0 || value == 0.0, "label {} and intensity {}", label, value);
        }
    }
}

#[test]
fn a_label_outside_the_non_zero_mask_does_not_affect_statistics() {
    let plan = plan(true, 0, 3);
    let configuration = configuration(&plan, [2.0, 1.0, 1.5], 0);
    let (image, mut labels) = case([10, 10, 10], 1);
    // A corner of the ball's bounding box is outside the ball.
    let alone = prepared(&plan, &(image.clone(), labels.clone()), false, &configuration);
    let bounds = alone.placement.crop;
    labels.labels.fill(0);
    labels.labels[bounds.start] = 1;
    let found = prepared(&plan, &(image, labels), true, &configuration);
    assert_eq!(found.image[[0, 0, 0, 0]].to_bits(), 0);
    assert_eq!((found.labels[[0, 0, 0]], class_of(found.labels[[0, 0, 0]])), (-2, 1));
    assert_eq!(found.foreground[&1], [[0, 0, 0]]);
    assert_eq!(found.image, alone.image);
}

#[test]
fn the_plan_decides_whose_statistics_normalise_an_image() {
    let mut plan = plan(false, 0, 3);
    let coarse = configuration(&plan, [5.0, 3.0, 4.0], 0);
    let case = case([12, 12, 12], 2);
    let mean = |image: &Array4<f32>| image.mean().unwrap();
    let resampled = prepared(&plan, &case, false, &coarse).image;
    plan.preprocess.order = PreprocessingOrder::NormalizeFirst;
    let normalized = prepared(&plan, &case, false, &coarse).image;
    assert!(mean(&resampled).abs() < 1e-5 && mean(&normalized).abs() > 1e-3, "{}", mean(&normalized));
    // On its own grid, both orders are the same.
    let own = configuration(&plan, [2.0, 1.0, 1.5], 0);
    let normalized = prepared(&plan, &case, false, &own).image;
    plan.preprocess.order = PreprocessingOrder::ResampleFirst;
    for (a, b) in normalized.iter().zip(&prepared(&plan, &case, false, &own).image) {
        approx::assert_abs_diff_eq!(a, b, epsilon = 1e-6);
    }
}

#[test]
fn an_image_that_is_normalised_first_needs_no_mask_on_its_new_grid() {
    let mut plan = plan(true, 1, 3);
    let configuration = configuration(&plan, [0.5, 0.5, 0.5], 0);
    let mut bytes = |order: PreprocessingOrder| {
        plan.preprocess.order = order;
        let extent = Extent { shape: Shape([20; 3]), spacing: Spacing([1.0; 3]), channels: 1, labelled: true };
        bytes_to_prepare(&extent, extent.shape, &plan.preprocess, &configuration)
    };
    let (first, last) = (bytes(PreprocessingOrder::ResampleFirst), bytes(PreprocessingOrder::NormalizeFirst));
    assert_eq!(first - last, 40 * 40 * 40, "a byte per voxel of the new grid");
}

#[test]
fn a_case_above_the_memory_limit_is_refused_before_anything_is_allocated() {
    let plan = plan(false, 1, 3);
    let (mut image, labels) = case([10, 12, 14], 1);
    image.geometry.spacing = Spacing([2e5, 1e5, 1.5e5]);
    let configuration = configuration(&plan, [2.0, 1.0, 1.5], 0);
    let refused = prepare(image, Some(labels), &plan.preprocess, &configuration, 1 << 30).unwrap_err();
    assert!(refused.needed > 1 << 50, "{refused:?}");
    let message = refused.to_string();
    assert!(message.contains("of memory; the limit is 1.00 GiB. Correct the spacing"), "{message}");
}

#[test]
fn huge_shapes_do_not_overflow() {
    let plan = plan(true, 1, 3);
    let extent = Extent { shape: Shape([32767; 3]), spacing: Spacing([1e30; 3]), channels: 32767, labelled: true };
    let configuration = configuration(&plan, [1e-30; 3], 1);
    assert_eq!(bytes_to_prepare(&extent, extent.shape, &plan.preprocess, &configuration), u64::MAX);
}

#[test]
fn a_label_map_that_keeps_its_shape_is_unchanged() {
    let (_, labels) = case([6, 7, 8], 3);
    assert_eq!(resize_labels(labels.labels.view(), Shape([6, 7, 8]), Order::Linear, None), labels.labels);
}
