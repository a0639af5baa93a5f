//! Ranges of single numbers, table by table.

use crate::device::DeviceName;
use crate::plan::schema::{Plan, Rules, Runtime};
use crate::plan::tolerance::{TooFine, too_fine};
use crate::plan::validate::{Check, MOST_POOLS};

impl Check<'_> {
    pub(super) fn training(&mut self, plan: &Plan) {
        let train = &plan.train;
        self.share("network.leaky_relu_slope", plan.network.leaky_relu_slope);
        self.positive("network.instance_norm_eps", plan.network.instance_norm_eps);
        self.not_negative("loss.smooth", plan.loss.dice_ce().smooth);
        self.positive("train.learning_rate", train.learning_rate);
        self.not_negative("train.optimizer.weight_decay", train.optimizer.adam().weight_decay);
        self.at_least_one("train.batches_per_epoch", train.batches_per_epoch);
        self.at_least_one("train.validation_batches_per_epoch", train.validation_batches_per_epoch);
        self.at_least_one("train.max_epochs", train.max_epochs);
        self.share("train.train_loss_ema_decay", train.train_loss_ema_decay);
        self.share("train.validation_loss_ema_decay", train.validation_loss_ema_decay);
        let plateau = train.plateau();
        let falls = plateau.factor > 0.0 && plateau.factor < 1.0;
        let message = format!("`train.schedule.factor` is {}", plateau.factor);
        self.that(falls, "train.schedule.factor", message, "expected more than 0 and less than 1: the rate falls");
        self.not_negative("train.schedule.threshold", plateau.threshold);
        if let Some(stop) = train.validation_plateau() {
            self.not_negative("train.stopping.threshold", stop.threshold);
            self.not_negative("train.stopping.below_learning_rate", stop.below_learning_rate);
        }
    }

    pub(super) fn augmentation(&mut self, plan: &Plan) {
        let augment = &plan.augment;
        self.share("augment.elastic.probability", augment.elastic.probability);
        self.share("augment.rotation.probability", augment.rotation.probability);
        self.share("augment.scaling.probability", augment.scaling.probability);
        self.share("augment.gamma.probability", augment.gamma.probability);
        self.share("augment.mirroring.probability", augment.mirroring.probability);
        self.range("augment.elastic.alpha_3d_voxels", augment.elastic.alpha_3d_voxels);
        self.range("augment.elastic.alpha_2d_voxels", augment.elastic.alpha_2d_voxels);
        self.range("augment.elastic.sigma_voxels", augment.elastic.sigma_voxels);
        self.positive("augment.elastic.sigma_voxels.0", augment.elastic.sigma_voxels[0]);
        self.range("augment.scaling.range", augment.scaling.range);
        self.positive("augment.scaling.range.0", augment.scaling.range[0]);
        self.range("augment.gamma.range", augment.gamma.range);
        self.positive("augment.gamma.range.0", augment.gamma.range[0]);
        self.not_negative("augment.rotation.max_degrees_3d", augment.rotation.max_degrees_3d);
        self.not_negative("augment.rotation.max_degrees_2d", augment.rotation.max_degrees_2d);
        self.share("augment.morphology.probability", augment.morphology.probability);
        self.range("augment.morphology.radius_voxels", augment.morphology.radius_voxels);
        self.not_negative("augment.morphology.radius_voxels.0", augment.morphology.radius_voxels[0]);
        self.share("augment.component_removal.probability", augment.component_removal.probability);
        self.share("augment.component_removal.max_patch_fraction", augment.component_removal.max_patch_fraction);
        self.one_of("augment.label_order", augment.label_order, &[0, 1]);
    }

    pub(super) fn prediction(&mut self, plan: &Plan) {
        let predict = &plan.predict;
        let right = predict.tile_step_fraction > 0.0 && predict.tile_step_fraction <= 1.0;
        let message = format!("`predict.tile_step_fraction` is {}", predict.tile_step_fraction);
        self.that(
            right,
            "predict.tile_step_fraction",
            message,
            "expected more than 0 and at most 1, as a share of the patch",
        );
        self.positive("predict.gaussian_sigma_fraction", predict.gaussian_sigma_fraction);
        self.not_negative("evaluate.surface_tolerance_mm", plan.evaluate.surface_tolerance_mm);
        self.surface(plan);
        self.one_of("predict.probability_order", predict.probability_order, &[0, 1, 3]);
    }

    fn surface(&mut self, plan: &Plan) {
        let Some(TooFine { edge, instead }) = too_fine(plan).filter(|_| self.known(&["data.median_spacing_mm"])) else {
            return;
        };
        let tolerance = plan.evaluate.surface_tolerance_mm;
        let message = format!(
            "a surface tolerance of {tolerance} mm is below the smallest edge of the median voxel, {edge} mm: the surface Dice \
             counts identical surface voxels only"
        );
        let help = format!("such as `--set evaluate.surface_tolerance_mm={instead}`");
        self.warned(tolerance < 0.0, "evaluate.surface_tolerance_mm", message, "no distance is so short", help);
    }

    pub(super) fn runtime(&mut self, runtime: &Runtime) {
        let message = "`runtime.data` names no folder";
        self.that(!runtime.data.is_empty(), "runtime.data", message, "expected at least one, such as [\"data\"]");
        let message = "`runtime.memory_gib` is 0";
        self.that(runtime.memory_gib > 0, "runtime.memory_gib", message, "expected 1 or more");
        // Whether the backend is in this build is asked when something runs: a plan for a GPU is read anywhere.
        if let Err(error) = runtime.device.parse::<DeviceName>() {
            let help = "`segplan doctor` lists the devices of this build and this machine".to_owned();
            self.helped(false, "runtime.device", error.to_string(), "not a device", help);
        }
    }

    pub(super) fn rules(&mut self, rules: &Rules) {
        let counts = [
            ("rules.reference_patch_size_2d.0", rules.reference_patch_size_2d[0]),
            ("rules.reference_patch_size_2d.1", rules.reference_patch_size_2d[1]),
            ("rules.reference_batch_size_2d", rules.reference_batch_size_2d),
            ("rules.reference_patch_size_3d.0", rules.reference_patch_size_3d.0[0]),
            ("rules.reference_patch_size_3d.1", rules.reference_patch_size_3d.0[1]),
            ("rules.reference_patch_size_3d.2", rules.reference_patch_size_3d.0[2]),
            ("rules.reference_batch_size_3d", rules.reference_batch_size_3d),
            ("rules.min_batch_size", rules.min_batch_size),
            ("rules.base_features", rules.base_features),
        ];
        for (path, count) in counts {
            self.at_least_one(path, count);
        }
        for (path, pools) in
            [("rules.max_pool_depth_2d", rules.max_pool_depth_2d), ("rules.max_pool_depth_3d", rules.max_pool_depth_3d)]
        {
            self.that(
                pools < MOST_POOLS,
                path,
                format!("`{path}` is {pools}"),
                format!("expected 0 to {}", MOST_POOLS - 1),
            );
        }
        let features =
            [("rules.max_features_2d", rules.max_features_2d), ("rules.max_features_3d", rules.max_features_3d)];
        for (path, most) in features {
            let expected = format!("expected at least `rules.base_features`, which is {}", rules.base_features);
            let right = most >= rules.base_features || !self.known(&["rules.base_features"]);
            self.that(right, path, format!("`{path}` is {most}"), expected);
        }
        let below = rules.min_edge_to_pool;
        let message = format!("`rules.min_edge_to_pool` is {below}");
        self.that(below >= 2, "rules.min_edge_to_pool", message, "expected 2 or more: one voxel cannot be halved");
        self.share("rules.max_dataset_fraction", rules.max_dataset_fraction);
        self.positive("rules.max_dataset_fraction", rules.max_dataset_fraction);
        self.share("rules.mask_norm_min_crop", rules.mask_norm_min_crop);
        self.positive("rules.cascade_threshold", rules.cascade_threshold);
        let ratios =
            [("rules.lowres_anisotropy", rules.lowres_anisotropy), ("rules.dummy_2d_ratio", rules.dummy_2d_ratio)];
        for (path, ratio) in ratios {
            let right = ratio >= 1.0 && ratio.is_finite();
            self.that(
                right,
                path,
                format!("`{path}` is {ratio}"),
                "expected 1 or more: a larger edge over a smaller one",
            );
        }
    }
}
