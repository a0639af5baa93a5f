//! Connected components.
//!
//! Input: a mask or label map, `[z, y, x]`. Output: the component of each voxel, and the size of each component. Two
//! passes with a union-find forest of provisional labels; components are ordered by their first voxel in memory.

use std::collections::BTreeMap;

use ndarray::{Array2, Array3, ArrayView3};

use super::bounds::BoundingBox;
use super::crop::bounding_box;

/// Which voxels are neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connectivity {
    /// Voxels that share a face: 6 neighbours.
    Faces,
    /// Voxels that share a face, an edge or a corner: 26 neighbours. nnU-Net uses these, except in its versions of
    /// 2019.
    Corners,
}

/// The components of a mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Components {
    /// The component of each voxel, `[z, y, x]`, counted from 1; 0 is background.
    pub numbers: Array3<u32>,
    /// Number of voxels of component `n` at index `n - 1`.
    pub sizes: Vec<usize>,
}

/// Finds the connected components of a mask.
///
/// # Panics
///
/// With more than 2³² provisional labels, which need a mask of more than 2³³ voxels.
pub fn components(mask: ArrayView3<'_, bool>, connectivity: Connectivity) -> Components {
    let offsets = earlier_neighbours(connectivity);
    let (_, height, width) = mask.dim();
    let mut numbers: Array3<u32> = Array3::zeros(mask.dim());
    // Index 0 is background; every other provisional label points to an older one of its component, or to itself.
    let mut parents: Vec<u32> = vec![0];
    let Some(BoundingBox { start, end }) = bounding_box(mask) else {
        return Components { numbers, sizes: Vec::new() };
    };
    let voxels = (start[0]..end[0]).flat_map(|z| (start[1]..end[1]).map(move |y| (z, y)));
    let voxels = voxels.flat_map(|(z, y)| (start[2]..end[2]).map(move |x| [z, y, x]));
    for voxel @ [z, y, x] in voxels.filter(|voxel| mask[*voxel]) {
        let mut number = 0;
        for &[dz, dy, dx] in &offsets {
            let neighbour = (z.checked_add_signed(dz), y.checked_add_signed(dy), x.checked_add_signed(dx));
            let (Some(a), Some(b), Some(c)) = neighbour else { continue };
            if b >= height || c >= width || numbers[[a, b, c]] == 0 {
                continue;
            }
            let neighbour = root(&mut parents, numbers[[a, b, c]]);
            if number == 0 {
                number = neighbour;
            } else if neighbour != number {
                let (old, new) = (number.min(neighbour), number.max(neighbour));
                parents[new as usize] = old;
                number = old;
            }
        }
        if number == 0 {
            number = u32::try_from(parents.len()).expect("fewer than 2^32 provisional components");
            parents.push(number);
        }
        numbers[voxel] = number;
    }
    renumber(numbers, &mut parents)
}

/// The size of a label in a label map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelCount {
    /// Number of voxels.
    pub voxels: usize,
    /// Number of connected components.
    pub components: usize,
}

/// Counts the voxels and the connected components of each label above 0, in one pass over the map.
///
/// Besides the map, only the provisional labels of two slices are in memory.
pub fn count_labels(labels: ArrayView3<'_, i16>, connectivity: Connectivity) -> BTreeMap<i16, LabelCount> {
    let offsets = earlier_neighbours(connectivity);
    let (_, height, width) = labels.dim();
    let mut counts = vec![LabelCount::default(); i16::MAX as usize + 1];
    // Provisional labels of the previous and the current slice; 0 is background.
    let mut slices = [Array2::<u32>::zeros((height, width)), Array2::zeros((height, width))];
    let mut parents: Vec<u32> = vec![0];
    for (z, plane) in labels.outer_iter().enumerate() {
        for ((y, x), &label) in plane.indexed_iter().filter(|&(_, &label)| label > 0) {
            let count = &mut counts[label as usize];
            count.voxels += 1;
            let mut number = 0;
            for &[dz, dy, dx] in &offsets {
                let neighbour = (z.checked_add_signed(dz), y.checked_add_signed(dy), x.checked_add_signed(dx));
                let (Some(a), Some(b), Some(c)) = neighbour else { continue };
                if b >= height || c >= width || labels[[a, b, c]] != label {
                    continue;
                }
                let neighbour = root(&mut parents, slices[usize::from(a == z)][[b, c]]);
                if number == 0 {
                    number = neighbour;
                } else if neighbour != number {
                    let (old, new) = (number.min(neighbour), number.max(neighbour));
                    parents[new as usize] = old;
                    number = old;
                    count.components -= 1;
                }
            }
            if number == 0 {
                number = u32::try_from(parents.len()).expect("fewer than 2^32 components in two slices");
                parents.push(number);
                count.components += 1;
            }
            slices[1][[y, x]] = number;
        }
        drop_ended(&mut slices[1], &mut parents);
        slices.swap(0, 1);
        slices[1].fill(0);
    }
    (0_i16..).zip(counts).filter(|(_, count)| count.voxels > 0).collect()
}

/// Renumbers the components of a slice, so that components that ended before it use no memory.
fn drop_ended(slice: &mut Array2<u32>, parents: &mut Vec<u32>) {
    let mut names = vec![0; parents.len()];
    let mut alive = 0;
    for number in slice.iter_mut().filter(|number| **number > 0) {
        let root = root(parents, *number) as usize;
        if names[root] == 0 {
            alive += 1;
            names[root] = alive;
        }
        *number = names[root];
    }
    parents.clear();
    parents.extend(0..=alive);
}

