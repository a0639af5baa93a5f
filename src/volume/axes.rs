//! Orders of the axes `[z, y, x]`, and arrays in another order.

use ndarray::{Array3, Array4, ArrayView3};

use super::elements::into_elements;

/// The three axes with the given one first; the others keep their order.
pub fn slice_first(slice_axis: usize) -> [usize; 3] {
    match slice_axis {
        0 => [0, 1, 2],
        1 => [1, 0, 2],
        axis => [axis, 0, 1],
    }
}

/// The inverse order of [`slice_first`].
pub fn slice_back(slice_axis: usize) -> [usize; 3] {
    permute_back([0, 1, 2], slice_first(slice_axis))
}

/// Values per axis in another order: entry `i` of the result is that of axis `order[i]`.
pub fn permute<T: Copy>(values: [T; 3], order: [usize; 3]) -> [T; 3] {
    order.map(|axis| values[axis])
}

/// The inverse of [`permute`].
pub fn permute_back<T: Copy>(values: [T; 3], order: [usize; 3]) -> [T; 3] {
    let mut back = values;
    for (value, axis) in values.into_iter().zip(order) {
        back[axis] = value;
    }
    back
}

/// A volume with its axes in another order, in row-major order.
pub fn permute_volume<T: Clone>(volume: Array3<T>, order: [usize; 3]) -> Array3<T> {
    if order == [0, 1, 2] { volume } else { volume.permuted_axes(order).as_standard_layout().into_owned() }
}

/// An image, `[c, z, y, x]`, with the axes of its channels in another order, one channel after the other in the image's
/// own memory.
pub fn permute_channels(image: Array4<f32>, order: [usize; 3]) -> Array4<f32> {
    if order == [0, 1, 2] {
        return image;
    }
    let (channels, z, y, x) = image.dim();
    let [depth, height, width] = permute([z, y, x], order);
    let mut scratch = Array3::zeros((depth, height, width));
    let mut values = into_elements(image);
    for channel in values.chunks_exact_mut(z * y * x) {
        let volume = ArrayView3::from_shape((z, y, x), &*channel).expect("one value per voxel");
        scratch.assign(&volume.permuted_axes(order));
        channel.copy_from_slice(scratch.as_slice().expect("a new array is in row-major order"));
    }
    Array4::from_shape_vec((channels, depth, height, width), values).expect("one value per voxel")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_arrays_agree_and_are_inverted() {
        for axis in 0..3 {
            let order = slice_first(axis);
            assert_eq!((order[0], permute(order, slice_back(axis))), (axis, [0, 1, 2]));
            assert_eq!(permute_back(permute(["z", "y", "x"], order), order), ["z", "y", "x"]);
            let image = Array4::from_shape_fn((2, 3, 4, 5), |(c, z, y, x)| (c * 1000 + z * 100 + y * 10 + x) as f32);
            let permuted = permute_channels(image.clone(), order);
            for (channel, volume) in permuted.outer_iter().zip(image.outer_iter()) {
                assert_eq!(channel, permute_volume(volume.to_owned(), order));
            }
            assert_eq!(permute_channels(permuted, slice_back(axis)), image);
        }
    }
}
