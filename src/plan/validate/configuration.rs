//! One network: whether its patch can be pooled, and whether its parts fit each other.

use crate::plan::schema::{AugmentationKind, Configuration, ConfigurationName};
use crate::plan::validate::{Check, MOST_POOLS, axes, key};
use crate::units::counted;

/// Longest edge of a patch, voxels, and most feature maps: beyond these, their products would be no numbers.
const LONGEST_EDGE: usize = 8192;
const MOST_FEATURES: usize = 8192;
/// Most voxels of a training step. The paper's reference batches have 4 million (section 2.1).
const MOST_VOXELS: u128 = 1 << 31;

impl Check<'_> {
    pub(super) fn configuration(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let two_dimensional = name == ConfigurationName::TwoD;
        let axis = configuration.slice_axis;
        let path = key(name, "slice_axis");
        self.that(axis < 3, &path, format!("`{path}` is {axis}"), "expected 0 (z), 1 (y) or 2 (x)");
        let message = format!("`{path}` is {axis} in 3D");
        self.that(two_dimensional || axis == 0 || axis > 2, &path, message, "expected 0: the axes stay in their order");
        for (axis, &edge) in configuration.spacing_mm.0.iter().enumerate() {
            let own = two_dimensional && axis == configuration.slice_axis && edge == 0.0;
            let right = own || (edge > 0.0 && edge.is_finite());
            self.that(
                right,
                &key(name, &format!("spacing.{axis}")),
                format!("a spacing of {edge} mm"),
                "expected more than 0",
            );
        }
        for (axis, &edge) in configuration.median_shape.0.iter().enumerate() {
            self.at_least_one(&key(name, &format!("median_shape.{axis}")), edge);
        }
        self.at_least_one(&key(name, "batch_size"), configuration.batch_size);
        self.patch(name, configuration);
        self.features(name, configuration);
        // Axes in another order are one mistake: nothing follows from them.
        let swapped = axes::in_order(name, configuration.patch_size.0, configuration.pool_depths).is_some();
        if swapped || !self.known(&[&key(name, "patch_size")]) {
            return;
        }
        let slice = configuration.patch_size.0[0] == 1;
        let fits = match configuration.augmentation {
            AugmentationKind::TwoD => slice,
            AugmentationKind::ThreeD | AugmentationKind::Dummy2d => !slice,
        };
        let expected =
            if slice { "expected \"2d\": the patch is a slice" } else { "expected \"3d\" or \"slice_wise\"" };
        self.that(fits, &key(name, "augmentation"), "the augmentation does not fit the patch", expected);
        if let Some(axis) = configuration.dummy_2d_axis {
            let path = key(name, "augmentation_axis");
            self.that(axis < 3, &path, format!("`{path}` is {axis}"), "expected 0 (z), 1 (y) or 2 (x)");
        }
    }

    fn features(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let (path, given) = (key(name, "features_per_stage"), &configuration.features_per_stage);
        for (at, &count) in given.iter().enumerate() {
            let message = format!("{count} feature maps");
            let right = (1..=MOST_FEATURES).contains(&count);
            self.that(right, &format!("{path}.{at}"), message, format!("expected 1 to {MOST_FEATURES}"));
        }
        let most = configuration.pool_depths.into_iter().max().unwrap_or(0);
        if most >= MOST_POOLS || !self.known(&[&key(name, "pool_depths")]) {
            return;
        }
        let message = format!("feature maps for {} resolutions", given.len());
        let expected = format!("expected {}: one more than the most `pools` of an axis", most + 1);
        let last = given.last().copied().unwrap_or(1);
        let instead: Vec<usize> = (0..=most).map(|level| given.get(level).copied().unwrap_or(last)).collect();
        self.helped(given.len() == most + 1, &path, message, &expected, format!("such as `{instead:?}`"));
    }

    fn patch(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let (edges, pools) = (configuration.patch_size.0, configuration.pool_depths);
        let path = key(name, "patch_size");
        let mut sound = self.known(&[&path, &key(name, "pool_depths")]);
        for (axis, letter) in ["z", "y", "x"].into_iter().enumerate() {
            let count = pools[axis];
            let message = format!("{} along {letter}", counted(count, "pooling"));
            let most = MOST_POOLS - 1;
            self.that(count <= most, &key(name, &format!("pools.{axis}")), message, format!("expected 0 to {most}"));
            let right = (1..=LONGEST_EDGE).contains(&edges[axis]);
            let message = format!("a patch of {} along {letter}", counted(edges[axis], "voxel"));
            self.that(right, &format!("{path}.{axis}"), message, format!("expected 1 to {LONGEST_EDGE}"));
            sound &= count <= most && right;
        }
        if !sound {
            return;
        }
        let voxels = edges.iter().map(|&edge| edge as u128).product::<u128>() * configuration.batch_size as u128;
        let message = format!("a batch of {} has {voxels} voxels", counted(configuration.batch_size, "patch"));
        let expected = format!("expected at most {MOST_VOXELS} in a step");
        self.that(voxels <= MOST_VOXELS, &key(name, "batch_size"), message, expected);
        // Axes in another order are one mistake, and said to be that.
        if axes::in_order(name, edges, pools).is_some() {
            return;
        }
        self.pooled(name, configuration);
        let slice = edges[0] == 1;
        let expected = if slice { "expected more than one slice" } else { "expected one slice: `[1, y, x]`" };
        let message = format!("configuration `{name}` with a patch of {}", configuration.patch_size);
        self.that(slice == (name == ConfigurationName::TwoD), &path, message, expected);
    }

    fn pooled(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let mut bottleneck = 1;
        for (axis, letter) in ["z", "y", "x"].into_iter().enumerate() {
            let (edge, pools) = (configuration.patch_size.0[axis], configuration.pool_depths[axis]);
            let factor = 1_usize << pools;
            let message = format!(
                "a patch of {} along {letter} cannot be pooled {}",
                counted(edge, "voxel"),
                counted(pools, "time")
            );
            let (below, above) = (edge / factor * factor, edge.div_ceil(factor).max(1) * factor);
            let help =
                if below == 0 { format!("such as {above}") } else { format!("the nearest are {below} and {above}") };
            let expected = format!("expected a multiple of {factor}");
            let path = key(name, &format!("patch_size.{axis}"));
            self.helped(edge % factor == 0, &path, message, &expected, help);
            bottleneck *= edge / factor;
        }
        let message = "the patch is pooled down to a single voxel".to_owned();
        let expected = "instance normalisation needs at least two";
        let help = format!("pool less, or take a larger patch: `pools` are {:?}", configuration.pool_depths);
        self.helped(bottleneck != 1, &key(name, "patch_size"), message, expected, help);
    }
}
