//! Windows of a sliding-window prediction: where they start, how they are weighted, how their results are put together.
//! Source: spec section 12.

use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis, CowArray, Ix4, Zip, s};

use crate::plan::schema::{Configuration, Predict};
use crate::store::StoreError;
use crate::volume::Shape;

/// Added to a Gaussian weight, so that no voxel goes without (spec section 12).
const WEIGHT_EPS: f64 = 1e-8;

/// Takes a slice of probabilities, `[class, y, x]`, and its place in the image.
pub type OnSlice<'a> = dyn FnMut(usize, ArrayView3<'_, f32>) -> Result<(), StoreError> + 'a;

/// All windows over one image.
#[derive(Debug)]
pub struct Windows<'a> {
    /// First voxel of each window in the padded image, `[z, y, x]`.
    pub starts: Vec<[usize; 3]>,
    padded: CowArray<'a, f32, Ix4>,
    offset: [usize; 3],
    shape: [usize; 3],
    patch: Shape,
    weights: Array3<f32>,
}

/// Sums over windows, of the slices that windows are being added to.
#[derive(Debug)]
pub struct Sums {
    /// Weighted probabilities, `[class, z, y, x]` of the padded image.
    values: Array4<f32>,
    /// Sum of the weights.
    weights: Array3<f32>,
    /// Slice of the padded image that comes first.
    first: usize,
}

impl<'a> Windows<'a> {
    /// Pads an image `[c, z, y, x]` with zeros to at least the patch, evenly on both sides with the odd voxel at the end,
    /// and lays windows over it.
    pub fn new(image: ArrayView4<'a, f32>, configuration: &Configuration, settings: &Predict) -> Self {
        let patch = configuration.patch_size;
        let (channels, z, y, x) = image.dim();
        let shape = [z, y, x];
        let size: [usize; 3] = std::array::from_fn(|axis| shape[axis].max(patch.0[axis]));
        let offset: [usize; 3] = std::array::from_fn(|axis| (size[axis] - shape[axis]) / 2);
        let padded = if size == shape {
            image.into()
        } else {
            let mut padded = Array4::zeros((channels, size[0], size[1], size[2]));
            padded
                .slice_mut(s![.., offset[0]..offset[0] + z, offset[1]..offset[1] + y, offset[2]..offset[2] + x])
                .assign(&image);
            padded.into()
        };
        let [along_z, along_y, along_x] =
            std::array::from_fn(|axis| starts(size[axis], patch.0[axis], settings.tile_step_fraction));
        let mut all = Vec::with_capacity(along_z.len() * along_y.len() * along_x.len());
        for &z in &along_z {
            for &y in &along_y {
                all.extend(along_x.iter().map(|&x| [z, y, x]));
            }
        }
        Self { starts: all, padded, offset, shape, patch, weights: gaussian(patch, settings.gaussian_sigma_fraction) }
    }

    /// What the network sees of a window, `[c, z, y, x]`, mirrored along the given axes (0 = z).
    pub fn patch(&self, window: usize, flip: &[usize]) -> Array4<f32> {
        let mut view = self.padded.slice(s![.., ..;1, ..;1, ..;1]);
        let [z, y, x] = self.starts[window];
        let [depth, height, width] = self.patch.0;
        view.slice_collapse(s![.., z..z + depth, y..y + height, x..x + width]);
        for &axis in flip {
            view.invert_axis(Axis(axis + 1));
        }
        view.as_standard_layout().into_owned()
    }

    /// Voxels that padding adds to the image, all channels; none where it is large enough.
    pub fn padding(&self) -> usize {
        if self.padded.is_view() { 0 } else { self.padded.len() }
    }

    /// Voxels of a slice of the padded image.
    pub fn voxels_of_a_slice(&self) -> usize {
        self.padded.len_of(Axis(2)) * self.padded.len_of(Axis(3))
    }

    /// Most slices that the windows of a batch reach over; `windows` are in a batch at the most.
    pub fn slices_at_once(&self, windows: usize) -> usize {
        let last = self.starts.len() - 1;
        let reach =
            |first: usize| self.starts[(first + windows.saturating_sub(1)).min(last)][0] - self.starts[first][0];
        self.patch.0[0] + (0..=last).map(reach).max().unwrap_or(0)
    }

    /// Sums to add windows to, for batches of so many windows at the most.
    pub fn empty_sums(&self, classes: usize, windows: usize) -> Sums {
        let (_, _, y, x) = self.padded.dim();
        let depth = self.slices_at_once(windows);
        Sums { values: Array4::zeros((classes, depth, y, x)), weights: Array3::zeros((depth, y, x)), first: 0 }
    }

