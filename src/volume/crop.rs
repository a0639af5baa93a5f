//! Crops arrays to the non-zero region, and pastes them back.
//!
//! Input: images, `[c, z, y, x]`, and boxes. Output: the non-zero mask, its bounding box, and parts of arrays.

use ndarray::{Array3, Array4, ArrayView3, ArrayView4, ArrayViewMut3, Axis, Zip, s};

use super::bounds::BoundingBox;
use super::elements::into_elements;
use super::geometry::Shape;
use super::morphology::fill_holes;

/// The mask of voxels where any channel is not zero, with holes filled, `[z, y, x]`, and its bounding box.
///
/// For an image of zeros, the mask is empty and the box is the whole volume; nnU-Net leaves this case undefined.
///
/// Source: nnU-Net commit 6150f1b0, `create_nonzero_mask`.
pub fn nonzero_box(image: ArrayView4<'_, f32>) -> (Array3<bool>, BoundingBox) {
    let (_, z, y, x) = image.dim();
    let mut mask = Array3::from_elem((z, y, x), false);
    for channel in image.outer_iter() {
        Zip::from(&mut mask).and(channel).for_each(|inside, &value| *inside |= value != 0.0);
    }
    let mask = fill_holes(mask);
    let bounds = bounding_box(mask.view()).unwrap_or(BoundingBox::whole(Shape([z, y, x])));
    (mask, bounds)
}

/// The bounding box of a mask, `[z, y, x]`. Returns `None` if the mask is empty.
pub fn bounding_box(mask: ArrayView3<'_, bool>) -> Option<BoundingBox> {
    let (mut start, mut end) = ([usize::MAX; 3], [0; 3]);
    for (z, plane) in mask.outer_iter().enumerate() {
        for (y, row) in plane.outer_iter().enumerate() {
            let Some(first) = row.iter().position(|&inside| inside) else { continue };
            let last = row.iter().rposition(|&inside| inside).unwrap_or(first);
            for (axis, (from, to)) in [(z, z), (y, y), (first, last)].into_iter().enumerate() {
                start[axis] = start[axis].min(from);
                end[axis] = end[axis].max(to + 1);
            }
        }
    }
    (end[0] > 0).then_some(BoundingBox { start, end })
}

/// Crops a volume to a box in the volume's own memory, and frees the rest.
pub fn crop_in_place<T: Copy>(volume: Array3<T>, bounds: BoundingBox) -> Array3<T> {
    let (z, y, x) = volume.dim();
    let all = volume.into_shape_with_order((1, z, y, x)).expect("a new axis of one element changes no order");
    crop_channels_in_place(all, bounds).index_axis_move(Axis(0), 0)
}

/// Crops each channel of an image, `[c, z, y, x]`, to a box in the image's own memory, and frees the rest.
pub fn crop_channels_in_place<T: Copy>(image: Array4<T>, bounds: BoundingBox) -> Array4<T> {
    let (channels, depth, height, width) = image.dim();
    if bounds == BoundingBox::whole(Shape([depth, height, width])) {
        return image;
    }
    let mut values = into_elements(image);
    let ([z, y, x], [z_end, y_end, x_end]) = (bounds.start, bounds.end);
    let mut kept = 0;
    for channel in 0..channels {
        for (z, y) in (z..z_end).flat_map(|z| (y..y_end).map(move |y| (z, y))) {
            let row = ((channel * depth + z) * height + y) * width;
            values.copy_within(row + x..row + x_end, kept);
            kept += x_end - x;
        }
    }
    values.truncate(kept);
    values.shrink_to_fit();
    let [z, y, x] = bounds.shape().0;
    Array4::from_shape_vec((channels, z, y, x), values).expect("one value per voxel of the box")
}

/// The part of a volume inside a box.
pub fn crop<T>(volume: ArrayView3<'_, T>, bounds: BoundingBox) -> ArrayView3<'_, T> {
    let ([z, y, x], [z_end, y_end, x_end]) = (bounds.start, bounds.end);
    volume.slice_move(s![z..z_end, y..y_end, x..x_end])
}

/// The part of each channel inside a box, `[c, z, y, x]`.
pub fn crop_channels<T>(image: ArrayView4<'_, T>, bounds: BoundingBox) -> ArrayView4<'_, T> {
    let ([z, y, x], [z_end, y_end, x_end]) = (bounds.start, bounds.end);
    image.slice_move(s![.., z..z_end, y..y_end, x..x_end])
}

/// Writes a part into a box of a volume.
pub fn paste<T: Clone>(part: ArrayView3<'_, T>, volume: ArrayViewMut3<'_, T>, bounds: BoundingBox) {
    let ([z, y, x], [z_end, y_end, x_end]) = (bounds.start, bounds.end);
    volume.slice_move(s![z..z_end, y..y_end, x..x_end]).assign(&part);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_box_covers_all_channels_and_holes_belong_to_the_mask() {
        let mut image = Array4::zeros((2, 6, 7, 8));
        image.slice_mut(s![0, 1..4, 2..5, 3..6]).fill(1.0);
        image[[0, 2, 3, 4]] = 0.0;
        image[[1, 2, 3, 7]] = -1.0;
        let (mask, bounds) = nonzero_box(image.view());
        assert_eq!(bounds, BoundingBox { start: [1, 2, 3], end: [4, 5, 8] });
        assert_eq!(mask.iter().filter(|&&inside| inside).count(), 28);
    }

    #[test]
    fn an_image_of_zeros_is_not_cropped() {
        let (mask, bounds) = nonzero_box(Array4::zeros((1, 2, 3, 4)).view());
        assert_eq!(bounds, BoundingBox::whole(Shape([2, 3, 4])));
        assert!(mask.iter().all(|&inside| !inside));
    }

    proptest! {
        #[test]
        fn crop_then_paste_is_the_identity(
            corners in prop::array::uniform3((0_usize..5, 0_usize..5)),
        ) {
            let start = corners.map(|(a, b)| a.min(b));
            let bounds = BoundingBox { start, end: corners.map(|(a, b)| a.max(b) + 1) };
            let volume = Array3::from_shape_fn((5, 5, 5), |(z, y, x)| z * 25 + y * 5 + x);
            let part = crop(volume.view(), bounds);
            prop_assert_eq!(Shape(part.dim().into()), bounds.shape());
            prop_assert_eq!(crop_in_place(volume.clone(), bounds), part);
            let two = Array4::from_shape_fn((2, 5, 5, 5), |(c, z, y, x)| c * 125 + z * 25 + y * 5 + x);
            prop_assert_eq!(crop_channels_in_place(two.clone(), bounds), crop_channels(two.view(), bounds));
            let mut restored = volume.clone();
            crop_mut_fill(&mut restored, bounds);
            paste(part, restored.view_mut(), bounds);
            prop_assert_eq!(restored, volume);
        }
    }

    fn crop_mut_fill(volume: &mut Array3<usize>, bounds: BoundingBox) {
        let emptied = Array3::zeros(bounds.shape().0);
        paste(emptied.view(), volume.view_mut(), bounds);
    }
}
