//! Warnings about a network that costs more, or sees less, than the planning rules allow.

use crate::plan::check::checker::{Checker, key};
use crate::plan::rules::planner::{Measured, batch_budget, batch_cap};
use crate::plan::schema::configuration::{Configuration, ConfigurationName};
use crate::plan::schema::plan::Plan;
use crate::units::counted;

impl Checker<'_> {
    /// Compares batch size and bottleneck with the plan's own `[rules]`. Source: arXiv:1809.10486, section 2.1.
    pub(super) fn budget(&mut self, name: ConfigurationName, configuration: &Configuration, plan: &Plan) {
        let paths = ["patch_size", "pool_depths", "batch_size"].map(|field| key(name, field));
        let needed = [paths[0].as_str(), &paths[1], &paths[2], "rules", "data.cases", "data.median_shape"];
        // A network with strides of its own is not one of these rules.
        if configuration.strides.is_some() || !self.are_usable(&needed) {
            return;
        }
        self.batch(name, configuration, plan);
        self.bottleneck(name, configuration, plan.rules.min_edge_to_pool);
    }

    fn batch(&mut self, name: ConfigurationName, configuration: &Configuration, plan: &Plan) {
        let (rules, patch, batch) = (&plan.rules, configuration.patch_size, configuration.batch_size);
        let path = key(name, "batch_size");
        let measured = Measured::of(&plan.data);
        let budget = batch_budget(name.is_2d(), rules);
        let cap = batch_cap(patch, &measured, rules).max(rules.min_batch_size);
        let affordable = (budget / patch.voxels()).max(rules.min_batch_size);
        let patches = counted(batch, "patch");
        // A patch on a coarser grid is a larger fraction of the data set; only the finest grid is compared.
        if cap <= affordable && name != ConfigurationName::LowRes {
            let percent = 100.0 * rules.max_dataset_fraction;
            let message = format!("a batch of {patches} has more than {percent} % of the voxels of the data set");
            let help = format!("`rules.max_dataset_fraction` allows at most {cap}");
            self.warn(batch <= cap, &path, message, &format!("the rules plan at most {cap}"), help);
        } else {
            let message = format!("a batch of {patches} has more voxels than the reference batch of the rules");
            let help = format!("the rules allow at most {affordable}, {budget} voxels, for a GPU with 12 GB");
            self.warn(batch <= affordable, &path, message, &format!("the rules plan at most {affordable}"), help);
        }
    }

    fn bottleneck(&mut self, name: ConfigurationName, configuration: &Configuration, min_edge: usize) {
        let (patch, pools) = (configuration.patch_size.0, configuration.pool_depths);
        // A single voxel is an error, and not a matter of intention.
        if (0..3).all(|axis| patch[axis].checked_shr(pools[axis] as u32) == Some(1)) {
            return;
        }
        for (axis, letter) in ["z", "y", "x"].into_iter().enumerate() {
            let (edge, pools) = (patch[axis], pools[axis]);
            if pools == 0 || edge % (1 << pools) != 0 {
                continue;
            }
            let left = edge >> pools;
            let least = min_edge.div_ceil(2);
            let (poolings, voxels) = (counted(pools, "pooling"), counted(left, "voxel"));
            let message = format!(
                "{poolings} reduce the {edge}-voxel patch to {voxels} along {letter}; the rules keep at least {least}"
            );
            let expected = format!("{voxels} at the bottleneck along {letter}");
            let help =
                format!("the rules pool an axis while it has at least {min_edge} voxels: `rules.min_edge_to_pool`");
            let paths = ["pool_depths", "patch_size"].map(|field| key(name, &format!("{field}.{axis}")));
            let path = self.last_set([&paths[0], &paths[1]]).to_owned();
            self.warn(2 * left >= min_edge, &path, message, &expected, help);
        }
    }
}
