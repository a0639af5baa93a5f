//! Axes in another order than `[z, y, x]`: what fits only when its entries change places.

use crate::plan::schema::{Configuration, ConfigurationName, Data};
use crate::plan::validate::{Check, MOST_POOLS, key};

/// Every other order of three axes.
const ORDERS: [[usize; 3]; 5] = [[0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]];
/// By how much spacings that are the same may differ, as a share of them.
const SAME: f64 = 1e-6;

/// The patch in the order in which it can be pooled, where it cannot be as it is.
pub(super) fn pooled_as(patch: [usize; 3], pools: [usize; 3]) -> Option<[usize; 3]> {
    let fits =
        |patch: [usize; 3]| (0..3).all(|axis| pools[axis] < MOST_POOLS && patch[axis].is_multiple_of(1 << pools[axis]));
    // Where all axes are pooled alike, no order is better than another.
    let alike = pools[0] == pools[1] && pools[1] == pools[2];
    if alike || fits(patch) { None } else { reordered(patch).find(|&patch| fits(patch)) }
}

fn reordered<T: Copy>(values: [T; 3]) -> impl Iterator<Item = [T; 3]> {
    ORDERS.into_iter().map(move |order| order.map(|axis| values[axis]))
}

impl Check<'_> {
    /// Axes of spacing and patch against the data set's and the poolings'.
    pub(super) fn axes(&mut self, name: ConfigurationName, configuration: &Configuration, data: &Data) {
        self.spacing_axes(name, configuration, data);
        let path = key(name, "patch_size");
        if !self.known(&[&path, &key(name, "pools"), &key(name, "median_shape")]) {
            return;
        }
        let patch = configuration.patch_size.0;
        let instead = pooled_as(patch, configuration.pools);
        let message = format!(
            "the axes of the patch {patch:?} are in another order than those of its pools {:?}",
            configuration.pools
        );
        let help = instead.map_or_else(String::new, |instead| format!("such as `patch_size = {instead:?}`"));
        self.helped(instead.is_none(), &path, message, "expected `[z, y, x]`", help);
        if instead.is_none() && name != ConfigurationName::TwoD {
            self.median_axes(name, configuration);
        }
    }

    fn spacing_axes(&mut self, name: ConfigurationName, configuration: &Configuration, data: &Data) {
        let path = key(name, "spacing");
        let coarse = name == ConfigurationName::LowRes;
        if coarse || !self.known(&[&path, "data.median_spacing", &key(name, "slice_axis")]) {
            return;
        }
        let same = |one: [f64; 3], other: [f64; 3]| {
            one.iter().zip(other).all(|(one, other)| (one - other).abs() <= SAME * other.abs())
        };
        let mut planned = data.median_spacing.0;
        if let Some(edge) = planned.get_mut(configuration.slice_axis).filter(|_| name == ConfigurationName::TwoD) {
            *edge = 0.0;
        }
        let written = configuration.spacing.0;
        let swapped = !same(written, planned) && reordered(written).any(|spacing| same(spacing, planned));
        let message = format!("the spacing {written:?} is that of the data set with its axes in another order");
        self.helped(!swapped, &path, message, "expected `[z, y, x]`", format!("such as `spacing = {planned:?}`"));
    }

    /// A patch that is larger than the median case along one axis, and that no axis of another order would be.
    fn median_axes(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let (patch, pools, median) = (configuration.patch_size.0, configuration.pools, configuration.median_shape.0);
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
        assert_eq!(pooled_as([192, 20, 192], [2, 5, 5]), Some([20, 192, 192]));
        assert_eq!(pooled_as([20, 192, 192], [2, 5, 5]), None);
        assert_eq!(pooled_as([40, 41, 40], [3, 3, 3]), None);
        assert_eq!(pooled_as([21, 192, 192], [2, 5, 5]), None);
    }
}
