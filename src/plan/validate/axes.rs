//! Axes in another order than `[z, y, x]`: what fits only when its entries change places.

use crate::plan::schema::{Configuration, ConfigurationName, Data};
use crate::plan::validate::{Check, MOST_POOLS, key};

/// Every other order of three axes.
const ORDERS: [[usize; 3]; 5] = [[0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]];
/// The same, those first that put an axis first and leave the others in their order.
const ORDERS_2D: [[usize; 3]; 5] = [[0, 2, 1], [1, 0, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]];
/// By how much spacings that are the same may differ, as a share of them.
const SAME: f64 = 1e-6;

/// Patch and pools in the order in which they fit each other, where they do not as they are.
///
/// In 2D the slice comes first: an edge of 1 that is not pooled.
pub(super) fn in_order(
    name: ConfigurationName,
    patch: [usize; 3],
    pools: [usize; 3],
) -> Option<([usize; 3], [usize; 3])> {
    let two_dimensional = name == ConfigurationName::TwoD;
    // Where all axes of a volume are pooled alike, no order is better than another.
    let alike = !two_dimensional && pools[0] == pools[1] && pools[1] == pools[2];
    let fits = |(patch, pools): ([usize; 3], [usize; 3])| {
        let divisible = |axis: usize| pools[axis] < MOST_POOLS && patch[axis].is_multiple_of(1 << pools[axis]);
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

impl Check<'_> {
    /// Axes of spacing and patch against the data set's and the poolings'.
    pub(super) fn axes(&mut self, name: ConfigurationName, configuration: &Configuration, data: &Data) {
        self.spacing_axes(name, configuration, data);
        let path = key(name, "patch_size");
        if !self.known(&[&path, &key(name, "pool_depths"), &key(name, "median_shape")]) {
            return;
        }
        let (patch, pools) = (configuration.patch_size.0, configuration.pool_depths);
        match in_order(name, patch, pools) {
            Some((right_patch, right_pools)) => self.out_of_order(name, (patch, pools), (right_patch, right_pools)),
            None if name != ConfigurationName::TwoD => self.median_axes(name, configuration),
            None => (),
        }
    }

    /// Patch and pools whose axes are in another order than they should be.
    fn out_of_order(
        &mut self,
        name: ConfigurationName,
        (patch, pools): ([usize; 3], [usize; 3]),
        (right_patch, right_pools): ([usize; 3], [usize; 3]),
    ) {
        let expected = if name == ConfigurationName::TwoD {
            "expected the slice first: `[1, y, x]`, not pooled: `[0, y, x]`"
        } else {
            "expected `[z, y, x]`"
        };
        let patch_help = format!("`patch_size = {right_patch:?}`");
        let pools_help = format!("`pools = {right_pools:?}`");
        let (at, message, help) = if pools == right_pools {
            let message =
                format!("the axes of the patch {patch:?} are in another order than those of its pools {pools:?}");
            ("patch_size", message, patch_help)
        } else if patch == right_patch {
            let message =
                format!("the axes of the pools {pools:?} are in another order than those of their patch {patch:?}");
            ("pool_depths", message, pools_help)
        } else {
            let message = format!("the slice of the patch {patch:?} is not its first axis");
            ("patch_size", message, format!("{patch_help} with {pools_help}"))
        };
        self.helped(false, &key(name, at), message, expected, format!("such as {help}"));
    }

    fn spacing_axes(&mut self, name: ConfigurationName, configuration: &Configuration, data: &Data) {
        let path = key(name, "spacing_mm");
        let coarse = name == ConfigurationName::LowRes;
        if coarse || !self.known(&[&path, "data.median_spacing_mm", &key(name, "slice_axis")]) {
            return;
        }
        let same = |one: [f64; 3], other: [f64; 3]| {
            one.iter().zip(other).all(|(one, other)| (one - other).abs() <= SAME * other.abs())
        };
        let mut planned = data.median_spacing_mm.0;
        if let Some(edge) = planned.get_mut(configuration.slice_axis).filter(|_| name == ConfigurationName::TwoD) {
            *edge = 0.0;
        }
        let written = configuration.spacing_mm.0;
        let swapped = !same(written, planned) && reordered(written).any(|spacing| same(spacing, planned));
        let message = format!("the spacing {written:?} is that of the data set with its axes in another order");
        self.helped(!swapped, &path, message, "expected `[z, y, x]`", format!("such as `spacing = {planned:?}`"));
    }

    /// A patch that is larger than the median case along one axis, and that no axis of another order would be.
    fn median_axes(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let (patch, pools, median) =
            (configuration.patch_size.0, configuration.pool_depths, configuration.median_shape.0);
        if pools.iter().any(|&count| count >= MOST_POOLS) {
            return;
        }
        let needed: [usize; 3] = std::array::from_fn(|axis| median[axis].next_multiple_of(1 << pools[axis]));
        let fits = |patch: [usize; 3]| {
            (0..3).all(|axis| patch[axis] <= needed[axis] && patch[axis].is_multiple_of(1 << pools[axis]))
        };
        let Some(instead) = (if fits(patch) { None } else { reordered(patch).find(|&patch| fits(patch)) }) else {
            return;
        };
        let message = format!("the patch {patch:?} is larger than the median case {median:?} along one axis");
        let (path, expected) = (key(name, "patch_size"), "it would fit in another order; expected `[z, y, x]`");
        let help = format!("such as `patch_size = {instead:?}`");
        // One that is just what the median case needs is no chance; any other may be meant.
        if instead == needed {
            self.helped(false, &path, message, expected, help);
        } else {
            self.warned(false, &path, message, expected, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_put_in_order_only_where_that_helps() {
        let in_order = |patch, pools| in_order(ConfigurationName::FullRes, patch, pools);
        assert_eq!(in_order([192, 20, 192], [2, 5, 5]), Some(([20, 192, 192], [2, 5, 5])));
        assert_eq!(in_order([20, 192, 192], [2, 5, 5]), None);
        assert_eq!(in_order([40, 41, 40], [3, 3, 3]), None);
        assert_eq!(in_order([21, 192, 192], [2, 5, 5]), None);
    }

    #[test]
    fn a_slice_is_put_first_with_its_pools() {
        let in_order = |patch, pools| in_order(ConfigurationName::TwoD, patch, pools);
        let right = Some(([1, 56, 40], [0, 3, 3]));
        assert_eq!(in_order([1, 56, 40], [0, 3, 3]), None);
        assert_eq!(in_order([56, 1, 40], [0, 3, 3]), right, "the patch alone");
        assert_eq!(in_order([1, 56, 40], [3, 0, 3]), right, "the pools alone");
        assert_eq!(in_order([56, 1, 40], [3, 0, 3]), right, "both, alike");
        assert_eq!(in_order([56, 40, 1], [3, 3, 0]), Some(([1, 56, 40], [0, 3, 3])), "both, alike");
        assert_eq!(in_order([40, 56, 40], [3, 3, 3]), None, "there is no slice to be put first");
        assert_eq!(in_order([1, 56, 192], [0, 5, 3]), Some(([1, 192, 56], [0, 5, 3])), "in the plane");
    }
}