    /// Adds a window's weights to those of its voxels; once for each window, in their order.
    pub fn weigh(&self, sums: &mut Sums, window: usize) {
        let [depth, height, width] = self.patch.0;
        let [z, y, x] = self.starts[window];
        let z = z - sums.first;
        let mut part = sums.weights.slice_mut(s![z..z + depth, y..y + height, x..x + width]);
        part += &self.weights;
    }

    /// Adds the probabilities `[class, z, y, x]` of a mirrored window, times its weights and `share`.
    ///
    /// # Panics
    ///
    /// When `probabilities` are not those of one patch for each class of the sums.
    pub fn add(&self, sums: &mut Sums, window: usize, flip: &[usize], probabilities: &[f32], share: f32) {
        let [depth, height, width] = self.patch.0;
        let classes = sums.values.len_of(Axis(0));
        let mut values = ArrayView4::from_shape((classes, depth, height, width), probabilities)
            .expect("probabilities of one patch for each class");
        for &axis in flip {
            values.invert_axis(Axis(axis + 1));
        }
        let [z, y, x] = self.starts[window];
        let z = z - sums.first;
        let mut target = sums.values.slice_mut(s![.., z..z + depth, y..y + height, x..x + width]);
        for (class, values) in values.outer_iter().enumerate() {
            let target = target.index_axis_mut(Axis(0), class);
            Zip::from(target).and(values).and(&self.weights).for_each(|sum, &value, &weight| {
                *sum += value * weight * share;
            });
        }
    }

    /// Ends the slices that come before one of the padded image, or all: gives the weighted mean of each on the image's own
    /// grid, with its place there and as `[class, y, x]`, and makes room for later ones.
    ///
    /// # Errors
    ///
    /// That of `take`.
    pub fn end_slices(&self, sums: &mut Sums, before: Option<usize>, take: &mut OnSlice<'_>) -> Result<(), StoreError> {
        let before = before.unwrap_or(self.padded.len_of(Axis(1)));
        let ended = before - sums.first;
        let [first, top, left] = self.offset;
        let [depth, height, width] = self.shape;
        for z in (0..ended).filter(|z| (first..first + depth).contains(&(sums.first + z))) {
            let weights = sums.weights.index_axis(Axis(0), z);
            let mut slice = sums.values.index_axis_mut(Axis(1), z);
            for values in slice.outer_iter_mut() {
                Zip::from(values).and(weights).for_each(|value, &weight| *value /= weight);
            }
            take(sums.first + z - first, slice.slice(s![.., top..top + height, left..left + width]))?;
        }
        let plane = self.voxels_of_a_slice();
        let volumes = sums.values.outer_iter_mut().chain(std::iter::once(sums.weights.view_mut()));
        for mut volume in volumes {
            let voxels = volume.as_slice_mut().expect("sums are in standard order");
            voxels.copy_within(ended * plane.., 0);
            let kept = voxels.len() - ended * plane;
            voxels[kept..].fill(0.0);
        }
        sums.first = before;
        Ok(())
    }
}

/// First voxels of the windows along an axis of `size` voxels: evenly spaced, at most `step` of a patch apart, the last
/// window flush with the end.
///
/// Source: spec section 12. A patch of one voxel (the slice axis in 2D) visits every voxel.
pub fn starts(size: usize, patch: usize, step: f64) -> Vec<usize> {
    assert!(size >= patch, "an axis of {size} voxels padded to a patch of {patch}");
    let stride = (patch as f64 * step).max(1.0);
    let intervals = ((size - patch) as f64 / stride).ceil() as usize;
    if intervals == 0 {
        return vec![0];
    }
    let gap = (size - patch) as f64 / intervals as f64;
    (0..=intervals).map(|window| (window as f64 * gap).round_ties_even() as usize).collect()
}

/// Weights of a window's voxels, `[z, y, x]`: a Gaussian about its centre, 1 at the most.
///
/// `sigma` is the standard deviation as a share of each edge. Source: spec section 12, which filters an impulse at
/// `patch / 2` with SciPy's Gaussian; dividing by the maximum removes its normalisation.
pub fn gaussian(patch: Shape, sigma: f64) -> Array3<f32> {
    let lines: [Vec<f64>; 3] = patch.0.map(|edge| {
        let centre = (edge / 2) as f64;
        let sigma = (edge as f64 * sigma).max(f64::MIN_POSITIVE);
        // SciPy cuts its kernel at four standard deviations.
        let radius = (4.0 * sigma + 0.5).floor();
        (0..edge)
            .map(|voxel| {
                let distance = voxel as f64 - centre;
                if distance.abs() > radius { 0.0 } else { (-0.5 * (distance / sigma).powi(2)).exp() }
            })
            .collect()
    });
    Array3::from_shape_fn(patch.0, |(z, y, x)| (lines[0][z] * lines[1][y] * lines[2][x] + WEIGHT_EPS) as f32)
}

