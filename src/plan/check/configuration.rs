//! One network: whether its patch can be pooled, and whether its values fit each other.

use crate::plan::check::axes;
use crate::plan::check::checker::{Checker, key};
use crate::plan::schema::configuration::{AugmentationKind, Configuration, ConfigurationName};
use crate::units::counted;

/// Maximum number of voxels in a training step. The paper's reference batches have 4 million (arXiv:1809.10486, 2.1).
const MAX_STEP_VOXELS: u128 = 1 << 31;

impl Checker<'_> {
    pub(super) fn configuration(&mut self, name: ConfigurationName, configuration: &Configuration) {
        for (axis, &edge) in configuration.spacing_mm.0.iter().enumerate() {
            let keeps_own = name.is_2d() && axis == configuration.slice_axis;
            let path = key(name, &format!("spacing_mm.{axis}"));
            self.require(edge > 0.0 || keeps_own, &path, format!("the spacing is {edge} mm"), "expected more than 0");
        }
        self.features(name, configuration);
        self.stages(name, configuration);
        let paths = ["patch_size", "pool_depths", "batch_size"].map(|field| key(name, field));
        if self.are_usable(&[&paths[0], &paths[1], &paths[2]]) {
            self.patch(name, configuration);
        }
    }

    fn features(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let (path, given) = (key(name, "features_per_stage"), &configuration.features_per_stage);
        if !self.are_usable(&[&path, &key(name, "pool_depths"), &key(name, "strides")]) {
            return;
        }
        let (resolutions, expected) = match &configuration.strides {
            Some(strides) => (strides.len(), "as many as `strides` has".to_owned()),
            None => (configuration.downsampling_strides().len() + 1, "the maximum of `pool_depths`, plus 1".to_owned()),
        };
        let (values, of) = (counted(given.len(), "value"), counted(resolutions, "resolution"));
        let message = format!("`features_per_stage` has {values} for {of}");
        let expected = format!("expected {resolutions}: {expected}");
        let last = given.last().copied().unwrap_or(1);
        let instead: Vec<usize> = (0..resolutions).map(|level| given.get(level).copied().unwrap_or(last)).collect();
        self.require_or(given.len() == resolutions, &path, message, &expected, format!("such as `{instead:?}`"));
    }

    /// Lists with an entry per resolution, and strides that agree with the pool depths.
    fn stages(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let resolutions = configuration.resolutions();
        let lengths = [
            ("kernel_sizes", configuration.kernel_sizes.as_ref().map(Vec::len), resolutions),
            ("blocks_per_stage", configuration.blocks_per_stage.as_ref().map(Vec::len), resolutions),
            (
                "decoder_blocks_per_stage",
                configuration.decoder_blocks_per_stage.as_ref().map(Vec::len),
                resolutions.saturating_sub(1),
            ),
        ];
        for (field, length, expected) in lengths {
            let path = key(name, field);
            let Some(length) = length.filter(|_| self.are_usable(&[&path, &key(name, "features_per_stage")])) else {
                continue;
            };
            let message = format!("`{field}` has {}", counted(length, "entry"));
            let of = if expected == resolutions { "one per resolution" } else { "one per resolution but the coarsest" };
            self.require(length == expected, &path, message, format!("expected {expected}: {of}"));
        }
        self.strides(name, configuration);
    }

    fn strides(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let path = key(name, "strides");
        let Some(strides) = configuration.strides.as_ref().filter(|_| self.are_usable(&[&path])) else { return };
        let message = format!("the first entry of `strides` is {:?}", strides.first());
        let expected = "expected [1, 1, 1]: the finest resolution is that of the patch";
        self.require(strides.first() == Some(&[1; 3]), &path, message, expected);
        if !self.are_usable(&[&key(name, "pool_depths")]) {
            return;
        }
        let depths: [usize; 3] = std::array::from_fn(|axis| strides.iter().filter(|stride| stride[axis] > 1).count());
        let path = key(name, "pool_depths");
        let message = format!("`pool_depths` is {:?}", configuration.pool_depths);
        let expected = format!("expected {depths:?}: the number of `strides` above 1 on each axis");
        self.require(depths == configuration.pool_depths, &path, message, expected);
    }

    fn patch(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let (edges, pools) = (configuration.patch_size.0, configuration.pool_depths);
        let path = key(name, "patch_size");
        let voxels = edges.iter().map(|&edge| edge as u128).product::<u128>() * configuration.batch_size as u128;
        let message = format!("a batch of {} has {voxels} voxels", counted(configuration.batch_size, "patch"));
        let expected = format!("expected at most {MAX_STEP_VOXELS}");
        self.require(voxels <= MAX_STEP_VOXELS, &key(name, "batch_size"), message, expected);
        // Axes in another order are one mistake, which is reported as that.
        if configuration.strides.is_none() && axes::in_order(name, edges, pools).is_some() {
            return;
        }
        self.pooling(name, configuration);
        let is_slice = edges[0] == 1;
        let expected = if is_slice { "expected more than one slice" } else { "expected one slice: `[1, y, x]`" };
        let message = format!("configuration `{name}` has a patch of {}", configuration.patch_size);
        self.require(is_slice == name.is_2d(), &path, message, expected);
        let fits = match configuration.augmentation {
            AugmentationKind::TwoD => is_slice,
            AugmentationKind::ThreeD | AugmentationKind::Dummy2d => !is_slice,
        };
        let expected =
            if is_slice { "expected \"2d\": the patch is a slice" } else { "expected \"3d\" or \"dummy_2d\"" };
        self.require(fits, &key(name, "augmentation"), "the augmentation does not fit the patch", expected);
    }

    fn pooling(&mut self, name: ConfigurationName, configuration: &Configuration) {
        let mut bottleneck = 1;
        let divisor = configuration.divisor();
        for (axis, letter) in ["z", "y", "x"].into_iter().enumerate() {
            let (edge, pools) = (configuration.patch_size.0[axis], configuration.pool_depths[axis]);
            let factor = divisor[axis];
            let times = counted(pools, "time");
            let message = format!("a patch of {} along {letter} cannot be pooled {times}", counted(edge, "voxel"));
            let (below, above) = (edge / factor * factor, edge.div_ceil(factor).max(1) * factor);
            let help =
                if below == 0 { format!("such as {above}") } else { format!("the nearest are {below} and {above}") };
            let expected = format!("expected a multiple of {factor}");
            let path = key(name, &format!("patch_size.{axis}"));
            self.require_or(edge % factor == 0, &path, message, &expected, help);
            bottleneck *= edge / factor;
        }
        let message = "the patch is pooled to a single voxel".to_owned();
        let expected = "instance normalisation needs at least two";
        let help = format!("pool less, or use a larger patch: `pool_depths` is {:?}", configuration.pool_depths);
        self.require_or(bottleneck != 1, &key(name, "patch_size"), message, expected, help);
    }
}
