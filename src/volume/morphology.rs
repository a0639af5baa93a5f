//! Hole filling, and dilation, erosion, opening and closing by a ball.
//!
//! Input: masks, `[z, y, x]`. Output: masks of the same shape. Only voxels inside the grid count, so a mask is not
//! eroded from the border of the grid.

use ndarray::{Array3, ArrayView3, Zip};

use super::distance::squared_distance_transform;
use super::elements::into_elements;
use super::geometry::Spacing;

/// Fills the holes of a mask in its own memory: background that is not face-connected to the border of the grid.
///
/// Equivalent to SciPy's `binary_fill_holes` with the default structure. Besides the mask, at most `MAX_SEEDS` indices
/// are in memory.
pub fn fill_holes(mask: Array3<bool>) -> Array3<bool> {
    fill_holes_with(mask, MAX_SEEDS)
}

fn fill_holes_with(mask: Array3<bool>, max_seeds: usize) -> Array3<bool> {
    let shape = mask.dim();
    let (depth, height, width) = shape;
    // A vector of bytes reuses the memory of a vector of Booleans, and back.
    let states = into_elements(mask).into_iter().map(|inside| if inside { MASK } else { UNSEEN }).collect();
    let mut flood = Flood { states, height, width, seeds: Vec::new(), max_seeds, postponed: false };
    for (z, y) in (0..depth).flat_map(|z| (0..height).map(move |y| (z, y))) {
        let row = (z * height + y) * width;
        if z == 0 || z + 1 == depth || y == 0 || y + 1 == height {
            (row..row + width).for_each(|voxel| flood.from(voxel));
        } else if width > 0 {
            flood.from(row);
            flood.from(row + width - 1);
        }
    }
    while std::mem::take(&mut flood.postponed) {
        for voxel in 0..flood.states.len() {
            if flood.states[voxel] == SEED {
                flood.from(voxel);
            }
        }
    }
    let filled = flood.states.into_iter().map(|state| state != OUTSIDE).collect();
    Array3::from_shape_vec(shape, filled).expect("one state per voxel")
}

/// Maximum number of seeds in memory; further seeds are marked in the volume and found there later.
const MAX_SEEDS: usize = 1 << 18;
/// States of a voxel during a flood fill: mask; background not reached yet; background to flood from; background
/// connected to the border.
const MASK: u8 = 0;
const UNSEEN: u8 = 1;
const SEED: u8 = 2;
const OUTSIDE: u8 = 3;

/// A flood fill of the background, in runs along x.
struct Flood {
    /// One state per voxel, `[z, y, x]`.
    states: Vec<u8>,
    height: usize,
    width: usize,
    seeds: Vec<usize>,
    max_seeds: usize,
    /// Whether `states` contains seeds that are not in `seeds`.
    postponed: bool,
}

impl Flood {
    /// Marks everything connected to a background voxel as outside.
    fn from(&mut self, voxel: usize) {
        if !self.is_open(voxel) {
            return;
        }
        self.seeds.push(voxel);
        while let Some(seed) = self.seeds.pop() {
            // Its run may have been filled from another seed.
            if self.is_open(seed) {
                self.fill_run(seed);
            }
        }
    }

    fn is_open(&self, voxel: usize) -> bool {
        matches!(self.states[voxel], UNSEEN | SEED)
    }

    /// Marks the background run of a voxel, and seeds the adjacent runs.
    fn fill_run(&mut self, seed: usize) {
        let (width, plane) = (self.width, self.width * self.height);
        let row = seed - seed % width;
        let first = (row..seed).rev().take_while(|&voxel| self.is_open(voxel)).last().unwrap_or(seed);
        let end = (seed + 1..row + width).find(|&voxel| !self.is_open(voxel)).unwrap_or(row + width);
        self.states[first..end].fill(OUTSIDE);
        let y = row / width % self.height;
        if y > 0 {
            self.seed_runs(first - width, end - width);
        }
        if y + 1 < self.height {
            self.seed_runs(first + width, end + width);
        }
        if row >= plane {
            self.seed_runs(first - plane, end - plane);
        }
        if row + plane < self.states.len() {
            self.seed_runs(first + plane, end + plane);
        }
    }

    /// Seeds the first voxel of each background run that was not reached, between two voxels of a row.
    fn seed_runs(&mut self, first: usize, end: usize) {
        let mut previous = MASK;
        for voxel in first..end {
            let state = self.states[voxel];
            if state == UNSEEN && previous == MASK {
                self.states[voxel] = SEED;
                if self.seeds.len() < self.max_seeds {
                    self.seeds.push(voxel);
                } else {
                    self.postponed = true;
                }
            }
            previous = state;
        }
    }
}

