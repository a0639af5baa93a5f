//! What a person may mean, and should know: a network that costs more, or sees less, than the paper's rules allow.

use crate::plan::rules::{Measured, batch_cap};
use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::plan::validate::{Check, MOST_POOLS, key};
use crate::units::counted;

impl Check<'_> {
    /// Batch and bottleneck against the plan's own `[rules]`. Source: arXiv:1809.10486, section 2.1.
    pub(super) fn budget(&mut self, name: ConfigurationName, configuration: &Configuration, plan: &Plan) {
        let paths = ["patch_size", "pool_depths", "batch_size"].map(|field| key(name, field));
        let known = [paths[0].as_str(), &paths[1], &paths[2], "rules", "data.cases", "data.median_shape"];
        let rules = &plan.rules;
        let counted = [
            configuration.patch_size.voxels(),
            rules.reference_patch_size_3d.voxels(),
            rules.reference_patch_size_2d[0],
        ];
        if !self.known(&known) || counted.contains(&0) {
            return;
        }
        self.batch(name, configuration, plan);
        self.bottleneck(name, configuration, plan.rules.min_edge_to_pool);
    }

    fn batch(&mut self, name: ConfigurationName, configuration: &Configuration, plan: &Plan) {
        let (rules, patch, batch) = (&plan.rules, configuration.patch_size, configuration.batch_size);
        let path = key(name, "batch_size");
        let measured =
            Measured { cases: plan.data.cases, spacing: plan.data.median_spacing_mm, median: plan.data.median_shape };
        let reference = match name {
            ConfigurationName::TwoD => {
                rules.reference_patch_size_2d.iter().product::<usize>() * rules.reference_batch_size_2d
            }
            ConfigurationName::FullRes | ConfigurationName::LowRes | ConfigurationName::Cascade => {
                rules.reference_patch_size_3d.voxels() * rules.reference_batch_size_3d
            }
        };
        let share = batch_cap(patch, &measured, rules).max(rules.min_batch_size);
        let afford = (reference / patch.voxels()).max(rules.min_batch_size);
        // A patch on a coarser grid is a larger share; only the finest grid is asked about.
        let of_data = share <= afford && name != ConfigurationName::LowRes;
        if of_data {
            let percent = 100.0 * rules.max_dataset_fraction;
            let message =
                format!("a batch of {} has more than {percent} % of the data set's voxels", counted(batch, "patch"));
            let help = format!("the paper's rule allows {share} here: `rules.max_dataset_fraction`");
            self.warned(batch <= share, &path, message, "more than the rules plan", help);
        } else {
            let message =
                format!("a batch of {} has more voxels than the paper's reference batch", counted(batch, "patch"));
            let help =
                format!("the paper's rule allows {afford} here, {reference} voxels, for a graphics card of 12 GB");
            self.warned(batch <= afford, &path, message, "more than the rules plan", help);
        }
    }

    fn bottleneck(&mut self, name: ConfigurationName, configuration: &Configuration, below: usize) {
        // A single voxel is a fault, and not something that may be meant.
        if (0..3)
            .all(|axis| configuration.patch_size.0[axis].checked_shr(configuration.pool_depths[axis] as u32) == Some(1))
        {
            return;
        }
        for (axis, letter) in ["z", "y", "x"].into_iter().enumerate() {
            let (edge, pools) = (configuration.patch_size.0[axis], configuration.pool_depths[axis]);
            if pools == 0 || pools >= MOST_POOLS || edge % (1 << pools) != 0 {
                continue;
            }
            let left = edge >> pools;
            // The last pooling halves at least `below` voxels.
            let message =
                format!("{} leave {left} of {} along {letter}", counted(pools, "pooling"), counted(edge, "voxel"));
            let expected = "fewer than the rules leave";
            let help = format!("an axis is pooled while it has {below} voxels or more: `rules.min_edge_to_pool`");
            self.warned(2 * left >= below, &key(name, &format!("pools.{axis}")), message, expected, help);
        }
    }
}