/// The sets of axes (0 = z) that are mirrored: every combination of the axes longer than a voxel, or none.
///
/// Source: spec section 12: eight in 3D, four in 2D.
pub fn mirrored_axes(patch: Shape, mirror: bool) -> Vec<Vec<usize>> {
    let axes: Vec<usize> = (0..3).filter(|&axis| mirror && patch.0[axis] > 1).collect();
    (0..1_usize << axes.len())
        .map(|set| axes.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, &axis)| axis).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::network::testing::configuration;

    #[test]
    fn windows_start_where_the_specification_says() {
        assert_eq!(starts(110, 64, 0.5), [0, 23, 46]);
        assert_eq!(starts(482, 128, 0.5), [0, 59, 118, 177, 236, 295, 354]);
        assert_eq!(starts(512, 128, 0.5), [0, 64, 128, 192, 256, 320, 384]);
        assert_eq!(starts(64, 64, 0.5), [0]);
        assert_eq!(starts(3, 1, 0.5), [0, 1, 2]);
    }

    #[test]
    fn all_mirrorings_are_eight_in_3d_and_four_in_2d() {
        assert_eq!(mirrored_axes(Shape([40, 56, 40]), true).len(), 8);
        assert_eq!(mirrored_axes(Shape([1, 56, 40]), true), [vec![], vec![1], vec![2], vec![1, 2]]);
        assert_eq!(mirrored_axes(Shape([40, 56, 40]), false), [Vec::<usize>::new()]);
    }

    #[test]
    fn the_centre_weighs_one_and_the_corners_least() {
        let weights = gaussian(Shape([8, 16, 4]), 0.125);
        assert!((weights[[4, 8, 2]] - 1.0).abs() < 1e-6);
        assert!(weights.iter().all(|&weight| weight >= weights[[0, 0, 0]] && weight > 0.0));
    }

    /// What comes out of the windows when the network gives back what it sees.
    fn through(image: &Array4<f32>, patch: Shape) -> Array4<f32> {
        let configuration = Configuration { patch_size: patch, ..configuration(patch.0, [0; 3], &[1]) };
        let settings = Predict {
            tile_step_fraction: 0.5,
            gaussian_sigma_fraction: 0.125,
            test_time_mirroring: true,
            probability_order: 1,
        };
        let windows = Windows::new(image.view(), &configuration, &settings);
        let flips = mirrored_axes(patch, true);
        let mut sums = windows.empty_sums(image.dim().0, 1);
        let mut mean = Array4::zeros(image.dim());
        let mut take = |z: usize, slice: ArrayView3<'_, f32>| {
            mean.index_axis_mut(Axis(1), z).assign(&slice);
            Ok(())
        };
        for window in 0..windows.starts.len() {
            windows.end_slices(&mut sums, Some(windows.starts[window][0]), &mut take).unwrap();
            windows.weigh(&mut sums, window);
            for flip in &flips {
                let seen = windows.patch(window, flip);
                let seen = seen.as_slice().expect("a patch is in standard order");
                windows.add(&mut sums, window, flip, seen, 1.0 / flips.len() as f32);
            }
        }
        windows.end_slices(&mut sums, None, &mut take).unwrap();
        mean
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn overlapping_mirrored_windows_give_back_what_they_see(
            (z, y, x) in (1_usize..9, 1_usize..9, 1_usize..9), patch in proptest::array::uniform3(1_usize..7),
        ) {
            let image = Array4::from_shape_fn((2, z, y, x), |(c, z, y, x)| (c * 1000 + z * 100 + y * 10 + x) as f32);
            let back = through(&image, Shape(patch));
            prop_assert_eq!(back.dim(), image.dim());
            for (found, expected) in back.iter().zip(&image) {
                prop_assert!((found - expected).abs() <= 1e-3 * expected.max(1.0), "{} is not {}", found, expected);
            }
        }

        #[test]
        fn windows_cover_every_voxel(size in 1_usize..200, patch in 1_usize..64) {
            let size = size.max(patch);
            let starts = starts(size, patch, 0.5);
            let mut covered = vec![false; size];
            for start in starts {
                covered[start..start + patch].fill(true);
            }
            prop_assert!(covered.into_iter().all(|voxel| voxel));
        }
    }
}