/// Dilation by a ball: every voxel whose centre lies within `radius` of the centre of a mask voxel. `spacing` and
/// `radius` have the same unit.
pub fn dilate(mask: ArrayView3<'_, bool>, radius: f64, spacing: Spacing) -> Array3<bool> {
    // A voxel exactly on the ball belongs to it, whichever way single precision rounds.
    let reach = (radius * radius) as f32 * (1.0 + 1e-6);
    squared_distance_transform(mask, spacing).mapv(|distance| distance <= reach)
}

/// Erosion by a ball: every mask voxel farther than `radius` from the background inside the grid.
pub fn erode(mask: ArrayView3<'_, bool>, radius: f64, spacing: Spacing) -> Array3<bool> {
    let background = mask.mapv(|inside| !inside);
    dilate(background.view(), radius, spacing).mapv(|near| !near)
}

/// Opening: erosion, then dilation; removes parts thinner than the ball. The result is a subset of the mask.
pub fn open(mask: ArrayView3<'_, bool>, radius: f64, spacing: Spacing) -> Array3<bool> {
    let mut opened = dilate(erode(mask, radius, spacing).view(), radius, spacing);
    Zip::from(&mut opened).and(mask).for_each(|opened, &inside| *opened &= inside);
    opened
}

/// Closing: dilation, then erosion; closes gaps thinner than the ball. The mask is a subset of the result.
pub fn close(mask: ArrayView3<'_, bool>, radius: f64, spacing: Spacing) -> Array3<bool> {
    let mut closed = erode(dilate(mask, radius, spacing).view(), radius, spacing);
    Zip::from(&mut closed).and(mask).for_each(|closed, &inside| *closed |= inside);
    closed
}

#[cfg(test)]
mod tests {
    use ndarray::{arr2, s};
    use proptest::prelude::*;

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
    fn a_cavity_is_filled_but_not_the_outside() {
        let filled = fill_holes(shell());
        assert_eq!(filled.iter().filter(|&&inside| inside).count(), 125);
        assert!(!filled[[0, 3, 3]]);
    }

    /// Fills holes by repeated passes: background next to the outside is outside, until nothing changes.
    fn filled_slowly(mask: &Array3<bool>) -> Array3<bool> {
        let (depth, height, width) = mask.dim();
        let mut outside = Array3::from_elem(mask.dim(), false);
        loop {
            let before = outside.clone();
            for ((z, y, x), &inside) in mask.indexed_iter() {
                let border = z == 0 || y == 0 || x == 0 || z + 1 == depth || y + 1 == height || x + 1 == width;
                let is_next_to_outside = |dz: isize, dy: isize, dx: isize| {
                    let neighbour = (z.checked_add_signed(dz), y.checked_add_signed(dy), x.checked_add_signed(dx));
                    let (Some(z), Some(y), Some(x)) = neighbour else { return false };
                    outside.get((z, y, x)).copied().unwrap_or(false)
                };
                let joined = [(-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)];
                if !inside && (border || joined.into_iter().any(|(z, y, x)| is_next_to_outside(z, y, x))) {
                    outside[[z, y, x]] = true;
                }
            }
            if outside == before {
                return outside.mapv(|outside| !outside);
            }
        }
    }

    proptest! {
        #[test]
        fn holes_match_repeated_passes_for_any_number_of_seeds(
            voxels in prop::collection::vec(prop::bool::weighted(0.6), 5 * 6 * 7), max_seeds in 0_usize..6,
        ) {
            let mask = Array3::from_shape_vec((5, 6, 7), voxels).expect("one value per voxel");
            let expected = filled_slowly(&mask);
            prop_assert_eq!(fill_holes_with(mask.clone(), max_seeds), expected.clone());
            prop_assert_eq!(fill_holes(mask), expected);
        }
    }

    #[test]
    fn a_cavity_with_a_tunnel_is_kept_and_a_diagonal_gap_is_no_tunnel() {
        let mut tunnel = shell();
        tunnel[[1, 3, 3]] = false;
        assert_eq!(fill_holes(tunnel.clone()), tunnel);

        // The corner of the shell touches the cavity's corner only diagonally.
        let mut corner = shell();
        corner[[1, 1, 1]] = false;
        assert_eq!(fill_holes(corner).iter().filter(|&&inside| inside).count(), 124);
    }

    #[test]
    fn a_volume_of_one_slice_has_no_holes() {
        let mut ring = Array3::from_elem((1, 5, 5), true);
        ring[[0, 2, 2]] = false;
        assert_eq!(fill_holes(ring.clone()), ring, "as SciPy does in three dimensions");
    }

    #[test]
    fn dilation_by_one_adds_the_face_neighbours() {
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