/// The largest component of a mask; on ties, all of them, as in nnU-Net; empty for an empty mask.
pub fn largest_components(mask: ArrayView3<'_, bool>, connectivity: Connectivity) -> Array3<bool> {
    let Components { numbers, sizes } = components(mask, connectivity);
    let largest = sizes.iter().max().copied().unwrap_or(0);
    numbers.mapv(|number| number > 0 && sizes[number as usize - 1] == largest)
}

/// Offsets of the neighbours that come earlier in memory.
fn earlier_neighbours(connectivity: Connectivity) -> Vec<[isize; 3]> {
    // The thirteen of twenty-seven offsets before [0, 0, 0].
    let earlier = (0..13).map(|index| [index / 9 - 1, index / 3 % 3 - 1, index % 3 - 1]);
    let is_neighbour = |offset: &[isize; 3]| match connectivity {
        Connectivity::Faces => offset.iter().map(|part| part.abs()).sum::<isize>() == 1,
        Connectivity::Corners => true,
    };
    earlier.filter(is_neighbour).collect()
}

/// The oldest provisional label of a component; halves the path to it.
fn root(parents: &mut [u32], mut number: u32) -> u32 {
    while parents[number as usize] != number {
        let parent = parents[number as usize];
        parents[number as usize] = parents[parent as usize];
        number = parent;
    }
    number
}

/// Second pass: consecutive labels, and sizes.
fn renumber(mut numbers: Array3<u32>, parents: &mut [u32]) -> Components {
    let mut names = vec![0; parents.len()];
    let mut sizes = Vec::new();
    for number in numbers.iter_mut().filter(|number| **number > 0) {
        let root = root(parents, *number) as usize;
        if names[root] == 0 {
            sizes.push(0);
            names[root] = sizes.len() as u32;
        }
        *number = names[root];
        sizes[*number as usize - 1] += 1;
    }
    Components { numbers, sizes }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Components by flood fill.
    fn flood(mask: &Array3<bool>, connectivity: Connectivity) -> Components {
        let mut numbers = Array3::zeros(mask.dim());
        let mut sizes = Vec::new();
        for (start, _) in mask.indexed_iter().filter(|&(_, &inside)| inside) {
            if numbers[start] != 0 {
                continue;
            }
            let number = sizes.len() as u32 + 1;
            let (mut open, mut size) = (vec![start], 0);
            numbers[start] = number;
            while let Some((z, y, x)) = open.pop() {
                size += 1;
                for ((a, b, c), _) in mask.indexed_iter().filter(|&(_, &inside)| inside) {
                    let steps = [z.abs_diff(a), y.abs_diff(b), x.abs_diff(c)];
                    let touching = match connectivity {
                        Connectivity::Faces => steps.iter().sum::<usize>() == 1,
                        Connectivity::Corners => steps.iter().all(|&step| step <= 1),
                    };
                    if touching && numbers[[a, b, c]] == 0 {
                        numbers[[a, b, c]] = number;
                        open.push((a, b, c));
                    }
                }
            }
            sizes.push(size);
        }
        Components { numbers, sizes }
    }

    proptest! {
        #[test]
        fn components_match_a_flood_fill(
            voxels in prop::collection::vec(prop::bool::weighted(0.35), 4 * 5 * 6),
        ) {
            let mask = Array3::from_shape_vec((4, 5, 6), voxels).expect("one value per voxel");
            for connectivity in [Connectivity::Faces, Connectivity::Corners] {
                prop_assert_eq!(components(mask.view(), connectivity), flood(&mask, connectivity));
            }
        }
    }

    proptest! {
        #[test]
        fn labels_are_counted_like_the_mask_of_each(
            voxels in prop::collection::vec(prop::sample::select(vec![-1_i16, 0, 1, 1, 1, 2, 2, 300]), 5 * 6 * 7),
        ) {
            let labels = Array3::from_shape_vec((5, 6, 7), voxels).expect("one value per voxel");
            for connectivity in [Connectivity::Faces, Connectivity::Corners] {
                let counted = count_labels(labels.view(), connectivity);
                for label in [1, 2, 300] {
                    let sizes = components(labels.mapv(|value| value == label).view(), connectivity).sizes;
                    let expected = LabelCount { voxels: sizes.iter().sum(), components: sizes.len() };
                    prop_assert_eq!(counted.get(&label).copied().unwrap_or_default(), expected);
                }
                prop_assert!(counted.keys().all(|&label| label > 0));
            }
        }
    }

    #[test]
    fn a_shared_corner_connects_only_with_corner_connectivity() {
        let mut mask = Array3::from_elem((2, 2, 2), false);
        mask[[0, 0, 0]] = true;
        mask[[1, 1, 1]] = true;
        assert_eq!(components(mask.view(), Connectivity::Faces).sizes, [1, 1]);
        assert_eq!(components(mask.view(), Connectivity::Corners).sizes, [2]);
    }

    #[test]
    fn all_largest_components_are_kept_on_ties_and_an_empty_mask_is_kept_empty() {
        let mask = Array3::from_shape_fn((1, 1, 7), |(_, _, x)| [0, 2, 3, 5, 6].contains(&x));
        let largest = largest_components(mask.view(), Connectivity::Corners);
        assert_eq!(largest, Array3::from_shape_fn((1, 1, 7), |(_, _, x)| [2, 3, 5, 6].contains(&x)));
        let empty = Array3::from_elem((2, 2, 2), false);
        assert_eq!(largest_components(empty.view(), Connectivity::Faces), empty);
    }
}
