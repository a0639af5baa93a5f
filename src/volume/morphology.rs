//! Masks grown, shrunk and filled.
//!
//! Input: masks, `[z, y, x]`. Output: masks of the same shape. A hole is filled against the border of the grid;
//! dilation and erosion, by a ball, know only the voxels inside the grid, so that a mask is not eaten from the border.

use ndarray::{Array3, ArrayView3, Zip};

use super::distance::squared_distance;
use super::{Shape, Spacing};

/// Fills every hole of a mask: background that no path of touching faces joins to the border of the grid.
///
/// Agrees with SciPy's `binary_fill_holes` with its default structure.
pub fn fill_holes(mask: ArrayView3<'_, bool>) -> Array3<bool> {
    let shape = Shape(mask.dim().into());
    let [depth, height, width] = shape.0;
    // Filled until the flood from the border says otherwise.
    let mut filled = Array3::from_elem(shape.0, true);
    let mut open = Vec::new();
    let mut begin = |place: [usize; 3]| {
        if !mask[place] && filled[place] {
            filled[place] = false;
            open.push(place);
        }
    };
    for (z, y) in (0..depth).flat_map(|z| (0..height).map(move |y| (z, y))) {
        if z == 0 || z + 1 == depth || y == 0 || y + 1 == height {
            (0..width).for_each(|x| begin([z, y, x]));
        } else if width > 0 {
            begin([z, y, 0]);
            begin([z, y, width - 1]);
        }
    }
    while let Some(place) = open.pop() {
        for axis in 0..3 {
            for step in [-1, 1] {
                let mut next = place;
                match place[axis].checked_add_signed(step) {
                    Some(moved) if moved < shape.0[axis] => next[axis] = moved,
                    Some(_) | None => continue,
                }
                if !mask[next] && filled[next] {
                    filled[next] = false;
                    open.push(next);
                }
            }
        }
    }
    filled
}

/// Every voxel whose centre lies within `radius` of the centre of a voxel of the mask. `spacing` and `radius` share a unit.
pub fn dilate(mask: ArrayView3<'_, bool>, radius: f64, spacing: Spacing) -> Array3<bool> {
    // A voxel exactly on the ball belongs to it, whichever way single precision rounded.
    let reach = (radius * radius) as f32 * (1.0 + 1e-6);
    squared_distance(mask, spacing).mapv(|distance| distance <= reach)
}

/// Every voxel of the mask that lies further than `radius` from the background inside the grid.
pub fn erode(mask: ArrayView3<'_, bool>, radius: f64, spacing: Spacing) -> Array3<bool> {
    let background = mask.mapv(|inside| !inside);
    dilate(background.view(), radius, spacing).mapv(|near| !near)
}

/// Erosion, then dilation: what is thinner than the ball disappears.
///
/// Nothing that was outside of the mask comes in.
pub fn open(mask: ArrayView3<'_, bool>, radius: f64, spacing: Spacing) -> Array3<bool> {
    let mut opened = dilate(erode(mask, radius, spacing).view(), radius, spacing);
    Zip::from(&mut opened).and(mask).for_each(|opened, &inside| *opened &= inside);
    opened
}

/// Dilation, then erosion: gaps thinner than the ball are closed.
///
/// Nothing that was inside of the mask is lost.
pub fn close(mask: ArrayView3<'_, bool>, radius: f64, spacing: Spacing) -> Array3<bool> {
    let mut closed = erode(dilate(mask, radius, spacing).view(), radius, spacing);
    Zip::from(&mut closed).and(mask).for_each(|closed, &inside| *closed |= inside);
    closed
}

#[cfg(test)]
mod tests {
    use ndarray::{arr2, s};

    use super::*;

    const CUBES: Spacing = Spacing([1.0; 3]);

    /// A box with a cavity.
    fn shell() -> Array3<bool> {
        let mut mask = Array3::from_elem((7, 7, 7), false);
        mask.slice_mut(s![1..6, 1..6, 1..6]).fill(true);
        mask.slice_mut(s![2..5, 2..5, 2..5]).fill(false);
        mask
    }

    #[test]
    fn a_cavity_is_filled_and_the_outside_is_not() {
        let filled = fill_holes(shell().view());
        assert_eq!(filled.iter().filter(|&&inside| inside).count(), 125);
        assert!(!filled[[0, 3, 3]]);
    }

    #[test]
    fn a_cavity_with_a_tunnel_stays_open_and_a_diagonal_gap_is_no_tunnel() {
        let mut tunnel = shell();
        tunnel[[1, 3, 3]] = false;
        assert_eq!(fill_holes(tunnel.view()), tunnel);

        // The corner of the shell touches the cavity's corner only diagonally.
        let mut corner = shell();
        corner[[1, 1, 1]] = false;
        assert_eq!(fill_holes(corner.view()).iter().filter(|&&inside| inside).count(), 124);
    }

    #[test]
    fn a_slice_of_one_voxel_is_all_border() {
        let mut ring = Array3::from_elem((1, 5, 5), true);
        ring[[0, 2, 2]] = false;
        assert_eq!(fill_holes(ring.view()), ring, "as SciPy does in three dimensions");
    }

    #[test]
    fn dilation_by_one_is_the_voxel_and_its_faces() {
        let mut point = Array3::from_elem((5, 5, 5), false);
        point[[2, 2, 2]] = true;
        let grown = dilate(point.view(), 1.0, CUBES);
        assert_eq!(grown.iter().filter(|&&inside| inside).count(), 7);
        assert_eq!(erode(grown.view(), 1.0, CUBES), point);
        let far_slices = Spacing([1.5, 1.0, 1.0]);
        assert_eq!(dilate(point.view(), 1.0, far_slices).iter().filter(|&&inside| inside).count(), 5);
    }

    #[test]
    fn opening_removes_a_thread_and_closing_a_slit() {
        let cross = arr2(&[
            [true, true, true, false, false, false],
            [true, true, true, true, true, false],
            [true, true, true, false, false, false],
        ]);
        let mask = Array3::from_shape_fn((3, 3, 6), |(_, y, x)| cross[[y, x]]);
        assert!(!open(mask.view(), 1.0, CUBES)[[1, 1, 4]]);
        assert!(open(mask.view(), 1.0, CUBES)[[1, 1, 1]]);
        let mut slit = Array3::from_elem((3, 3, 7), true);
        slit.slice_mut(s![.., .., 3]).fill(false);
        assert!(close(slit.view(), 1.0, CUBES).iter().all(|&inside| inside));
    }
}
