use std::fs;
use std::path::Path;

use ndarray::{Array3, ArrayView3, Axis};
use serde::Deserialize;

use super::image::range;
use super::nearest::gather;
use super::order::axis_order;
use super::*;
use crate::volume::{Shape, Spacing};

#[derive(Deserialize)]
struct Reference {
    from: [usize; 3],
    to: [usize; 3],
    nearest: Vec<f32>,
    linear: Vec<f32>,
    cubic: Vec<f32>,
    cubic_by_slice: Vec<f32>,
    labels_linear: Vec<i16>,
}

fn references() -> Vec<Reference> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/values/resample.json");
    let json = fs::read_to_string(path).expect("reference values");
    serde_json::from_str(&json).expect("reference values are JSON")
}

/// The input of `tests/reference/resample.py`.
fn intensities(shape: [usize; 3]) -> Array3<f32> {
    let values = (0..shape.iter().product()).map(|i: usize| ((i * i * 31 + i * 17) % 211) as f32).collect();
    Array3::from_shape_vec(shape, values).expect("one value per voxel")
}

/// The label map of `tests/reference/resample.py`.
fn labels(shape: [usize; 3]) -> Array3<i16> {
    Array3::from_shape_fn(shape, |(z, y, x)| ((z / 2 + y / 3 + x / 2) % 3 + (z + y + x) / 9 * 2) as i16)
}

/// The tolerance of the project, as a fraction of the range.
const TOLERANCE: f32 = 1e-3;
/// The tolerance that is met, given single precision and the four decimals of the reference.
const MET: f32 = 1e-5;

fn assert_close(found: &Array3<f32>, expected: &[f32], source: ArrayView3<'_, f32>, what: &str) {
    let range = source.fold(0.0_f32, |high, &v| high.max(v)) - source.fold(f32::MAX, |low, &v| low.min(v));
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= MET * range, "{what}, voxel {index}: {found}, expected {expected}");
    }
}

#[test]
fn images_match_scikit_image_at_every_voxel() {
    const { assert!(MET < TOLERANCE) };
    for reference in references() {
        let (source, to) = (intensities(reference.from), Shape(reference.to));
        let what = |order: &str| format!("{order}, {:?} to {to}", reference.from);
        assert_close(&resize_cubic(source.view(), to), &reference.cubic, source.view(), &what("cubic"));
        assert_close(&resize_linear(source.view(), to), &reference.linear, source.view(), &what("linear"));
        let nearest = resize(source.view(), to, Order::Nearest, None);
        assert_close(&nearest, &reference.nearest, source.view(), &what("nearest"));
        let by_slice = resize(source.view(), to, Order::Cubic, Some(0));
        assert_close(&by_slice, &reference.cubic_by_slice, source.view(), &what("cubic by slice"));
    }
}

#[test]
fn labels_match_scikit_image_at_every_voxel() {
    for reference in references() {
        let (from, to) = (reference.from, Shape(reference.to));
        let linear = resize_labels_linear(labels(from).view(), to);
        assert_eq!(linear.iter().copied().collect::<Vec<_>>(), reference.labels_linear, "{from:?} to {to}");
        let nearest = resize_nearest(intensities(from).mapv(|value| value as i16).view(), to);
        let expected: Vec<i16> = reference.nearest.iter().map(|&value| value as i16).collect();
        assert_eq!(nearest.iter().copied().collect::<Vec<_>>(), expected, "{from:?} to {to}");
    }
}

/// A resampling by nnU-Net v2 of a `[4, 5, 6]` volume.
#[derive(Deserialize)]
struct OfNnUNet {
    new_shape: [usize; 3],
    current_spacing: [f64; 3],
    target_spacing: [f64; 3],
    order: u8,
    output: Vec<f32>,
}

