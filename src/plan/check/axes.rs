//! Axes in another order than `[z, y, x]`: values that fit only after their entries are reordered.

use crate::plan::check::checker::{Checker, key};
use crate::plan::schema::configuration::{Configuration, ConfigurationName};
use crate::plan::schema::data::Data;
use crate::volume::axes::{permute, slice_first};

/// Every other order of three axes.
const ORDERS: [[usize; 3]; 5] = [[0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]];
/// The same, those first that move one axis to the front and keep the order of the others.
const ORDERS_2D: [[usize; 3]; 5] = [[0, 2, 1], [1, 0, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]];
/// Relative tolerance within which spacings are equal.
const TOLERANCE: f64 = 1e-6;

/// Patch size and pool depths in the order in which they fit each other; `None` if they fit as they are, or in no order.
///
/// In 2D the slice axis comes first: an edge of 1 that is not pooled.
pub(super) fn in_order(
    name: ConfigurationName,
    patch: [usize; 3],
    pools: [usize; 3],
) -> Option<([usize; 3], [usize; 3])> {
    let two_dimensional = name.is_2d();
    // If all axes of a volume are pooled alike, no order is better than another.
    let alike = !two_dimensional && pools[0] == pools[1] && pools[1] == pools[2];
    let fits = |(patch, pools): ([usize; 3], [usize; 3])| {
        let divisible = |axis: usize| patch[axis].is_multiple_of(1 << pools[axis]);
        (0..3).all(divisible) && (!two_dimensional || (patch[0] == 1 && pools[0] == 0))
    };
    if alike || fits((patch, pools)) {
        return None;
    }
    if !two_dimensional {
        return reordered(patch).map(|patch| (patch, pools)).find(|&both| fits(both));
    }
    let by = |values: [usize; 3]| ORDERS_2D.into_iter().map(move |order| order.map(|axis| values[axis]));
    let one = by(patch).map(|patch| (patch, pools)).chain(by(pools).map(|pools| (patch, pools)));
    one.chain(by(patch).zip(by(pools))).find(|&both| fits(both))
}

fn reordered<T: Copy>(values: [T; 3]) -> impl Iterator<Item = [T; 3]> {
    ORDERS.into_iter().map(move |order| order.map(|axis| values[axis]))
}