#[test]
fn images_match_nnu_net_with_and_without_a_coarse_axis() {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/reference/values/nnunet/inference.json")).unwrap();
    let references: Vec<OfNnUNet> = serde_json::from_value(all["resample"].clone()).unwrap();
    assert_eq!(references.len(), 4);
    for reference in references {
        let shape = Shape(reference.new_shape);
        let coarse = coarse_axis(Spacing(reference.current_spacing), Spacing(reference.target_spacing), 3.0);
        let what = format!("order {}, coarse axis {coarse:?}", reference.order);
        let wave = (0..120).map(|i: u8| (0.9 * f64::from(i)).sin() as f32).collect();
        let image = Array3::from_shape_vec([4, 5, 6], wave).unwrap();
        let order = Order::from_number(reference.order).unwrap();
        assert_close(&resize(image.view(), shape, order, coarse), &reference.output, image.view(), &what);
    }
}

#[test]
fn a_view_that_is_not_contiguous_gives_the_same_result() {
    let source = intensities([9, 8, 10]);
    let permuted = source.view().reversed_axes();
    let expected = resize_cubic(permuted.to_owned().as_standard_layout().view(), Shape([12, 5, 9]));
    assert_eq!(resize_cubic(permuted, Shape([12, 5, 9])), expected);
}

#[test]
fn the_same_shape_is_the_same_image() {
    let source = intensities([4, 5, 6]);
    assert_eq!(resize_cubic(source.view(), Shape([4, 5, 6])), source);
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let source = intensities([9, 33, 40]);
    let [one, four] = [1, 4].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| resize_cubic(source.view(), Shape([13, 40, 21])))
    });
    assert_eq!(one, four);
}

#[test]
fn a_coarse_axis_behaves_like_z_of_the_permuted_volume() {
    let source = intensities([6, 7, 8]);
    let along_z = resize(source.view(), Shape([9, 10, 5]), Order::Cubic, Some(0));
    let permuted = resize(source.view().permuted_axes([1, 2, 0]), Shape([10, 5, 9]), Order::Cubic, Some(2));
    for (found, expected) in permuted.permuted_axes([2, 0, 1]).iter().zip(&along_z) {
        approx::assert_abs_diff_eq!(found, expected, epsilon = 1e-3);
    }
}

#[test]
fn shapes_are_rounded_half_to_even_and_are_at_least_one() {
    let shape = resampled_shape(Shape([5, 7, 1]), Spacing([1.0, 1.0, 1.0]), Spacing([2.0, 2.0, 9.0]));
    assert_eq!(shape, Shape([2, 4, 1]), "2.5 to 2, 3.5 to 4, 0.1 to 1");
}

#[test]
fn the_coarse_axis_is_the_only_one_with_a_much_larger_spacing() {
    let cubes = Spacing([1.0; 3]);
    assert_eq!(coarse_axis(Spacing([3.1, 1.0, 1.0]), cubes, 3.0), Some(0));
    assert_eq!(coarse_axis(Spacing([3.0, 1.0, 1.0]), cubes, 3.0), None);
    assert_eq!(coarse_axis(cubes, Spacing([1.0, 1.0, 4.0]), 3.0), Some(2));
    assert_eq!(coarse_axis(Spacing([5.0, 5.0, 1.0]), cubes, 3.0), None);
}

/// Resamples a single line.
fn resampled_line(line: &[f32], taps: &taps::Taps) -> Vec<f32> {
    let mut values = line.to_vec();
    if taps.spline {
        let pole = taps::SPLINE_POLE as f32;
        let last = values.len() - 1;
        values[0] *= (6.0 / (1.0 - taps::SPLINE_POLE)) as f32;
        for i in 1..=last {
            values[i] = 6.0 * values[i] + pole * values[i - 1];
        }
        let end = (-taps::SPLINE_POLE / (1.0 - taps::SPLINE_POLE * taps::SPLINE_POLE)) as f32;
        let edge = (taps::SPLINE_POLE / (1.0 - taps::SPLINE_POLE)) as f32;
        values[last] = end * (values[last] + edge * (values[last] - pole * values[last - 1]));
        for i in (0..last).rev() {
            values[i] = pole * (values[i + 1] - values[i]);
        }
    }
    let output = |(&first, weights): (&usize, &[f32; 4])| {
        let terms = weights[..taps.width].iter().zip(&values[first..]).map(|(weight, value)| weight * value);
        terms.reduce(|sum, term| sum + term).unwrap_or_default()
    };
    taps.first.iter().zip(&taps.weights).map(output).collect()
}

/// Resamples a volume with one array per axis; resampling in place has to equal this to the bit.
fn resampled_slowly(image: ArrayView3<'_, f32>, shape: Shape, order: Order, coarse: Option<usize>) -> Array3<f32> {
    let from: [usize; 3] = image.dim().into();
    let mut done = image.to_owned();
    for axis in axis_order(from, shape.0, coarse).into_iter().filter(|&axis| Some(axis) != coarse) {
        let taps = taps::Taps::new(order, from[axis], shape.0[axis]);
        let mut size: [usize; 3] = done.dim().into();
        size[axis] = shape.0[axis];
        let mut next = Array3::zeros(size);
        for (source, mut target) in done.lanes(Axis(axis)).into_iter().zip(next.lanes_mut(Axis(axis))) {
            let line = resampled_line(&source.to_vec(), &taps);
            target.iter_mut().zip(line).for_each(|(value, new)| *value = new);
        }
        done = next;
    }
    let clipped = |source: ArrayView3<'_, f32>, value: f32| {
        let (low, high) = range(source.iter());
        value.max(low).min(high)
    };
    match coarse {
        None => done.mapv_inplace(|value| clipped(image, value)),
        Some(coarse) => {
            for (at, mut slice) in done.axis_iter_mut(Axis(coarse)).enumerate() {
                let source = image.index_axis(Axis(coarse), at).insert_axis(Axis(0));
                slice.mapv_inplace(|value| clipped(source, value));
            }
        }
    }
    gather(done.view(), shape)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn resampling_in_place_is_exact_to_the_bit(
        from in proptest::array::uniform3(1_usize..40), to in proptest::array::uniform3(1_usize..40),
        coarse in proptest::option::of(0_usize..3), cubic in proptest::bool::ANY,
    ) {
        let order = if cubic { Order::Cubic } else { Order::Linear };
        let channels = [intensities(from), intensities(from).mapv(|value| 7.0 - value * 0.3)];
        let both = ndarray::stack(Axis(0), &[channels[0].view(), channels[1].view()]).unwrap();
        let resized = resize_channels(both, Shape(to), order, coarse);
        for (channel, found) in channels.iter().zip(resized.outer_iter()) {
            let expected = resampled_slowly(channel.view(), Shape(to), order, coarse);
            proptest::prop_assert_eq!(&found, &expected);
            proptest::prop_assert_eq!(resize(channel.view(), Shape(to), order, coarse), expected);
        }
    }

    #[test]
    fn labels_resampled_in_slabs_equal_their_whole_indicators(
        from in proptest::array::uniform3(1_usize..24), to in proptest::array::uniform3(1_usize..24),
        coarse in proptest::option::of(0_usize..3),
    ) {
        let map = labels(from).mapv(|label| label - 1);
        let mut expected = Array3::<i16>::zeros(to);
        for label in -1..=map.iter().copied().max().unwrap_or(-1) {
            let indicator = map.mapv(|here| f32::from(u8::from(here == label)));
            if indicator.iter().any(|&here| here > 0.0) {
                let fraction = resampled_slowly(indicator.view(), Shape(to), Order::Linear, coarse);
                expected.zip_mut_with(&fraction, |target, &fraction| if fraction >= 0.5 - 1e-6 { *target = label });
            }
        }
        proptest::prop_assert_eq!(resize_labels(map.view(), Shape(to), Order::Linear, coarse), expected);
    }
}