impl Checker<'_> {
    /// Compares the axes of spacing and patch with those of the data set and the pool depths.
    pub(super) fn axes(&mut self, name: ConfigurationName, configuration: &Configuration, data: &Data) {
        self.spacing_axes(name, configuration, data);
        let path = key(name, "patch_size");
        if !self.are_usable(&[&path, &key(name, "pool_depths"), &key(name, "median_shape")]) {
            return;
        }
        let (patch, pools) = (configuration.patch_size.0, configuration.pool_depths);
        if configuration.strides.is_some() {
            // An order of axes is only guessed for the strides that follow from the pool depths.
            return;
        }
        match in_order(name, patch, pools) {
            Some((right_patch, right_pools)) => self.out_of_order(name, (patch, pools), (right_patch, right_pools)),
            None if !name.is_2d() => self.median_axes(name, configuration),
            None => (),
        }
    }

    /// Reports a patch size and pool depths whose axes are in the wrong order.
    fn out_of_order(
        &mut self,
        name: ConfigurationName,
        (patch, pools): ([usize; 3], [usize; 3]),
        (right_patch, right_pools): ([usize; 3], [usize; 3]),
    ) {
        let expected = if name.is_2d() {
            "expected the slice axis first: `[1, y, x]`, and not pooled: `[0, y, x]`"
        } else {
            "expected `[z, y, x]`"
        };
        let patch_help = format!("`patch_size = {right_patch:?}`");
        let pools_help = format!("`pool_depths = {right_pools:?}`");
        let (at, message, help) = if pools == right_pools {
            let message = format!(
                "the axes of `patch_size`, {patch:?}, are in another order than those of `pool_depths`, {pools:?}"
            );
            ("patch_size", message, patch_help)
        } else if patch == right_patch {
            let message = format!(
                "the axes of `pool_depths`, {pools:?}, are in another order than those of `patch_size`, {patch:?}"
            );
            ("pool_depths", message, pools_help)
        } else {
            let message = format!("the slice axis of `patch_size`, {patch:?}, is not the first");
            ("patch_size", message, format!("{patch_help} with {pools_help}"))
        };
        self.require_or(false, &key(name, at), message, expected, format!("such as {help}"));
    }

    fn spacing_axes(&mut self, name: ConfigurationName, configuration: &Configuration, data: &Data) {
        let path = key(name, "spacing_mm");
        let is_coarse = name == ConfigurationName::LowRes;
        if is_coarse || !self.are_usable(&[&path, "data.median_spacing_mm", &key(name, "slice_axis")]) {
            return;
        }
        let same = |one: [f64; 3], other: [f64; 3]| {
            one.iter().zip(other).all(|(one, other)| (one - other).abs() <= TOLERANCE * other.abs())
        };
        let mut planned = data.median_spacing_mm.0;
        if let Some(edge) = planned.get_mut(configuration.slice_axis).filter(|_| name.is_2d()) {
            *edge = 0.0;
        }
        let written = configuration.spacing_mm.0;
        let swapped = !same(written, planned) && reordered(written).any(|spacing| same(spacing, planned));
        let message = format!("the spacing {written:?} is the median spacing with its axes in another order");
        let help = format!("such as `spacing_mm = {planned:?}`");
        self.require_or(!swapped, &path, message, "expected `[z, y, x]`", help);
    }

    /// Reports a patch that is larger than the median case along one axis, and would fit into it in another order.
    fn median_axes(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let (patch, pools) = (configuration.patch_size.0, configuration.pool_depths);
        let median = permute(configuration.median_shape.0, slice_first(configuration.slice_axis));
        let needed: [usize; 3] = std::array::from_fn(|axis| median[axis].next_multiple_of(1 << pools[axis]));
        let fits = |patch: [usize; 3]| {
            (0..3).all(|axis| patch[axis] <= needed[axis] && patch[axis].is_multiple_of(1 << pools[axis]))
        };
        let Some(instead) = (if fits(patch) { None } else { reordered(patch).find(|&patch| fits(patch)) }) else {
            return;
        };
        let message = format!("the patch {patch:?} is larger than the median case, {median:?}, along one axis");
        let (path, expected) = (key(name, "patch_size"), "expected `[z, y, x]`: it fits in another order");
        let help = format!("such as `patch_size = {instead:?}`");
        // A patch that is exactly what the median case needs is no coincidence; any other may be intended.
        if instead == needed {
            self.require_or(false, &path, message, expected, help);
        } else {
            self.warn(false, &path, message, expected, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_reordered_only_if_that_makes_it_fit() {
        let in_order = |patch, pools| in_order(ConfigurationName::FullRes, patch, pools);
        assert_eq!(in_order([192, 20, 192], [2, 5, 5]), Some(([20, 192, 192], [2, 5, 5])));
        assert_eq!(in_order([20, 192, 192], [2, 5, 5]), None);
        assert_eq!(in_order([40, 41, 40], [3, 3, 3]), None);
        assert_eq!(in_order([21, 192, 192], [2, 5, 5]), None);
    }

    #[test]
    fn the_slice_axis_moves_to_the_front_with_its_pool_depth() {
        let in_order = |patch, pools| in_order(ConfigurationName::TwoD, patch, pools);
        let right = Some(([1, 56, 40], [0, 3, 3]));
        assert_eq!(in_order([1, 56, 40], [0, 3, 3]), None);
        assert_eq!(in_order([56, 1, 40], [0, 3, 3]), right, "only the patch");
        assert_eq!(in_order([1, 56, 40], [3, 0, 3]), right, "only the pool depths");
        assert_eq!(in_order([56, 1, 40], [3, 0, 3]), right, "both in the same way");
        assert_eq!(in_order([56, 40, 1], [3, 3, 0]), Some(([1, 56, 40], [0, 3, 3])), "both in the same way");
        assert_eq!(in_order([40, 56, 40], [3, 3, 3]), None, "no edge is a slice");
        assert_eq!(in_order([1, 56, 192], [0, 5, 3]), Some(([1, 192, 56], [0, 5, 3])), "in the plane");
    }
}
